"""Whether one clause of a reply is borne out: its values by one clause of what is known, and what it affirms by none that denies it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from runtime.model.clauses import Clause, Passage, clauses_of, undominated
from runtime.model.moments import Clock, claimed_clocks, claimed_days, clocks_in, implied_days
from runtime.model.quantities import Quantity
from runtime.model.reversals import reverses
from tenants.text import Language

DENIED_SHARE, DENYING_SHARE = 0.5, 0.4
"""Share of a clause's words that another must hold to deny it, and share of the other's own that must be of it: what is closed at
New Year is open else.
"""
_BOUND = re.compile(
    r"\b(?:after|over|more than|less than|beyond|before|without|only|other|except|until|if)\b"
    r"|\b(?:sau|quá|hơn|trên|dưới|trước|ngoài|chỉ|khác|trừ|nếu)\b"
)
"""Words of a denial that speak of the rest of what is affirmed: “not after 14 days”."""


@dataclass(frozen=True)
class Bearing:
    """What clauses are held against. ``passages`` of the sources, cited or all; ``others``: what else is known, such as results of
    tools; ``heard``: the customer's words, which name numbers and prove nothing.
    """

    passages: Sequence[Passage]
    others: Sequence[Passage] = ()
    heard: Sequence[Passage] = ()
    language: Language = "en"
    named: frozenset[UUID] = field(default_factory=frozenset)
    """The offerings that the clause names: others' sources say nothing of them."""

    def _pool(self, *, with_heard: bool) -> list[Clause]:
        return self._of_named([*self.passages, *self.others, *(self.heard if with_heard else ())])

    def _of_named(self, passages: Iterable[Passage]) -> list[Clause]:
        return [one for one in _clauses(passages) if not self.named or one.about is None or one.about in self.named]

    def holds(self, clause: Clause, *, is_repeating: bool) -> bool:
        """Whether every number, time and day of the clause stands in one clause of the same. ``is_repeating``: it asks or denies, so
        that it may name what the customer named.
        """
        pool = self._pool(with_heard=is_repeating)
        return (
            self._has_moments(clause, pool, is_repeating=is_repeating)
            and all(_is_counted(one, clause, self._counting(one, pool)) for one in clause.quantities)
            and self._has_numbers(clause, pool)
            and self._has_amounts(clause)
        )

    def _counting(self, quantity: Quantity, pool: list[Clause]) -> list[Clause]:
        """Return what may count the same; how many people come, the customer says."""
        is_ours = quantity.family in ("time", "percent")
        return pool if is_ours else [*pool, *_clauses(self.heard)]

    def _has_numbers(self, clause: Clause, pool: list[Clause]) -> bool:
        numbers = clause.bare_numbers(self.language)
        if not numbers or clause.text.rstrip().endswith(":"):
            return True
        return all(any(number in one.numbers for one in [*pool, *_clauses(self.heard)]) for number in numbers)

    def _has_amounts(self, clause: Clause) -> bool:
        """Whether each amount that a source names is named there of what the clause speaks of; those of others the fact check knows.
        That something costs nothing may not be said of what has a price there.
        """
        pool = [one for one in self._of_named(self.passages) if one.amounts and one.about is None]
        near = undominated(clause, pool, with_counted=True)
        told, known = _amounts(near), _amounts(pool)
        is_near = any(clause.words & (one.words | topics_in(one.all_words)) for one in near)
        return all(value in told or not (value in known or (is_near and not value)) for value in clause.amounts)

    def _has_moments(self, clause: Clause, pool: list[Clause], *, is_repeating: bool) -> bool:
        clocks, days = claimed_clocks(clause.said), claimed_days(clause.said) | implied_days(clause.said)
        if not clocks and not days:
            return True
        rows = undominated(clause, [one for one in pool if (one.clocks if clocks else one.days)])
        if not is_repeating and any(_is_closed(day, pool) for day in days):
            return False
        if not days:
            return any(_tells_all(one, clocks) for one in rows)
        open_rows = [one for one in rows if is_repeating or not one.is_denied]
        return all(any(day in one.days and _tells_all(one, clocks) for one in open_rows) for day in days)

    def denies(self, clause: Clause, words: frozenset[str], *, is_foreign: bool = False) -> bool:
        """Whether what speaks most of ``words``, the first of several, says the opposite of the clause. ``is_foreign``: it is in another
        language, of which topics alone can be compared.
        """
        if reverses(clause, self._of_named(self.passages), is_foreign=is_foreign):
            return True
        if is_foreign:
            words = topics_in(words)
        days = claimed_days(clause.said)
        pool = [one for one in self._of_named(self.passages) if not one.named_days or one.named_days & days]
        best = max(pool, key=lambda one: (len(words & one.all_words), len(words & one.words)), default=None)
        if best is None or not words:
            return False
        shared = len(words & best.all_words)
        if shared < min(2, len(words)) or shared < DENIED_SHARE * len(words) or best.is_denied == clause.is_denied:
            return False
        if not clause.is_denied:
            own = topics_in(best.words) if is_foreign else best.words
            return len(words & own) >= DENYING_SHARE * len(own)
        return _is_plainly_denied(clause, best, words) and not any(_denies_too(one, clause, words) for one in pool)

    def denies_all(self) -> bool:
        """Whether each text opens with a denial: words of two languages cannot be compared."""
        opening = [next((one for one in clauses_of(each) if not one.is_title), None) for each in self.passages]
        return bool(opening) and all(one is not None and one.is_denied for one in opening)


def topics_in(words: frozenset[str]) -> frozenset[str]:
    """Return those of the words that are topics."""
    return frozenset(word for word in words if word.startswith("@"))


def _amounts(clauses: Iterable[Clause]) -> frozenset[Decimal]:
    return frozenset[Decimal]().union(*(one.amounts for one in clauses))


def _clauses(passages: Iterable[Passage]) -> list[Clause]:
    return [clause for passage in passages for clause in clauses_of(passage)]


def _is_plainly_denied(clause: Clause, affirmed: Clause, words: frozenset[str]) -> bool:
    """Whether a denial denies just what is affirmed, of the same days and numbers, and not the rest of it."""
    if _BOUND.search(clause.said) or not words <= affirmed.all_words or not words & affirmed.words:
        return False
    return claimed_days(clause.said) <= affirmed.days and clause.quantities <= affirmed.quantities


def _denies_too(one: Clause, clause: Clause, words: frozenset[str]) -> bool:
    """Whether another clause denies the same: of the same days, or with most of the words."""
    days = claimed_days(clause.said)
    is_same = days <= one.named_days if days else 2 * len(words & one.all_words) >= len(words)
    return one.is_denied and is_same


def _is_closed(day: int, pool: Sequence[Clause]) -> bool:
    """Whether a day is named as one on which there is nothing, and by nothing else."""
    naming = [one for one in pool if day in one.named_days]
    return bool(naming) and all(one.is_denied for one in naming)


def _tells_all(one: Clause, clocks: Sequence[Clock]) -> bool:
    return all(any(clock & mine for mine in one.clocks) for clock in clocks)


def _is_counted(quantity: Quantity, clause: Clause, pool: Sequence[Clause]) -> bool:
    """Whether it stands in a clause that counts the same kind of thing, or as the whole value of an attribute; an hour may be one of
    the clock.
    """
    counting = undominated(clause, [one for one in pool if quantity.family in one.families])
    if any(quantity[:2] == other[:2] for one in counting for other in one.quantities):
        return True
    if any(value in one.cells for one in pool for value in clause.numbers if quantity.unit != "life"):
        return True
    said = clocks_in(quantity.said) if quantity.said else ()
    return bool(said) and any(_tells_all(one, said) for one in pool)
