"""A table's figures: which columns are series over time, and how each of their points comes from rows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import numpy as np

from reports.findings.counting import Counted, counted_as, is_factor
from reports.findings.seasons import Parts, taken_apart
from reports.findings.series import Floats, Series, series_of
from reports.findings.telling import AGGREGATES, Aggregate, Number

MOST_SERIES = 50
"""Series of one table that are looked at."""
MOST_ROWS = 100
"""Rows that a number names one by one; of more it names those in between."""
LARGEST = 1e300
"""Beyond that sums have no end."""
_FEWEST = 3
_SAMPLED, _MOST_FACTORS = 1_000, 12
"""Rows and columns among which it is looked for products."""
_FILLED = 0.9
"""Share of its rows in which a column says of which group they are."""


@dataclass(frozen=True)
class Table:
    """A table of a report: its columns as they were read, and the cells of each row.

    A column's ``counted``, where it is given, is how its rows are counted; else its cells tell.
    """

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
        if place not in self._figures:
            self._figures[place] = [self._figure(number, place) for number in range(len(self.cells))]
        return self._figures[place][row]

    @cached_property
    def _figures(self) -> dict[int, list[float | None]]:
        return {}

    def _figure(self, row: int, place: int) -> float | None:
        cell = self.cells[row][place]
        value = cell["amount"] if isinstance(cell, dict) else None if isinstance(cell, (str, bool)) else cell
        if value is None or (isinstance(value, int) and abs(value) >= LARGEST):
            return None
        number = float(value)
        return number if abs(number) < LARGEST else None

    def counted(self, place: int) -> Counted:
        """Return how the rows of one moment become a column's figure; ``none`` for what is no figure."""
        if place not in self._counted:
            self._counted[place] = self._counted_as(place)
        return self._counted[place]

    @cached_property
    def _counted(self) -> dict[int, Counted]:
        return {place: one["counted"] for place, one in enumerate(self.columns) if one.get("counted")}

    def _counted_as(self, place: int) -> Counted:
        column = self.columns[place]
        if not is_figure(column):
            return "none"
        rows = [row for row in range(len(self.cells)) if self.figure(row, place) is not None]
        values = np.array([self.figure(row, place) for row in rows], dtype=np.float64)
        moments = [at for row in rows if (at := self.moment(row))]
        texts = [at for at, one in enumerate(self.columns) if one["type"] == "text"]
        groups = [[self.cells[row][text] for row in rows] for text in texts]
        is_money = column["type"] == "money"
        kind = {"is_percent": bool(column.get("is_percent")), "is_money": is_money}
        others = [own for other, own in self._sampled.items() if other != place]
        kind["is_per_piece"] = place in self._sampled and is_factor(self._sampled[place], others, is_money=is_money)
        return counted_as(str(column["name"]), values, **kind, moments=moments, groups=groups)

    @cached_property
    def _sampled(self) -> dict[int, Floats]:
        """Some rows' figures of the first columns of figures, NaN where there is none."""
        rows = range(0, len(self.cells), max(1, len(self.cells) // _SAMPLED))
        places = [place for place, column in enumerate(self.columns) if is_figure(column)][:_MOST_FACTORS]
        return {place: np.array([self.figure(row, place) for row in rows], dtype=np.float64) for place in places}

    def filled(self, place: int) -> int:
        """Return in how many rows a column has a figure."""
        if place not in self._filled:
            self._filled[place] = sum(self.figure(row, place) is not None for row in range(len(self.cells)))
        return self._filled[place]

    @cached_property
    def _filled(self) -> dict[int, int]:
        return {}

    def is_looked_at(self, place: int) -> bool:
        """Whether a column holds figures that something can be found in."""
        return self.counted(place) != "none"

    @property
    def has_figures(self) -> bool:
        """Whether any column is looked at."""
        return any(self.is_looked_at(place) for place in range(len(self.columns)))

    def moment(self, row: int) -> datetime | None:
        """Return when a row is of; None where that is not known."""
        return self._moments[row]

    @cached_property
    def _moments(self) -> list[datetime | None]:
        return [self._moment(row) for row in range(len(self.cells))]

    def _moment(self, row: int) -> datetime | None:
        cell = self.cells[row][self.time] if self.time is not None else None
        try:
            return datetime.fromisoformat(cell).replace(tzinfo=None) if isinstance(cell, str) else None
        except ValueError:
            return None


@dataclass(frozen=True)
class Figures:
    """One series of a table. ``rows[i]`` are the places of the rows of its moment ``i``, summed or averaged where there are several.

    ``by`` is the column of text that tells the rows of a moment apart, where each of its groups has one row at a moment;
    ``siblings`` is how many series of the table are looked at.
    """

    table: Table
    name: str
    place: int
    rows: Sequence[tuple[int, ...]]
    series: Series
    where: tuple[str, str] | None = None
    by: str = ""
    siblings: int = 1

    @property
    def column(self) -> str:
        """The name of the column."""
        return str(self.table.columns[self.place]["name"])

    @property
    def is_sum(self) -> bool:
        """Whether the figures add up, over rows and over time."""
        return self.table.counted(self.place) == "sum"

    @property
    def each(self) -> Literal["", "sum", "mean"]:
        """How the rows of one moment become its figure."""
        return "" if all(len(rows) == 1 for rows in self.rows) else "sum" if self.is_sum else "mean"

    @cached_property
    def is_unfinished(self) -> bool:
        """Whether the last moment looks like a part of a day or month: less than half the lowest of those before."""
        values = self.series.values[self.series.places]
        return self.is_sum and is_unfinished(values.tolist())

    @cached_property
    def is_begun_late(self) -> bool:
        """Whether the first moment looks like a part of a day or month, in the middle of which the figures begin."""
        values = self.series.values[self.series.places]
        return self.is_sum and is_unfinished(values[::-1].tolist())

    @property
    def points(self) -> int:
        """How many cells the column has figures in: the series of its groups are views of the same ones."""
        return self.table.filled(self.place)

    @cached_property
    def parts(self) -> Parts:
        """The series taken apart."""
        return taken_apart(self.series)

    def at(self, moment: int) -> float:
        """Return the figure of a moment."""
        return figure_of(self.table, self.place, self.rows[moment])

    def typical(self, name: str, moments: Sequence[int], *, is_range: bool = False) -> Number:
        """Take the median of these moments; of what adds up it is said to be that of a day, a month."""
        number = self.number(name, "median", moments, is_range=is_range)
        return replace(number, per=self.series.grain) if self.is_sum else number

    def number(self, name: str, aggregate: Aggregate, moments: Sequence[int], *, is_range: bool = False) -> Number:
        """Take a number from the rows of these moments; ``is_range`` if they are all there are from the first to the last."""
        value = AGGREGATES[aggregate]([self.at(moment) for moment in moments])
        rows = tuple(row for moment in moments for row in self.rows[moment])
        ends: dict[str, Any] = {}
        if is_range and self.table.time is not None:
            first, last = self.rows[moments[0]][0], self.rows[moments[-1]][0]
            ends = {"since": self.table.cells[first][self.table.time], "until": self.table.cells[last][self.table.time]}
        each = self.each
        if aggregate == "value" and each:
            aggregate, each = each, ""
        return Number(name, value, aggregate, self.column, rows, each, where=self.where if ends else None, **ends)


def is_figure(column: Mapping[str, Any]) -> bool:
    """Whether a column holds figures that can be added and compared: amounts only if they are all of one currency."""
    return column["type"] == "number" or (column["type"] == "money" and bool(column["currency"]))


def figure_of(table: Table, place: int, rows: Sequence[int]) -> float:
    """Return what the rows of one moment come to."""
    values = [table.figure(row, place) or 0.0 for row in rows]
    return AGGREGATES["sum" if table.counted(place) == "sum" else "mean"](values)


def is_unfinished(values: Sequence[float]) -> bool:
    """Whether the last of some sums is less than half the lowest of the eight before it, all above zero."""
    before = values[-9:-1]
    return len(before) == 8 and 0 <= values[-1] < min(before) / 2


def figures_of(table: Table) -> list[Figures]:
    """Return the series of a table: of every column of figures, by category where the rows of a moment differ in one."""
    if table.time is None:
        return []
    moments = [(moment, row) for row in range(len(table.cells)) if (moment := table.moment(row)) is not None]
    moments.sort(key=lambda pair: pair[0])
    places = [place for place in range(len(table.columns)) if table.is_looked_at(place)]
    category = category_of(table, [row for _moment, row in moments]) if _repeats(moments) else None
    by = category if category is not None and is_panel(table, moments, category) else None
    found = []
    for place in places:
        whole = _figures(table, place, moments, by=by)
        found += [whole] if whole else []
        if category is not None and whole:
            found += _by_category(table, place, moments, category)
    found = found[:MOST_SERIES]
    return [replace(one, siblings=len(found)) for one in found]


def _repeats(moments: Sequence[tuple[datetime, int]]) -> bool:
    return len({moment for moment, _row in moments}) < 0.9 * len(moments)


def category_of(table: Table, rows: Sequence[int]) -> int | None:
    """Return the column of text that tells the rows of one moment apart: the one with fewest values, 2 to 50; None without."""
    counts = {}
    for place, column in enumerate(table.columns):
        if column["type"] == "text":
            filled = [cell for row in rows if (cell := table.cells[row][place]) is not None]
            if len(filled) >= _FILLED * len(rows):  # else notes, now and then
                counts[place] = len(set(filled))
    fitting = {place: count for place, count in counts.items() if 2 <= count <= 50}
    return min(fitting, key=lambda place: fitting[place]) if fitting else None


def is_panel(table: Table, moments: Sequence[tuple[datetime, int]], category: int) -> bool:
    """Whether every group has one row at a moment, as shops have a day; of single orders a day has any number."""
    pairs = {(moment, table.cells[row][category]) for moment, row in moments}
    return len(pairs) >= 0.95 * len(moments)


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
    table: Table,
    place: int,
    moments: Sequence[tuple[datetime, int]],
    where: tuple[str, str] | None = None,
    by: int | None = None,
) -> Figures | None:
    rows: dict[datetime, list[int]] = {}
    for moment, row in moments:
        if table.figure(row, place) is not None:
            rows.setdefault(moment, []).append(row)
    if len(rows) < _FEWEST:
        return None
    times = list(rows)
    values = [figure_of(table, place, rows[moment]) for moment in times]
    series = series_of(times, values)
    kept = set(series.times)
    name = str(table.columns[place]["name"])
    title = f"{name} · {where[1]}" if where else name
    told = [tuple(rows[moment]) for moment in times if moment in kept]
    return Figures(table, title, place, told, series, where, str(table.columns[by]["name"]) if by is not None else "")


def is_quiet(series: Series) -> bool:
    """Whether all figures are the same."""
    known = series.values[np.isfinite(series.values)]
    return not len(known) or float(known.min()) == float(known.max())
