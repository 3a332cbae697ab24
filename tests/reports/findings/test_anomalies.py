"""What is extraordinary in a series, and what is only how the series is."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from reports.findings.anomalies import Anomaly, find_anomalies
from reports.findings.seasons import taken_apart
from reports.findings.series import Series, series_of
from tests.reports.findings.series import DAY, counts, hours, months, over, year_of_days


def anomalies(series: Series) -> list[Anomaly]:
    return find_anomalies(series, taken_apart(series))


def places(series: Series) -> list[tuple[int, int, bool]]:
    return [(one.first, one.last, one.sigma > 0) for one in anomalies(series)]


def by_month(values: np.ndarray) -> Series:
    times = [datetime(2005 + number // 12, number % 12 + 1, 1) for number in range(len(values))]  # noqa: DTZ001
    return series_of(times, values)


QUIET = {
    "a day and a week": over(hours()),
    "counts": over(counts()),
    "two years of days": over(year_of_days(), DAY),
    "noise": over(np.random.default_rng(3).normal(size=1000)),
    "a random walk": over(100 + np.cumsum(np.random.default_rng(8).normal(size=1000))),
    "a ramp": over(hours() + np.arange(1440) * 0.05),
    "a season that drifts": over(
        100 + 40 * np.sin(np.arange(1440) / 24 * (1 + 0.0003) * 2 * np.pi) + np.random.default_rng(5).normal(size=1440)
    ),
    "nothing but one figure": over(np.full(1000, 5.0)),
    "a square wave": over(np.where(np.arange(4032) // 72 % 4 == 1, 80.0, 20.0), timedelta(minutes=5)),
    "a pure season": over(10 * np.sin(np.arange(4032) / 288 * 2 * np.pi), timedelta(minutes=5)),
    "growth with a strong December": by_month(months()),
}


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_found_where_nothing_is(name: str) -> None:
    assert places(QUIET[name]) == []


def test_heavy_tails_raise_an_alarm_once_a_series_at_most() -> None:
    found = [len(anomalies(over(hours(seed=seed, heavy=True)))) for seed in range(1, 9)]
    assert sum(found) <= 8


def test_a_point_a_burst_and_a_silence_are_found_where_they_are() -> None:
    spiked = hours()
    spiked[700] += 90
    assert places(over(spiked)) == [(700, 700, True)]
    low = hours()
    low[700:709] -= 40
    assert places(over(low)) == [(700, 708, False)]
    burst = counts()
    burst[500:506] += 40
    assert places(over(burst)) == [(500, 505, True)]
    days = year_of_days()
    days[400] += 120
    assert places(over(days, DAY)) == [(400, 400, True)]


def test_a_season_is_not_an_anomaly_and_a_season_that_fails_is_one() -> None:
    weak = months()
    weak[11 + 12 * 8] *= 0.8
    assert places(by_month(weak)) == [(11 + 12 * 8, 11 + 12 * 8, False)]


def test_holes_are_no_anomalies() -> None:
    holes = hours()
    holes[600:700] = np.nan
    assert places(over(holes)) == []


def test_a_short_series_is_enough_for_what_is_far_off() -> None:
    days = np.tile([10.0, 11, 9, 10, 12], 6)
    days[8] = 50
    assert places(over(days, DAY)) == [(8, 8, True)]
    assert places(over(days[:20], DAY)) == []


def test_two_of_a_thousand_points_are_told_at_most() -> None:
    wild = hours(days=100)
    wild[np.arange(5, 2400, 240)] += 300
    assert len(anomalies(over(wild))) == 4
