"""Finding offerings as a shop shows them: narrowed, with price, availability and why each was found."""

from dataclasses import dataclass
from functools import partial

from catalog.facts import OfferingFacts, offering_facts
from catalog.pricing import ResolvedPrice
from catalog.search.filters import Filters
from catalog.search.query import Hit, search

MOST_FOUND = 100
"""Offerings in one answer of the search."""


@dataclass(frozen=True, slots=True)
class FoundOffering:
    """An offering, why it was found, and the range of its prices: with bounds, of those within them."""

    facts: OfferingFacts
    hit: Hit
    lowest: ResolvedPrice | None
    highest: ResolvedPrice | None


def find_offerings(
    query: str,
    *,
    filters: Filters,
    limit: int,
    currency: str | None = None,
    language: str | None = None,
    told_in: str | None = None,
) -> list[FoundOffering]:
    """Return the active offerings that fit ``query`` and meet ``filters``, best first, in two round trips.

    ``language`` is that of the query, ``told_in`` that of the names shown, where they are translated.
    ``currency`` is that of the prices shown where the filters bound none. Of an offering whose price, changed since, is
    no longer within the bounds nothing is shown.
    """
    found = search(query, kinds=["offering"], limit=limit, only=filters.only, language=language)
    hits = {hit.id: hit for hit in found}
    shown_in = filters.currency if filters.is_priced else currency
    read = partial(offering_facts, channel=filters.channel, currency=shown_in, language=told_in)
    offerings = read(list(hits)) if hits else []
    return [one for facts in offerings if (one := _found(facts, hits[facts.id], filters)).lowest or not filters.is_priced]


def _found(facts: OfferingFacts, hit: Hit, filters: Filters) -> FoundOffering:
    if not filters.is_priced:
        return FoundOffering(facts, hit, facts.lowest_price, facts.highest_price)
    prices = sorted((v.price for v in facts.variants if v.price and _fits(v.price, filters)), key=lambda one: one.amount)
    return FoundOffering(facts, hit, *((prices[0], prices[-1]) if prices else (None, None)))


def _fits(price: ResolvedPrice, filters: Filters) -> bool:
    least, most = filters.minimum, filters.maximum
    return (least is None or least <= price.amount) and (most is None or price.amount <= most)
