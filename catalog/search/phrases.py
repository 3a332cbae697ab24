"""Phrases of a question that mean the same as others: the tenant's synonyms, and numbers with their units.

`said` is what stands in the question, `meant` what a text may hold in its place; both folded.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from catalog.models.search import SYNONYM_WORDS
from tenants.text import STOP_WORDS, Language, detect_language, fold, nfc, words

_NUMBER_UNIT = re.compile(r"([0-9]+)([^\W\d_]{1,4})")
"""16gb, 55inch, 5l: digits and a short unit."""


class Synonym(NamedTuple):
    """A phrase of the question and one that means the same."""

    said: str
    meant: str

    @classmethod
    def read(cls, text: str) -> "Synonym":
        """Read it as ``search_candidates`` writes it; phrases hold letters, digits and spaces only."""
        said, _sign, meant = text.partition("=")
        return cls(said, meant)


def said_and_spelled(query: str) -> tuple[list[str], list[str]]:
    """Return the phrases of up to ``SYNONYM_WORDS`` words in ``query``, folded, and each as it was typed.

    A stop word typed without diacritics, such as “de”, is nearly always just that: it is no phrase among other words.
    """
    typed = _typed_words(query)
    stop = STOP_WORDS[detect_language(query)] if len(typed) > 1 else frozenset()
    pairs: dict[tuple[str, str], None] = {}
    for start in range(len(typed)):
        for end in range(start + 1, min(start + SYNONYM_WORDS, len(typed)) + 1):
            spelled = " ".join(typed[start:end])
            said = fold(spelled)
            if not (spelled == said and said in stop):
                pairs[said, spelled] = None
    return [said for said, _spelled in pairs], [spelled for _said, spelled in pairs]


def _typed_words(text: str) -> list[str]:
    """Return the words in lower case with their diacritics; as many as ``words`` finds."""
    return re.findall(r"[^\W_]+", nfc(text.lower()))


@lru_cache(maxsize=256)
def unit_synonyms(query: str) -> tuple[Synonym, ...]:
    """Return “16gb” for every “16 gb” in the query, and the other way round."""
    spoken = words(query)
    apart = [(word, " ".join(match.groups())) for word in spoken if (match := _NUMBER_UNIT.fullmatch(word))]
    together = [
        (f"{number} {unit}", f"{number}{unit}")
        for number, unit in pairwise(spoken)
        if _NUMBER_UNIT.fullmatch(number + unit) and number.isdigit()
    ]
    return tuple(Synonym(said, meant) for said, meant in dict.fromkeys([*apart, *together]))


def stop_words(language: Language, synonyms: Iterable[Synonym]) -> frozenset[str]:
    """Return the words that carry no topic; one that has synonyms does: “dế”, a phone, is folded like “để”."""
    return STOP_WORDS[language].difference(one.said for one in synonyms)


def used_in(text: str, synonyms: Iterable[Synonym]) -> tuple[Synonym, ...]:
    """Return the synonyms that make a difference to a ``spaced`` text: it holds what is meant and not what was said."""
    return tuple(one for one in synonyms if f" {one.meant} " in text and f" {one.said} " not in text)


def read_as_said(text: str, synonyms: Sequence[Synonym]) -> str:
    """Return a ``spaced`` text in the words of the question: what is meant is read as what was said."""
    for one in used_in(text, synonyms) if synonyms else ():
        text = text.replace(f" {one.meant} ", f" {one.said} ")
    return text


@lru_cache(maxsize=8192)
def spaced(text: str) -> str:
    """Return the folded words of ``text``, each with a space on both sides. Kept: the same texts are found again and again."""
    return f" {' '.join(words(text))} "
