"""What a finding is: a text by its code, a period, a score with its reasons, and numbers that anybody can take anew.

A number is never handed over: it is taken here, by its aggregate, from the rows that it names.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np

from reports.findings.series import Grain

Aggregate = Literal["value", "sum", "mean", "median", "min", "max", "count", "change", "gap"]
Type = Literal["anomaly", "change_point", "trend", "top_mover", "threshold", "missing_data"]

AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "value": lambda values: values[0],
    "sum": lambda values: float(np.sum(values)),
    "mean": lambda values: float(np.mean(values)),
    "median": lambda values: float(np.median(values)),
    "min": min,
    "max": max,
    "count": len,
    "change": lambda values: (values[1] - values[0]) / values[0],
}
"""How a number is made of the values of its rows, in their order. ``change`` is relative, from one number to another."""
UNFINISHED = "unfinished"
"""The value of a finding that says which last moment was left out, for figures of it seem to be still to come."""
PEAK = "peak"
"""The one that says of which moment of a period the observed number is,"""
EARLY, LATE = "early", "late"
"""those that say which two spans (first and last moment) a trend compares,"""
GRAIN = "grain"
"""the one that says that moments are months, quarters or years,"""
ALSO = "also"
"""and the one that names the other series that the same period stands out in."""


@dataclass(frozen=True)
class Number:
    """A number of a finding. ``rows`` are places in the table; ``each`` sums or averages them by moment first,
    ``per`` says of a mean, a median or a sum what it is for: a day, a week.

    ``between`` names two other numbers of which it is the change. ``since``, ``until`` and ``where`` (a column and its
    text) are the shorter way to ask for the same rows, where there are many.
    """

    name: str
    value: float
    aggregate: Aggregate
    column: str
    rows: tuple[int, ...] = ()
    each: Literal["", "sum", "mean"] = ""
    between: tuple[str, str] | None = None
    since: str = ""
    until: str = ""
    where: tuple[str, str] | None = None
    per: Grain = ""


@dataclass(frozen=True)
class Reason:
    """Points that a score is made of, and what for."""

    code: Literal["rarity", "size", "recency", "certainty", "duration", "share"]
    points: int


@dataclass(frozen=True)
class Finding:
    """One thing to tell. ``values`` fill the gaps of the text beside the numbers; ``key`` is what makes it this one."""

    type: Type
    code: str
    series: str
    first: datetime | None
    last: datetime | None
    numbers: tuple[Number, ...]
    reasons: tuple[Reason, ...]
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def score(self) -> int:
        """How much it matters, 0 to 100."""
        return min(100, max(0, sum(reason.points for reason in self.reasons)))

    @property
    def key(self) -> str:
        """What makes it this finding, when the report is looked at again, or the next one of its series.

        A series has one trend, and moved once of late, whenever its figures begin.
        """
        kind = self.code if self.type in ("missing_data", "threshold") else self.type
        first = "" if self.type in ("trend", "top_mover") else str(self.first)
        return "\n".join([self.type, kind, self.series, first, str(self.values.get("category", ""))])


def saturating(amount: float, half: float, most: int) -> int:
    """Return points that rise with an amount: half of ``most`` at ``half``, never more than ``most``."""
    return round(most * max(amount, 0.0) / (max(amount, 0.0) + half)) if np.isfinite(amount) else most


def recency(last: int, length: int, most: int = 20) -> Reason:
    """Return the points of what ended at a place of a series: all for its last twentieth, fewer the longer ago."""
    share = (length - 1 - last) / max(length, 1)
    return Reason("recency", round(most * max(0.0, 1 - max(0.0, share - 0.05))))


def change_between(before: Number, after: Number) -> tuple[Number, ...]:
    """Return the relative change from one number to another, 0.1 for 10 % more; nothing where there is no per cent.

    That is from zero, and from or to what is below it.
    """
    if before.value <= 0 or after.value < 0:
        return ()
    value = AGGREGATES["change"]((before.value, after.value))
    return (Number("change", value, "change", before.column, between=(before.name, after.name)),)


def size_between(before: Number, after: Number) -> float:
    """Return how large a change is: relative to what was before, or 1 where nothing can be said to be."""
    change = change_between(before, after)
    return abs(change[0].value) if change else 1.0
