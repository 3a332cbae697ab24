"""Politeness: a greeting, thanks, a goodbye or a bare yes or no gets a short one back, and leaves no question open."""

from django.utils import translation

from runtime import replies
from runtime.context import Reply, TurnContext
from runtime.models import Tier
from runtime.understanding.courtesy import courtesy, language_of


def answer_politely(context: TurnContext) -> Reply | None:
    """Answer what was said for politeness only, unless a FAQ is written for it.

    A language model knows what was spoken of and answers itself; only its own offer of a person is declined here.
    """
    said = courtesy(context.message)
    is_declined = said == "refusal" and context.last_tier == Tier.HANDOFF
    if said is None or (context.may_ask_model and not is_declined):
        return None
    faq = context.best("faq")
    if faq is not None and context.is_sure_of(faq) and courtesy(faq.title) == said:
        return None
    with translation.override(language_of(context.message, context.session_language, business=context.locale)):
        return Reply(Tier.NONE, replies.polite(said), confidence=1)
