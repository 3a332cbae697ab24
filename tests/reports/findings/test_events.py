"""What an owner reads of two years of two shops: each event once, by its own days and sizes, and only what is so."""

from datetime import date, timedelta
from statistics import median

import numpy as np
import pytest

from reports.findings.figures import Table
from reports.findings.of_tables import find_all
from reports.findings.telling import ALSO, EARLY, LATE, Finding

BEGIN, DAY = date(2024, 3, 4), timedelta(days=1)
FEASTS = (date(2025, 1, 20), date(2026, 1, 19))
CLOSED = (date(2025, 6, 10), date(2025, 6, 23))
DEARER = date(2026, 2, 2)
COLUMNS = (
    ("day", "date"),
    ("shop", "text"),
    ("sold", "number"),
    ("taken", "number"),
    ("unit price", "number"),
    ("by phone", "number"),
)


def shops(days: int = 730) -> Table:
    """Days of two shops with a week, a year, a feast of eight days each year, a closure, a rise of prices, and a channel that dies out."""
    drawn, cells = np.random.default_rng(11), []
    for number in range(days):
        day = BEGIN + number * DAY
        year = 1 + 0.2 * np.sin((day.timetuple().tm_yday - 100) / 365 * 2 * np.pi)
        feast = 1.5 if any(0 <= (day - begin).days < 8 for begin in FEASTS) else 1.0
        for shop, size, price in (("North", 120, 40.0), ("South", 60, 30.0)):
            sold = round(size * (1.3 if day.weekday() >= 5 else 1) * year * feast * (1 + 0.04 * drawn.normal()))
            sold = 0 if shop == "South" and CLOSED[0] <= day <= CLOSED[1] else sold
            each = (
                price
                * (1.1 if shop == "North" and day >= DEARER else 1)
                * (1.2 if feast > 1 else 1)
                * (1 + 0.01 * drawn.normal())
            )
            phone = max(0, round(sold * 0.2 * (1 - number / 900)))
            cells.append([day.isoformat(), shop, sold, round(sold * each, 2), round(each, 2), phone])
    return Table("", [{"name": name, "type": kind, "empty": 0, "odd": 0} for name, kind in COLUMNS], cells)


@pytest.fixture(scope="module")
def table() -> Table:
    return shops()


@pytest.fixture(scope="module")
def found(table: Table) -> list[Finding]:
    return find_all([table], [])


def over(table: Table, place: int, first: date, last: date, shop: str = "") -> list[float]:
    """What a column came to on each of some days, of one shop or of both."""
    days: dict[str, float] = {}
    for row in table.cells:
        if first.isoformat() <= row[0] <= last.isoformat() and shop in ("", row[1]):
            days[row[0]] = days.get(row[0], 0.0) + row[place]
    return list(days.values())


def test_a_closure_is_told_once_with_its_days_and_what_such_days_usually_come_to(table, found):
    told = [
        one
        for one in found
        if one.first and one.first.date() <= CLOSED[1] and one.last.date() >= CLOSED[0] and one.type != "trend"
    ]
    assert [(one.code, one.first.date(), one.last.date()) for one in told] == [("anomaly_low", *CLOSED)]
    assert {"sold · South", "taken · South", "by phone · South"} == {told[0].series, *told[0].values[ALSO]}
    observed, usual = told[0].numbers
    place = ["day", "shop", "sold", "taken", "unit price", "by phone"].index(observed.column)
    weeks = over(table, place, CLOSED[0] - 14 * DAY, CLOSED[0] - DAY, "South") + over(
        table, place, CLOSED[1] + DAY, CLOSED[1] + 14 * DAY, "South"
    )
    assert (observed.value, observed.aggregate, observed.per) == (0, "median", "day")
    assert usual.value == pytest.approx(median(weeks), rel=0.02)


def test_every_feast_is_told_once_by_its_typical_day(table, found):
    for begin in FEASTS:
        end = begin + 7 * DAY
        told = [one for one in found if one.type == "anomaly" and one.first.date() <= end and one.last.date() >= begin]
        assert [(one.code, one.first.date(), one.last.date()) for one in told] == [("anomaly_high", begin, end)]
        place = 2 if told[0].series.startswith("sold") else 3
        assert told[0].numbers[0].value == pytest.approx(median(over(table, place, begin, end)))
        assert len(told[0].values[ALSO]) >= 2


def test_a_rise_after_a_feast_is_told_on_its_day_and_as_large_as_it_is(found):
    told = [one for one in found if one.type == "change_point"]
    assert [(one.series, one.first.date()) for one in told] == [("unit price · North", DEARER)]
    assert told[0].numbers[2].value == pytest.approx(0.1, abs=0.01)


def test_a_trend_compares_whole_years_and_seasons_are_none(table, found):
    told = {one.series: one for one in found if one.type == "trend"}
    assert set(told) == {"by phone"}
    first, last, change = told["by phone"].numbers
    years = [over(table, 5, BEGIN + 365 * year * DAY, BEGIN + (365 * year + 364) * DAY) for year in (0, 1)]
    assert [first.value, last.value] == [median(year) for year in years]
    assert change.value == pytest.approx(median(years[1]) / median(years[0]) - 1)
    assert [told["by phone"].values[name][0][:10] for name in (EARLY, LATE)] == ["2024-03-04", "2025-03-04"]


def test_a_count_of_one_or_two_does_not_stand_still(found):
    assert [one.code for one in found if one.type == "missing_data"] == []


def test_months_that_are_not_whole_are_no_anomalies():
    drawn = np.random.default_rng(5)
    months = [date(2021 + number // 12, number % 12 + 1, 1).isoformat() for number in range(10, 50)]
    figures = [
        round(1000 * (0.3 if number == 0 else 0.4 if number == 22 else 1) * (1 + 0.02 * drawn.normal()))
        for number in range(40)
    ]
    columns = [{"name": "month", "type": "date", "odd": 0}, {"name": "sold", "type": "number", "odd": 0}]
    found = find_all([Table("", columns, list(zip(months, figures, strict=True)))], [])
    assert [(one.code, str(one.first.date()), one.values["grain"]) for one in found] == [
        ("anomaly_low", "2023-09-01", "month")
    ]


def clinic() -> Table:
    """Working days of a clinic: a campaign of three weeks, and one doctor with more patients from a Monday on."""
    drawn, cells = np.random.default_rng(3), []
    for number in range(400):
        day = date(2025, 7, 1) + number * DAY
        campaign = 1.6 if date(2026, 3, 9) <= day <= date(2026, 3, 28) else 1
        for doctor, size in (("An", 40), ("Binh", 25)):
            more = 1.4 if doctor == "Binh" and day >= date(2025, 12, 1) else 1
            week = 1.4 if day.weekday() in (0, 5) else 1
            if day.weekday() != 6:
                cells.append([day.isoformat(), doctor, round(size * week * campaign * more * (1 + 0.06 * drawn.normal()))])
    names = (("day", "date"), ("doctor", "text"), ("visits", "number"))
    return Table("", [{"name": name, "type": kind, "empty": 0, "odd": 0} for name, kind in names], cells)


def test_a_campaign_of_weeks_is_no_level_and_a_doctor_is_told_by_name():
    table = clinic()
    told = {one.type: one for one in find_all([table], [])}
    assert set(told) == {"anomaly", "change_point"}
    campaign, more = told["anomaly"], told["change_point"]
    assert (campaign.series, campaign.first.date(), campaign.last.date()) == ("visits", date(2026, 3, 9), date(2026, 3, 28))
    observed, usual = campaign.numbers
    around = [over(table, 2, date(2026, 2, 16), date(2026, 3, 7)), over(table, 2, date(2026, 3, 30), date(2026, 4, 18))]
    assert observed.value == median(over(table, 2, date(2026, 3, 9), date(2026, 3, 28)))
    assert usual.value == median([*around[0], *around[1]])
    assert (more.series, more.first.date()) == ("visits · Binh", date(2025, 12, 1))
