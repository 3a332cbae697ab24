"""Answers that somebody wrote: the FAQ that fits."""

from catalog.search import Hit
from runtime.context import Reply, TurnContext, as_source
from runtime.models import Tier
from runtime.tiers.catalog import knows_better, names_nothing
from runtime.understanding import understand
from runtime.understanding.evidence import share_held
from runtime.understanding.facets import is_yes_or_no
from runtime.understanding.lexicon import stems_of, telling
from tenants.text import Language

LEAST: dict[Language, float] = {"en": 0.28, "vi": 0.4}
"""Evidence that a FAQ needs to answer, however far it leads the others: among a few one always does. Vietnamese syllables are alike
whatever they mean, so there words must say it.
"""

SAME: dict[Language, float] = {"en": 0.6, "vi": 0.8}
"""Likeness of meaning from which a text answers a question whether something is so, though a word of it is known nowhere."""

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
    speaks = context.evidence_of(faq) >= LEAST[context.question.language] or not telling(context.message)
    is_sure = holds or (context.is_sure_of(faq) and speaks)
    return (
        is_sure and not asks_of_unknown(context, faq) and not (names_nothing(context) and not _asks_the_same(context, faq))
    )


def asks_of_unknown(context: TurnContext, hit: Hit) -> bool:
    """Whether the message asks if something is so of a thing that nothing found speaks of: “do you repair laptops?” where only
    bicycles are repaired. Unless the text means nearly the same in other words.
    """
    if hit.parts["vector"] >= SAME[context.question.language] or not is_yes_or_no(context.message):
        return False
    missing = telling(context.message) - stems_of(f"{hit.title} {hit.body}")
    if not is_yes_or_no(hit.title) and 2 * len(missing) < len(telling(context.message)):
        return False  # “which payments do you take?” tells whether one of them is taken
    return any(not context.knows(word) for word in missing)


def _asks_the_same(context: TurnContext, faq: Hit) -> bool:
    written = understand(faq.title, currency=context.currency)
    return written.kind == context.question.kind and not telling(written.subject)
