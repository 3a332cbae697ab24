"""What is missing: moments of a grid without a figure, figures that stand still, cells that are empty or no figure."""

from dataclasses import dataclass

import numpy as np

from reports.findings.seasons import Parts
from reports.findings.series import DAY, Series

MOST_RUNS = 5
_MOST_HOLES = 0.3
"""Share of holes beyond which the grid is not what the series follows."""
_CLOSED = 0.7
"""Share of a weekday's holes from which it is a day off."""
_FEWEST_FIGURES = 5
"""How many different figures there must be around a standstill."""
_LONGER = 3
"""How much longer than all but one in a hundred others a standstill is."""


@dataclass(frozen=True)
class Run:
    """Places of a grid that follow each other."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many places it has."""
        return self.last - self.first + 1


def find_holes(series: Series) -> list[Run]:
    """Return the longest runs of moments without a figure, in their order; none where there is no grid.

    A day of the week on which there hardly ever are figures, as on Sundays of a shop, is no hole.
    """
    missing = ~np.isfinite(series.values)
    if series.unit == "seconds" and series.step == DAY and len(missing) >= 4 * 7:
        weekday = np.arange(len(missing)) % 7
        closed = [day for day in range(7) if missing[weekday == day].mean() > _CLOSED]
        missing &= ~np.isin(weekday, closed)
    if not series.unit or missing.mean() > _MOST_HOLES:
        return []
    return _longest(_runs(missing))


def find_standstills(series: Series, parts: Parts) -> list[Run]:
    """Return the runs of one and the same figure that are far longer than others of the series, and than its cycle."""
    values = series.values[series.places]
    if len(values) < 24 or float(values.min()) == float(values.max()):
        return []
    runs = _runs(np.concatenate([[False], np.diff(values) == 0]))
    lengths = np.array([run.length + 1 for run in runs]) if runs else np.array([1])
    usual = float(np.quantile(np.concatenate([lengths, np.ones(len(values) - int(lengths.sum()) + 1)]), 0.99))
    cycle = min([*parts.periods, *series.cycles], default=10)
    least = max(min(cycle, 24), _LONGER * usual, 6)
    long = [
        Run(int(series.places[run.first - 1]), int(series.places[run.last]))
        for run in runs
        if run.length + 1 >= least and _moves_around(values, run)
    ]
    return _longest(long) if len(long) <= MOST_RUNS else []  # what happens often is how this series is


def _moves_around(values: np.ndarray, run: Run) -> bool:
    """Whether figures differ before and after: of a count that is one or two, nothing says why it stays one."""
    reach = max(run.length, 24)
    around = np.concatenate([values[max(0, run.first - 1 - reach) : run.first - 1], values[run.last + 1 :][:reach]])
    return len(np.unique(around)) >= _FEWEST_FIGURES


def _runs(flags: np.ndarray) -> list[Run]:
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [Run(int(begin), int(end) - 1) for begin, end in zip(begins, ends, strict=True)]


def _longest(runs: list[Run]) -> list[Run]:
    return sorted(sorted(runs, key=lambda run: -run.length)[:MOST_RUNS], key=lambda run: run.first)
