"""How well an offering fits a description such as “phone with a good camera”: for lists, where many may be right.

The confidence of ``scoring`` answers “is this the one?” and falls when others fit as well. A list asks another thing:
what share of the words is there, and how near is the meaning.
"""

from itertools import pairwise

from catalog.search.phrases import read_as_said, spaced, stop_words
from catalog.search.query import Hit
from tenants.text import detect_language, words

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
    spoken = words(query)
    language = detect_language(query)
    stop = stop_words(language, hit.synonyms)
    telling = [word for word in spoken if word not in stop] or spoken
    title, body = (read_as_said(spaced(text), hit.synonyms).split() for text in (hit.title, hit.body))
    share = _share([(word,) for word in telling], title, body)
    # A Vietnamese word is often two syllables that mean other things alone: máy ảnh is a camera, máy any machine.
    if language == "vi" and len(spoken) > 1:
        return (share + _share(list(pairwise(spoken)), title, body)) / 2
    return share


def _share(units: list[tuple[str, ...]], title: list[str], body: list[str]) -> float:
    if not units:
        return 0.0
    found = (1.0 if _has(title, unit) else BODY_WEIGHT if _has(body, unit) else 0.0 for unit in units)
    return sum(found) / len(units)


def _has(text: list[str], unit: tuple[str, ...]) -> bool:
    size = len(unit)
    places = (text[start : start + size] for start in range(len(text) - size + 1))
    return any(all(map(_same, unit, place)) for place in places)


def _same(one: str, other: str) -> bool:
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    return len(short) > 2 and long.startswith(short) and long[len(short) :] in PLURALS
