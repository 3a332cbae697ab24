"""What something that is sold is like: how heavy, how far, of what. Told by its attribute that says so, or by the sentence of its
description.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils import translation

from bots.reading.chunks import sentences
from catalog.facts import OfferingFacts
from catalog.search import Hit
from runtime import replies
from runtime.context import TurnContext
from runtime.found import names_in
from runtime.tiers.facts import facts_of, remembered
from runtime.tiers.pointed import named_in
from runtime.understanding.attributes import facets_measured, meant_by, measured_in
from runtime.understanding.facets import Facet, asked_of, is_yes_or_no, tells
from runtime.understanding.lexicon import OPENING, ORDERS
from runtime.understanding.topics import asked_units, units_of
from tenants.text import detect_language, fold, words

UNSAID = 0.2
"""Share of what is asked about that an offering may leave out when it tells the kind of fact asked for."""

NAMED_BY = 0.3
"""Share of what is asked about from which on an offering is the one that is spoken of."""

LOOKED_THROUGH = 8
"""Offerings found among which the one may be that is spoken of."""

NAMED = 0.5
"""Confidence from which on a message plainly asks for a choice."""

FIRM = 0.6
"""Confidence above which it is plainly asked whether something is there, and not only “có … không”."""

ASKING_WHAT = frozenset(("what", "which", "how", "gi", "nao", "sao", "ai", "may"))
"""Folded words of which one asks something openly."""

THERE_IS = frozenset(("co", "con"))
"""Folded words with which it is asked whether something is there; behind a name they ask whether it has or is something."""

HOW_TO = re.compile(
    r"\s*(?:how (?:do|can|could|should|may) (?:i|we|you)|làm sao|làm thế nào|lam sao|lam the nao)\b", re.IGNORECASE
)
"""By which it is asked what to do: no attribute tells."""

OF_TRADE = frozenset(("amount", "time", "place"))
"""Kinds of facts that no description tells."""


_OPTIONS = re.compile(r"\S+ (?:.* )?\w+: ")
"""A line of the search text that stands for a variant: SKU, name, options. Those are told with their prices and stock."""


@dataclass(frozen=True)
class Described:
    """An offering of which something is asked, and what tells it; ``told`` is empty when nothing does. ``share`` is that of what is
    asked about which it holds.
    """

    hit: Hit | None
    facts: OfferingFacts
    told: str
    share: float
    is_attribute: bool = False

    @property
    def message(self) -> str:
        """What is said."""
        return f"{self.facts.name}: {self.told}"


def described(context: TurnContext) -> Described | None:
    """Return what the message asks of an offering beside price and stock, and what tells it; None when it asks no such thing."""
    known = context.looked_through
    if (key := f"described {context.message}") not in known:
        known[key] = _described(context)
    found: Described | None = known[key]
    return found


def _described(context: TurnContext) -> Described | None:
    wanted = asked_of(context.message)
    if HOW_TO.match(context.message) and not wanted:
        return None
    if wanted & OF_TRADE or _only_wishes(context) or not (wanted or _may_ask(context)):
        return None
    hit = _spoken_of(context)
    if hit is None or not (wanted or _asks_more(context, hit)):
        return None
    found = facts_of(context, [hit.id], defined=True)
    if not found:
        return None
    attribute = _attribute_of(context, hit, found[0])
    told = attribute or _told(context, hit, found[0])
    share = context.coverage.share(f"{hit.title} {hit.body} {told}")
    return Described(hit, found[0], told, share, is_attribute=bool(attribute))


def of_offering(context: TurnContext, hits: list[Hit]) -> list[Described]:
    """Return what the message asks of several offerings that it names: the attribute that all of them have, else a sentence of each."""
    facts = {one.id: one for one in facts_of(context, [hit.id for hit in hits], defined=True)}
    known = [(hit, facts[hit.id]) for hit in hits if hit.id in facts]
    names = frozenset[str]().union(*(units_of("\n".join(names_in(hit))).single for hit in hits))
    asked = asked_units(context.message).single - names
    meant = [
        {one.key: one for one in meant_by(context.message, asked, frozenset(), found.described)} for _hit, found in known
    ]
    common = set(meant[0]).intersection(*meant[1:]) if meant else set()
    language = context.question.language
    with translation.override(language):
        told = ["; ".join(replies.attribute(one[key], language) for key in sorted(common)) for one in meant]
    facets = facets_measured(context.message)
    return [
        Described(hit, found, one or _of_facet(hit, found, facets), context.coverage.share(f"{hit.title} {hit.body} {one}"))
        for (hit, found), one in zip(known, told, strict=True)
    ]


def _of_facet(hit: Hit, facts: OfferingFacts, facets: frozenset[Facet]) -> str:
    """Return the first sentence of a description that tells a kind of fact."""
    return next((part for part in _sentences(hit, facts) if any(tells(facet, part) for facet in facets)), "")


def _only_wishes(context: TurnContext) -> bool:
    """Whether the message names a colour or size that it wants, and asks for none: “the shirt in size L”."""
    is_named = any(slot.key in ("colour", "size") for slot in context.wishes)
    return is_named and ASKING_WHAT.isdisjoint(words(context.message))


def _may_ask(context: TurnContext) -> bool:
    """Whether the message may ask for anything but price, stock, a choice or an order."""
    question = context.question
    is_free = question.kind in ("other", "describe") or (question.kind == "browse" and question.confidence < NAMED)
    is_free = is_free or _asks_of_named(context)
    is_free = is_free and (
        bool(context.said) or is_yes_or_no(context.message) or not ASKING_WHAT.isdisjoint(words(context.message))
    )
    return is_free and not context.has_budget and not question.sort and ORDERS.isdisjoint(words(context.message))


def _asks_of_named(context: TurnContext) -> bool:
    """Whether something is asked of a thing that stands in front: “đèn pin có chống nước không”, “what light does the fern need”."""
    question = context.question
    if question.kind == "stock":
        said = [word for word in words(context.message) if word not in OPENING]
        return (
            question.confidence <= FIRM
            and bool(said)
            and said[0] not in THERE_IS
            and said[0] not in ("do", "is", "are", "got")
        )
    return question.kind == "browse" and bool(named_in(context))


def _spoken_of(context: TurnContext) -> Hit | None:
    """Return the offering that holds most of what is asked about, its name some of it; else the one spoken of before."""
    found = context.hits.get("offering", [])
    before = remembered(context)
    if context.said and (spoken := next((hit for hit in found if hit.id in before), None)) and _is_named(context, spoken):
        return spoken
    if len(named := named_in(context)) == 1:
        return named[0]
    best = max(found[:LOOKED_THROUGH], key=lambda hit: (context.share_of(hit), hit.score), default=None)
    if best is not None and context.share_of(best) >= NAMED_BY and _is_named(context, best):
        return best
    return next((hit for hit in found if hit.id in before), None)


def _is_named(context: TurnContext, hit: Hit) -> bool:
    return not context.coverage.asked.single.isdisjoint(units_of("\n".join(names_in(hit))).single)


def _asks_more(context: TurnContext, hit: Hit) -> bool:
    """Whether more is asked about than the name of the offering says."""
    is_named = units_of(hit.title).single
    return bool(asked_units(context.message).single - is_named) or bool(measured_in(context.message)[0])


def _attribute_of(context: TurnContext, hit: Hit, facts: OfferingFacts) -> str:
    """Return the attributes that the message means, as they are told; empty without one."""
    asked = asked_units(context.said or context.message).single - units_of("\n".join(names_in(hit))).single
    meant = meant_by(context.message, asked, asked_of(context.message), facts.described)
    language = context.question.language
    with translation.override(language):
        return "; ".join(replies.attribute(one, language) for one in meant)


def _told(context: TurnContext, hit: Hit, facts: OfferingFacts) -> str:
    """Return the sentence of the description that tells what is asked, first one in the customer's language."""
    wanted, text = asked_of(context.message), f"{hit.title} {hit.body}"
    if context.coverage.leaves_out(text) > (UNSAID if wanted else 0.0):
        return ""
    name = units_of(f"{hit.title} {facts.name}").single
    asked = context.coverage.asked.single
    telling = [
        (len(asked & units_of(part).single), detect_language(part) == context.question.language, -place, part)
        for place, part in enumerate(_sentences(hit, facts))
        if all(tells(facet, part) for facet in wanted) and _holds_some(asked - name, part, needed=not wanted)
    ]
    return max(telling, default=(0, False, 0, ""), key=lambda one: (one[1], one[0], one[2]))[3]


def _holds_some(asked: frozenset[str], part: str, *, needed: bool) -> bool:
    """Whether a sentence holds anything of what is asked about beside the name; ``needed``: there must be such a thing."""
    return not asked.isdisjoint(units_of(part).single) or not (asked or needed)


def _sentences(hit: Hit, facts: OfferingFacts) -> Iterator[str]:
    """Yield the sentences of a description: not the names, the category, the attributes and the variants that stand beside it."""
    names = {fold(hit.title), fold(facts.name), fold(facts.category)}
    keys = tuple(key + ending for key in facts.attributes for ending in (":", ","))
    for line in hit.body.split("\n"):
        if (
            fold(line) not in names
            and not line.startswith(keys)
            and not _OPTIONS.match(line)
            and line not in facts.attributes
        ):
            yield from (part.strip() for part in sentences(line))
