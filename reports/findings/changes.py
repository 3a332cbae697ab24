"""Lasting changes: levels that shifted, and trends.

Both are asked of the medians of cycles, the season taken off, so that one odd hour is neither. A shift is the step that
explains most beside a straight line (least squares), told if it is many times its standard error; the error is widened
for figures that follow each other (an effective sample size, (1-r)/(1+r)). A trend is Sen's slope (1968) with the test of
Mann and Kendall.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

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
"""Points around a shift that tell how large it is, where there is no cycle."""
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
    """A rise or fall over the whole series; ``block`` are the points of a cycle, ``certainty`` standard errors."""

    block: int
    certainty: float
    is_rise: bool


def find_shifts(series: Series, parts: Parts) -> list[Shift]:
    """Return the shifts of level, in their order."""
    block = _block(series, parts, longest=False)
    medians = _medians(parts.figures - parts.season, block)
    if len(medians) < _FEWEST_BLOCKS:
        return []
    splits = _refined(medians, sorted(_splits(medians, 0, len(medians), [])))
    ends = [0, *(split.at * block for split in splits), len(series)]
    cycles = [*parts.periods, *(cycle for cycle in series.cycles if len(series) >= 4 * cycle)]
    near = max(cycles) if cycles else _NEAR * block
    return [
        Shift(max(ends[number], at - near), at, min(ends[number + 2], at + near) - 1, split.certainty, split.size > 0)
        for number, split in enumerate(splits)
        for at in [_exact(parts.figures - parts.season, split.at * block, block)]
    ]


def _exact(figures: Floats, at: int, block: int) -> int:
    """The place within a cycle of a shift that best divides figures near the level before from those near the level after."""
    low, high, around = max(at - block, 1), min(at + block, len(figures) - 1), max(2 * block, _NEAR)
    before, after = _median(figures[max(0, low - around) : low]), _median(figures[high : high + around])
    if block == 1 or not np.isfinite(before - after):
        return at
    nearer_before = np.nan_to_num(np.abs(figures[low:high] - after) - np.abs(figures[low:high] - before))
    return low + int(np.argmax(np.concatenate([[0.0], np.cumsum(nearer_before)])))


def find_trend(series: Series, parts: Parts) -> Trend | None:
    """Return the trend of the series; None if it has none that is certain and large enough."""
    block = _block(series, parts, longest=True)
    medians = _medians(parts.figures - parts.season, block)
    count = len(medians)
    if count < 8:
        return None
    rises = np.sign(medians[None, :] - medians[:, None])[np.triu_indices(count, 1)]
    slopes = _slopes(medians)
    slope = float(np.median(slopes))
    rest = medians - slope * np.arange(count)
    certainty = abs(float(rises.sum())) / np.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    is_large = abs(slope) * (count - 1) >= max(_LARGE * spread(rest), _relative(medians, parts))
    is_steady = abs(float(rises.mean())) >= _STEADY
    return Trend(block, float(certainty), slope > 0) if certainty >= _TREND and is_steady and is_large else None


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
