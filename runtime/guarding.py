"""Guardrails on a turn: over the message before any tier answers, and over the reply of whatever tier did.

``hear`` asks the rules about the message when the turn is loaded: what a mask hides, no tier sees and nothing keeps.
The first tier (``tiers/guardrail.py``) answers what they stop. ``check_reply`` asks about a text, whole or sentence by
sentence; ``speak`` applies what it says to a reply.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.utils import translation

from bots.guardrails import Action, Rule, Stage, Verdict, judge
from runtime import replies
from runtime.context import ORDER_PLACED, Handover, Reply, TurnContext
from runtime.models import Escalation, Tier
from runtime.understanding.money import Evidence, find_amounts
from runtime.understanding.tokens import Message
from tenants.text import detect_language


def hear(context: TurnContext) -> TurnContext:
    """Return the context with the verdict on its message, and the message as masks leave it."""
    if not (context.rules and context.message):
        return context
    verdict = judge(context.rules, Stage.MESSAGE, context.message, values(context))
    return context.after_hearing(verdict)


def check_reply(context: TurnContext, text: str, *, tier: Tier, ui_metadata: Mapping[str, Any] | None = None) -> Verdict:
    """Ask the rules about what the bot is about to say: a whole reply, or one sentence of it. Reads and writes nothing.

    ``text`` of the verdict is what may be said; ``stopped_by`` names the rule because of which nothing of it may be:
    then ``refusal`` has the words instead. ``ui_metadata``: the cards beside the text, whose prices count as well.
    """
    given = {**values(context), **reply_values(context, text, tier=tier, ui_metadata=ui_metadata or {})}
    return judge(context.rules, Stage.REPLY, text, given)


def reply_values(
    context: TurnContext, text: str, *, tier: Tier, ui_metadata: Mapping[str, Any]
) -> dict[str, Callable[[], Any]]:
    """Return how the names that tell of a reply get their values."""
    spoken = _Spoken(text, context.currency, ui_metadata)
    return {
        "reply": lambda: text,
        "reply.tier": lambda: tier.value,
        "price": lambda: float(spoken.price[0]),
        "price.currency": lambda: spoken.price[1],
    }


def speak(context: TurnContext, reply: Reply) -> Reply:
    """Return the reply as the rules leave it, with the rules that fired or failed."""
    if not context.rules or reply.message is None or reply.tier == Tier.GUARDRAIL:
        return reply
    verdict = check_reply(context, reply.message, tier=reply.tier, ui_metadata=reply.ui_metadata)
    if verdict.stopped_by:
        return refusal(context, verdict, instead_of=reply)
    return replace(reply, message=verdict.text, details=_with_notes(reply, verdict))


def refusal(context: TurnContext, verdict: Verdict, *, instead_of: Reply) -> Reply:
    """Return what is said instead of a reply that a rule stopped. What it cost and did is kept; its sources are not."""
    assert verdict.stopped_by is not None
    said = words_instead(context, verdict.stopped_by)
    return replace(
        said,
        actions=instead_of.actions,
        cost_usd=instead_of.cost_usd,
        flow_step=instead_of.flow_step,
        happened=instead_of.happened if instead_of.happened == ORDER_PLACED else "",
        handover=said.handover or instead_of.handover,
        is_gap=instead_of.is_gap,
        details=_with_notes(instead_of, verdict),
    )


def _with_notes(reply: Reply, verdict: Verdict) -> dict[str, Any]:
    return {**reply.details, "guardrails": verdict.noted} if verdict.noted else reply.details


def words_instead(context: TurnContext, rule: Rule) -> Reply:
    """Return the reply of a rule that stops a turn: its own words, or polite ones."""
    with translation.override(context.question.language):
        hands_over = rule.action == Action.HANDOFF
        words = replies.person_asked() if hands_over else replies.blocked()
    source = {"kind": "guardrail", "id": rule.id, "title": rule.name or rule.code, "score": 1.0, "parts": {}}
    return Reply(
        Tier.GUARDRAIL,
        rule.words_in(context.question.language) or words,
        confidence=1,
        sources=(source,),
        handover=Handover(rule.name or rule.code, Escalation.Origin.BOT) if hands_over else None,
    )


def values(context: TurnContext) -> dict[str, Callable[[], Any]]:
    """Return how each name gets its value: made only when a condition asks for it."""
    return {
        "message": lambda: context.message,
        "message.language": lambda: detect_language(context.message),
        "intent": lambda: context.intent,
        "slots": lambda: {**context.slots, **{slot.key: _as_text(slot.value) for slot in context.question.slots}},
        "session.channel": lambda: context.channel,
        "session.flow_step": lambda: context.flow_step,
        "session.turn_number": lambda: context.turn_number,
        "session.currency": lambda: context.currency,
    }


def _as_text(value: Any) -> str:
    """Return a slot's value as it is kept."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class _Spoken:
    """What a reply says about money."""

    def __init__(self, text: str, currency: str, ui_metadata: Mapping[str, Any]) -> None:
        self.text, self.currency, self.ui_metadata = text, currency, ui_metadata

    @cached_property
    def price(self) -> tuple[Decimal, str]:
        """The highest amount and its currency; those in the business's own come before any other."""
        found = [*self._on_cards(), *self._in_words()]
        own = [one for one in found if one[1] == self.currency]
        return max(own or found, default=(Decimal(0), ""))

    def _in_words(self) -> Iterable[tuple[Decimal, str]]:
        language = "vi" if self.currency == "VND" else "en"
        for one in find_amounts(Message(self.text), language):
            if one.evidence >= Evidence.LIKELY:
                yield one.amount.value, one.amount.currency or self.currency

    def _on_cards(self) -> Iterable[tuple[Decimal, str]]:
        for card in self.ui_metadata.get("cards", ()):
            for price in (card.get("price"), *(variant.get("price") for variant in card.get("variants", ()))):
                if price:
                    yield Decimal(price["amount"]), price["currency"]
