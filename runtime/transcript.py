"""A conversation as people read it: who said what, and beside every answer why the bot gave it."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from bots.guardrails import Action
from catalog.money import format_money
from runtime.models import ActionExecution, ContextSlot, DecisionEvent, Rating, Session, Turn
from runtime.understanding.question import read_budget_slot

MOST_TURNS = 200
"""Turns shown at once, the newest; older ones are a link away."""

OWN_WORDS = {
    "budget": _("budget"),
    "currency": _("currency"),
    "max": _("at most"),
    "min": _("at least"),
    "offering": _("offering"),
    "priority": _("priority"),
    "text": _("text"),
    "vector": _("meaning"),
}
"""What Backroom itself writes into slots and scores, in words; what a bot names by itself is shown as it is."""


MOST_MOVES = 50
"""Moves through the flow shown at once, the latest."""

MOVED_BY = {
    "turn": _("by what was said"),
    "timeout": _("by silence"),
    "idle": _("by silence"),
    "program": _("by a program"),
    "person": _("by a colleague"),
}
"""What moved a conversation to another step, in words."""

WHY_NOT_SAID = {
    "unknown": _("it found no answer"),
    "unproven": _("it said what no fact bears out"),
    "timeout": _("it took too long"),
    "retry": _("it could not be reached"),
    "permanent": _("the call failed"),
    "quota": _("the account is used up"),
    "budget_exceeded": _("the budget is used up"),
    "too_many": _("the customer has asked very much today"),
    "model_unpriced": _("the model has no price"),
    "content_filter": _("it refused"),
    "empty": _("it said nothing"),
    "too_long": _("it did not come to an end"),
    "tool_loop": _("it called tools without end"),
    "wrong_language": _("it spoke another language"),
}
"""Why the words of a language model were not given, in words."""


@dataclass(frozen=True)
class Source:
    """What an answer rests on; scores in percent."""

    kind: str
    id: str
    title: str
    percent: int
    parts: list[tuple[str, int]]


@dataclass(frozen=True)
class Guarded:
    """A guardrail that fired, or whose condition failed (``error``)."""

    id: str
    name: str
    action: str
    error: str


@dataclass(frozen=True)
class Asked:
    """What asking a language model came to: ``calls`` with model, tokens and cost, the sums by currency, and
    what was not said and why."""

    calls: list[dict[str, Any]]
    costs: list[tuple[str, str]]
    tools: str
    why: str
    message: str
    doubt: str
    unsaid: str


@dataclass(frozen=True)
class Line:
    """One message; the decision stands beside the reply, or beside a message that got none."""

    turn: Turn
    decision: DecisionEvent | None
    sources: list[Source]
    actions: list[ActionExecution]
    ratings: list[Rating]

    @property
    def guardrails(self) -> list["Guarded"]:
        """The guardrails that fired, or failed, on this turn."""
        details = self.decision.decision_metadata if self.decision else {}
        noted = details.get("guardrails") if isinstance(details, dict) else None
        return [_guarded(one) for one in noted if isinstance(one, dict)] if isinstance(noted, list) else []

    @property
    def asked(self) -> Asked | None:
        """What asking a language model came to, None where none was asked."""
        details = self.decision.decision_metadata if self.decision else {}
        told = details.get("model") if isinstance(details, dict) else None
        return _asked(told) if isinstance(told, dict) else None

    @property
    def percent(self) -> int | None:
        """The confidence of the decision in percent."""
        confidence = self.decision.confidence if self.decision else None
        return None if confidence is None else round(confidence * 100)


@dataclass(frozen=True)
class Move:
    """The conversation came to a step: when, and what moved it there."""

    when: datetime
    step: str
    by: str


@dataclass(frozen=True)
class Transcript:
    """What the page of a conversation shows.

    ``known``: what was learnt, by key, in words. ``earlier``: the turn before which older ones follow. ``moves``: the way
    through the flow.
    """

    lines: list[Line]
    known: list[tuple[str, str]]
    other_actions: list[ActionExecution]
    earlier: UUID | None
    moves: list["Move"]


def read_transcript(session: Session, *, before: UUID | None = None) -> Transcript:
    """Return the newest turns (before the turn ``before``) with all that belongs to them: six queries."""
    turns = Turn.objects.select_related("created_by").filter(session=session, **({"pk__lt": before} if before else {}))
    newest = list(turns.order_by("-id")[: MOST_TURNS + 1])
    shown = newest[:MOST_TURNS][::-1]
    asked = [turn.in_reply_to_id or turn.pk for turn in shown]
    decisions = _by_turn(session, asked)
    actions = _actions(session, asked)
    ratings = _ratings([turn.pk for turn in shown])
    answered = {turn.in_reply_to_id for turn in shown}
    lines = [_line(turn, decisions, actions, ratings, is_answered=turn.pk in answered) for turn in shown]
    return Transcript(
        lines=lines,
        known=_known(session, {source.id: source.title for line in lines for source in line.sources}),
        other_actions=actions[None],
        earlier=shown[0].pk if len(newest) > MOST_TURNS else None,
        moves=_moves(session),
    )


def _known(session: Session, titles: dict[str, str]) -> list[tuple[str, str]]:
    """Return what was learnt: ids by the title they had in an answer, JSON objects as lists of what they hold."""
    slots = ContextSlot.objects.live().filter(session=session).order_by("slot_key")
    return [(_word(slot.slot_key), titles.get(slot.slot_value) or _slot_in_words(slot)) for slot in slots]


def _slot_in_words(slot: ContextSlot) -> str:
    budget = read_budget_slot(slot.slot_value) if slot.slot_key == "budget" else None
    if budget is None:
        return _in_words(slot.slot_value)
    low, high, currency = budget
    language = get_language() or "en"
    said = [
        gettext("at least %(amount)s") % {"amount": format_money(low, currency, language)} if low is not None else "",
        gettext("at most %(amount)s") % {"amount": format_money(high, currency, language)} if high is not None else "",
    ]
    return ", ".join(filter(None, said))


def _in_words(value: str) -> str:
    try:
        parts = json.loads(value)
    except (ValueError, RecursionError):  # a stranger's text may be nested ever so deep
        return value
    if not isinstance(parts, dict):
        return value
    return ", ".join(f"{_word(name)} {part}" for name, part in parts.items() if part is not None)


def _word(name: Any) -> str:
    return str(OWN_WORDS.get(str(name), name))


def _by_turn(session: Session, turn_ids: list[UUID]) -> dict[UUID | None, DecisionEvent]:
    chosen = DecisionEvent.objects.filter(session=session, event_type=DecisionEvent.EventType.TIER_SELECTION)
    return {decision.input_turn_id: decision for decision in chosen.filter(input_turn__in=turn_ids)}


def _moves(session: Session) -> list[Move]:
    """Return the latest moves, oldest first. Bots log decisions of their own, so nothing is taken for granted."""
    kept = DecisionEvent.objects.filter(session=session, event_type=DecisionEvent.EventType.FLOW_STEP)
    told = [(one.created_at, one.decision_metadata) for one in kept.order_by("-pk")[:MOST_MOVES]][::-1]
    return [
        Move(when, str(details.get("to", "")), str(MOVED_BY.get(str(details.get("by", "")), "")))
        for when, details in told
        if isinstance(details, dict)
    ]


def _actions(session: Session, turn_ids: list[UUID]) -> dict[UUID | None, list[ActionExecution]]:
    known, found = set(turn_ids), defaultdict(list)
    for action in ActionExecution.objects.filter(session=session).order_by("id"):
        if action.turn_id is None or action.turn_id in known:
            found[action.turn_id].append(action)
    return found


def _ratings(turn_ids: list[UUID]) -> dict[UUID, list[Rating]]:
    found = defaultdict(list)
    for rating in Rating.objects.filter(turn__in=turn_ids).select_related("created_by").order_by("id"):
        found[rating.turn_id].append(rating)
    return found


def _line(
    turn: Turn,
    decisions: dict[UUID | None, DecisionEvent],
    actions: dict[UUID | None, list[ActionExecution]],
    ratings: dict[UUID, list[Rating]],
    *,
    is_answered: bool,
) -> Line:
    asked = turn.in_reply_to_id or turn.pk
    if turn.in_reply_to_id is None and is_answered:
        return Line(turn, None, [], [], [])
    decision = decisions.get(asked)
    sources = list(_sources(decision.sources if decision else ()))
    return Line(turn, decision, sources, actions.get(asked, []), ratings.get(turn.pk, []))


def _sources(given: Iterable[Any]) -> Iterable[Source]:
    """Read what a decision names. Bots log decisions of their own, so nothing is taken for granted."""
    for source in given:
        if not isinstance(source, dict):
            continue
        parts = source.get("parts")
        scores = parts.items() if isinstance(parts, dict) else ()
        yield Source(
            kind=str(source.get("kind", "")),
            id=str(source.get("id", "")),
            title=str(source.get("title") or source.get("id", "")),
            percent=_percent(source.get("score")),
            parts=[(_word(name), _percent(score)) for name, score in scores],
        )


def _guarded(noted: dict[str, Any]) -> Guarded:
    action = str(noted.get("action", ""))
    label = str(Action(action).label) if action in Action.values else action
    name = str(noted.get("name") or noted.get("code", ""))
    return Guarded(str(noted.get("id", "")), name, label, str(noted.get("error", "")))


def _asked(told: dict[str, Any]) -> Asked:
    """Read what the decision keeps. Bots log decisions of their own, so nothing is taken for granted."""
    calls, costs, tools, replaced = (told.get(name) for name in ("calls", "costs", "tools", "replaced"))
    replaced = replaced if isinstance(replaced, dict) else {}
    return Asked(
        calls=[one for one in calls if isinstance(one, dict)] if isinstance(calls, list) else [],
        costs=[(str(cost), str(code)) for code, cost in costs.items()] if isinstance(costs, dict) else [],
        tools=", ".join(map(str, tools)) if isinstance(tools, list) else "",
        why=str(WHY_NOT_SAID.get(str(told.get("why", "")), told.get("why", ""))),
        message=str(told.get("message", "")),
        doubt=str(replaced.get("said", "")),
        unsaid=str(replaced.get("text", "")),
    )


def _percent(score: Any) -> int:
    is_number = isinstance(score, (int, float)) and not isinstance(score, bool)
    return round(100 * max(0.0, min(1.0, float(score)))) if is_number else 0
