"""One turn of a conversation: load, decide, record. The API and the admin's “talk to this bot” call ``take_turn``.

``load`` stores the customer's message and reads the session into one frozen ``TurnContext``; ``decide`` asks the
tiers in order, with no transaction open; ``record`` stores reply, slots, decision and actions in one statement that
advances the session by a conditional UPDATE. Whoever loses that race waits for the messages that came before its own,
reads again and decides again. Without a language model a turn costs at most 4 messages to the database: load, search, facts, record.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.calibration import CALIBRATED
from bots.flow import ENDED, Flow, read_steps
from bots.guardrails import rules_from
from runtime.context import Listener, Reply, TurnContext
from runtime.gaps import same_question
from runtime.guarding import hear, speak
from runtime.models import DecisionEvent, Session, Tier, Turn
from runtime.models.escalations import REASON_LENGTH
from runtime.services import end_session
from runtime.statements import EARLIER, LOAD, RELEASE, record_statement
from runtime.steps import step_after
from runtime.tiers import TIERS
from runtime.tiers.cache import keep_answer
from runtime.tiers.follow_up import topic_after
from runtime.tiers.person import asks_by_click
from runtime.tiers.proposal import answers_by_click
from runtime.understanding.wishes import FLEETING, LIFETIMES
from tenants.errors import Conflict, InProgress
from tenants.scope import current_tenant_id
from tenants.text import detect_language, narrowed, nfc

LEASE = timedelta(seconds=30)
"""How long a turn belongs to the process that decides it."""

ROUNDS = 5
"""How often a turn is decided at most, because another one of the session was recorded first."""
PATIENCE_SECONDS = 6.0
"""How long a turn that lost the race waits, in all, for the messages that came before it."""
GLANCE_SECONDS = 0.03
"""How long it waits before it looks again. No transaction is open meanwhile."""
BUSY_SECONDS = 1
"""After how long a message that was not answered may be sent again."""


@dataclass(frozen=True)
class Recorded:
    """What came of a turn, as the API answers it."""

    turn: dict[str, Any]
    reply: dict[str, Any] | None
    decision: dict[str, Any]
    slots: list[dict[str, Any]]
    session: dict[str, Any]


@dataclass(frozen=True)
class Loaded:
    """The context, and the answer the same message got before (None: it is ours to decide)."""

    context: TurnContext
    is_decided: bool
    is_behind: bool
    """Whether a message that came before it is being answered."""


def take_turn(
    *,
    session_id: UUID,
    message: str,
    external_id: str = "",
    ui_event: dict[str, Any] | None = None,
    listener: Listener | None = None,
) -> Recorded:
    """Answer one message of a customer; a ``listener`` hears sentences of the reply before it is recorded.

    The same ``external_id`` again gets the stored answer. Raises ``Http404`` for an unknown session and ``Conflict``
    with ``session_ended``, ``in_progress`` (the message is being answered) or ``session_busy``.
    """
    started = time.perf_counter()
    asked: dict[str, Any] = {"message": _as_said(message), "external_id": external_id, "ui_event": ui_event}
    say = listener.say if listener else None
    loaded = load(session_id=session_id, turn_id=None, say=say, **asked)
    if listener:
        listener.begin()
    with _given_up_on_error(loaded.context.turn_id):
        if loaded.is_behind:
            _wait_for_earlier(loaded.context, until=started + PATIENCE_SECONDS)
            loaded = load(session_id=session_id, turn_id=loaded.context.turn_id, say=say, **asked)
        for _round in range(ROUNDS):
            if loaded.is_decided:
                return stored_answer(loaded.context.turn_id)
            reply = decide(loaded.context)
            if recorded := record(loaded.context, reply, started=started):
                keep_answer(loaded.context, reply)
                _end_if_over(recorded, session_id)
                return recorded
            _wait_for_earlier(loaded.context, until=started + PATIENCE_SECONDS)
            loaded = load(session_id=session_id, turn_id=loaded.context.turn_id, **asked)
        raise Conflict("session_busy", _("Several messages came at once. Send it again."), seconds=BUSY_SECONDS)


def _wait_for_earlier(context: TurnContext, *, until: float) -> None:
    """Let the messages that came before this one be answered first, while somebody answers them and patience lasts."""
    asked = {"tenant": current_tenant_id(), "session": context.session_id, "turn": context.turn_id}
    while time.perf_counter() < until and _fetch(EARLIER, **asked, now=timezone.now()):
        time.sleep(GLANCE_SECONDS)


def _as_said(message: str) -> str:
    """Return the message in Unicode NFC, with the line ends of text: forms send them as CR and LF."""
    return nfc(message).replace("\r\n", "\n").strip()


def _end_if_over(recorded: Recorded, session_id: UUID) -> None:
    """End the conversation when the turn led to the step after which nothing is answered."""
    if recorded.session["flow_step"] == ENDED:
        with suppress(Conflict):  # somebody ended it in between
            end_session(Session.objects.get(pk=session_id), reason="flow")


@contextmanager
def _given_up_on_error(turn_id: UUID) -> Iterator[None]:
    """Give the lease back when the turn cannot be decided: who sends the message again need not wait for its end."""
    try:
        yield
    except BaseException:
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute(RELEASE, {"tenant": current_tenant_id(), "turn": turn_id, "now": timezone.now()})
        raise


def load(
    *,
    session_id: UUID,
    message: str,
    external_id: str,
    ui_event: dict[str, Any] | None,
    turn_id: UUID | None,
    say: Callable[[str], None] | None = None,
) -> Loaded:
    """Store the message (unless ``turn_id`` names it) and read the state of its session: one message to the database."""
    now = timezone.now()
    row = _fetch(
        LOAD,
        tenant=current_tenant_id(),
        session=session_id,
        turn=turn_id,
        message=message,
        language=detect_language(message) if message else "",
        external_id=external_id,
        ui_event=json.dumps({"ui_event": ui_event} if ui_event else {}),
        lease=now + LEASE,
        now=now,
    )
    if row is None:
        raise Http404
    if row["ended_at"] is not None:
        raise Conflict("session_ended", _("This conversation has ended."))
    if not (row["is_mine"] or row["is_decided"] or turn_id):
        raise InProgress(_("This message is being answered."), seconds=BUSY_SECONDS)
    context = _context(session_id, row, say)
    heard = context if row["is_decided"] else hear(context)
    return Loaded(heard, is_decided=row["is_decided"], is_behind=row["is_behind"])


def _context(session_id: UUID, row: dict[str, Any], say: Callable[[str], None] | None) -> TurnContext:
    return TurnContext(
        session_id=session_id,
        turn_id=row["turn_id"],
        message=narrowed(row["message"]),
        slots=json.loads(row["slots"]),
        ui_event=json.loads(row["ui_metadata"]).get("ui_event", {}),
        say=say,
        flow=read_steps(row["steps"]) if row["steps"] else Flow(),
        rules=rules_from(row["rules"]) if row["rules"] else (),
        thresholds=_thresholds(row["thresholds"]),
        **{name: row[name] for name in _FROM_ROW},
    )


def _thresholds(found: list[float | None] | None) -> dict[str, float]:
    """Return those that a bot has, by kind; without a row of its own it has none."""
    pairs = zip(CALIBRATED, found, strict=True) if found else ()
    return {kind: value for kind, value in pairs if value is not None}


_FROM_ROW = (
    *("bot_id", "bot_version_id", "channel", "owner", "owner_epoch", "flow_step", "turn_number", "currency", "locale"),
    *(
        "last_tier",
        "topic",
        "session_language",
        "has_model",
        "knows_intents",
        "limits_collections",
        "limits_tools",
        "has_documents",
    ),
)


def decide(context: TurnContext) -> Reply:
    """Ask the tiers in order, and the guardrails about the reply. While a person answers, or when nothing was said, the bot
    is silent.
    """
    if context.owner == Session.Owner.PERSON:
        return Reply(Tier.HUMAN, None, confidence=1)
    if not context.message and not asks_by_click(context) and not answers_by_click(context):
        return Reply(Tier.NONE, None, confidence=1)
    return speak(context, next(reply for tier in TIERS if (reply := tier(context)) is not None))


def record(context: TurnContext, reply: Reply, *, started: float) -> Recorded | None:
    """Store the decision in one statement; None when another turn of the session was recorded meanwhile."""
    step = step_after(context, reply)
    slots = [*_learnt(context), *reply.slots]
    session = {"flow_step": step or context.flow_step, "owner": context.owner}
    decision = {
        "tier": reply.tier.value,
        "confidence": round(reply.confidence, 3),
        "sources": list(reply.sources),
        "estimated_cost_usd": f"{reply.cost_usd:.6f}",
        "latency_ms": round((time.perf_counter() - started) * 1000),
    }
    details = {**reply.details, **_guarded(context, reply), "answered": {"session": session, "slots": slots}}
    statement = record_statement(
        hands_over=reply.handover is not None,
        is_gap=reply.is_gap,
        is_masked=context.is_masked,
        moves=bool(step and context.flow.steps),
    )
    row = _fetch(statement, **_values(context, reply, slots), **_moved(context, step), **_as_columns(decision, details))
    if row is None:
        return None
    return Recorded(
        turn={"id": context.turn_id, "speaker": "user", "message": context.message},
        reply=_said(row["id"], row["created_at"], reply.message, reply.ui_metadata),
        decision=decision,
        slots=slots,
        session=session,
    )


def _values(context: TurnContext, reply: Reply, slots: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what ``RECORD`` stores of the reply and what it was decided from."""
    actions = [{"name": one.name, "input": one.input, "output": one.output, "ms": one.milliseconds} for one in reply.actions]
    return {
        "tenant": current_tenant_id(),
        "session": context.session_id,
        "turn": context.turn_id,
        "turn_number": context.turn_number,
        "owner": context.owner,
        "owner_epoch": context.owner_epoch,
        "message": context.message,
        "bot_version": context.bot_version_id,
        "intent": context.intent_found,
        "reply": reply.message,
        "topic": topic_after(reply),
        "language": context.question.language if context.message else "",
        "ui_metadata": json.dumps(reply.ui_metadata),
        "slots": json.dumps(slots),
        "actions": json.dumps(actions),
        "now": timezone.now(),
        **_asked_for(reply),
        **_unanswered(context, reply),
    }


def _moved(context: TurnContext, step: str | None) -> dict[str, Any]:
    """Return where the turn leads, None to stay. A flow that names steps is followed from the step it was decided in."""
    return {"flow_step": step, "flow_step_before": context.flow_step if context.flow.steps else None}


def _asked_for(reply: Reply) -> dict[str, Any]:
    if reply.handover is None:
        return {}
    return {"handover_reason": reply.handover.reason[:REASON_LENGTH], "handover_origin": reply.handover.origin.value}


def _unanswered(context: TurnContext, reply: Reply) -> dict[str, Any]:
    if not reply.is_gap:
        return {}
    question = reply.open_question or context.message
    return {"bot": context.bot_id, "question": question, **same_question(question)}


def _guarded(context: TurnContext, reply: Reply) -> dict[str, Any]:
    """Return the guardrails that fired, or failed, on this turn, for the details of the decision."""
    noted = [*(context.heard.noted if context.heard else ()), *reply.details.get("guardrails", ())]
    return {"guardrails": noted} if noted else {}


def _as_columns(decision: dict[str, Any], details: dict[str, Any]) -> dict[str, Any]:
    """Return the decision as ``RECORD`` takes it; what else was answered stands in its details, for a repetition."""
    return {
        "tier": decision["tier"],
        "confidence": decision["confidence"],
        "sources": json.dumps(decision["sources"]),
        "details": json.dumps(details),
        "cost": decision["estimated_cost_usd"],
        "latency_ms": decision["latency_ms"],
    }


def _fetch(sql: str, **parameters: Any) -> dict[str, Any] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row = cursor.fetchone()
        if sql not in _columns:
            _columns[sql] = tuple(column.name for column in cursor.description)
        return dict(zip(_columns[sql], row, strict=True)) if row else None


_columns: dict[str, tuple[str, ...]] = {}
"""What the columns of each statement are called: to ask the cursor each time takes as long as to read the row."""


def _learnt(context: TurnContext) -> list[dict[str, Any]]:
    """Return what the message says about the customer's wishes, as slots."""
    if not context.message:
        return []
    return [
        {
            "key": slot.key,
            "value": slot.value if isinstance(slot.value, str) else json.dumps(slot.value, ensure_ascii=False),
            "confidence": slot.confidence,
            "expires_at": (timezone.now() + LIFETIMES.get(slot.key, FLEETING)).isoformat(),
        }
        for slot in context.wishes
    ]


def _said(
    turn_id: UUID | None, created_at: datetime | None, message: str | None, ui_metadata: dict[str, Any]
) -> dict[str, Any] | None:
    if turn_id is None:
        return None
    return {
        "id": turn_id,
        "speaker": Turn.Speaker.ASSISTANT.value,
        "message": message,
        "ui_metadata": ui_metadata,
        "created_at": created_at,
    }


def stored_answer(turn_id: UUID) -> Recorded:
    """Return what was recorded for a turn: the answer to a message that is sent again."""
    turn = Turn.objects.get(pk=turn_id)
    reply = Turn.objects.filter(in_reply_to=turn, speaker=Turn.Speaker.ASSISTANT).first()
    decision = DecisionEvent.objects.get(input_turn=turn, event_type=DecisionEvent.EventType.TIER_SELECTION)
    answered = decision.decision_metadata["answered"]
    return Recorded(
        turn={"id": turn.id, "speaker": turn.speaker, "message": turn.message},
        reply=_said(reply.id, reply.created_at, reply.message, reply.ui_metadata) if reply else None,
        decision={
            "tier": decision.tier,
            "confidence": float(decision.confidence or 0),
            "sources": decision.sources,
            "estimated_cost_usd": f"{decision.estimated_cost_usd:.6f}",
            "latency_ms": decision.latency_ms,
        },
        slots=answered["slots"],
        session=answered["session"],
    )
