"""Which categories changed most of late: the last week of days beside the week before, else the last moment beside the one before.

Where every category has one row a moment (shops and days), a category is compared by what a day of its own came to, for
a day without a row is not known. Where rows are single events (orders), a day without one came to nothing, and
both weeks are summed. A last day that looks unfinished is left out.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from reports.findings.figures import Table, category_of, figure_of, is_panel, is_unfinished
from reports.findings.seasons import spread
from reports.findings.telling import (
    AGGREGATES,
    UNFINISHED,
    Finding,
    Number,
    Reason,
    change_between,
    saturating,
    size_between,
)

MOST_MOVERS = 3
MOVED = 0.1
"""Least relative change of a top mover,"""
PART = 0.15
"""and its least part in all that moved."""
OTHERS = 3
"""How many others there must be before anything is said of most of them."""
ERRORS = 3
CHANCE = 2
"""Standard deviations by which sums must differ."""
EARLIER, FEWEST_WEEKS = 26, 5
"""Weeks that tell how much two of them usually differ."""
WEEK = 7
FEWEST_DAYS = 4
"""Days of a week that must have figures."""
ONE_DAY = timedelta(days=1)

Moments = list[tuple[datetime, int]]


@dataclass(frozen=True)
class Spans:
    """Two spans of moments that follow each other, as the rows of each; ``is_week`` if they are weeks of days.

    ``earlier`` are the rows of the weeks before these, the latest first.
    """

    table: Table
    category: int
    rows: tuple[Sequence[int], Sequence[int]]
    ends: tuple[datetime, datetime]
    is_week: bool
    is_panel: bool
    unfinished: datetime | None
    earlier: tuple[Sequence[int], ...] = ()


def top_movers(table: Table) -> Iterator[Finding]:
    """Yield the categories whose figures changed most between the last moments and those before them."""
    moments: Moments = [(at, row) for row in range(len(table.cells)) if (at := table.moment(row)) is not None]
    moments.sort(key=lambda pair: pair[0])
    category = category_of(table, [row for _moment, row in moments])
    if category is None or len({moment for moment, _row in moments}) == len(table.cells):
        return
    for place in range(len(table.columns)):
        if table.is_looked_at(place) and (spans := _spans(table, moments, category, place)):
            yield from _moved(spans, place)


def _spans(table: Table, moments: Moments, category: int, place: int) -> Spans | None:
    by_time: defaultdict[datetime, list[int]] = defaultdict(list)
    for moment, row in moments:
        by_time[moment].append(row)
    times = sorted(by_time)
    steps = [after - before for before, after in pairwise(times)]
    if not steps:
        return None
    usual = sorted(steps)[len(steps) // 2]
    latest = times[-1]
    if usual < ONE_DAY:
        times = _whole_days(times)
    elif table.counted(place) == "sum" and is_unfinished([figure_of(table, place, by_time[at]) for at in times]):
        times = times[:-1]
    is_week = usual <= ONE_DAY
    spans = _weeks(times) if is_week else (times[-2:-1], times[-1:])
    if not all(spans):
        return None
    before, after = ([row for at in span for row in by_time[at]] for span in spans)
    ends, has_groups = (spans[0][0], spans[1][-1]), is_panel(table, moments, category)
    unfinished = latest if latest.date() > times[-1].date() else None
    earlier = tuple(_weeks_before(by_time, spans[0][0])) if is_week else ()
    return Spans(table, category, (before, after), ends, is_week, has_groups, unfinished, earlier)


def _weeks_before(by_time: Mapping[datetime, Sequence[int]], begin: datetime) -> Iterator[Sequence[int]]:
    """The rows of the weeks before a moment, the latest first."""
    weeks: defaultdict[int, list[int]] = defaultdict(list)
    for at, rows in by_time.items():
        weeks[(begin.date() - at.date() - ONE_DAY).days // WEEK].extend(rows)
    yield from (weeks[number] for number in range(EARLIER) if weeks[number])


def _whole_days(times: Sequence[datetime]) -> list[datetime]:
    """The moments without those of a last day that has fewer of them than the day before."""
    last = times[-1].date()
    own, before = (sum(at.date() == day for at in times) for day in (last, last - ONE_DAY))
    return [at for at in times if own >= before or at.date() != last]


def _weeks(times: Sequence[datetime]) -> tuple[list[datetime], list[datetime]]:
    """The moments of the week before the last one by the calendar, and of the last one; none if either has few days."""
    if not times:
        return [], []
    end = max(times).date() + ONE_DAY
    begins = (end - 2 * WEEK * ONE_DAY, end - WEEK * ONE_DAY)
    spans = tuple([at for at in times if begin <= at.date() < begin + WEEK * ONE_DAY] for begin in begins)
    days = [len({at.date() for at in span}) for span in spans]
    return (spans[0], spans[1]) if min(days) >= FEWEST_DAYS else ([], [])


def _moved(spans: Spans, place: int) -> Iterator[Finding]:
    table = spans.table
    names = {table.cells[row][spans.category] for rows in spans.rows for row in rows}
    found = {name: _pair(spans, place, name) for name in filter(None, names)}
    pairs = {name: pair for name, pair in found.items() if pair}
    moved = {name: after.value - before.value for name, (before, after) in pairs.items()}
    total = sum(map(abs, moved.values()))
    for name in sorted(moved, key=lambda one: -abs(moved[one]))[:MOST_MOVERS]:
        before, after = pairs[name]
        size, part = size_between(before, after), abs(moved[name]) / total if total else 0.0
        if size < MOVED or part < PART:
            continue
        reasons = (
            Reason("size", saturating(size, 0.5, 40)),
            Reason("share", round(40 * part)),
            Reason("recency", 20),
        )
        code = f"top_mover_{'up' if moved[name] > 0 else 'down'}{'' if _is_most(name, moved) else '_alone'}"
        title = f"{table.columns[place]['name']} · {name}"
        numbers = (before, after, *change_between(before, after))
        without = {UNFINISHED: spans.unfinished.date().isoformat()} if spans.unfinished else {}
        yield Finding("top_mover", code, title, *spans.ends, numbers, reasons, {"category": name, **without})


def _is_most(name: str, moved: dict[str, float]) -> bool:
    """Whether a category rose, or fell, more than most of at least three others."""
    sign = 1 if moved[name] > 0 else -1
    less = [other for other in moved if sign * moved[other] < sign * moved[name]]
    return len(moved) > OTHERS and len(less) > (len(moved) - 1) / 2


def _pair(spans: Spans, place: int, name: str) -> tuple[Number, Number] | None:
    """What a category came to in both spans; None where one of them has too little of it, or they are not alike."""
    before, after = (
        _number(spans, place, name, rows, called) for rows, called in zip(spans.rows, ("before", "after"), strict=True)
    )
    if not before or not after:
        return None
    is_mean = spans.table.counted(place) == "mean"
    is_chance = _is_chance(spans.table, place, before, after) if is_mean else _is_usual(spans, place, name, before, after)
    return None if is_chance else (before, after)


def _is_usual(spans: Spans, place: int, name: str, before: Number, after: Number) -> bool:
    """Whether sums differ no more than those of two weeks mostly do, or where few are known, than numbers of events do by chance.

    The sum of two numbers of events is the variance of their difference (Poisson).
    """
    weeks = [_number(spans, place, name, rows, "earlier") for rows in spans.earlier]
    earlier = [one.value for one in weeks if one and one.per == before.per]
    moved = abs(after.value - before.value)
    if len(earlier) >= FEWEST_WEEKS:
        return moved <= CHANCE * spread(np.diff([*earlier[::-1], before.value]))
    counts = [float(np.sum([spans.table.figure(row, place) or 0.0 for row in one.rows])) for one in (before, after)]
    is_of_events = spans.table.columns[place]["type"] == "number" and all(value.is_integer() for value in counts)
    return is_of_events and abs(counts[1] - counts[0]) <= CHANCE * float(np.sqrt(sum(map(abs, counts))))


def _is_chance(table: Table, place: int, before: Number, after: Number) -> bool:
    """Whether two means lie within three standard errors of their difference; one figure alone tells none."""
    own = [np.array([table.figure(row, place) or 0.0 for row in one.rows]) for one in (before, after)]
    if min(map(len, own)) < 2:
        return False
    error = float(np.sqrt(sum(one.var(ddof=1) / len(one) for one in own)))
    return abs(after.value - before.value) < ERRORS * error


def _number(spans: Spans, place: int, name: str, rows: Sequence[int], called: str) -> Number | None:
    table, is_sum = spans.table, spans.table.counted(place) == "sum"
    own = [row for row in rows if table.cells[row][spans.category] == name and table.figure(row, place) is not None]
    days = {at.date() for row in own if (at := table.moment(row))}
    if not own or table.time is None or (spans.is_week and spans.is_panel and len(days) < FEWEST_DAYS):
        return None
    values = [table.figure(row, place) or 0.0 for row in own]
    moments = sorted(table.cells[row][table.time] for row in rows)
    where = (str(table.columns[spans.category]["name"]), name)
    column = str(table.columns[place]["name"])
    ends: dict[str, Any] = {"since": moments[0], "until": moments[-1], "where": where}
    number = Number(called, AGGREGATES["sum"](values), "sum", column, tuple(own), **ends)
    if not is_sum:
        return replace(number, value=AGGREGATES["mean"](values), aggregate="mean")
    if spans.is_week and spans.is_panel and len(days) == len(own):
        return replace(number, value=AGGREGATES["mean"](values), aggregate="mean", per="day")
    if not spans.is_week:
        return number
    every = days if spans.is_panel else {at.date() for row in rows if (at := table.moment(row))}
    return replace(number, per="week") if len(every) == WEEK else None
