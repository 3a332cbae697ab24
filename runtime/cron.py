"""When a schedule is due: five fields of cron, read by the clock of a time zone, also when that clock is changed.

The rule. Where minute and hour are both named (neither begins with ``*``), a time that the clock leaves out comes once,
right after the gap, and one that the clock shows twice comes once, the first time (Debian's cron). Everything else goes by
real time: whatever the clock shows counts each time that it shows it.

``cronsim`` does the mathematics. By real time it is asked for the times on the wall only, for in zones that change by half
an hour (Lord Howe) it passes over some; which instants show such a time is found here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from django.utils.translation import gettext as _

from tenants.errors import DomainError

FIELDS = 5
SHIFT = timedelta(hours=3)
"""No clock is changed by more."""
SHORTEST = timedelta(minutes=1)
"""Between two times of one expression."""
ANY_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - a time on the wall


def check_cron(cron: str) -> None:
    """Raise ``DomainError`` (422, ``cron``) with ``invalid_cron``, ``too_often`` or ``never_fires``."""
    fields = cron.split()
    if len(fields) == FIELDS + 1:
        said = _("Leave the seconds out: a schedule runs once a minute at most, and has five fields.")
        raise DomainError("too_often", said, field="cron")
    if len(fields) != FIELDS:
        said = _("Write five fields: minute, hour, day of the month, month, weekday.")
        raise DomainError("invalid_cron", said, field="cron")
    for number, name in enumerate((_("minute"), _("hour"), _("day of the month"), _("month"), _("weekday"))):
        alone = " ".join(fields[number] if place == number else "*" for place in range(FIELDS))
        if not _fires(alone):
            said = _("The field “%(name)s” cannot be “%(text)s”.") % {"name": name, "text": fields[number]}
            raise DomainError("invalid_cron", said, field="cron")
    if not _fires(cron):
        raise DomainError("never_fires", _("This day never comes, so it would never run."), field="cron")


def _fires(cron: str) -> bool:
    try:
        return next(CronSim(cron, ANY_DAY), None) is not None
    except CronSimError:
        return False


def next_after(cron: str, time_zone: str, after: datetime) -> datetime:
    """Return the next instant, in UTC, later than ``after``. The expression must have passed ``check_cron``."""
    zone = ZoneInfo(time_zone)
    return _next_named(cron, zone, after) if _is_named(cron) else _next_shown(cron, zone, after)


def each_after(cron: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    """Yield every instant later than ``after``, in UTC."""
    while True:
        after = next_after(cron, time_zone, after)
        yield after


def upcoming(cron: str, time_zone: str, *, after: datetime, count: int = 5) -> list[datetime]:
    """Return the next instants, in the zone, so as to be shown."""
    zone = ZoneInfo(time_zone)
    return [at.astimezone(zone) for at in islice(each_after(cron, time_zone, after), count)]


@dataclass(frozen=True)
class Due:
    """Instants that have come, the last ones of all from ``first`` on; whether earlier ones are left out; the one to come."""

    instants: list[datetime]
    are_more: bool
    following: datetime


def due_between(cron: str, time_zone: str, *, first: datetime, until: datetime, most: int) -> Due:
    """Return the last ``most`` instants from ``first``, which is one, until ``until``.

    However long ago ``first`` was, at most some ``4 * most`` instants are looked at.
    """
    span = most * SHORTEST
    while True:
        begin = max(first, until - span)
        found = [first] if begin == first else []
        for at in each_after(cron, time_zone, begin):
            if at > until:
                break
            found.append(at)
        if begin == first or len(found) >= most:
            return Due(found[-most:], found[-most:][0] > first, at)
        span *= 4


def _is_named(cron: str) -> bool:
    minute, hour, *_others = cron.split()
    return not minute.startswith("*") and not hour.startswith("*")


def _next_named(cron: str, zone: ZoneInfo, after: datetime) -> datetime:
    """Let cronsim move what the clock leaves out, from before any change of the clock that may matter."""
    times = CronSim(cron, (after - SHIFT).astimezone(zone))
    # Compared as instants: of two times of one zone, Python compares what is on the wall.
    return next(at for at in (wall.astimezone(UTC) for wall in times) if at > after)


def _next_shown(cron: str, zone: ZoneInfo, after: datetime) -> datetime:
    shown = after.astimezone(zone).replace(tzinfo=None)
    usual = next(CronSim(cron, shown))
    around = (shown - SHIFT, shown, shown + SHIFT, usual - SHIFT, usual, usual + SHIFT)
    if len({wall.replace(tzinfo=zone).utcoffset() for wall in around}) == 1:
        return usual.replace(tzinfo=zone).astimezone(UTC)
    return _next_near_change(cron, zone, after)


def _next_near_change(cron: str, zone: ZoneInfo, after: datetime) -> datetime:
    """Look at every time on the wall around, and at both instants that may show it."""
    best: datetime | None = None
    for wall in CronSim(cron, after.astimezone(zone).replace(tzinfo=None) - SHIFT):
        if best and wall > best.astimezone(zone).replace(tzinfo=None) + SHIFT:
            return best
        for fold in (0, 1):
            at = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
            is_shown = at.astimezone(zone).replace(tzinfo=None) == wall
            if is_shown and at > after and (best is None or at < best):
                best = at
    assert best is not None, "an expression that fires fires again"
    return best
