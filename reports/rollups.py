"""Daily figures, added up little by little: of a day that is over, and of one that was touched later, all rows anew.

A row counts where its ``created_at`` lies in the tenant's time zone. What touches a day is found by ids, which the
database makes from its clock when a row is written, whatever day the row is of: every row with an id beyond the tenant's
mark. What changes later is told by a row as well: of an order by its timeline, of a conversation by its escalation.

A mark never passes a transaction that is open, for what it has written is not seen yet, nor a call of a model that has
not ended, for its cost is not known yet; and it is read ``MARGIN`` before where it stands, for clocks are set. So a row may
touch its day more than once and none is left out: a touched day is never added to, but counted as a whole.

``count_all`` counts everything there is, which comes to the same; so it begins for a new tenant and after a change of the time
zone. Days of which no rows are left, for they were swept after their time, stay as they were counted.
"""

import logging
import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from reports.models import DailyMetric, MetricMark
from reports.rollup_sources import SOURCES, Source
from runtime.models import Tier
from runtime.models.decisions import ANSWERING
from tenants.actor import Actor, ActorKind, acting
from tenants.models import Tenant
from tenants.queue import WORK_SECONDS
from tenants.scope import current_tenant_id, platform_scope, tenant_scope

logger = logging.getLogger(__name__)

INTERVAL = timedelta(minutes=5)
"""How often it is looked whether a day was touched; and whenever one is over. Today is not kept, but read as it is now."""
MARGIN = timedelta(minutes=5)
SLACK = timedelta(hours=1)
"""By how much an id may be older than the ``created_at`` of its row, for it may be made before the row is written; and by how
much the database and Python may differ on when a day begins."""
DAY = timedelta(days=1)
BEGINNING, END = datetime(1971, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)

TOUCHED = " UNION ALL ".join(
    # Of days that are over: today is not kept, for it is read as it is now.
    f"SELECT DISTINCT {number}, (at AT TIME ZONE %(zone)s)::date FROM ({source.touched}) AS rows WHERE at < %(until)s"  # noqa: S608 - our own SQL
    for number, source in enumerate(SOURCES)
)

COUNTED = """
SELECT day, bot_id, metric, currency, sum(value) AS value FROM ({sources}) AS found WHERE {of_days}
GROUP BY 1, 2, 3, 4 HAVING sum(value) <> 0
"""

WRITE = """
WITH fresh AS MATERIALIZED ({counted}), gone AS (
    DELETE FROM reports_dailymetric AS old WHERE old.tenant_id = %(tenant)s AND old.metric = ANY (%(metrics)s)
    AND {of_days} AND NOT EXISTS (
        SELECT FROM fresh WHERE fresh.day = old.day AND fresh.bot_id IS NOT DISTINCT FROM old.bot_id
        AND fresh.metric = old.metric AND fresh.currency = old.currency)
)
INSERT INTO reports_dailymetric AS old (tenant_id, day, bot_id, metric, currency, value, updated_at)
SELECT %(tenant)s, day, bot_id, metric, currency, value, %(now)s FROM fresh
ON CONFLICT (tenant_id, day, bot_id, metric, currency) DO UPDATE
    SET value = excluded.value, updated_at = excluded.updated_at WHERE old.value <> excluded.value
"""

OF_DAYS = "{row}.day = ANY (%(days)s::date[])"
SINCE_THE_FIRST = """EXISTS (
    SELECT FROM (SELECT metric, min(day) AS day FROM fresh GROUP BY 1) AS first WHERE first.metric = old.metric AND first.day <= old.day
)"""
"""Before the first day of which rows are left nothing is deleted: what was swept stays counted."""

STANDING = """
SELECT m.counted_until, m.time_zone, t.time_zone, least(statement_timestamp(), (
    SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
), (
    SELECT min(created_at) FROM vault_usageentry WHERE tenant_id = %(tenant)s AND state = 'reserved'
))
FROM reports_metricmark m JOIN tenants_tenant t ON t.id = m.tenant_id
WHERE m.tenant_id = %(tenant)s FOR UPDATE OF m SKIP LOCKED
"""
"""The mark, the time zone, and the instant before which nothing can appear any more: no open transaction began before it."""
NO_WAIT = "SET LOCAL synchronous_commit = off"
"""A crash of the database loses figures and mark together, and they are counted again: the disk is not waited for."""

NEW_MARKS = """
INSERT INTO reports_metricmark (tenant_id) SELECT t.id FROM tenants_tenant t
WHERE NOT EXISTS (SELECT FROM reports_metricmark m WHERE m.tenant_id = t.id) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class Figure:
    """One figure of one day and bot, as ``DailyMetric`` keeps it."""

    day: date
    bot_id: UUID | None
    metric: str
    currency: str
    value: Decimal


def roll_up_due() -> int:
    """Bring the figures of all tenants up to date whose time has come, in random turn; returns how many tenants."""
    done, enough = 0, time.monotonic() + WORK_SECONDS
    for tenant_id in _due_tenants():
        if time.monotonic() > enough:  # the rest is still due at the next tick
            break
        try:
            with tenant_scope(tenant_id), acting(Actor(ActorKind.TASK)):
                roll_up()
        except DatabaseError:  # the others' figures do not wait for this tenant's
            logger.exception("the daily figures of tenant %s could not be counted", tenant_id)
        done += 1
    return done


def _due_tenants() -> list[UUID]:
    with platform_scope(reason="name the tenants whose daily figures are due"):
        with connection.cursor() as cursor:
            cursor.execute(NEW_MARKS)
        tenants = list(MetricMark.objects.due().order_by().values_list("tenant_id", flat=True))
    random.shuffle(tenants)
    return tenants


def roll_up() -> set[date]:
    """Count the days of the scope's tenant that are over, and those that were touched since, in one transaction; returns them.

    Nothing is done while another worker does it.
    """
    with transaction.atomic():
        # First, before anything else is read: what is written meanwhile lies behind it.
        standing = _rows(STANDING, {"tenant": current_tenant_id()})
        if not standing:
            return set()
        [(counted_until, counted_zone, zone, until)] = standing
        with connection.cursor() as cursor:
            cursor.execute(NO_WAIT)
        is_first = counted_until is None or counted_zone != zone
        days = _count_everything(zone) if is_first else _count_touched(zone, counted_until - MARGIN)
        due_at = min(timezone.now() + INTERVAL, day_begins(_today(zone) + DAY, zone))
        MetricMark.objects.update(counted_until=until, time_zone=zone, due_at=due_at)
    return days


def count_all() -> set[date]:
    """Count everything of the scope's tenant anew, in one transaction; returns the days there are figures of."""
    with transaction.atomic():
        return _count_everything(_zone())


def count_now(*, since: datetime, until: datetime, zone: str) -> list[Figure]:
    """Return the figures of the rows between two instants as they stand now; nothing is written."""
    return [Figure(*row) for row in _rows(_counted(SOURCES), _range(zone, since, until))]


def _zone() -> str:
    return Tenant.objects.get(pk=current_tenant_id()).time_zone


def _count_everything(zone: str) -> set[date]:
    _write(SOURCES, _range(zone, BEGINNING, _today_begins(zone)), None)
    return set(DailyMetric.objects.order_by().values_list("day", flat=True).distinct())


def _count_touched(zone: str, since: datetime) -> set[date]:
    """Count what rows touched that were written since, of days that are over; and wholly the days that ended since."""
    today, begun = _today(zone), since.astimezone(ZoneInfo(zone)).date()
    ended = {begun + number * DAY for number in range((today - begun).days)}
    touched = [set(ended) for _source in SOURCES]
    for number, day in _rows(TOUCHED, _range(zone, since, _today_begins(zone))):
        touched[number].add(day)
    together: defaultdict[tuple[date, ...], list[Source]] = defaultdict(list)
    for source, days in zip(SOURCES, touched, strict=True):
        together[tuple(sorted(days))].append(source)
    for counted, sources in together.items():  # one statement as a rule: of the day that has ended
        if counted:
            begin, end = day_begins(counted[0], zone) - SLACK, day_begins(counted[-1] + DAY, zone) + SLACK
            _write(sources, _range(zone, begin, end), list(counted))
    return set().union(*touched)


def _today(zone: str) -> date:
    return timezone.now().astimezone(ZoneInfo(zone)).date()


def _today_begins(zone: str) -> datetime:
    return day_begins(_today(zone), zone)


def day_begins(day: date, zone: str) -> datetime:
    """Return the first instant of a day in a time zone."""
    return datetime.combine(day, clock.min, ZoneInfo(zone)).astimezone(UTC)


def _range(zone: str, since: datetime, until: datetime) -> dict[str, Any]:
    """The parameters of every text here."""
    return {
        "tenant": current_tenant_id(),
        "zone": zone,
        "since": since,
        "until": until,
        "from_id": first_id_of(since),
        "tiers": [*ANSWERING, Tier.HANDOFF],
    }


def first_id_of(moment: datetime) -> UUID:
    """Return the smallest UUIDv7 of a moment: its first 48 bits are milliseconds."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _write(sources: Sequence[Source], asked: Mapping[str, Any], days: list[date] | None) -> None:
    """Write the figures of these days, or of all (None), as the rows are now, and delete those that are no more."""
    metrics = [metric for source in sources for metric in source.metrics]
    told = {**asked, "days": days, "metrics": metrics, "now": timezone.now()}
    if days is None:
        written = WRITE.format(counted=_counted(sources), of_days=SINCE_THE_FIRST)
    else:
        written = WRITE.format(counted=_counted(sources, OF_DAYS.format(row="found")), of_days=OF_DAYS.format(row="old"))
    with connection.cursor() as cursor:
        cursor.execute(written, told)


def _counted(sources: Sequence[Source], of_days: str = "true") -> str:
    return COUNTED.format(sources=" UNION ALL ".join(f"({source.counted})" for source in sources), of_days=of_days)


def _rows(sql: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        return cursor.fetchall()
