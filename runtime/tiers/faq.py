"""Answers that somebody wrote: the FAQ that fits."""

from catalog.search import ANSWER_THRESHOLD, Hit
from runtime.context import Reply, TurnContext, as_source
from runtime.models import Tier
from runtime.tiers.catalog import fitting, looked_at


def answer_from_faq(context: TurnContext) -> Reply | None:
    """Give the answer of the FAQ that fits, unless the customer asks the catalogue and it knows better."""
    faq = context.best("faq")
    if faq is None or faq.score < ANSWER_THRESHOLD or _catalog_knows_better(context, faq):
        return None
    return Reply(Tier.FAQ, faq.body, faq.score, sources=(as_source(faq),), ui_metadata={"title": faq.title})


def _catalog_knows_better(context: TurnContext, faq: Hit) -> bool:
    """Whether an offering fits better than the FAQ, in favour of whichever kind the question sounds like."""
    question = context.question
    if question.kind == "other":
        return False
    if context.wants_anything or (not question.subject and looked_at(context)):
        return True
    offerings = fitting(context)
    return bool(offerings) and offerings[0].score + (question.confidence - 0.5) / 2 >= faq.score
