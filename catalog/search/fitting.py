"""How well an offering fits a description such as “phone with a good camera”: for lists, where many may be right.

The confidence of ``scoring`` answers “is this the one?” and falls when others fit as well. A list asks another thing:
what share of the words is there, and how near is the meaning.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise, product
from typing import TypeVar

from catalog.search.phrases import read_as_said, spaced, stop_words
from catalog.search.query import Hit
from tenants.text import Language, detect_language, words

T = TypeVar("T", str, tuple[str, str])

FIT_THRESHOLD = 0.42
"""Below this an offering is not shown. Chosen on invented questions about two shops, in both languages."""

BODY_WEIGHT = 0.6
"""A word in the description counts less than one in the name: a house with a car park is no car."""

PLURALS = ("s", "es")
"""Endings by which English words of one stem may differ."""


def fit(query: str, hit: Hit) -> float:
    """Return in [0, 1] how well the offering found fits ``query``: half by its words, half by its meaning."""
    return (coverage(query, hit) + min(max(hit.parts["vector"], 0.0), 1.0)) / 2


def coverage(query: str, hit: Hit) -> float:
    """Return the share of the telling words, and of their pairs in Vietnamese, that the offering has."""
    spoken, language = _read(query)
    stop = stop_words(language, hit.synonyms)
    telling = [word for word in spoken if word not in stop] or spoken
    title, body = (read_as_said(spaced(text), hit.synonyms).split() for text in (hit.title, hit.body))
    share = _share([_forms(word) for word in telling], set(title), set(body))
    # A Vietnamese word is often two syllables that mean other things alone: máy ảnh is a camera, máy any machine.
    if language == "vi" and len(spoken) > 1:
        pairs = [_pairs(one, other) for one, other in pairwise(spoken)]
        return (share + _share(pairs, set(pairwise(title)), set(pairwise(body)))) / 2
    return share


@lru_cache(maxsize=256)
def _read(query: str) -> tuple[list[str], Language]:
    """Return the words of a question and its language; kept, for it is asked about many offerings."""
    return words(query), detect_language(query)


def _share(units: Sequence[frozenset[T]], title: set[T], body: set[T]) -> float:
    """Return the share of the units of which some form is there."""
    if not units:
        return 0.0
    found = (1.0 if not unit.isdisjoint(title) else BODY_WEIGHT if not unit.isdisjoint(body) else 0.0 for unit in units)
    return sum(found) / len(units)


@lru_cache(maxsize=4096)
def _forms(word: str) -> frozenset[str]:
    """Return the word and those that differ from it by the ending of a plural, of which the shorter has three letters."""
    longer = [word + ending for ending in PLURALS if len(word) > 2]
    shorter = [word.removesuffix(ending) for ending in PLURALS if word.endswith(ending)]
    return frozenset([word, *longer, *(one for one in shorter if len(one) > 2)])


@lru_cache(maxsize=4096)
def _pairs(one: str, other: str) -> frozenset[tuple[str, str]]:
    return frozenset(product(_forms(one), _forms(other)))
