"""When somebody may be told: the end of quiet hours, and the next digest, by the recipient's own clock."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from reports.models.subscriptions import Frequency
from runtime.cron import next_after

MINUTE = timedelta(minutes=1)
LONGEST = 26 * 60
"""Minutes that quiet hours last at most, on a day on which the clock is set back."""


def is_quiet(local: time, begin: time, end: time) -> bool:
    """Whether a time on the wall lies in the quiet hours; they may go over midnight."""
    return begin <= local < end if begin < end else (local >= begin or local < end)


def quiet_until(now: datetime, zone: ZoneInfo, begin: time | None, end: time | None) -> datetime | None:
    """Return when the quiet hours that it is now in are over; None if it is in none.

    What the clock on the wall shows counts, minute by minute: so it needs no rule for the nights on which it is changed.
    """
    if begin is None or end is None or not is_quiet(now.astimezone(zone).time(), begin, end):
        return None
    at = now.astimezone(UTC).replace(second=0, microsecond=0)
    for _minute in range(LONGEST):
        at += MINUTE
        if not is_quiet(at.astimezone(zone).time(), begin, end):
            break
    return at


def next_digest(now: datetime, time_zone: str, frequency: str, *, at: time, weekday: int) -> datetime:
    """Return the next instant of a digest, later than ``now``, in UTC: as schedules go by the clock (``runtime/cron.py``)."""
    day = str((weekday + 1) % 7) if frequency == Frequency.WEEKLY else "*"
    return next_after(f"{at.minute} {at.hour} * * {day}", time_zone, now)
