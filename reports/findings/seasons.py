"""A series taken apart: level, season, and what neither explains. Medians throughout, so that outliers move nothing.

The level is a running median over the longest season. The season is the median of each phase of the cycle, for every
length the calendar offers (day, week, year) that explains figures it was not taken from: the profile of the odd cycles
must bring the even ones nearer to it, and the other way round. After Cleveland's STL (1990), with medians for loess.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from reports.findings.series import Floats, Series

TO_SIGMA = 1.4826
"""The median distance from the median, times this, is the standard deviation of a normal distribution."""
MEAN_TO_SIGMA = 1.2533
"""And the mean distance, times this."""
_EXPLAINS = 0.9
"""A season is one if what is left is at most this share of what there was."""
_CYCLES = 3
"""How often a cycle must have been seen."""
_GROWS = 1.5
"""From the lowest to the highest level: beyond it, positive figures may be looked at in ratios (logarithms)."""
_MOST_CENTRES = 2_000
_MIN_WINDOW = 7
_LONG = 40
"""Weeks of days from which a level is that of two months."""


@dataclass(frozen=True)
class Parts:
    """``figures`` = ``level`` + ``season`` + ``rest``; ``is_ratio`` if ``figures`` are logarithms of the series."""

    figures: Floats
    level: Floats
    season: Floats
    rest: Floats
    periods: tuple[int, ...]
    is_ratio: bool

    @property
    def expected(self) -> Floats:
        """What level and season lead one to expect, in the unit of the series."""
        expected = self.level + self.season
        return np.exp(expected) if self.is_ratio else expected


def spread(figures: Floats) -> float:
    """Return the robust standard deviation of figures, 0 for none; where most are alike, it is that of the others' mean."""
    known = figures[np.isfinite(figures)]
    if not len(known):
        return 0.0
    away = np.abs(known - np.median(known))
    return TO_SIGMA * float(np.median(away)) or MEAN_TO_SIGMA * float(away.mean())


def taken_apart(series: Series) -> Parts:
    """Return the parts of a series."""
    parts = _parts(series, series.values, is_ratio=False)
    low, high = np.nanquantile(parts.level, [0.02, 0.98])
    if np.nanmin(series.values) <= 0 or low <= 0 or high / low < _GROWS:
        return parts
    ratios = _parts(series, np.log(series.values), is_ratio=True)
    return ratios if _unevenness(ratios, parts.level) < _unevenness(parts, parts.level) else parts


def _unevenness(parts: Parts, level: Floats) -> float:
    """How much more, or less, a series swings where its level is high than where it is low; 0 for the same."""
    swing, middle = parts.figures - parts.level, float(np.median(level))
    low, high = spread(swing[level < middle]), spread(swing[level >= middle])
    return abs(float(np.log(high / low))) if low > 0 and high > 0 else 0.0


def _parts(series: Series, figures: Floats, *, is_ratio: bool) -> Parts:
    cycles = [length for length in series.cycles if len(figures) >= _CYCLES * length]
    window = _window(series, cycles)
    season = np.zeros(len(figures))
    periods: list[int] = []
    level = running_median(figures, window)
    for period in cycles:
        rest = figures - level - season
        smoothing = (
            max(1, series.cycles[0] // 24) if series.step < 86_400 and series.unit == "seconds" else period // 48 or 1
        )
        if _explains(rest, period, smoothing):
            season, periods = season + _profile(rest, period, smoothing), [*periods, period]
            level = running_median(figures - season, window)
    return Parts(figures, level, season, figures - level - season, tuple(periods), is_ratio)


def _window(series: Series, cycles: list[int]) -> int:
    """Over how many points a level is taken: the longest season, at least four days of hours, and eight weeks of a year of days.

    What lasts as long as half of it is the level: a campaign of three weeks is none, where there is enough beside it.
    """
    if not cycles:
        return max(_MIN_WINDOW, len(series) // 4)
    least = 8 if series.grain == "day" and len(series) >= _LONG * cycles[0] else 4
    return max(cycles[-1], least * cycles[0] if len(series.cycles) > 1 else 0, _MIN_WINDOW)


def running_median(figures: Floats, window: int) -> Floats:
    """Return the median around every place; towards the ends, where half a window is missing, the line goes on."""
    length, half = len(figures), max(1, min(window, len(figures) // 2) // 2)
    step = max(1, half // 12, length // _MOST_CENTRES)
    centres = np.unique([*range(half, max(length - half, half + 1), step), max(length - half - 1, half)])
    medians = np.array([_median(figures[max(0, at - half) : at + half + 1]) for at in centres])
    known = np.isfinite(medians)
    centres, medians = centres[known], medians[known]
    if not len(centres):
        return np.zeros(length)
    level = np.interp(np.arange(length), centres, medians)
    if len(centres) > 2:
        _go_on(level, centres, medians, half)
        _go_on(level[::-1], (length - 1 - centres)[::-1], medians[::-1], half)
    return level


def _go_on(level: Floats, centres: Floats, medians: Floats, half: int) -> None:
    """Let the level before the first centre be on the line through it and the one half a window behind it."""
    inner = min(max(1, int(np.searchsorted(centres, centres[0] + half))), len(centres) - 1)
    slope = (medians[inner] - medians[0]) / (centres[inner] - centres[0])
    outside = np.arange(int(centres[0]))
    level[: len(outside)] = medians[0] + slope * (outside - centres[0])


def _median(figures: Floats) -> float:
    known = figures[np.isfinite(figures)]
    return float(np.median(known)) if len(known) else np.nan


def _explains(rest: Floats, period: int, smoothing: int) -> bool:
    cycle = np.arange(len(rest)) // period
    left = rest.copy()
    for parity in (0, 1):
        others = np.where(cycle % 2 == parity, np.nan, rest)
        left = np.where(cycle % 2 == parity, rest - _profile(others, period, smoothing), left)
    before = spread(rest)
    return before > 0 and spread(left) <= _EXPLAINS * before


def _profile(rest: Floats, period: int, smoothing: int) -> Floats:
    """The median of each phase, smoothed over its neighbours, at every place."""
    filled = np.full(-(-len(rest) // period) * period, np.nan)
    filled[: len(rest)] = rest
    cycles = filled.reshape(-1, period)
    whole = cycles[np.isfinite(cycles).all(axis=1)]
    if len(whole) < len(cycles) - 1:  # holes beside what the last cycle lacks
        whole = cycles
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a phase that was never seen
        phases = np.nan_to_num(np.nanmedian(whole, axis=0))
    if smoothing > 1:
        half = smoothing // 2
        around = np.concatenate([phases[-half:], phases, phases[:half]])
        phases = np.median(np.lib.stride_tricks.sliding_window_view(around, 2 * half + 1), axis=1)
    return phases[np.arange(len(rest)) % period]
