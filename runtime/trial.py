"""Trying guardrails out: what every rule says of a message and a reply, in order, and why. Nothing is stored."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from bots.calibration import CALIBRATED
from bots.expressions import ExpressionError, read
from bots.guardrails import Judged, Rule, Stage, Verdict, judge
from bots.models import AnswerThreshold, Bot, Guardrail, Intent
from runtime.context import TurnContext
from runtime.guarding import reply_values, values
from runtime.models import Session, Tier
from tenants.models import Tenant
from tenants.scope import current_tenant_id

NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Situation:
    """What is tried: a message, the reply to it, and what is known of the conversation. Without ``intent`` it is told from the
    message, as in a turn.
    """

    message: str
    reply: str = ""
    slots: Mapping[str, str] = field(default_factory=dict)
    intent: str = ""
    channel: str = "web"
    flow_step: str = "open"
    turn_number: int = 0
    tier: Tier = Tier.LLM
    bot: Bot | None = None


@dataclass(frozen=True)
class Tried:
    """What one rule says. ``is_asked`` False: a rule before it stopped the turn, so that it would not have been asked."""

    rule: Rule
    stage: Stage
    fires: bool
    is_asked: bool
    error: dict[str, Any] | None
    seen: dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """What came of it: message and reply as the rules leave them, what stopped them, and every rule in its order."""

    message: str
    reply: str
    stopped_by: Rule | None
    rules: list[Tried]


def thresholds_of(row: AnswerThreshold | None) -> dict[str, float]:
    """Return the thresholds that hold, by kind, as ``LOAD`` reads them; a kind without one has the platform's default."""
    if row is None:
        return {}
    set_by_hand = {} if row.by_hand is None else {"faq": row.by_hand, "document": row.by_hand}
    calibrated = {kind: getattr(row, kind) for kind in CALIBRATED if getattr(row, kind) is not None}
    return {**calibrated, **set_by_hand}


def saved_rules(bot: Bot | None) -> list[Rule]:
    """Return the rules a turn of the bot would ask: its own and everybody's; without a bot those of every bot alone."""
    return [rule.as_rule() for rule in Guardrail.objects.asked_by(bot)]


def try_rules(rules: Iterable[Rule], situation: Situation) -> Trial:
    """Ask the rules as a turn does; what a turn would not ask any more is told as well."""
    rules, context = tuple(rules), _context(situation)
    given = values(context)
    if situation.intent:
        given["intent"] = lambda: situation.intent
    heard = judge(rules, Stage.MESSAGE, situation.message, given)
    given = {**given, "message": lambda: heard.text}
    given |= reply_values(context, situation.reply, tier=situation.tier, ui_metadata={})
    said = judge(rules, Stage.REPLY, situation.reply, given)
    stopped_by = heard.stopped_by or said.stopped_by
    tried = [
        *_tried(rules, Stage.MESSAGE, heard, given, is_reached=True),
        *_tried(rules, Stage.REPLY, said, given, is_reached=heard.stopped_by is None),
    ]
    return Trial(heard.text, said.text, stopped_by, tried)


def _tried(
    rules: tuple[Rule, ...], stage: Stage, verdict: Verdict, given: Mapping[str, Callable[[], Any]], *, is_reached: bool
) -> Iterable[Tried]:
    asked = {one.rule.id: one for one in verdict.judged}
    for rule in rules:
        if rule.stage != stage:
            continue
        judged = asked.get(rule.id) or judge((rule,), stage, verdict.text, given).judged[0]
        yield Tried(rule, stage, judged.fires, is_reached and rule.id in asked, _error(judged), _seen(judged))


def _error(judged: Judged) -> dict[str, Any] | None:
    error = judged.error
    return {"code": error.code, "message": error.message, **error.extra} if error else None


def _seen(judged: Judged) -> dict[str, Any]:
    """Return the values that the condition reads, by name."""
    try:
        names = read(judged.rule.condition).names
    except ExpressionError:
        return {}
    return {name: judged.values[name] for name in sorted(names)}


def _context(situation: Situation) -> TurnContext:
    return TurnContext(
        session_id=NOBODY,
        turn_id=NOBODY,
        bot_id=situation.bot.pk if situation.bot else NOBODY,
        bot_version_id=NOBODY,
        channel=situation.channel,
        owner=Session.Owner.BOT,
        flow_step=situation.flow_step,
        turn_number=situation.turn_number,
        currency=Tenant.objects.values_list("currency", flat=True).get(pk=current_tenant_id()),
        message=situation.message,
        slots=dict(situation.slots),
        knows_intents=Intent.objects.filter(is_active=True).exists(),
        thresholds=thresholds_of(AnswerThreshold.objects.filter(bot=situation.bot).first() if situation.bot else None),
    )
