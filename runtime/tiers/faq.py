"""Answers that somebody wrote: the FAQ that fits."""

from catalog.search import Hit
from runtime.context import Reply, TurnContext, as_source
from runtime.models import Tier
from runtime.tiers.catalog import knows_better
from runtime.understanding import understand
from runtime.understanding.evidence import share_held
from runtime.understanding.lexicon import telling

NEARLY, HELD, CERTAIN = 0.5, 0.5, 0.7
"""A FAQ below the platform's threshold, but not below this share of it, answers when its question holds this share of the telling words
and so much evidence speaks for it.
"""


def answer_from_faq(context: TurnContext) -> Reply | None:
    """Give the answer of the FAQ that fits, unless the customer asks the catalogue and it knows better."""
    faq = context.best("faq")
    if faq is None or not answers(context, faq) or knows_better(context, faq):
        return None
    return Reply(Tier.FAQ, faq.body, faq.score, sources=(as_source(faq),), ui_metadata={"title": faq.title})


def answers(context: TurnContext, faq: Hit) -> bool:
    """Whether a FAQ answers the message: by its score, or because it holds what was asked, and only other FAQs that
    do so too, such as its translation, keep the score down.
    """
    is_close = faq.kind not in context.thresholds and faq.score >= NEARLY * context.threshold_of(faq.kind)
    holds = is_close and share_held(context.message, faq.title) >= HELD and context.evidence_of(faq) >= CERTAIN
    return (context.is_sure_of(faq) or holds) and not (_names_nothing(context) and not _asks_the_same(context, faq))


def _names_nothing(context: TurnContext) -> bool:
    """Whether the message asks for a price or for stock and says of what only by pointing: “còn hàng không?”."""
    asked = context.question
    return asked.kind in ("price", "stock") and not telling(asked.subject) and not asked.about_fee


def _asks_the_same(context: TurnContext, faq: Hit) -> bool:
    written = understand(faq.title, currency=context.currency)
    return written.kind == context.question.kind and not telling(written.subject)
