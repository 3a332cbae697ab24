"""The findings of a whole table: those of its series, which category moved most, and where cells are missing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time
from typing import Any

from reports.findings.figures import Figures, Table, category_of, figures_of, is_figure
from reports.findings.of_series import findings_of
from reports.findings.telling import Finding, Number, Reason, change_between, saturating

MOST_MOVERS = 3
MOST_FINDINGS = 200
_MOVED = 0.1
"""Least relative change of a top mover,"""
_PART = 0.15
"""and its least part in all that moved."""
_CALLED = ("before", "after")
_SPANS = (7, 1)
"""Moments that are compared with as many before them: a week of days, else one with one."""


def find_all(tables: Sequence[Table], thresholds: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Return the findings of a report's tables, the best first."""
    found: dict[str, Finding] = {}
    for table in tables:
        found |= {f"{table.sheet}\n{one.key}": one for one in _of_series(table, thresholds)}
        found |= {f"{table.sheet}\n{one.key}": one for one in (*top_movers(table), *missing_cells(table))}
    return sorted(found.values(), key=lambda one: -one.score)[:MOST_FINDINGS]


def _of_series(table: Table, thresholds: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield what is found in the series: what happened to one category of it, else what happened to all together."""
    columns: defaultdict[int, list[tuple[Figures, list[Finding]]]] = defaultdict(list)
    for figures in figures_of(table):
        columns[figures.place].append((figures, list(findings_of(figures, thresholds))))
    for series in columns.values():
        whole = [one for figures, findings in series for one in findings if figures.where is None]
        parts = [one for figures, findings in series for one in findings if figures.where is not None]
        yield from told_once(whole, parts)


def told_once(whole: Sequence[Finding], parts: Sequence[Finding]) -> Iterator[Finding]:
    """Yield of the findings of a whole and of its parts what happened to one part, and what happened to all together."""
    left = list(parts)
    for one in whole:
        same = [part for part in left if _is_same(one, part)]
        if len(same) == 1:
            continue
        left = [part for part in left if part not in same]
        yield one
    yield from left


def _is_same(one: Finding, other: Finding) -> bool:
    if one.code != other.code or not (one.first and one.last and other.first and other.last):
        return False
    return one.first <= other.last and other.first <= one.last


def top_movers(table: Table) -> Iterator[Finding]:
    """Yield the categories whose figures changed most between the last moments and those before them."""
    moments = defaultdict(list)
    for row in range(len(table.cells)):
        if (moment := table.moment(row)) is not None:
            moments[moment].append(row)
    times = sorted(moments)
    category = category_of(table, [row for rows in moments.values() for row in rows])
    span = next((span for span in _SPANS if len(times) >= 2 * span and len(times) > span), 0)
    if category is None or not span or len(times) == len(table.cells):
        return
    before = [row for at in times[-2 * span : -span] for row in moments[at]]
    after = [row for at in times[-span:] for row in moments[at]]
    for place, column in enumerate(table.columns):
        if is_figure(column):
            yield from _moved(table, place, category, (before, after), (times[-2 * span], times[-1]))


def _moved(
    table: Table, place: int, category: int, spans: tuple[Sequence[int], Sequence[int]], ends: tuple[Any, Any]
) -> Iterator[Finding]:
    names = {table.cells[row][category] for rows in spans for row in rows}
    pairs: dict[str, tuple[Number, Number]] = {}
    for name in filter(None, names):
        before, after = (
            _sum(table, place, (category, name), rows, called) for rows, called in zip(spans, _CALLED, strict=True)
        )
        pairs |= {name: (before, after)} if before and after else {}
    moved = {name: after.value - before.value for name, (before, after) in pairs.items()}
    total = sum(map(abs, moved.values()))
    for name in sorted(moved, key=lambda one: -abs(moved[one]))[:MOST_MOVERS]:
        before, after = pairs[name]
        change, part = change_between(before, after), abs(moved[name]) / total if total else 0.0
        if abs(change.value) < _MOVED or part < _PART:
            continue
        reasons = (
            Reason("size", saturating(abs(change.value), 0.5, 40)),
            Reason("share", round(40 * part)),
            Reason("recency", 20),
        )
        code = "top_mover_up" if moved[name] > 0 else "top_mover_down"
        title = f"{table.columns[place]['name']} · {name}"
        yield Finding("top_mover", code, title, *ends, (before, after, change), reasons, {"category": name})


def _sum(table: Table, place: int, of: tuple[int, str], rows: Sequence[int], called: str) -> Number | None:
    """The sum of a category's rows in a span; None where it has none."""
    category, name = of
    own = [row for row in rows if table.cells[row][category] == name and table.figure(row, place) is not None]
    if not own or table.time is None:
        return None
    moments = sorted(table.cells[row][table.time] for row in rows)
    value = sum(table.figure(row, place) or 0.0 for row in own)
    where = (str(table.columns[category]["name"]), name)
    return Number(
        called, value, "sum", str(table.columns[place]["name"]), tuple(own), "", None, moments[0], moments[-1], where
    )


def missing_cells(table: Table) -> Iterator[Finding]:
    """Yield the columns that have holes, and those with cells that do not fit."""
    rows = range(len(table.cells))
    for place, column in enumerate(table.columns):
        holes = tuple(row for row in rows if table.cells[row][place] is None)
        if 0 < len(holes) < len(rows):
            yield _cells(column, "missing_data_empty", holes, len(rows))
        odd = tuple(row for row in rows if _is_odd(table.cells[row][place], column["type"])) if column["odd"] else ()
        if odd:
            yield _cells(column, "missing_data_odd", odd, len(rows))


def _cells(column: Mapping[str, Any], code: str, own: tuple[int, ...], rows: int) -> Finding:
    number = Number("missing", len(own), "count", column["name"], own)
    reasons = (Reason("share", saturating(len(own) / rows, 0.2, 50)),)
    return Finding("missing_data", code, column["name"], None, None, (number,), reasons, {"of": rows})


def _is_odd(cell: Any, kind: str) -> bool:
    if cell is None:
        return False
    match kind:
        case "number":
            return isinstance(cell, str)
        case "money":
            return not isinstance(cell, dict)
        case "boolean":
            return not isinstance(cell, bool)
        case "date" | "datetime":
            return not _is_iso(datetime, cell)
        case "time":
            return not _is_iso(time, cell)
    return False


def _is_iso(kind: type[datetime] | type[time], cell: Any) -> bool:
    try:
        kind.fromisoformat(cell)
    except (TypeError, ValueError):
        return False
    return True
