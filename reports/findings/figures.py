"""A table's figures: which columns are series over time, and how each of their points comes from rows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import numpy as np

from reports.findings.seasons import Parts, taken_apart
from reports.findings.series import Series, series_of
from reports.findings.telling import AGGREGATES, Aggregate, Number

MOST_SERIES = 50
"""Series of one table that are looked at."""
MOST_ROWS = 100
"""Rows that a number names one by one; of more it names those in between."""
LARGEST = 1e300
"""Beyond that sums have no end."""
_FEWEST = 3


@dataclass(frozen=True)
class Table:
    """A table of a report: its columns as they were read, and the cells of each row."""

    sheet: str
    columns: Sequence[Mapping[str, Any]]
    cells: Sequence[Sequence[Any]]

    @cached_property
    def time(self) -> int | None:
        """The place of the first column of dates."""
        places = (place for place, column in enumerate(self.columns) if column["type"] in ("date", "datetime"))
        return next(places, None)

    def figure(self, row: int, place: int) -> float | None:
        """Return a cell as a number; None for a hole, and for what is no number."""
        cell = self.cells[row][place]
        value = cell["amount"] if isinstance(cell, dict) else None if isinstance(cell, (str, bool)) else cell
        number = None if value is None else float(value)
        return number if number is None or abs(number) < LARGEST else None

    def moment(self, row: int) -> datetime | None:
        """Return when a row is of; None where that is not known."""
        cell = self.cells[row][self.time] if self.time is not None else None
        try:
            return datetime.fromisoformat(cell).replace(tzinfo=None) if isinstance(cell, str) else None
        except ValueError:
            return None


@dataclass(frozen=True)
class Figures:
    """One series of a table. ``rows[i]`` are the places of the rows of its moment ``i``, summed where there are several."""

    table: Table
    name: str
    place: int
    rows: Sequence[tuple[int, ...]]
    series: Series
    where: tuple[str, str] | None = None

    @property
    def column(self) -> str:
        """The name of the column."""
        return str(self.table.columns[self.place]["name"])

    @property
    def each(self) -> Literal["", "sum"]:
        """How the rows of one moment become its figure."""
        return "sum" if any(len(rows) > 1 for rows in self.rows) else ""

    @cached_property
    def parts(self) -> Parts:
        """The series taken apart."""
        return taken_apart(self.series)

    def at(self, moment: int) -> float:
        """Return the figure of a moment."""
        return sum(self.table.figure(row, self.place) or 0.0 for row in self.rows[moment])

    def number(self, name: str, aggregate: Aggregate, moments: Sequence[int], *, is_range: bool = False) -> Number:
        """Take a number from the rows of these moments; ``is_range`` if they are all there are from the first to the last."""
        value = AGGREGATES[aggregate]([self.at(moment) for moment in moments])
        rows = tuple(row for moment in moments for row in self.rows[moment])
        ends: dict[str, Any] = {}
        if is_range and self.table.time is not None:
            first, last = self.rows[moments[0]][0], self.rows[moments[-1]][0]
            ends = {"since": self.table.cells[first][self.table.time], "until": self.table.cells[last][self.table.time]}
        aggregate = "sum" if aggregate == "value" and self.each else aggregate
        each = self.each if aggregate != "sum" else ""
        return Number(name, value, aggregate, self.column, rows, each, where=self.where if ends else None, **ends)


def is_figure(column: Mapping[str, Any]) -> bool:
    """Whether a column holds figures that can be added and compared: amounts only if they are all of one currency."""
    return column["type"] == "number" or (column["type"] == "money" and bool(column["currency"]))


def figures_of(table: Table) -> list[Figures]:
    """Return the series of a table: of every column of figures, by category where the rows of a moment differ in one."""
    if table.time is None:
        return []
    moments = [(moment, row) for row in range(len(table.cells)) if (moment := table.moment(row)) is not None]
    moments.sort(key=lambda pair: pair[0])
    places = [place for place, column in enumerate(table.columns) if is_figure(column)]
    category = category_of(table, [row for _moment, row in moments]) if _repeats(moments) else None
    found = []
    for place in places:
        whole = _figures(table, place, moments)
        found += [whole] if whole else []
        if category is not None and whole:
            found += _by_category(table, place, moments, category)
    return found[:MOST_SERIES]


def _repeats(moments: Sequence[tuple[datetime, int]]) -> bool:
    return len({moment for moment, _row in moments}) < 0.9 * len(moments)


def category_of(table: Table, rows: Sequence[int]) -> int | None:
    """Return the column of text that tells the rows of one moment apart: the one with fewest values, 2 to 50; None without."""
    counts = {}
    for place, column in enumerate(table.columns):
        if column["type"] == "text":
            values = {table.cells[row][place] for row in rows}
            counts[place] = len(values)
    fitting = {place: count for place, count in counts.items() if 2 <= count <= 50}
    return min(fitting, key=lambda place: fitting[place]) if fitting else None


def _by_category(table: Table, place: int, moments: Sequence[tuple[datetime, int]], category: int) -> Iterable[Figures]:
    groups: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for moment, row in moments:
        if isinstance(name := table.cells[row][category], str):
            groups[name].append((moment, row))
    sizes = Counter({name: sum(abs(table.figure(row, place) or 0) for _at, row in rows) for name, rows in groups.items()})
    for name, _size in sizes.most_common(10):
        found = _figures(table, place, groups[name], (str(table.columns[category]["name"]), name))
        if found:
            yield found


def _figures(
    table: Table, place: int, moments: Sequence[tuple[datetime, int]], where: tuple[str, str] | None = None
) -> Figures | None:
    rows: dict[datetime, list[int]] = {}
    for moment, row in moments:
        if table.figure(row, place) is not None:
            rows.setdefault(moment, []).append(row)
    if len(rows) < _FEWEST:
        return None
    times = list(rows)
    values = [sum(table.figure(row, place) or 0.0 for row in rows[moment]) for moment in times]
    series = series_of(times, values)
    kept = set(series.times)
    name = str(table.columns[place]["name"])
    title = f"{name} · {where[1]}" if where else name
    return Figures(table, title, place, [tuple(rows[moment]) for moment in times if moment in kept], series, where)


def is_quiet(series: Series) -> bool:
    """Whether all figures are the same."""
    known = series.values[np.isfinite(series.values)]
    return not len(known) or float(known.min()) == float(known.max())
