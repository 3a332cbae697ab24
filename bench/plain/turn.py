"""The peer's turn: an `APIView`, serializers both ways, one transaction, a row a statement.

It does what ours does for the messages of `bench/world.py` and answers the same: it authenticates the key, locks the
session, keeps the message, reads slots, guardrails and what the tenant has, searches, decides, and keeps reply, slots,
decision, actions and events; what nobody answered is counted among the knowledge gaps. How a question is understood,
scored and decided is our own code: what differs is how rows are found, read and written, checked and shown. Only what the
messages of the benchmark do not need is left out: no repetition is looked for without an external id, and the row that
is locked stands for the lease.
"""

import json
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.http import Http404
from django.utils import timezone
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.plain.facts import offering_facts
from bench.plain.retrieval import find
from bots.flow import read_flow
from bots.models import AnswerThreshold, Guardrail, Intent
from catalog.models import SearchText
from runtime import turn
from runtime.context import Reply, TurnContext
from runtime.gaps import ALIKE, question_key
from runtime.models import ActionExecution, ContextSlot, DecisionEvent, KnowledgeGap, Session, Turn
from runtime.tiers import facts as facts_tier
from tenants.auth import ApiKeyAuthentication
from tenants.events import record_event
from tenants.text import detect_language
from vault.models import Credential
from vault.providers.endpoints import platform_chats

facts_tier.offering_facts = offering_facts  # read by the ORM, too


class MessageSerializer(serializers.Serializer[Any]):
    """What a customer says."""

    message = serializers.CharField(max_length=4000)
    external_id = serializers.CharField(max_length=255, required=False, default="")
    ui_event = serializers.DictField(required=False, default=dict)


class TurnSerializer(serializers.ModelSerializer[Turn]):
    """A message."""

    class Meta:
        model = Turn
        fields = ("id", "speaker", "message", "ui_metadata")


class DecisionSerializer(serializers.ModelSerializer[DecisionEvent]):
    """Why the bot answered so."""

    class Meta:
        model = DecisionEvent
        fields = ("tier", "confidence", "sources", "estimated_cost_usd", "latency_ms")


class SlotSerializer(serializers.ModelSerializer[ContextSlot]):
    """What was learnt."""

    class Meta:
        model = ContextSlot
        fields = ("slot_key", "slot_value", "confidence")


class SessionSerializer(serializers.ModelSerializer[Session]):
    """Where the conversation stands."""

    class Meta:
        model = Session
        fields = ("flow_step", "owner")


class TurnView(APIView):
    """Say something to the bot."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (IsAuthenticated,)

    def post(self, request: Request, session: UUID) -> Response:
        """Answer the message."""
        asked = MessageSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        started = time.perf_counter()
        chats = bool(settings.LLM_BASE_URL) or platform_chats()  # of another tenant: not asked inside a transaction
        with transaction.atomic():
            context, row, said = load(session, asked.validated_data, chats=chats)
            reply = turn.decide(context)
            answer, decision, slots = record(context, row, said, reply, started)
        body = {
            "turn": TurnSerializer(said).data,
            "reply": TurnSerializer(answer).data if answer else None,
            "decision": DecisionSerializer(decision).data,
            "slots": SlotSerializer(slots, many=True).data,
            "session": SessionSerializer(row).data,
        }
        return Response(body, status=status.HTTP_201_CREATED)


@dataclass(frozen=True)
class PlainContext(TurnContext):
    """What the tiers decide from, where it is known beforehand whether the platform's account serves this tenant."""

    platform_chats: bool = False

    @property
    def may_ask_model(self) -> bool:
        """Whether a language model is there to ask."""
        return self.has_model or self.platform_chats


def load(session_id: UUID, asked: dict[str, Any], *, chats: bool) -> tuple[TurnContext, Session, Turn]:
    """Keep the message, read the state of the conversation, and search."""
    sessions = Session.objects.select_related("tenant", "bot", "bot_version", "channel", "customer")
    row = sessions.select_for_update(of=("self",)).filter(pk=session_id, ended_at=None).first()
    if row is None:
        raise Http404
    said = Turn.objects.create(
        session=row,
        speaker="user",
        language=detect_language(asked["message"]),
        ui_metadata=asked["ui_event"],
        **_only(asked),
    )
    _tell(said, row)
    own = Q(bot=None) | Q(bot_id=row.bot_id)
    context = PlainContext(
        session_id=row.pk,
        turn_id=said.pk,
        bot_id=row.bot_id,
        bot_version_id=row.bot_version_id,
        channel=row.channel.code,
        owner=row.owner,
        flow_step=row.flow_step,
        turn_number=row.turn_number,
        currency=row.tenant.currency,
        knows_intents=Intent.objects.filter(is_active=True).exists(),
        message=said.message,
        slots={slot.slot_key: slot.slot_value for slot in ContextSlot.objects.live().filter(session=row)},
        owner_epoch=row.owner_epoch,
        last_tier=row.last_tier,
        session_language=row.language,
        flow=read_flow(row.bot_version.flow_config),
        thresholds=_thresholds(row),
        has_documents=SearchText.objects.filter(kind="document").exists(),
        platform_chats=chats,
        has_model=Credential.objects.filter(provider="openai", is_active=True).exists(),
    )
    if list(Guardrail.objects.filter(own, is_active=True).order_by("-priority", "code")):
        raise ValueError("a guardrail would be asked by ours and not here: the shops of the benchmark have none")
    find(context)
    return context, row, said


def _thresholds(row: Session) -> dict[str, float]:
    kept = AnswerThreshold.objects.filter(bot_id=row.bot_id).first()
    if kept is None:
        return {}
    by_hand = kept.by_hand is not None
    found = {
        "faq": kept.by_hand if by_hand else kept.faq,
        "document": kept.by_hand if by_hand else kept.document,
        "intent": kept.intent,
    }
    return {kind: value for kind, value in found.items() if value is not None}


def _only(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: asked[name] for name in ("message", "external_id")}


def _tell(said: Turn, session: Session, **more: Any) -> None:
    data = {"session": str(session.pk), "turn": str(said.pk), "speaker": said.speaker, **more}
    record_event("turn.created", subject=said, data=data)


def record(
    context: TurnContext, row: Session, said: Turn, reply: Reply, started: float
) -> tuple[Turn | None, DecisionEvent, list[ContextSlot]]:
    """Keep the reply and what belongs to it."""
    language = context.question.language
    answer = None
    if reply.message is not None:
        answer = Turn.objects.create(
            session=row,
            in_reply_to=said,
            speaker="assistant",
            message=reply.message,
            language=language,
            ui_metadata=json.loads(json.dumps(reply.ui_metadata, default=str)),
        )
        _tell(answer, row, tier=reply.tier.value)
    slots = [_keep(row, said, slot) for slot in [*turn._learnt(context), *reply.slots]]
    decision = DecisionEvent.objects.create(
        session=row,
        input_turn=said,
        bot_version=row.bot_version,
        tier=reply.tier,
        confidence=round(reply.confidence, 3),
        sources=list(reply.sources),
        latency_ms=round((time.perf_counter() - started) * 1000),
    )
    if reply.is_gap:
        _count_gap(context, said, language)
    for one in reply.actions:
        ActionExecution.objects.create(
            session=row, turn=said, action_name=one.name, input_params=one.input, output_result=one.output
        )
    row.turn_number, row.last_tier, row.language = F("turn_number") + 1, reply.tier.value, language
    row.flow_step, row.state_updated_at = reply.flow_step or row.flow_step, timezone.now()
    row.save(update_fields=["turn_number", "last_tier", "language", "flow_step", "state_updated_at"])
    return answer, decision, slots


def _count_gap(context: TurnContext, said: Turn, language: str) -> None:
    gap, is_new = KnowledgeGap.objects.get_or_create(
        bot_id=context.bot_id,
        question_key=_nearest_key(context, question_key(said.message)),
        defaults={"question": said.message, "language": language, "turn": said, "last_asked_at": timezone.now()},
    )
    if not is_new:
        gap.times_asked, gap.turn, gap.last_asked_at = F("times_asked") + 1, said, timezone.now()
        gap.save(update_fields=["times_asked", "turn", "last_asked_at"])


def _nearest_key(context: TurnContext, key: str) -> str:
    """Return the key of the known gap that says nearly the same (`runtime/gaps.py`), else the question's own."""
    asked = set(key.split())
    kept = KnowledgeGap.objects.filter(bot_id=context.bot_id).values_list("question_key", flat=True)
    shares = {known: len(asked & set(known.split())) / len(asked | set(known.split())) for known in kept}
    nearest = max(shares, key=lambda known: shares[known], default=key)
    return nearest if shares.get(nearest, 0) >= ALIKE else key


def _keep(session: Session, said: Turn, slot: dict[str, Any]) -> ContextSlot:
    values = {name: slot[name] for name in ("confidence", "expires_at") if name in slot}
    kept, _made = ContextSlot.objects.update_or_create(
        session=session,
        slot_key=slot["key"],
        defaults={"slot_value": slot["value"], "extracted_from_turn": said, "updated_at": timezone.now(), **values},
    )
    return kept
