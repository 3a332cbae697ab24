"""What a guardrail stops before any other tier is asked."""

from runtime.context import Reply, TurnContext
from runtime.guarding import words_instead


def refuse_message(context: TurnContext) -> Reply | None:
    """Answer a message that a rule stopped: with the rule's own words, or polite ones."""
    if context.heard is None or context.heard.stopped_by is None:
        return None
    return words_instead(context, context.heard.stopped_by)
