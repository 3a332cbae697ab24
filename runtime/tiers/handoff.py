"""Not knowing: say so, and offer a person."""

from dataclasses import replace

from django.utils import translation

from runtime import replies
from runtime.context import Reply, TurnContext
from runtime.models import Tier
from runtime.understanding.attacks import is_attack
from runtime.understanding.complaints import complains
from runtime.understanding.courtesy import asks_nothing

LIMITS = frozenset(("budget_exceeded", "quota", "tenant_suspended", "too_many"))
"""Failures of a model that say nothing of what is known: it may not be asked now."""


def offer_a_person(context: TurnContext, *, why: str = "") -> Reply:
    """Not knowing is an answer: say so and offer a person. The session stays the bot's until somebody claims it.

    ``why`` a language model brought no answer gives it other words.
    """
    with translation.override(context.question.language):
        message, button = replies.not_known()
        message = replies.sorry() if complains(context.message) else message
        message = replies.cannot_answer(why) if why else message
    nearest = (context.best(kind) for kind in ("faq", "document", "offering"))
    best = max(filter(None, nearest), key=lambda hit: hit.score, default=None)
    return Reply(
        Tier.HANDOFF,
        message,
        confidence=best.score if best else 0,
        sources=(context.source(best),) if best else (),
        ui_metadata={"quick_replies": [{"title": button, "action": "escalate"}]},
        is_gap=why not in LIMITS and not (asks_nothing(context.message) or is_attack(context.message)),
    )


def with_offer(reply: Reply) -> Reply:
    """Return the reply with the button that asks for a person. The caller activates the language."""
    _message, button = replies.not_known()
    return replace(reply, tier=Tier.HANDOFF, ui_metadata={"quick_replies": [{"title": button, "action": "escalate"}]})
