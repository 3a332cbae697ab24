"""Lasting changes: levels that shifted, and trends.

Both are asked of the medians of cycles, the season taken off, so that one odd hour is neither. A shift is the step that
explains most beside a straight line (least squares), told if it is many times its standard error; the error is widened
for figures that follow each other (an effective sample size, (1-r)/(1+r)). Cycles far from those around them (a feast) are
taken for what is usual there (Hampel's filter), and what comes back every year is no shift. A trend is Sen's slope (1968)
with the test of Mann and Kendall; over more than a year of which the season is not known only the same parts of different
years are compared, after Hirsch and Slack (1982).
"""

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reports.findings.seasons import Parts, spread
from reports.findings.series import Floats, Series

_FEWEST_BLOCKS = 10
_SIDE = 4
"""Cycles on either side of a shift."""
_CERTAIN = 6.0
"""Standard errors that a shift needs: many places were tried."""
_LARGE = 2.0
"""Size of a shift or a trend by what the cycles scatter otherwise."""
_RELATIVE = 0.05
"""And by the level."""
_MOST_BLOCKS = 400
_MOST_SHIFTS = 5
_NEAR = 10
"""Points around a shift that tell how large it is, where there is no cycle,"""
_AROUND = 4
"""and cycles at least, where there is one."""
_REACH = 5
"""Cycles on either side of a step in which its exact place is looked for: a feast beside it pulls it there."""
_SPIKE_WINDOW, _SPIKE = 4, 4.0
"""Cycles on either side that tell what is usual, and the standard deviations from it beyond which a cycle is a spike."""
_MORE_THAN_A_YEAR = 1.25
_RETURNS = 0.5
"""Part of a step that makes one a year before, or after, the same."""
ENDS = 8
"""A trend is told by the medians of its first and of its last eighth, or by the same parts of two years."""
_TREND = 4.0
"""Standard errors that a trend needs,"""
_STEADY = 0.5
"""and how steady it is: Kendall's tau, 1 if every cycle is above all before it."""


@dataclass(frozen=True)
class Shift:
    """A level that changed before the place ``at`` of the grid; ``first`` and ``last`` are a cycle, or some points, around it.

    ``last`` is not beyond the next shift. ``is_rise`` tells of the step itself, beside whatever trend there is.
    """

    first: int
    at: int
    last: int
    certainty: float
    is_rise: bool


class _Split(NamedTuple):
    """A step between two cycles: before which one, its standard errors, and how large it is."""

    at: int
    certainty: float
    size: float


@dataclass(frozen=True)
class Trend:
    """A rise or fall over the whole series; ``certainty`` in standard errors.

    ``early`` and ``late`` are what to compare, as the places where they begin and end (which is not part of them): whole
    cycles, of the same part of the year if there is more than one year.
    """

    early: tuple[int, int]
    late: tuple[int, int]
    certainty: float
    is_rise: bool


def find_shifts(series: Series, parts: Parts) -> list[Shift]:
    """Return the shifts of level, in their order."""
    block = _block(series, parts, longest=False)
    figures = parts.figures - parts.season
    with_spikes = _medians(figures, block)
    medians = _without_spikes(with_spikes)
    if len(medians) < _FEWEST_BLOCKS:
        return []
    splits = _refined(medians, sorted(_splits(medians, 0, len(medians), [])))
    bounds = [0, *(split.at * block for split in splits), len(series)]
    reaches = [_reach(medians != with_spikes, split.at) for split in splits]
    places = [
        _exact(figures, split, block, reaches[number], (bounds[number], bounds[number + 2]))
        for number, split in enumerate(splits)
    ]
    ends = [0, *places, len(series)]
    cycles = [*parts.periods, *(cycle for cycle in series.cycles if len(series) >= 4 * cycle)]
    near = max(*cycles, min(_AROUND * min(cycles), series.year or len(series))) if cycles else _NEAR * block
    year = series.year if not _knows_year(series, parts) else 0
    return [
        Shift(max(ends[number], at - near), at, min(ends[number + 2], at + near) - 1, splits[number].certainty, is_rise)
        for number, at in enumerate(places)
        for is_rise in [splits[number].size > 0]
        if not _returns(figures, at, near, year)
    ]


def _without_spikes(medians: Floats) -> Floats:
    """The medians, but in place of those far from the ones around them what is usual there (Hampel, 1974)."""
    width = 2 * _SPIKE_WINDOW + 1
    if len(medians) < width:
        return medians
    padded = np.pad(medians, _SPIKE_WINDOW, mode="reflect")
    usual = np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)
    return np.where(np.abs(medians - usual) > _SPIKE * spread(medians - usual), usual, medians)


def _reach(are_spikes: npt.NDArray[np.bool_], at: int) -> int:
    """In how many cycles on either side the place of a step is looked for: more where a spike is near."""
    return _REACH if are_spikes[max(0, at - _REACH) : at + _REACH].any() else 1


def _exact(figures: Floats, split: _Split, block: int, reach: int, bounds: tuple[int, int]) -> int:
    """The place near a shift, between its neighbours, that best divides figures near the level before from those after.

    No figure counts more than the step itself: one beyond both levels tells of neither.
    """
    (first, last), at, around = bounds, split.at * block, max(2 * block, _NEAR)
    low, high = max(at - reach * block, first + 1), min(at + reach * block, last - 1)
    before, after = _median(figures[max(first, low - around) : low]), _median(figures[high : min(high + around, last)])
    if block == 1 or low >= high or not (after - before) * split.size > 0:
        return at
    size = max(abs(after - before), abs(split.size))
    to_after, to_before = (np.minimum(np.abs(figures[low:high] - level), size) for level in (after, before))
    return low + int(np.argmax(np.concatenate([[0.0], np.cumsum(np.nan_to_num(to_after - to_before))])))


def _returns(figures: Floats, at: int, near: int, year: int) -> bool:
    """Whether a step of the same sign and at least half the size stands a year before or after: a season, of which too few are known."""

    def step(place: int) -> float:
        if not year or place < near or place + near > len(figures):
            return 0.0
        return _median(figures[place : place + near]) - _median(figures[place - near : place])

    size = step(at)
    return any(step(place) * size > 0 and abs(step(place)) >= _RETURNS * abs(size) for place in (at - year, at + year))


def _knows_year(series: Series, parts: Parts) -> bool:
    return any(period >= series.year - 1 for period in parts.periods)


def find_trend(series: Series, parts: Parts, *, first: int = 0, last: int | None = None) -> Trend | None:
    """Return the trend of the series; None if it has none that is certain and large enough.

    It is told between the places ``first`` and ``last``: an unfinished day is left out.
    """
    block = _block(series, parts, longest=True)
    last = len(series) if last is None else last
    medians = _medians(parts.figures - parts.season, block)  # an unfinished end moves no median
    if len(medians) < 8:
        return None
    is_over_years = bool(series.year) and last - first >= _MORE_THAN_A_YEAR * series.year
    lag = round(series.year / block) if is_over_years and not _knows_year(series, parts) else 0
    found = _over_years(medians, lag, parts) if lag else _steady(medians, parts)
    if lag and not found:  # of few weeks there is one a year before: what is steady must only agree with them
        steady = _steady(medians, parts)
        found = steady if steady and _agrees(medians, lag, is_rise=steady[1]) else None
    if not found:
        return None
    early, late = _ends(first, last, block, series.year if is_over_years else 0)
    return Trend(early, late, *found)


def _ends(first: int, last: int, block: int, year: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """What to compare of a trend: its first with its last year, of less than two years the last cycles with those a year before."""
    length = last - first
    if not year:
        width = min(block * ceil(length / ENDS / block), length // 2)
        return (first, first + width), (last - width, last)
    if length >= 2 * year:
        return (first, first + year), (last - year, last)
    width = max((length - year) // block, 1) * block
    return (last - width - year, last - year), (last - width, last)


def _over_years(medians: Floats, lag: int, parts: Parts) -> tuple[float, bool] | None:
    """Certainty and direction of what differs between the same parts of different years; None if it is not a trend."""
    away = np.concatenate([(medians[years * lag :] - medians[: -years * lag]) / years for years in range(1, len(medians) // lag + 1)
                           if years * lag < len(medians)])  # fmt: skip
    rises, slope, years = np.sign(away), float(np.median(away)), len(medians) / lag
    certainty = abs(float(rises.sum())) / np.sqrt(len(away)) / _widened(away)
    is_large = abs(slope) * (years - 1) >= max(_LARGE * spread(away) / np.sqrt(2), _relative(medians, parts))
    is_steady = abs(float(rises.mean())) >= _STEADY
    return (float(certainty), slope > 0) if certainty >= _TREND and is_steady and is_large else None


def _agrees(medians: Floats, lag: int, *, is_rise: bool) -> bool:
    """Whether most cycles are above, or below, those of a year before."""
    rises = float(np.sign(medians[lag:] - medians[:-lag]).mean())
    return (rises if is_rise else -rises) >= _STEADY


def _steady(medians: Floats, parts: Parts) -> tuple[float, bool] | None:
    """Certainty and direction of a steady rise or fall; None if it is none."""
    count = len(medians)
    rises = np.sign(medians[None, :] - medians[:, None])[np.triu_indices(count, 1)]
    slopes = _slopes(medians)
    slope = float(np.median(slopes))
    rest = medians - slope * np.arange(count)
    certainty = abs(float(rises.sum())) / np.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    is_large = abs(slope) * (count - 1) >= max(_LARGE * spread(rest), _relative(medians, parts))
    is_steady = abs(float(rises.mean())) >= _STEADY
    return (float(certainty), slope > 0) if certainty >= _TREND and is_steady and is_large else None


def _block(series: Series, parts: Parts, *, longest: bool) -> int:
    """The points of which one median is taken: a cycle of the season, or of the calendar."""
    of_calendar = [*parts.periods, *([] if parts.periods or longest else series.cycles[:1])]
    fitting = [period for period in of_calendar if len(series) // period >= _FEWEST_BLOCKS]
    cycle = (max(fitting) if longest else min(fitting)) if fitting else 1
    return max(cycle, len(series) // _MOST_BLOCKS, 1)


def _medians(figures: Floats, block: int) -> Floats:
    count = len(figures) // block
    found = np.array([_median(part) for part in figures[: count * block].reshape(count, block)])
    known = np.isfinite(found)
    if known.sum() < 2:
        return found[known]
    return np.interp(np.arange(count), np.flatnonzero(known), found[known])


def _median(figures: Floats) -> float:
    known = figures[np.isfinite(figures)]
    return float(np.median(known)) if len(known) else np.nan


def _splits(medians: Floats, first: int, last: int, found: list[_Split]) -> list[_Split]:
    """The places of shifts between two places, each with its certainty: the clearest one, then on either side of it."""
    part = medians[first:last]
    if len(part) < _FEWEST_BLOCKS or len(found) >= _MOST_SHIFTS:
        return found
    best, noise = _clearest(part)
    is_large = abs(best.size) >= max(_LARGE * noise, _RELATIVE * _span(medians), 1e-12)
    if best.at and best.certainty >= _CERTAIN and is_large:
        found.append(best._replace(at=first + best.at))
        _splits(medians, first, first + best.at, found)
        _splits(medians, first + best.at, last, found)
    return found


def _refined(medians: Floats, splits: list[_Split]) -> list[_Split]:
    """Each split once more between its neighbours: when it was found, the others were not known yet."""
    refined = list(splits)
    for number in range(len(refined)):
        first = refined[number - 1].at if number else 0
        last = refined[number + 1].at if number + 1 < len(refined) else len(medians)
        if last - first >= 2 * _SIDE:
            best, _noise = _clearest(medians[first:last])
            refined[number] = best._replace(at=first + best.at) if best.certainty >= _CERTAIN else refined[number]
    return refined


def _clearest(part: Floats) -> tuple[_Split, float]:
    """Where a step beside a line explains most, and what the rest scatters."""
    count = len(part)
    line = np.column_stack([np.ones(count), np.arange(count) / count])
    best, scatter = _Split(0, 0.0, 0.0), 0.0
    for at in range(_SIDE, count - _SIDE + 1):
        step = (np.arange(count) >= at).astype(np.float64)
        model = np.column_stack([line, step])
        fit, *_rest = np.linalg.lstsq(model, part, rcond=None)
        rest = part - model @ fit
        noise = max(float(np.sqrt((rest**2).sum() / max(count - 3, 1))), 1e-3 * _span(part))
        own = step - line @ np.linalg.lstsq(line, step, rcond=None)[0]
        error = noise / np.sqrt(float(own @ own)) * _widened(rest)
        certainty = abs(float(fit[2])) / error if error > 0 else 0.0
        if certainty > best.certainty:
            best, scatter = _Split(at, float(certainty), float(fit[2])), noise
    return best, scatter


def _span(figures: Floats) -> float:
    return float(np.max(figures) - np.min(figures))


def _widened(rest: Floats) -> float:
    """By how much figures that follow each other widen a standard error."""
    centred = rest - rest.mean()
    total = float(centred @ centred)
    follows = float(centred[1:] @ centred[:-1]) / total if total > 0 else 0.0
    follows = min(max(follows + 1 / len(rest), 0.0), 0.95)
    return float(np.sqrt((1 + follows) / (1 - follows)))


def _slopes(medians: Floats) -> Floats:
    first, last = np.triu_indices(len(medians), 1)
    return (medians[last] - medians[first]) / (last - first)


def _relative(medians: Floats, parts: Parts) -> float:
    return _RELATIVE if parts.is_ratio else _RELATIVE * abs(float(np.median(medians)))
