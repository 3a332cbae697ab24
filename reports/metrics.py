"""Daily figures as they are read: kept ones of the days that are counted, and of those since then what the rows say now."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Sum
from django.utils import timezone

from reports.models import DailyMetric, Metric, MetricMark
from reports.rollups import Figure, count_now, day_begins
from tenants.models import Tenant
from tenants.scope import current_tenant_id

Values = Mapping[tuple[str, str], Decimal]
DAY = timedelta(days=1)


@dataclass(frozen=True)
class DayFigures:
    """The figures of one day, of one bot or of all, by metric and currency; 0 where there is none."""

    day: date
    values: Values = field(default_factory=dict)

    def count(self, metric: Metric) -> int:
        """Return a figure that is a number of something."""
        return int(self.values.get((metric, ""), 0))

    def money(self, metric: Metric) -> dict[str, Decimal]:
        """Return the amounts of a figure by currency."""
        found = {currency: value for (name, currency), value in self.values.items() if name == metric}
        return dict(sorted(found.items()))

    @property
    def containment(self) -> float | None:
        """The share of the day's conversations that no person was asked into, 0 to 1; None without any."""
        begun = self.count(Metric.SESSIONS)
        return self.count(Metric.CONTAINED) / begun if begun else None

    @property
    def latency_ms(self) -> float | None:
        """The mean time to answer in milliseconds; None without answers."""
        answers = self.count(Metric.ANSWERED) + self.count(Metric.UNANSWERED)
        return self.count(Metric.ANSWER_MS) / answers if answers else None


def tenant_zone() -> str:
    """Return the time zone in which the days of the scope's tenant begin and end."""
    return Tenant.objects.get(pk=current_tenant_id()).time_zone


def today_in(zone: str) -> date:
    """Return which day it is in a time zone."""
    return timezone.now().astimezone(ZoneInfo(zone)).date()


def daily_figures(*, first: date, last: date, zone: str, bot_id: UUID | None = None) -> list[DayFigures]:
    """Return the figures of every day from ``first`` to ``last``, both included, in their order."""
    live = max(first, _live_from(zone) or first)
    days: defaultdict[date, Any] = defaultdict(dict)
    rows = DailyMetric.objects.filter(day__gte=first, day__lte=min(last, live - DAY))
    rows = rows.filter(bot_id=bot_id) if bot_id else rows
    kept = rows.order_by().values_list("day", "metric", "currency").annotate(total=Sum("value"))
    for day, metric, currency, value in kept if live > first else ():
        days[day][metric, currency] = value
    if live <= last:
        found = count_now(since=day_begins(live, zone), until=day_begins(last + DAY, zone), zone=zone)
        for one in found:
            if bot_id is None or one.bot_id == bot_id:
                days[one.day][one.metric, one.currency] = days[one.day].get((one.metric, one.currency), 0) + one.value
    return _every_day(days, first, last)


def _live_from(zone: str) -> date | None:
    """The first day that may not be counted as a whole: today, or an earlier one if a worker is late; None without any."""
    mark = MetricMark.objects.first()
    if mark is None or mark.counted_until is None or mark.time_zone != zone:
        return None
    return min(mark.counted_until.astimezone(ZoneInfo(zone)).date(), today_in(zone))


def daily_by_bot(*, first: date, last: date) -> dict[UUID | None, list[DayFigures]]:
    """Return the kept figures of every day from ``first`` to ``last`` by bot; of the key None those of no bot."""
    found: defaultdict[UUID | None, defaultdict[date, Any]] = defaultdict(lambda: defaultdict(dict))
    rows = DailyMetric.objects.filter(day__gte=first, day__lte=last).order_by()
    for bot_id, day, metric, currency, value in rows.values_list("bot_id", "day", "metric", "currency", "value"):
        found[bot_id][day][metric, currency] = value
    return {bot_id: _every_day(days, first, last) for bot_id, days in found.items()}


def all_bots(by_bot: Iterable[Sequence[DayFigures]]) -> list[DayFigures]:
    """Add up the same days of several bots."""
    return [DayFigures(days[0].day, _sum(one.values for one in days)) for days in zip(*by_bot, strict=True)]


def _sum(parts: Iterable[Values]) -> Values:
    total: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for values in parts:
        for key, value in values.items():
            total[key] += value
    return total


def _every_day(days: Mapping[date, Values], first: date, last: date) -> list[DayFigures]:
    count = (last - first).days + 1
    return [DayFigures(day, days.get(day, {})) for day in (first + number * DAY for number in range(count))]


def added_up(figures: Iterable[Figure]) -> Values:
    """Add figures up by metric and currency."""
    return _sum({(one.metric, one.currency): one.value} for one in figures)
