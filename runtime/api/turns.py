"""The API of turns: talk, and read what was said."""

from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.http import Http404, HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from runtime.api.parts import SessionPartViewSet
from runtime.api.streaming import EventStreamRenderer, streamed_turn, wants_events
from runtime.auth import SessionPrincipal
from runtime.models import Session, Tier, Turn
from runtime.turn import Recorded, take_turn
from tenants.auth import bound_bot
from tenants.errors import DomainError
from tenants.filters import Filter
from tenants.models import Setting
from tenants.schema import example
from tenants.serializers import (
    ChoiceField,
    ObjectField,
    StrictSerializer,
    TenantSerializer,
    TextField,
)
from tenants.text import is_blank
from tenants.throttling import check_rate

MESSAGE_LENGTH = 4000
"""Characters of one message of a customer."""


class TurnSerializer(TenantSerializer):
    """A message of a conversation."""

    class Meta:
        model = Turn
        fields = (
            "id",
            "speaker",
            "message",
            "language",
            "intent",
            "ui_metadata",
            "in_reply_to",
            "external_id",
            "created_at",
        )
        read_only_fields = fields


@example("A question", {"message": "How much is the desk lamp?", "external_id": "message-17"})
class MessageSerializer(StrictSerializer):
    """What a customer says or does. With the same ``external_id`` again the first answer comes again."""

    message = TextField(max_length=MESSAGE_LENGTH, required=False)
    external_id = TextField(max_length=255, required=False)
    ui_event = ObjectField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for a message or an event."""
        if not attrs.get("message", attrs.get("ui_event")):
            raise serializers.ValidationError({"message": [_("Write a message.")]}, code="required")
        if "message" in attrs and is_blank(attrs["message"]):
            raise serializers.ValidationError({"message": [_("Write a message.")]}, code="blank")
        return attrs


class SourceSerializer(serializers.Serializer[Any]):
    """What an answer rests on."""

    kind = serializers.CharField()
    id = serializers.UUIDField()
    score = serializers.FloatField()


class TurnDecisionSerializer(serializers.Serializer[Any]):
    """Why the bot answered as it did."""

    tier = ChoiceField(choices=Tier.choices)
    confidence = serializers.FloatField(min_value=0, max_value=1)
    sources = SourceSerializer(many=True)
    estimated_cost_usd = serializers.CharField()
    latency_ms = serializers.IntegerField()


class ReplySerializer(serializers.Serializer[Any]):
    """What the bot says."""

    id = serializers.UUIDField()
    speaker = ChoiceField(choices=Turn.Speaker.choices)
    message = serializers.CharField()
    ui_metadata = ObjectField()


class SaidSerializer(serializers.Serializer[Any]):
    """What the customer said, as stored."""

    id = serializers.UUIDField()
    speaker = ChoiceField(choices=Turn.Speaker.choices)
    message = serializers.CharField(allow_blank=True)


class LearntSerializer(serializers.Serializer[Any]):
    """Something learnt from the message."""

    slot_key = serializers.CharField()
    slot_value = serializers.CharField()
    confidence = serializers.FloatField()


class StateSerializer(serializers.Serializer[Any]):
    """Where the conversation stands now."""

    flow_step = serializers.CharField()
    owner = ChoiceField(choices=Session.Owner.choices)


class TurnAnswerSerializer(serializers.Serializer[Any]):
    """The answer to a message (for the schema; ``turn_answer`` writes it)."""

    turn = SaidSerializer()
    reply = ReplySerializer(allow_null=True)
    decision = TurnDecisionSerializer()
    slots = LearntSerializer(many=True)
    session = StateSerializer()


def turn_answer(recorded: Recorded) -> dict[str, Any]:
    """Return what ``take_turn`` recorded as the body of the answer. Plain dictionaries: this is the hot path."""
    decision = recorded.decision
    return {
        "turn": _only(recorded.turn, "id", "speaker", "message"),
        "reply": recorded.reply and _only(recorded.reply, "id", "speaker", "message", "ui_metadata"),
        "decision": {
            **_only(decision, "tier", "confidence", "latency_ms"),
            "sources": [_only(source, "kind", "id", "score") for source in decision["sources"]],
            "estimated_cost_usd": f"{Decimal(decision['estimated_cost_usd']):.6f}",
        },
        "slots": [
            {"slot_key": slot["key"], "slot_value": slot["value"], "confidence": slot["confidence"]}
            for slot in recorded.slots
        ],
        "session": _only(recorded.session, "flow_step", "owner"),
    }


def _only(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names}


def _after(turns: models.QuerySet, value: str) -> models.QuerySet:
    try:
        known = turns.filter(pk=UUID(value)).exists()
    except ValueError:
        known = False
    if not known:
        raise DomainError("unknown_reference", _("There is no such turn in this conversation."), field="after")
    return turns.filter(pk__gt=value)


class TurnViewSet(SessionPartViewSet):
    """The messages of a conversation, in their order; a new one is answered at once."""

    queryset = Turn.objects.all()
    serializer_class = TurnSerializer
    filters: ClassVar[dict[str, Filter]] = {"after": _after}
    acts_outside = True  # a turn may ask a model; its external_id keeps it from being answered twice
    session_token_may = frozenset({"list", "retrieve", "create"})

    def get_renderers(self) -> list[Any]:
        """Return JSON, and events for what is said."""
        own = [EventStreamRenderer()] if getattr(self, "action", None) == "create" else []
        return [*super().get_renderers(), *own]

    @extend_schema(request=MessageSerializer, responses={201: TurnAnswerSerializer})
    def create(self, request: Request, session: str) -> HttpResponseBase:
        """Say something to the bot and get its answer, with the decision behind it.

        With `Accept: text/event-stream` the answer comes as events: `sentence` with `text`, as soon as each is ready; `replace`
        with `message`, when something else is said instead; and `done` with this body.
        """
        values = self.read_body(MessageSerializer)
        self.check_own()
        if most := Setting.effective("session_turns_per_minute"):
            check_rate(f"turns:{self.kwargs['session']}", f"{most}/min")
        asked = {
            "session_id": self.kwargs["session"],
            "message": values.get("message", ""),
            "external_id": values.get("external_id", ""),
            "ui_event": values.get("ui_event"),
        }
        if wants_events(request):
            return streamed_turn(request, asked, turn_answer)
        return Response(turn_answer(take_turn(**asked)), status=status.HTTP_201_CREATED)

    def check_own(self) -> None:
        """Raise ``Http404`` for a conversation the caller may not see. Asks the database only for a key with a bot."""
        caller = self.request.user
        if isinstance(caller, SessionPrincipal) and caller.pk != self.kwargs["session"]:
            raise Http404
        if bound_bot(caller):
            self.session()
