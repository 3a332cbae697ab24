"""Asking for a person: by the button, in words, or by agreeing to the offer."""

from django.utils import translation

from runtime import replies
from runtime.context import Handover, Reply, TurnContext
from runtime.models import Tier
from runtime.understanding.person import agrees, asks_for_person

ESCALATE = "escalate"
"""``action`` of the button that asks for a person, and of the ``ui_event`` that says it was pressed."""


def asks_by_click(context: TurnContext) -> bool:
    """Whether the customer pressed the button that asks for a person."""
    return context.ui_event.get("action") == ESCALATE


def hand_over_when_asked(context: TurnContext) -> Reply | None:
    """Ask a colleague in, and say so. The session stays the bot's until somebody claims it."""
    agreed = context.last_tier == Tier.HANDOFF and agrees(context.message)
    if not (agreed or asks_by_click(context) or asks_for_person(context.message)):
        return None
    # "ok" is no language: what was offered in Vietnamese is confirmed in Vietnamese.
    language = context.session_language if agreed or not context.message else context.question.language
    with translation.override(language or context.question.language):
        message = replies.person_asked()
    return Reply(Tier.HANDOFF, message, confidence=1, handover=Handover(reason=context.message))
