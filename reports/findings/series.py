"""A series: figures over time on a regular grid, each with the rows it was taken from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Grain = Literal["", "hour", "day", "week", "month", "quarter", "year"]
DAY = 86_400
YEAR = 365.25
_SNAP = 0.3
"""Share of a step by which a moment may miss its place on the grid."""
_REGULAR = 0.9
"""Share of the moments that must be near their places, and of the places that must have one, for a grid."""
_MOST_STRETCHED = 3
"""How much longer than its moments a grid may be: beyond that most of it would be holes."""


@dataclass(frozen=True)
class Series:
    """Figures over time. ``values`` has NaN where the grid has no figure; ``points[i]`` are the moments' own places.

    ``unit`` is the kind of step: ``seconds`` (``step`` of them), ``months`` (``step`` of them), or empty where the moments
    are on no grid and only follow each other.
    """

    times: list[Any]
    values: Floats
    places: npt.NDArray[np.int64]
    unit: str
    step: float

    def __len__(self) -> int:
        return len(self.values)

    def nearest(self, index: int, *, forward: bool) -> int:
        """Return which moment is at a place of the grid, or the next one there is (``forward``), or the one before."""
        at = int(np.searchsorted(self.places, index, side="left" if forward else "right")) - (0 if forward else 1)
        return min(max(at, 0), len(self.places) - 1)

    def inside(self, first: int, last: int) -> list[int]:
        """Return which moments lie between two places of the grid, both included."""
        begin, end = np.searchsorted(self.places, first, "left"), np.searchsorted(self.places, last, "right")
        return list(range(int(begin), int(end)))

    def moment(self, place: int) -> Any:
        """Return when a place of the grid is, whether or not it has a figure; the step is whole months or a time."""
        at = self.nearest(place, forward=False)
        steps = (place - int(self.places[at])) * self.step
        if self.unit == "months":
            months = self.times[at].month - 1 + round(steps)
            return self.times[at].replace(year=self.times[at].year + months // 12, month=months % 12 + 1, day=1)
        return self.times[at] + timedelta(seconds=steps)

    @property
    def grain(self) -> Grain:
        """What a figure is of: a day, a month; empty for anything without a name."""
        if self.unit == "months":
            return {3: "quarter", 12: "year"}.get(int(self.step), "month")  # type: ignore[return-value]
        if self.unit != "seconds":
            return ""
        return {3_600: "hour", DAY: "day", 7 * DAY: "week"}.get(int(self.step), "")  # type: ignore[return-value]

    @property
    def seconds(self) -> float:
        """How long a step is, of months the shortest; 0 where the moments are on no grid."""
        return self.step * (28 * DAY if self.unit == "months" else 1) if self.unit else 0.0

    @property
    def year(self) -> int:
        """How many steps a year has; 0 where it has less than four, or the moments are on no grid."""
        steps = 12 / self.step if self.unit == "months" else YEAR * DAY / self.step if self.unit == "seconds" else 0
        return int(steps) if steps >= 4 else 0

    @property
    def cycles(self) -> list[int]:
        """The lengths, in steps, that a season may have by the calendar: day and week, week and year, year."""
        if self.unit == "months":
            return [12 // int(self.step)] if self.step in (1, 2, 3, 4) else []
        if self.unit != "seconds":
            return []
        lengths = [DAY, 7 * DAY] if self.step < DAY else [7 * DAY, YEAR * DAY] if self.step < 7 * DAY else [YEAR * DAY]
        return [round(length / self.step) for length in lengths if length / self.step >= 4]


def series_of(times: Sequence[Any], values: Sequence[float]) -> Series:
    """Return the series of moments (datetimes, rising, each once) and their figures, on a grid if they are on one."""
    given = np.asarray(values, dtype=np.float64)
    moments = np.asarray(times, dtype="datetime64[s]")
    ordinal = Series(list(times), given, np.arange(len(given)), "", 1.0)
    if len(given) < 3:
        return ordinal
    months = moments.astype("datetime64[M]").astype(np.int64)
    gaps = np.diff(moments.astype(np.int64))
    middle = float(np.median(gaps))
    if middle < 1:  # within one second
        return ordinal
    if middle >= 27 * DAY and len(set(months.tolist())) == len(months):
        step = float(np.median(np.diff(months)))
        return _on_grid(ordinal, (months - months[0]) / step, "months", step)
    return _on_grid(ordinal, (moments.astype(np.int64) - int(moments[0].astype(np.int64))) / middle, "seconds", middle)


def _on_grid(ordinal: Series, steps: Floats, unit: str, step: float) -> Series:
    places = np.rint(steps).astype(np.int64)
    near = np.abs(steps - places) <= _SNAP
    length = int(places[-1]) + 1
    if near.mean() < _REGULAR or len(np.unique(places)) < _REGULAR * len(places) or length > _MOST_STRETCHED * len(places):
        return ordinal
    first = np.concatenate([[True], np.diff(places) > 0])  # two moments at one place: the first one counts
    grid = np.full(length, np.nan)
    grid[places[first]] = ordinal.values[first]
    kept = [moment for moment, is_kept in zip(ordinal.times, first, strict=True) if is_kept]
    return Series(kept, grid, places[first], unit, step)
