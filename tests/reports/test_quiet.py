"""When somebody may be told, by the clock on their wall, also on nights on which it is changed."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from reports.quiet import is_quiet, next_digest, quiet_until

ZONES = ("Asia/Ho_Chi_Minh", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca")
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
TIMES = st.times().map(lambda one: one.replace(second=0, microsecond=0))


@given(MOMENTS, st.sampled_from(ZONES), TIMES, TIMES)
def test_quiet_hours_end_at_the_first_minute_that_is_not_in_them(now: datetime, zone: str, begin: time, end: time) -> None:
    place = ZoneInfo(zone)
    until = quiet_until(now, place, begin, end)
    if begin == end:
        return
    if not is_quiet(now.astimezone(place).time(), begin, end):
        assert until is None
        return
    assert until is not None
    assert now < until <= now + timedelta(hours=26)
    assert not is_quiet(until.astimezone(place).time(), begin, end)
    assert is_quiet((until - timedelta(seconds=1)).astimezone(place).time(), begin, end)


def test_on_the_night_the_clock_is_changed_quiet_hours_and_digests_go_by_the_wall() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before = datetime(2027, 3, 27, 22, 30, tzinfo=UTC)
    # 02:30 is left out: at 03:00 it is no longer quiet.
    assert quiet_until(before, berlin, time(22), time(2, 30)) == datetime(2027, 3, 28, 1, 0, tzinfo=UTC)
    assert quiet_until(before, berlin, time(22), time(7)) == datetime(2027, 3, 28, 5, 0, tzinfo=UTC)
    assert next_digest(before, "Europe/Berlin", "daily", at=time(8), weekday=0) == datetime(2027, 3, 28, 6, 0, tzinfo=UTC)
    assert next_digest(before, "Europe/Berlin", "weekly", at=time(8), weekday=0) == datetime(2027, 3, 29, 6, 0, tzinfo=UTC)
