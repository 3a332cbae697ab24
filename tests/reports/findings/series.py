"""Series as the world makes them, each from its own seed."""

from datetime import datetime, timedelta

import numpy as np

from reports.findings.series import Series, series_of

BEGIN = datetime(2026, 1, 5)  # noqa: DTZ001 - what is measured is counted in steps
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def over(values: np.ndarray, step: timedelta = HOUR) -> Series:
    """Return the values one step after the other; those that are NaN are no moments."""
    known = np.isfinite(values)
    return series_of([BEGIN + step * number for number in np.flatnonzero(known).tolist()], values[known])


def hours(days: int = 60, *, seed: int = 1, noise: float = 4.0, heavy: bool = False) -> np.ndarray:
    """Return hours with the shape of a day, quieter at weekends; ``heavy``: noise with tails (Student's t of 3)."""
    drawn = np.random.default_rng(seed)
    hour, day = np.arange(days * 24) % 24, np.arange(days * 24) // 24
    shape = 100 + 40 * np.sin((hour - 8) / 24 * 2 * np.pi) - 15 * (day % 7 >= 5)
    scatter = drawn.standard_t(3, days * 24) if heavy else drawn.normal(size=days * 24)
    return shape + noise * scatter


def counts(days: int = 60, *, seed: int = 2, mean: float = 6.0) -> np.ndarray:
    """Return counts by the hour (Poisson), many at noon and few at night."""
    hour = np.arange(days * 24) % 24
    return np.random.default_rng(seed).poisson(mean * (1 + 0.8 * np.sin((hour - 6) / 24 * 2 * np.pi))).astype(float)


def year_of_days(years: int = 2, *, seed: int = 3) -> np.ndarray:
    """Return days with a week's season."""
    drawn = np.random.default_rng(seed)
    day = np.arange(365 * years)
    return 200 + 60 * (day % 7 >= 5) + 10 * drawn.normal(size=len(day))


def months(years: int = 15, *, seed: int = 4) -> np.ndarray:
    """Return months that grow by 4 % a year, with a December half as large again."""
    month = np.arange(12 * years)
    season = np.where(month % 12 == 11, 1.5, 1.0 + 0.05 * np.sin(month % 12))
    return 1000 * 1.04 ** (month / 12) * season * np.exp(0.01 * np.random.default_rng(seed).normal(size=len(month)))
