"""Answers that somebody wrote: the FAQ that fits."""

from runtime.context import Reply, TurnContext, as_source
from runtime.models import Tier
from runtime.tiers.catalog import knows_better


def answer_from_faq(context: TurnContext) -> Reply | None:
    """Give the answer of the FAQ that fits, unless the customer asks the catalogue and it knows better."""
    faq = context.best("faq")
    if faq is None or not context.is_answered_by(faq) or knows_better(context, faq):
        return None
    return Reply(Tier.FAQ, faq.body, faq.score, sources=(as_source(faq),), ui_metadata={"title": faq.title})
