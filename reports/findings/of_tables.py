"""The findings of a whole table: those of its series, which category moved most, and where cells are missing."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from reports.findings.anomalies import PER_THOUSAND
from reports.findings.events import told_as_one
from reports.findings.figures import Figures, Table, category_of, figures_of, is_panel
from reports.findings.gaps import find_holes
from reports.findings.movers import top_movers
from reports.findings.of_series import findings_of
from reports.findings.series import series_of
from reports.findings.telling import Finding, Number, Reason, recency, saturating

MOST_FINDINGS = 200
MOST_GROUPS = 10
_DUE = 0.75
"""Part of what a whole moved by that makes it the matter of one group."""
_MOST_EMPTY = 0.3
"""Share of empty cells beyond which a column is one that is filled now and then, such as notes."""


def find_all(tables: Sequence[Table], thresholds: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Return the findings of a report's tables, the best first."""
    found: dict[str, Finding] = {}
    for table in tables:
        found |= {f"{table.sheet}\n{one.key}": one for one in _of_series(table, thresholds)}
        others = (*top_movers(table), *missing_moments(table), *missing_cells(table))
        found |= {f"{table.sheet}\n{one.key}": one for one in others}
    return sorted(found.values(), key=lambda one: -one.score)[:MOST_FINDINGS]


def _of_series(table: Table, thresholds: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield what is found in the series, each event once; of 1,000 figures at most two anomalies."""
    every = figures_of(table)
    if not every:
        return
    step = min(timedelta(seconds=figures.series.seconds) for figures in every)
    cycle = max(
        step, min(timedelta(seconds=figures.series.seconds * min(figures.series.cycles, default=1)) for figures in every)
    )
    points = sum(figures.points for figures in every if figures.where is None)
    most = max(1, points * PER_THOUSAND // 1_000)
    for one in sorted(told_as_one(list(_of_columns(every, thresholds)), step, cycle), key=lambda one: -one.score):
        most -= one.type == "anomaly"
        if most >= 0 or one.type != "anomaly":
            yield one


def _of_columns(every: Sequence[Figures], thresholds: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield what happened to one category of a column, else what happened to all together."""
    columns: defaultdict[int, list[tuple[Figures, list[Finding]]]] = defaultdict(list)
    for figures in every:
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
        if len(same) == 1 and _is_due_to(one, same[0]):
            continue
        left = [part for part in left if part not in same]
        yield one
    yield from left


def _is_same(one: Finding, other: Finding) -> bool:
    if one.code.removesuffix("_last") != other.code.removesuffix("_last") or not (
        one.first and one.last and other.first and other.last
    ):
        return False
    return one.first <= other.last and other.first <= one.last


def _is_due_to(whole: Finding, part: Finding) -> bool:
    """Whether what a sum moved by is mostly what one part of it moved by; of anything else it is the part that tells more."""
    if len(whole.numbers) < 2 or len(part.numbers) < 2 or not whole.numbers[0].per:
        return True
    moved, own = (abs(one.numbers[0].value - one.numbers[1].value) for one in (whole, part))
    return own >= _DUE * moved


def missing_moments(table: Table) -> Iterator[Finding]:
    """Yield when no row is there at all, and when one group (a shop) has none though others have: once for all columns."""
    moments = [(moment, row) for row in range(len(table.cells)) if (moment := table.moment(row)) is not None]
    moments.sort(key=lambda pair: pair[0])
    yield from _holes(table, moments, "")
    category = category_of(table, [row for _moment, row in moments])
    if category is None or not is_panel(table, moments, category):
        return
    names = Counter(table.cells[row][category] for _moment, row in moments)
    times = sorted({moment for moment, _row in moments})
    for name, count in names.most_common(MOST_GROUPS):
        own = [pair for pair in moments if table.cells[pair[1]][category] == name]
        if name and 1 < count < len(times):
            yield from _holes(table, own, name, times)


def _holes(
    table: Table, moments: Sequence[tuple[datetime, int]], name: str, of: Sequence[datetime] = ()
) -> Iterator[Finding]:
    """Yield the holes of rows, of these moments if they are given: others miss everywhere."""
    rows: dict[datetime, list[int]] = {}
    for moment, row in moments:
        rows.setdefault(moment, []).append(row)
    if table.time is None or len(rows) < 3:
        return
    series, column = series_of(list(rows), [1.0] * len(rows)), str(table.columns[table.time]["name"])
    for run in find_holes(series):
        first, last = series.moment(run.first), series.moment(run.last)
        length = sum(first <= moment <= last for moment in of) if of else run.length
        if not length or not table.has_figures:
            continue
        around = [series.nearest(run.first, forward=False), series.nearest(run.last, forward=True)]
        number = Number("missing", length, "gap", column, tuple(row for at in around for row in rows[series.times[at]]))
        reasons = (Reason("duration", 20 + saturating(length / len(series), 0.02, 50)), recency(run.last, len(series)))
        code = "missing_data_group" if name else "missing_data_hole"
        yield Finding("missing_data", code, name, first, last, (number,), reasons, {"category": name} if name else {})


def missing_cells(table: Table) -> Iterator[Finding]:
    """Yield the columns of figures and dates that have a few holes, those with cells that do not fit, and rows without a date."""
    rows = range(len(table.cells))
    for place, column in enumerate(table.columns):
        if place == table.time:
            undated = tuple(row for row in rows if table.moment(row) is None)
            if undated and table.has_figures:
                yield _cells(column, "missing_data_undated", undated, len(rows))
            continue
        holes = tuple(row for row in rows if table.cells[row][place] is None)
        if column["type"] not in ("text", "boolean") and 0 < len(holes) <= _MOST_EMPTY * len(rows):
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
