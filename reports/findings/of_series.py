"""The findings of one series, told with their numbers: anomalies, shifts, trends, thresholds and standstills.

Where not all groups (shops) have figures that the others do have, a mean is no finding, and a sum is told with how many have.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median_low
from typing import Any

import numpy as np

from reports.findings.anomalies import Anomaly, find_anomalies
from reports.findings.changes import Shift, Trend, find_shifts, find_trend
from reports.findings.figures import Figures, is_quiet
from reports.findings.gaps import Run, find_standstills
from reports.findings.telling import (
    EARLY,
    GRAIN,
    LATE,
    PEAK,
    UNFINISHED,
    Finding,
    Number,
    Reason,
    change_between,
    recency,
    saturating,
    size_between,
)

COMPARED = 20
"""Points of the same phase that tell what is usual."""
MOST_EPISODES = 5
FEWEST_WITHOUT_GRID = 30
"""Points of a series on no grid, such as people by their birthdays, without which nothing is said to last."""
_MOSTLY = 0.95
_TYPICAL = 0.5
"""Part of the peak's deviation that the median of a period must have, for the period to be told by it."""


def findings_of(figures: Figures, thresholds: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield everything that is found in a series."""
    series = figures.series
    yield from _thresholds(figures, thresholds)
    if is_quiet(series) or len(series) < 8:
        return
    parts = figures.parts
    may_last = bool(series.unit) or len(series) >= FEWEST_WITHOUT_GRID
    shifts = find_shifts(series, parts) if may_last else []
    begins_low = figures.is_begun_late or _may_be_cut(figures)
    anomalies = find_anomalies(series, parts, figures.points, figures.siblings, may_begin_low=begins_low)
    yield from filter(None, (_shift(figures, shift, anomalies) for shift in shifts))
    still = find_standstills(series, parts)
    for anomaly in anomalies:
        if any(_touches(anomaly, shift) for shift in shifts):  # a shift is told as one
            continue
        same = [run for run in still if 2 * (min(run.last, anomaly.last) - max(run.first, anomaly.first) + 1) >= run.length]
        still = [run for run in still if run not in same]
        first, last = min([anomaly.first, *(run.first for run in same)]), max([anomaly.last, *(run.last for run in same)])
        yield from filter(None, [_anomaly(figures, replace(anomaly, first=first, last=last))])
    yield from (_standstill(figures, run) for run in still)
    begin, end = int(figures.is_begun_late), len(series) - figures.is_unfinished
    trend = find_trend(series, parts, first=begin, last=end) if may_last else None
    if trend and not any(shift.is_rise == trend.is_rise for shift in shifts):  # a shift alone looks like a trend
        yield from filter(None, [_trend(figures, trend)])


def _touches(anomaly: Anomaly, shift: Shift) -> bool:
    return anomaly.first - 1 <= shift.at <= anomaly.last + 1


def _may_be_cut(figures: Figures) -> bool:
    """Whether figures of part of a period look like those of a whole one: weeks and months added up by somebody else."""
    return figures.is_sum and figures.series.grain in ("week", "month", "quarter", "year")


def _anomaly(figures: Figures, anomaly: Anomaly) -> Finding | None:
    """The anomaly by its typical moment, or else by its most unusual one, beside what is usual at such moments."""
    series, parts = figures.series, figures.parts
    inside = series.inside(anomaly.first, anomaly.last) or [series.nearest(anomaly.peak, forward=True)]
    sign = 1 if anomaly.sigma > 0 else -1
    peak = max(inside, key=lambda moment: sign * parts.rest[series.places[moment]])
    is_last = peak == len(series.places) - 1 and (figures.is_unfinished or (sign < 0 and _may_be_cut(figures)))
    inside = [peak] if is_last else inside
    observed, usual, alike, values = _beside_usual(figures, inside, peak)
    if (observed.value > usual.value) is not (sign > 0):
        return None
    away = abs(observed.value - usual.value) / max(abs(usual.value), 1e-9)
    reasons = (
        Reason("rarity", saturating(anomaly.surprise + 2, 3, 50)),
        Reason("size", saturating(away, 0.5, 30)),
        recency(anomaly.last, len(series)),
    )
    code = f"{'high' if sign > 0 else 'low'}{'_last' if is_last else ''}"
    ends = inside[0], inside[-1]
    return _of_groups(figures, [peak], alike, _told(figures, "anomaly", code, *ends, (observed, usual), reasons, values))


def _beside_usual(figures: Figures, inside: Sequence[int], peak: int) -> tuple[Number, Number, list[int], dict[str, str]]:
    """What was observed, what is usual, at which moments, and which one was told, if it is one of several."""
    at_peak = figures.number("observed", "value", [peak])
    alike = _alike(figures, [peak], inside)
    usual = figures.number("usual", "median", alike)
    if len(inside) == 1:
        return at_peak, usual, alike, {}
    all_alike = _alike(figures, inside, inside)
    observed, usually = figures.typical("observed", inside, is_range=True), figures.typical("usual", all_alike)
    if (observed.value - usually.value) / ((at_peak.value - usual.value) or np.inf) >= _TYPICAL:
        return observed, usually, all_alike, {}
    return at_peak, usual, alike, {PEAK: figures.series.times[peak].isoformat()}


def _of_groups(figures: Figures, then: Sequence[int], usually: Sequence[int], finding: Finding) -> Finding | None:
    """The finding with how many groups it is of, if usually more or fewer have figures; nothing for a mean of others."""
    if not figures.by:
        return finding
    now, usual = (median_low([len(figures.rows[one]) for one in moments]) for moments in (then, usually))
    if now == usual:
        return finding
    if not figures.is_sum:
        return None
    at = [
        next(one for one in moments if len(figures.rows[one]) == count) for moments, count in ((then, now), (usually, usual))
    ]
    numbers = [
        Number(name, len(figures.rows[one]), "count", figures.column, figures.rows[one])
        for name, one in zip(("reporting", "groups"), at, strict=True)
    ]
    values = {**finding.values, "by": figures.by}
    return replace(finding, numbers=(*finding.numbers, *numbers), values=values)


def _alike(figures: Figures, moments: Sequence[int], without: Sequence[int]) -> list[int]:
    """The moments that others are compared with: of the same phases in other cycles, or without a season their neighbours.

    The same day of the week, where it matters, also in other years.
    """
    series, parts = figures.series, figures.parts
    barred = {int(series.places[one]) for one in without}
    short, step = min(parts.periods, default=1), max(parts.periods, default=1)
    step = round(step / short) * short
    known = {int(one): at for at, one in enumerate(series.places)}
    places, found = [int(series.places[one]) for one in moments], set[int]()
    for number in range(1, 4 * COMPARED):
        if len(found) >= max(COMPARED, 2 * len(moments)):
            break
        around = (place + sign * step * number for place in places for sign in (-1, 1))
        found |= {known[one] for one in around if one in known and one not in barred}
    others = found or [at for at in range(len(series.places)) if at not in set(without)] or list(without)
    return sorted(others)


def _shift(figures: Figures, shift: Shift, anomalies: Sequence[Anomaly]) -> Finding | None:
    """The shift by the figures around it, without anomalies beside it; None if a trend hides there what the step says."""
    series = figures.series
    odd = {one for each in anomalies if not _touches(each, shift) for one in series.inside(each.first, each.last)}
    before, after = (
        _without(figures, name, odd, series.inside(first, last))
        for name, first, last in (("before", shift.first, shift.at - 1), ("after", shift.at, shift.last))
    )
    if before.value == after.value or (after.value > before.value) is not shift.is_rise:
        return None
    change = change_between(before, after)
    reasons = (
        Reason("certainty", saturating(shift.certainty - 5, 5, 40)),
        Reason("size", saturating(size_between(before, after), 0.25, 40)),
        recency(shift.at, len(series)),
    )
    at, last = series.nearest(shift.at, forward=True), series.nearest(shift.last, forward=False)
    code = "up" if shift.is_rise else "down"
    finding = _told(figures, "change_point", code, at, last, (before, after, *change), reasons)
    then, earlier = series.inside(shift.at, shift.last), series.inside(shift.first, shift.at - 1)
    return _of_groups(figures, then, earlier, finding)


def _without(figures: Figures, name: str, odd: set[int], moments: Sequence[int]) -> Number:
    """The median of the moments that are not odd, or of all where most are."""
    calm = [one for one in moments if one not in odd]
    is_range = len(calm) == len(moments) or 2 * len(calm) < len(moments)
    return figures.typical(name, moments if is_range else calm, is_range=is_range)


def _trend(figures: Figures, trend: Trend) -> Finding | None:
    """The trend by the medians of its ends; None if they do not say what its slope says."""
    series = figures.series
    first, last = (series.inside(begin, end - 1) for begin, end in (trend.early, trend.late))
    if not first or not last:
        return None
    begin, end = (figures.typical(name, moments, is_range=True) for name, moments in (("first", first), ("last", last)))
    if begin.value == end.value or (end.value > begin.value) is not trend.is_rise:
        return None
    reasons = (
        Reason("certainty", saturating(trend.certainty - 3, 4, 40)),
        Reason("size", saturating(size_between(begin, end), 0.5, 40)),
        Reason("recency", 10),
    )
    numbers = (begin, end, *change_between(begin, end))
    values: dict[str, Any] = {
        name: [series.times[moments[0]].isoformat(), series.times[moments[-1]].isoformat()]
        for name, moments in ((EARLY, first), (LATE, last))
    }
    values |= {UNFINISHED: series.times[-1].isoformat()} if figures.is_unfinished else {}
    finding = _told(figures, "trend", "up" if trend.is_rise else "down", 0, last[-1], numbers, reasons, values)
    return _of_groups(figures, last, first, finding)


def _thresholds(figures: Figures, thresholds: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    own = [one for one in thresholds if one["column"] in (figures.column, figures.name)]
    for one in own:
        side = "above" if "above" in one else "below"
        yield from _crossed(figures, side, float(one[side]))
    values = figures.series.values[figures.series.places]
    if not own and 0 < (values < 0).sum() <= (1 - _MOSTLY) * len(values) and float(np.median(values)) > 0:
        yield from _crossed(figures, "below", 0.0)


def _crossed(figures: Figures, side: str, bound: float) -> Iterator[Finding]:
    """The longest times that figures were beyond a bound."""
    values = figures.series.values[figures.series.places]
    beyond = (values > bound) if side == "above" else (values < bound)
    edges = np.diff(np.concatenate([[0], beyond.astype(np.int8), [0]]))
    runs = [Run(int(a), int(b) - 1) for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)]
    for run in sorted(runs, key=lambda one: -one.length)[:MOST_EPISODES]:
        inside = list(range(run.first, run.last + 1))
        extreme = figures.number("observed", "max" if side == "above" else "min", inside, is_range=True)
        count = figures.number("count", "count", inside, is_range=True)
        away = abs(extreme.value - bound) / max(abs(bound), float(np.std(values)), 1e-9)
        reasons = (
            Reason("size", 20 + saturating(away, 0.5, 40)),
            Reason("duration", saturating(run.length / len(values), 0.05, 20)),
            recency(run.last, len(values)),
        )
        yield _told(figures, "threshold", side, run.first, run.last, (extreme, count), reasons, {"bound": bound})


def _standstill(figures: Figures, run: Run) -> Finding:
    series = figures.series
    inside = series.inside(run.first, run.last)
    numbers = (
        figures.number("observed", "min", inside, is_range=True),
        figures.number("count", "count", inside, is_range=True),
    )
    reasons = (
        Reason("duration", 20 + saturating(run.length / len(series), 0.02, 50)),
        recency(run.last, len(series)),
    )
    return _told(figures, "missing_data", "standstill", inside[0], inside[-1], numbers, reasons)


def _told(
    figures: Figures,
    kind: Any,
    code: str,
    first: int,
    last: int,
    numbers: tuple[Number, ...],
    reasons: tuple[Reason, ...],
    values: Mapping[str, Any] | None = None,
) -> Finding:
    times = figures.series.times
    named = {"category": figures.where[1]} if figures.where else {}
    named |= {GRAIN: figures.series.grain} if figures.series.unit == "months" else {}
    return Finding(
        kind, f"{kind}_{code}", figures.name, times[first], times[last], numbers, reasons, {**named, **(values or {})}
    )
