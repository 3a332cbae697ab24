"""Answers that somebody wrote: the FAQ that fits."""

from catalog.search import Hit
from runtime.context import Reply, TurnContext, as_source
from runtime.models import Tier
from runtime.tiers.catalog import knows_better, names_nothing
from runtime.understanding import understand
from runtime.understanding.bounds import begins_with_yes_or_no, without_yes
from runtime.understanding.coverage import Coverage
from runtime.understanding.facets import is_yes_or_no
from runtime.understanding.lexicon import LIGHT, telling
from runtime.understanding.people import speaks_of_people
from runtime.understanding.tokens import spelled_alike
from runtime.understanding.topics import DAYS, asked_units, units_of
from runtime.understanding.wishes import without_cities
from tenants.text import Language, fold, words

LEAST: dict[Language, float] = {"en": 0.28, "vi": 0.4}
"""Evidence that a FAQ needs to answer, however far it leads the others: among a few one always does."""

SAME: dict[Language, float] = {"en": 0.6, "vi": 0.8}
"""Likeness of meaning from which a text answers a question whether something is so, though a word of it is known nowhere."""

WAYS_TO_PAY = frozenset(("@card", "@cash", "@transfer"))
"""Topics that a text about paying may speak of, and another one only by chance."""

STEM = 4
"""Letters from which on the beginning of a word tells it."""

NEAR = 5
"""FAQs among which one in the customer's language is looked for."""

UNHEARD = 0.45
"""Share of what is asked about that a text may leave out, where the question is whether something is so."""


def answer_word_for_word(context: TurnContext) -> Reply | None:
    """Give the answer of the FAQ whose very question is asked, whatever else may tell of it. Prices and stock are the catalogue's."""
    said = words(context.message)
    if not said or context.question.kind in ("price", "stock"):
        return None
    faq = next(
        (
            hit
            for hit in context.hits.get("faq", ())
            if words(hit.title) == said and spelled_alike(context.message, hit.title)
        ),
        None,
    )
    return _reply(context, faq, confidence=1.0) if faq else None


def answer_from_faq(context: TurnContext) -> Reply | None:
    """Give the answer of the FAQ that fits, unless the customer asks the catalogue and it knows better."""
    faq = context.best("faq")
    if faq is None or not answers(context, faq) or knows_better(context, faq):
        return None
    faq = _in_own_language(context, faq)
    return _reply(context, faq, confidence=faq.score)


def _in_own_language(context: TurnContext, faq: Hit) -> Hit:
    """Return a FAQ in the customer's language that speaks of the same topics and answers as well; else the one given."""
    language = context.question.language
    topics = _topics_of(context, faq)
    if faq.language[:2] in ("", language) or not topics:
        return faq
    own = (hit for hit in context.hits["faq"][:NEAR] if hit.language[:2] == language and answers(context, hit))
    return next((hit for hit in own if _topics_of(context, hit) & topics), faq)


def _topics_of(context: TurnContext, faq: Hit) -> frozenset[str]:
    """Return the topics asked about that a FAQ speaks of."""
    held = context.coverage.held_by(f"{faq.title} {faq.body}")
    return frozenset(unit for unit in held if unit.startswith("@"))


def _reply(context: TurnContext, faq: Hit, *, confidence: float) -> Reply:
    return Reply(
        Tier.FAQ,
        without_yes(context.message, faq.body),
        confidence,
        sources=(as_source(faq),),
        ui_metadata={"title": faq.title},
    )


def answers(context: TurnContext, faq: Hit) -> bool:
    """Whether a FAQ answers the message: by its score, when enough speaks for it."""
    speaks = context.evidence_of(faq) >= LEAST[context.question.language] or not context.coverage.asked.single
    if not (context.is_sure_of(faq) and speaks) or asks_too_little(context, faq) or asks_of_unknown(context, faq):
        return False
    if _is_beside(context, faq) or not may_tell(context, faq.title, faq.body):
        return False
    return not names_nothing(context) or _asks_the_same(context, faq)


def may_tell(context: TurnContext, title: str, text: str) -> bool:
    """Whether a text that fits may be told: it speaks of the people who are named, and where it begins with a yes or no, of all
    that is asked about; a yes to something else is worse than no answer.
    """
    whole = f"{title} {text}"
    if not speaks_of_people(context.message, whole):
        return False
    says_so = begins_with_yes_or_no(text)
    if (says_so or is_yes_or_no(context.message)) and f"@{DAYS}" in units_of(context.message).single - units_of(
        whole
    ).single:
        return False
    missing = context.coverage.asked.single - LIGHT - context.coverage.held_by(whole)
    return not says_so or all(unit.isdigit() or _is_begun(unit, whole) for unit in missing)


def _is_begun(unit: str, text: str) -> bool:
    """Whether a text holds a longer or shorter form of a word: “wrap”, “wrapping”."""
    near = (one for one in units_of(text).single if len(one) >= STEM)
    return len(unit) >= STEM and any(one.startswith(unit) or unit.startswith(one) for one in near)


def _is_beside(context: TurnContext, faq: Hit) -> bool:
    """Whether the message asks about one of the things that every business is asked about, and the title about others only: a
    “handwritten card” pays nothing.
    """
    asked, title = context.coverage.asked.single, units_of(faq.title).single
    topics = {unit for unit in title if unit.startswith("@")}
    if not asked or not all(unit.startswith("@") for unit in asked):
        return not asked and bool(asked_units(faq.title).single) and bool(context.question.kind == "other")
    return asked.isdisjoint(title) and not (asked & WAYS_TO_PAY and "@pay" in topics) and bool(asked & WAYS_TO_PAY)


def asks_of_unknown(context: TurnContext, hit: Hit) -> bool:
    """Whether the message asks if something is so of a thing that the text does not speak of: “do you repair laptops?” where only
    bicycles are repaired. Unless the text means nearly the same in other words.
    """
    if hit.parts["vector"] >= SAME[context.question.language] or not is_yes_or_no(context.message):
        return False
    coverage = context.coverage
    if "@deliver" in coverage.asked.single:  # where to is no other thing that is asked about
        coverage = Coverage(without_cities(context.message), coverage.texts)
    return coverage.leaves_out(f"{hit.title} {hit.body}") >= UNHEARD


def asks_too_little(context: TurnContext, hit: Hit) -> bool:
    """Whether the message is no question: without a letter, or one word that the text is not about, though it may stand in it."""
    said = words(context.message)
    if not any(map(str.isalpha, "".join(said))):
        return True
    return (
        len(said) == 1
        and bool(context.coverage.asked.single)
        and context.coverage.share(hit.title) == 0
        and not context.coverage.names_topic
        and not _names_it(hit, said[0])
    )


def _names_it(hit: Hit, word: str) -> bool:
    """Whether the one word of a message is a name in the text, written with a capital inside a sentence: “MoMo?”."""
    said = [one.strip(".,;:!?()“”\"'") for one in hit.body.split()]
    behind = zip(hit.body.split(), said[1:], strict=False)
    return any(fold(one) == word and one != one.lower() and before[-1:] not in ".!?:" for before, one in behind)


def _asks_the_same(context: TurnContext, faq: Hit) -> bool:
    written = understand(faq.title, currency=context.currency)
    return written.kind == context.question.kind and not telling(written.subject)
