"""Why a search finds what it finds: each hit with every part of its score, and what was looked for at all."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db import connection

from catalog.models import SearchText, SearchVector
from catalog.search.filters import Filters
from catalog.search.fitting import FIT_THRESHOLD, fit
from catalog.search.offerings import FoundOffering, find_offerings
from catalog.search.phrases import Synonym, read_as_said, said_and_spelled, spaced, stop_words, unit_synonyms
from catalog.search.query import Hit
from tenants.queue import QueueState
from tenants.scope import current_tenant_id
from tenants.text import Language, detect_language, words


class Nothing(StrEnum):
    """Why nothing was found."""

    EMPTY = "empty"  # no offering is on sale
    WORDLESS = "wordless"  # the question has no word
    FILTERED = "filtered"  # some are found without the filters
    UNKNOWN = "unknown"  # no text holds any of the words, and none is near in meaning


@dataclass(frozen=True, slots=True)
class Explained:
    """A hit, the words of the question that its name and its text hold, and whether a bot would show it."""

    found: FoundOffering
    in_name: list[str]
    in_text: list[str]
    fit: float

    @property
    def is_shown_by_bots(self) -> bool:
        """Whether it fits well enough to be offered to a customer who asks for a choice."""
        return max(self.fit, self.found.hit.score) >= FIT_THRESHOLD


@dataclass(frozen=True, slots=True)
class Trial:
    """A search, explained. ``waiting``: offerings that have no vector yet and are found by words only."""

    hits: list[Explained]
    language: Language
    looked_for: list[str]
    left_out: list[str]
    synonyms: list[Synonym]
    waiting: int
    nothing: Nothing | None
    milliseconds: int


def try_search(query: str, *, filters: Filters, limit: int, language: str | None = None) -> Trial:
    """Search as the API does and say why: for people, so it asks the database more than once."""
    begun = time.perf_counter()
    found = find_offerings(query, filters=filters, limit=limit, currency=filters.currency or None, language=language)
    taken = time.perf_counter() - begun
    synonyms = [*unit_synonyms(query), *_synonyms(query)]
    spoken = list(dict.fromkeys(words(query)))
    stop = stop_words(detect_language(query), synonyms)
    looked_for = [word for word in spoken if word not in stop] or spoken
    texts = SearchVector.objects.filter(kind=SearchText.Kind.OFFERING)
    return Trial(
        hits=[_explained(query, looked_for, one) for one in found],
        language=detect_language(query),
        looked_for=looked_for,
        left_out=[word for word in spoken if word not in looked_for],
        synonyms=synonyms,
        waiting=texts.filter(state__in=[QueueState.PENDING, QueueState.RUNNING]).count(),
        nothing=None if found else _why_nothing(query, filters),
        milliseconds=round(taken * 1000),
    )


def _synonyms(query: str) -> list[Synonym]:
    phrases, typed = said_and_spelled(query)
    with connection.cursor() as cursor:
        cursor.execute("SELECT search_synonyms(%s, %s::text[], %s::text[])", [current_tenant_id(), phrases, typed])
        row = cursor.fetchone()
    return [Synonym.read(one) for one in (row[0] if row else None) or ()]


def _explained(query: str, looked_for: Sequence[str], found: FoundOffering) -> Explained:
    hit = found.hit
    name, text = (set(_read(part, hit)) for part in (hit.title, hit.body))
    in_name = [word for word in looked_for if word in name]
    return Explained(
        found=found,
        in_name=in_name,
        in_text=[word for word in looked_for if word in text and word not in name],
        fit=fit(query, hit),
    )


def _read(text: str, hit: Hit) -> list[str]:
    return read_as_said(spaced(text), hit.synonyms).split()


def _why_nothing(query: str, filters: Filters) -> Nothing:
    if not SearchText.objects.filter(kind=SearchText.Kind.OFFERING).exists():
        return Nothing.EMPTY
    if not words(query):
        return Nothing.WORDLESS
    if filters.only and find_offerings(query, filters=Filters(), limit=1):
        return Nothing.FILTERED
    return Nothing.UNKNOWN
