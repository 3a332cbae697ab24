"""Daily figures of a year with 1,000,000 turns: a day that is over, against counting everything anew; and the home page.

The page is that of the same business with 10,000 turns in the year. Both look at it late in their day: what is read of today
itself, and of the same day a week ago, is then nearly a whole day's rows.
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bench.database import settle
from bench.result import Result, compared
from bots.models import Bot
from bots.services import activate_version, create_version
from catalog.models import SalesChannel
from reports.models import DailyMetric, MetricMark
from reports.rollups import count_all, day_begins, roll_up
from tenants.models import Membership, Tenant, User
from tenants.roles import Role
from tenants.scope import tenant_scope
from tenants.services import create_tenant

TURNS, FEW = 1_000_000, 10_000
TURNS_EACH = 10
"""Turns of a conversation: five questions with their answers."""
PART = 10_000
"""Conversations written by one statement."""
ROUNDS, FULL_ROUNDS = 15, 3

# Ids as they would have been made at the time.
FILL = """
WITH begun AS (
    INSERT INTO runtime_session (id, tenant_id, created_at, bot_id, bot_version_id, channel_id, turn_number, state_updated_at)
    SELECT uuidv7(at - statement_timestamp()), %(tenant)s, at, %(bot)s, %(version)s, %(channel)s, 10, at
    FROM (SELECT %(now)s - number * %(step)s::interval AS at FROM generate_series(%(first)s, %(last)s) AS number) AS times
    RETURNING id, created_at
), asked AS (
    INSERT INTO runtime_turn (id, tenant_id, created_at, session_id, speaker, message)
    SELECT uuidv7(created_at - statement_timestamp()), %(tenant)s, created_at, id, 'user', 'How much is it?'
    FROM begun, generate_series(1, 5)
    RETURNING id, session_id, created_at
), answered AS (
    INSERT INTO runtime_turn (id, tenant_id, created_at, session_id, in_reply_to_id, speaker, message)
    SELECT uuidv7(created_at - statement_timestamp()), %(tenant)s, created_at, session_id, id, 'assistant', 'It is 100 dollars.'
    FROM asked
), handed_over AS (
    INSERT INTO runtime_escalation (id, tenant_id, created_at, session_id, origin, state, resolved_at)
    SELECT uuidv7(created_at - statement_timestamp()), %(tenant)s, created_at, id, 'customer', 'resolved', created_at
    FROM begun WHERE random() < 0.1
), called AS (
    INSERT INTO vault_usageentry (id, tenant_id, created_at, key, kind, state, provider, model, bot_id, currency, amount)
    SELECT uuidv7(created_at - statement_timestamp()), %(tenant)s, created_at, id::text, 'chat', 'settled', 'openai', 'small',
        %(bot)s, 'USD', 0.0012
    FROM asked WHERE random() < 0.3
)
INSERT INTO runtime_decisionevent (id, tenant_id, created_at, session_id, input_turn_id, bot_version_id, event_type, tier,
    latency_ms)
SELECT uuidv7(created_at - statement_timestamp()), %(tenant)s, created_at, session_id, id, %(version)s, 'tier_selection',
    CASE WHEN random() < 0.1 THEN 'handoff' ELSE 'faq' END, 20
FROM asked
"""


def run() -> list[Result]:
    """Fill two businesses, and measure."""
    now = timezone.now()
    many, few = (_fill(name, turns, now) for name, turns in (("many", TURNS), ("few", FEW)))
    for tenant in (many, few):
        with tenant_scope(tenant):
            MetricMark.objects.create()
            roll_up()
    settle()
    measured = _rolled_up(many, now)
    for tenant in (many, few):
        with tenant_scope(tenant):
            Tenant.objects.update(time_zone=_zone(now, hour=23))
            roll_up()
    return [measured, _page(many, few)]


def _fill(name: str, turns: int, now: datetime) -> Tenant:
    """Make a business with so many turns in the last year, where it is just past midnight."""
    tenant = create_tenant(
        slug=f"metrics-{name}", name=name, owner_email=f"owner@metrics-{name}.example", time_zone=_zone(now, hour=0)
    ).tenant
    sessions = turns // TURNS_EACH
    with tenant_scope(tenant), connection.cursor() as cursor:
        bot = Bot.objects.create(code="shop", name="Shop")
        version = activate_version(version=create_version(bot=bot))
        asked = {
            "tenant": tenant.pk,
            "bot": bot.pk,
            "version": version.pk,
            "now": now,
            "step": timedelta(days=365) / sessions,
        }
        asked["channel"] = SalesChannel.objects.get(code="web").pk
        for first in range(0, sessions, PART):  # the oldest first, as they would have come
            last = sessions - first
            cursor.execute(FILL, {**asked, "first": max(last - PART, 0) + 1, "last": last})
        Membership.objects.create(user=User.objects.create_user(f"operator@metrics-{name}.example"), role=Role.OPERATOR)
    return tenant


def _zone(now: datetime, *, hour: int) -> str:
    """A time zone in which it is this hour now."""
    ahead = (hour - now.astimezone(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{'-' if ahead >= 0 else '+'}{abs(ahead)}"  # POSIX: west is positive


def _rolled_up(tenant: Tenant, now: datetime) -> Result:
    """The day that has just ended, as if the last look was a minute before midnight; against counting the year."""
    zone = _zone(now, hour=0)
    today = now.astimezone(ZoneInfo(zone)).date()
    midnight = day_begins(today, zone)

    def a_day() -> float:
        MetricMark.objects.update(counted_until=midnight - timedelta(minutes=1))
        begun = time.perf_counter()
        days = roll_up()
        seconds = time.perf_counter() - begun
        if len(days) != 1:
            raise RuntimeError("it was not one day")
        return seconds

    with tenant_scope(tenant):
        before = _kept()
        DailyMetric.objects.filter(day=today - timedelta(days=1)).delete()
        times = [a_day() for _round in range(ROUNDS)]
        if _kept() != before:
            raise RuntimeError("the day differs")
        floor = statistics.median(_seconds(count_all) for _round in range(FULL_ROUNDS))
        if _kept() != before:
            raise RuntimeError("the year differs")
    ours = statistics.median(times)
    return compared(
        "daily figures: a day / a year of 1,000,000 turns, ms", ours=ours * 1000, floor=floor * 1000, limit="<= .01"
    )


def _kept() -> set[tuple[Any, ...]]:
    return set(DailyMetric.objects.values_list("day", "metric", "currency", "value"))


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _page(many: Tenant, few: Tenant) -> Result:
    clients = []
    for tenant in (many, few):
        client = Client(SERVER_NAME="localhost")
        client.force_login(User.objects.get(email=f"operator@{tenant.slug}.example"))
        clients.append(client)
    times: tuple[list[float], list[float]] = ([], [])
    for _round in range(ROUNDS):
        for client, taken in zip(clients, times, strict=True):
            taken.append(_seconds(lambda asked=client: _look(asked)))
    ours, floor = (statistics.median(taken) * 1000 for taken in times)
    return compared("home page: 1,000,000 / 10,000 turns, ms", ours=ours, floor=floor, limit="<= 1.5")


def _look(client: Client) -> None:
    answer = client.get(reverse("admin:index"))
    if answer.status_code != 200 or len(answer.context_data["cards"]) < 5:
        raise RuntimeError(f"the home page answered {answer.status_code}")
