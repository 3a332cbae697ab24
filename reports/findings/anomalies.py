"""Periods in which a series was not what level and season lead one to expect.

What is left of the series is averaged over a point and over parts of a cycle, for a burst of an hour matters otherwise
than an odd day. Whether a deviation is extraordinary is asked of the series itself: the largest deviation of each cycle (day,
week, year) follows a Gumbel distribution (Fisher-Tippett; Coles, "An Introduction to Statistical Modeling of Extreme
Values", 2001, chapter 3), fitted by quartiles, which anomalies do not move. One is told where that distribution would exceed
it in fewer than ``FALSE_ALARMS`` cycles of the whole series.
"""

from dataclasses import dataclass, replace

import numpy as np

from reports.findings.seasons import Parts, spread
from reports.findings.series import Floats, Series

FALSE_ALARMS = 0.2
"""How many cycles of a whole series may be taken for extraordinary by chance: one in five series."""
PER_THOUSAND = 2
"""Anomalies that are told at most, of 1,000 points."""
SCALES = (0.0, 0.25, 0.5)
"""What is averaged over, in cycles; 0 is a single point."""
_FEWEST_BLOCKS = 8
_FEWEST = 24
"""Points without which nothing is called usual."""
_LEAST_SIGMA = 4.0
_QUIET = 0.01
"""The rest of a series is taken to scatter by at least this share of the series' own span."""
_PART = 0.25
"""Of the largest deviation: an anomaly lasts from the first to the last one of at least this size."""
_NARROWEST = 0.15
"""Scale by location of the maxima of a normal distribution over some dozen points: no fit may be narrower."""


@dataclass(frozen=True)
class Anomaly:
    """A period between two places of the grid, the place of its most unusual point, and how unusual it is.

    ``surprise`` is the natural logarithm of how rare it is, above what is told at all; ``sigma`` its standard deviations.
    """

    first: int
    last: int
    peak: int
    sigma: float
    surprise: float


def find_anomalies(
    series: Series, parts: Parts, points: int = 0, siblings: int = 1, *, may_begin_low: bool = False
) -> list[Anomaly]:
    """Return the anomalies of a series in their order of time.

    ``points`` is of how many figures the series was made, where that is more than one each; ``siblings`` how many series
    are looked at together: chance has as many more tries; ``may_begin_low`` says that the first one may be part of a month.
    """
    known = int(np.isfinite(series.values).sum())
    cycle = _cycle(series, parts)
    if known < _FEWEST or len(series) // cycle < _FEWEST_BLOCKS:
        return []
    found: list[Anomaly] = []
    widths = sorted({max(1, round(scale * cycle)) for scale in SCALES})
    for width in widths:
        found += _at_width(parts, cycle, width, len(widths) * siblings)
    trimmed = [_trimmed(one, parts.rest) for one in _merged(found, cycle)]
    kept = [one for one in trimmed if one.last > 0 or one.sigma > 0 or not may_begin_low]
    best = sorted(kept, key=lambda one: one.surprise, reverse=True)
    return sorted(best[: max(1, max(points, known) * PER_THOUSAND // 1_000)], key=lambda one: one.first)


def _cycle(series: Series, parts: Parts) -> int:
    """The points whose largest deviation is one observation: the shortest season, or what the calendar takes for one."""
    cycle = min([*parts.periods, *series.cycles], default=len(series) // 20)
    return max(3, min(cycle, len(series) // _FEWEST_BLOCKS))


def _at_width(parts: Parts, cycle: int, width: int, tries: int) -> list[Anomaly]:
    deviation = _averaged(parts.rest, width)
    span = np.nanquantile(parts.figures, [0.02, 0.98])
    sigma = max(spread(deviation), _QUIET * float(span[1] - span[0]))
    if sigma <= 0:
        return []
    scores = np.nan_to_num((deviation - float(np.nanmedian(deviation))) / sigma)
    blocks = len(scores) // cycle
    maxima = np.abs(scores[: blocks * cycle]).reshape(blocks, cycle).max(axis=1)
    location, scale = _gumbel(maxima[maxima > 0])
    # Quartiles of few cycles are uncertain themselves.
    level = np.log(tries * blocks / FALSE_ALARMS) * (1 + 3 / blocks)
    surprises = (np.abs(scores) - location) / scale - level
    return [_around(scores, surprises, peak) for peak in _peaks(surprises, scores, cycle)]


def _gumbel(maxima: Floats) -> tuple[float, float]:
    """Location and scale by quartiles: Q(p) = location - scale ln(-ln p)."""
    if not len(maxima):
        return 0.0, 1.0
    low, middle, high = np.quantile(maxima, [0.25, 0.5, 0.75])
    scale = float(high - low) / (np.log(-np.log(0.25)) - np.log(-np.log(0.75)))
    location = float(middle) + scale * np.log(-np.log(0.5))
    return location, max(scale, _NARROWEST * float(middle))


def _averaged(figures: Floats, width: int) -> Floats:
    """The mean of what is known in a window around each place."""
    if width == 1:
        return figures
    known = np.isfinite(figures)
    window = np.ones(width)
    count = np.convolve(known, window, "same")
    total = np.convolve(np.where(known, figures, 0.0), window, "same")
    return np.where(count >= width / 2, total / np.maximum(count, 1), np.nan)


def _peaks(surprises: Floats, scores: Floats, cycle: int) -> list[int]:
    """The places of the largest scores above the level, one a cycle at most."""
    left = np.where((surprises > 0) & (np.abs(scores) >= _LEAST_SIGMA), surprises, -np.inf)
    peaks: list[int] = []
    while len(left) and np.isfinite(left.max()):
        peak = int(left.argmax())
        peaks.append(peak)
        left[max(0, peak - cycle) : peak + cycle + 1] = -np.inf
    return peaks


def _around(scores: Floats, surprises: Floats, peak: int) -> Anomaly:
    """The anomaly around a peak: as far as the score is on its side, and at least half of it."""
    side = scores * np.sign(scores[peak])
    low = np.flatnonzero(side < side[peak] / 2)
    at = int(np.searchsorted(low, peak))
    first = int(low[at - 1]) + 1 if at else 0
    last = int(low[at]) - 1 if at < len(low) else len(scores) - 1
    return Anomaly(first, last, peak, float(scores[peak]), float(surprises[peak]))


def _trimmed(anomaly: Anomaly, rest: Floats) -> Anomaly:
    """The anomaly without the beginning and end that only averaging lent it."""
    part = np.nan_to_num(rest[anomaly.first : anomaly.last + 1] * np.sign(anomaly.sigma))
    high = np.flatnonzero(part >= _PART * part.max())
    if part.max() <= 0 or not len(high):
        return anomaly
    first, last = anomaly.first + int(high[0]), anomaly.first + int(high[-1])
    return replace(anomaly, first=first, last=last, peak=anomaly.first + int(part.argmax()))


def _merged(found: list[Anomaly], gap: int) -> list[Anomaly]:
    """Make one of those that overlap, or are less than a cycle apart; the most surprising one says what it is."""
    merged: list[Anomaly] = []
    for one in sorted(found, key=lambda anomaly: anomaly.first):
        if merged and one.first - merged[-1].last <= gap:
            before = merged.pop()
            best = max(before, one, key=lambda anomaly: anomaly.surprise)
            one = Anomaly(before.first, max(before.last, one.last), best.peak, best.sigma, best.surprise)
        merged.append(one)
    return merged
