"""Levels that shift, trends, gaps and standstills."""

from datetime import datetime

import numpy as np
import pytest

from reports.findings.changes import find_shifts, find_trend
from reports.findings.figures import Table
from reports.findings.gaps import find_holes, find_standstills
from reports.findings.of_tables import find_all
from reports.findings.seasons import taken_apart
from tests.reports.findings.series import DAY, counts, hours, months, over, year_of_days


def shifts(values: np.ndarray, step=None) -> list[int]:
    series = over(values, step) if step else over(values)
    return [shift.at for shift in find_shifts(series, taken_apart(series))]


def has_trend(values: np.ndarray) -> bool:
    series = over(values)
    return find_trend(series, taken_apart(series)) is not None


def test_a_level_that_changed_is_found_within_a_cycle_of_its_change() -> None:
    values = hours()
    values[720:] += 40
    assert shifts(values) == [720]
    days = year_of_days()
    days[400:] *= 1.3
    assert [abs(at - 400) < 7 for at in shifts(days, DAY)] == [True]


def test_a_fall_in_what_grows_is_told_as_a_fall_beside_the_growth() -> None:
    grown = months()
    grown[96:] *= 0.85
    times = [datetime(2005 + number // 12, number % 12 + 1, 1) for number in range(len(grown))]  # noqa: DTZ001
    cells = [[time.isoformat(), float(value)] for time, value in zip(times, grown, strict=True)]
    columns = [{"name": name, "type": kind, "empty": 0, "odd": 0} for name, kind in (("month", "date"), ("sold", "number"))]
    found = {one.code: one for one in find_all([Table("", columns, cells)], [])}
    assert set(found) == {"change_point_down", "trend_up"}
    assert found["change_point_down"].first == datetime(2013, 1, 1)  # noqa: DTZ001
    before, after, _change = found["change_point_down"].numbers
    assert after.value < before.value


def test_two_changes_are_two() -> None:
    values = hours(days=90)
    values[720:1440] += 40
    assert shifts(values) == [720, 1440]


@pytest.mark.parametrize("seed", range(4))
def test_noise_counts_walks_and_ramps_have_no_shift(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    assert shifts(drawn.normal(size=600)) == []
    assert shifts(counts(seed=seed)) == []
    assert shifts(hours(seed=seed) + np.arange(1440) * 0.05) == []


def test_a_ramp_is_a_trend_and_a_season_is_none() -> None:
    assert has_trend(hours() + np.arange(1440) * 0.05)
    assert not has_trend(hours())
    assert not has_trend(np.random.default_rng(1).normal(size=600))


def test_a_block_that_is_missing_is_one_hole() -> None:
    values = hours()
    values[600:700] = np.nan
    values[900] = np.nan
    assert [(run.first, run.last) for run in find_holes(over(values))] == [(600, 699), (900, 900)]
    assert find_holes(over(hours())) == []


def test_a_sensor_that_stands_still_is_seen_and_counts_that_repeat_are_not() -> None:
    values = hours()
    values[800:860] = values[800]
    series = over(values)
    assert [(run.first, run.last) for run in find_standstills(series, taken_apart(series))] == [(800, 859)]
    for quiet in (counts(), counts(mean=0.3), np.full(200, 1.0)):
        series = over(quiet)
        assert find_standstills(series, taken_apart(series)) == []
