"""What something that is sold is like: how heavy, how far, of what. Told by the sentence of its description that says so."""

import re
from dataclasses import dataclass
from uuid import UUID

from bots.reading.chunks import sentences
from catalog.search import Hit
from runtime.context import TurnContext
from runtime.tiers.pointed import LOOKED_AT
from runtime.understanding.facets import asked_of, is_yes_or_no, tells
from runtime.understanding.lexicon import ORDERS
from runtime.understanding.topics import asked_units, units_of
from tenants.text import detect_language, words

UNSAID = 0.2
"""Share of what is asked about that an offering may leave out when it tells the kind of fact asked for."""

NAMED_BY = 0.3
"""Share of what is asked about from which on an offering is the one that is spoken of."""

LOOKED_THROUGH = 8
"""Offerings found among which the one may be that is spoken of."""

NAMED = 0.5
"""Confidence from which on a message plainly asks for a choice."""

ASKING_WHAT = frozenset(("what", "which", "how", "gi", "nao", "sao", "ai"))
"""Folded words of which one asks something openly."""

OF_TRADE = frozenset(("amount", "time", "place"))
"""Kinds of facts that no description tells."""


_OPTIONS = re.compile(r"\S+ (?:.* )?\w+: ")
"""A line of the search text that stands for a variant: SKU, name, options. Those are told with their prices and stock."""


@dataclass(frozen=True)
class Described:
    """An offering of which something is asked, and the sentence that tells it; empty when none does."""

    hit: Hit
    told: str


def described(context: TurnContext) -> Described | None:
    """Return what the message asks of an offering beside price and stock, and what tells it; None when it asks no such thing."""
    wanted = asked_of(context.message)
    if wanted & OF_TRADE or _only_wishes(context) or not (wanted or _may_ask(context)):
        return None
    hit = _spoken_of(context)
    if hit is None or not (wanted or _asks_more(context, hit)):
        return None
    told = _told(context, hit)
    return None if _OPTIONS.match(told) else Described(hit, told)


def _only_wishes(context: TurnContext) -> bool:
    """Whether the message names a colour or size that it wants, and asks for none: “the shirt in size L”."""
    is_named = any(slot.key in ("colour", "size") for slot in context.question.slots)
    return is_named and ASKING_WHAT.isdisjoint(words(context.message))


def _may_ask(context: TurnContext) -> bool:
    """Whether the message may ask for anything but price, stock, a choice or an order."""
    question = context.question
    is_free = question.kind in ("other", "describe") or (question.kind == "browse" and question.confidence < NAMED)
    is_free = is_free and (is_yes_or_no(context.message) or not ASKING_WHAT.isdisjoint(words(context.message)))
    return is_free and not context.has_budget and not question.sort and ORDERS.isdisjoint(words(context.message))


def _spoken_of(context: TurnContext) -> Hit | None:
    """Return the offering that holds most of what is asked about, its name some of it; else the one spoken of before."""
    found = context.hits.get("offering", [])
    best = max(found[:LOOKED_THROUGH], key=lambda hit: (context.share_of(hit), hit.score), default=None)
    if best is not None and context.share_of(best) >= NAMED_BY and _is_named(context, best):
        return best
    try:
        before = UUID(context.slots.get(LOOKED_AT, ""))
    except ValueError:  # none yet, or a slot that a front end wrote
        return None
    return next((hit for hit in found if hit.id == before), None)


def _names(hit: Hit) -> str:
    """The name of an offering, and the lines that may be its name in another language."""
    return "\n".join([hit.title, *(line for line in hit.body.split("\n") if line[:1].isupper() and not line.endswith("."))])


def _is_named(context: TurnContext, hit: Hit) -> bool:
    return not context.coverage.asked.single.isdisjoint(units_of(_names(hit)).single)


def _asks_more(context: TurnContext, hit: Hit) -> bool:
    """Whether more is asked about than the name of the offering says."""
    return bool(asked_units(context.message).single - units_of(hit.title).single)


def _told(context: TurnContext, hit: Hit) -> str:
    """Return the sentence of the description that tells what is asked, first one in the customer's language."""
    wanted, text = asked_of(context.message), f"{hit.title} {hit.body}"
    if context.coverage.leaves_out(text) > (UNSAID if wanted else 0.0):
        return ""
    parts = [part.strip() for line in hit.body.split("\n") for part in sentences(line)]
    name = units_of(hit.title).single
    asked = context.coverage.asked.single
    telling = [
        (len(asked & units_of(part).single), detect_language(part) == context.question.language, -place, part)
        for place, part in enumerate(parts)
        if all(tells(facet, part) for facet in wanted) and (wanted or (asked - name) & units_of(part).single)
    ]
    return max(telling, default=(0, False, 0, ""), key=lambda one: (one[1], one[0], one[2]))[3]
