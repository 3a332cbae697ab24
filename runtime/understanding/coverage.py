"""How much of what a question asks about a text holds, the rare counting more: what few of the texts found speak of tells most.

A passage that shares a word with the question that every text of the business has shares nothing.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from math import log

from runtime.understanding.topics import Units, asked_units, units_of
from tenants.text import Language, detect_language

PAIRED = 0.3
"""What the pairs of syllables count beside them in Vietnamese, where one alone means many things."""

LEAST_TOLD = 0.3
"""Share of what a word tells that nothing holds, which a text must hold of a question in all: less is no more than chance."""


class Coverage:
    """What a question asks about, weighed by how rare it is among the texts that were found."""

    def __init__(self, question: str, texts: Sequence[str]) -> None:
        self.asked: Units = asked_units(question)
        self.language: Language = detect_language(question)
        self.texts = texts
        self._known: dict[str, frozenset[str]] = {}

    def held_by(self, text: str) -> frozenset[str]:
        """Return what of the question a text holds: a word that was typed with diacritics as it is spelled alone."""
        if text not in self._known:
            units = units_of(text)
            self._known[text] = frozenset(
                unit for unit in self.asked.single & units.single if units.spells(unit, self.asked)
            )
        return self._known[text]

    @cached_property
    def weights(self) -> dict[str, float]:
        """What each unit of the question tells (BM25's idf, Robertson 2009)."""
        held, known = [self.held_by(text) for text in self.texts], len(self.texts)
        counts = {unit: sum(unit in one for one in held) for unit in self.asked.single}
        return {unit: log(1 + (known - count + 0.5) / (count + 0.5)) for unit, count in counts.items()}

    @cached_property
    def _whole(self) -> float:
        return sum(self.weights.values())

    @property
    def names_topic(self) -> bool:
        """Whether the question names one of the things that every business is asked about."""
        return any(unit.startswith("@") for unit in self.asked.single)

    def share(self, text: str) -> float:
        """Return the share in [0, 1] of what is asked that a text holds; 0 where nothing is asked about."""
        if not self.asked.single:
            return 0.0
        held = self.held_by(text)
        singles = self._told(held) / self._whole
        if self.language != "vi" or not self.asked.pairs:
            return singles
        pairs = [pair for pair in self.asked.pairs & units_of(text).pairs if held.issuperset(pair)]
        return (1 - PAIRED) * singles + PAIRED * len(pairs) / len(self.asked.pairs)

    def is_told_by(self, text: str) -> bool:
        """Whether what a text holds of the question is more than a word or two that all texts have."""
        return self._told(self.held_by(text)) >= LEAST_TOLD * self._unheard

    def lacks(self, text: str) -> float:
        """Return what the rarest thing asked about tells, as a share of all, that the text does not hold and some other does: that is
        rather the one which is meant. 0 when none is missing.
        """
        missing = (self.weights[unit] for unit in self.asked.single - self.held_by(text))
        return max((weight for weight in missing if weight < self._unheard), default=0.0) / (self._whole or 1.0)

    def leaves_out(self, text: str) -> float:
        """Return the share of what is asked about that the text does not hold, in words alone."""
        return 1 - self._told(self.held_by(text)) / self._whole if self.asked.single else 0.0

    @property
    def _unheard(self) -> float:
        """What a word tells that no text holds."""
        return log(2 * len(self.texts) + 2)

    def _told(self, units: Iterable[str]) -> float:
        return sum(self.weights[unit] for unit in units)
