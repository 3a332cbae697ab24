"""When schedules are due: by the clock of a zone, also on the days on which that clock is changed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.cron import check_cron, due_between, each_after, next_after
from tenants.errors import DomainError

MINUTE = timedelta(minutes=1)


def local(cron: str, zone: str, day: str, *, hours: int = 24) -> list[str]:
    """Return the times on the wall, with their offset, at which it is due in the hours from midnight on."""
    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    due = takewhile(lambda at: at < begin + timedelta(hours=hours), each_after(cron, zone, begin - MINUTE))
    return [f"{at.astimezone(ZoneInfo(zone)):%H:%M%z}" for at in due]


@pytest.mark.parametrize(
    ("cron", "zone", "day", "expected"),
    [
        # Left out by the clock: once, right after the gap.
        ("30 2 * * *", "Europe/Berlin", "2026-03-29", ["03:00+0200"]),
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-29", ["03:00+0200"]),
        ("0 2,3 * * *", "Europe/Berlin", "2026-03-29", ["03:00+0200"]),
        ("30 2 * * *", "America/New_York", "2026-03-08", ["03:00-0400"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-04", ["02:30+1100"]),
        # Shown twice: once, the first time.
        ("30 2 * * *", "Europe/Berlin", "2026-10-25", ["02:30+0200"]),
        ("30 1 * * *", "America/New_York", "2026-11-01", ["01:30-0400"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-05", ["01:45+1100"]),
        # By real time: as often as the clock shows it.
        ("*/30 2 * * *", "Europe/Berlin", "2026-03-29", []),
        ("*/30 2 * * *", "Europe/Berlin", "2026-10-25", ["02:00+0200", "02:30+0200", "02:00+0100", "02:30+0100"]),
        ("*/30 1 * * *", "Australia/Lord_Howe", "2026-04-05", ["01:00+1100", "01:30+1100", "01:30+1030"]),
        ("*/10 2 * * *", "Australia/Lord_Howe", "2026-04-05", [f"02:{minute}0+1030" for minute in range(6)]),
        # No clock is changed.
        ("30 2 * * *", "Asia/Ho_Chi_Minh", "2026-03-29", ["02:30+0700"]),
        ("0 */8 * * *", "Asia/Ho_Chi_Minh", "2026-10-25", ["00:00+0700", "08:00+0700", "16:00+0700"]),
    ],
)
def test_changes_of_the_clock_follow_the_rule(cron, zone, day, expected):
    assert local(cron, zone, day) == expected


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_what_runs_each_hour_runs_in_each_real_hour_of_a_day(day, hours):
    assert len(local("0 * * * *", "Europe/Berlin", day, hours=hours)) == hours


CHANGES = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),
    "Antarctica/Troll": ("2026-03-29", "2026-10-25"),  # by two hours
    "Asia/Ho_Chi_Minh": ("2026-06-01",),
}


def walk(cron: str, zone: ZoneInfo, begin: datetime, until: datetime) -> Iterator[datetime]:
    """Yield what is due by looking at every minute, and at every minute that the clock leaves out."""
    fields, at = CronSim(cron, begin), begin
    named = not cron.startswith("*") and not cron.split()[1].startswith("*")

    def matches(wall: datetime) -> bool:
        return wall.minute in fields.minutes and wall.hour in fields.hours

    while (at := at + MINUTE) <= until:
        before, wall = ((one.astimezone(zone).replace(tzinfo=None)) for one in (at - MINUTE, at))
        if not named:
            is_due = matches(wall)
        else:
            left_out = range(1, max(1, (wall - before) // MINUTE))
            is_due = (matches(wall) and not at.astimezone(zone).fold) or any(matches(before + n * MINUTE) for n in left_out)
        if is_due:
            yield at


@settings(max_examples=12, deadline=None)
@given(
    change=st.sampled_from([(zone, day) for zone, days in CHANGES.items() for day in days]),
    minute=st.sampled_from(["*", "*/7", "0", "15", "30", "45", "0,30", "5-55/10"]),
    hour=st.sampled_from(["*", "*/2", "0", "1", "2", "3", "1-3", "2,3"]),
    ahead=st.integers(0, 600),
)
def test_the_next_run_is_what_a_walk_over_every_minute_finds(change, minute, hour, ahead):
    name, day = change
    zone, cron = ZoneInfo(name), f"{minute} {hour} * * *"
    begin = datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC) - timedelta(hours=4) + ahead * MINUTE
    until = begin + timedelta(hours=12)
    assert list(takewhile(lambda at: at <= until, each_after(cron, name, begin))) == list(walk(cron, zone, begin, until))


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="0123456789*/-,#LW? SUNMOJAé\u0663", max_size=20))
def test_whatever_is_typed_is_taken_and_comes_or_is_refused_with_a_reason(typed):
    try:
        check_cron(typed)
    except DomainError as error:
        assert (error.field, error.message != "") == ("cron", True)  # noqa: PT017 - either may be right
    else:
        now = datetime(2026, 5, 1, tzinfo=UTC)
        assert next_after(typed, "Europe/Berlin", now) > now


def test_long_ago_costs_no_more_than_a_while_ago():
    until = datetime(2026, 5, 1, 0, 0, 30, tzinfo=UTC)
    due = due_between("* * * * *", "UTC", first=datetime(1999, 1, 1, tzinfo=UTC), until=until, most=3)
    assert [at.minute for at in due.instants] == [58, 59, 0]
    assert (due.are_more, due.following) == (True, datetime(2026, 5, 1, 0, 1, tzinfo=UTC))
    yearly = due_between("0 0 1 1 *", "UTC", first=datetime(2024, 1, 1, tzinfo=UTC), until=until, most=3)
    assert ([at.year for at in yearly.instants], yearly.are_more) == ([2024, 2025, 2026], False)
