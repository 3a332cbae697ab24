"""Insights of our own daily figures: looked for when a day is over, of all bots together and of each.

The mathematics are those of reports (``reports/findings/``), over one table of days for each bot and one for all. Numbers name
the days they were taken from; ``analytics/daily/`` answers those, and with them the rows that were counted.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import Bot
from reports.findings.figures import MOST_ROWS, Table, figures_of
from reports.findings.movers import top_movers
from reports.findings.of_series import findings_of
from reports.findings.of_tables import MOST_FINDINGS, told_once
from reports.findings.telling import Finding, Number
from reports.metrics import DayFigures, all_bots, daily_by_bot, tenant_zone, today_in
from reports.models import Insight, Metric, MetricMark
from reports.models.metrics import MONEY
from reports.services import iso, write_insights
from tenants.actor import Actor, ActorKind, acting
from tenants.errors import Conflict
from tenants.queue import wake
from tenants.scope import platform_scope, tenant_scope

logger = logging.getLogger(__name__)

TASK = "reports.find_metric_insights"
DAYS = 400
"""Days that are looked through: more than a year, so that a season is known."""
MOST_BOTS = 10
COUNTS = (
    *(Metric.SESSIONS, Metric.ANSWERED, Metric.UNANSWERED, Metric.HANDED_OVER, Metric.MODEL_CALLS),
    *(Metric.ORDERS, Metric.ORDERS_CANCELLED, Metric.STOCK_OUT, Metric.KNOWLEDGE_GAPS, Metric.MAILS_FAILED),
)
SHARES = ("containment", "latency_ms")
"""Figures that are taken from others, and cannot be added up."""
DAY = timedelta(days=1)

DUE = """
SELECT m.tenant_id FROM reports_metricmark m JOIN tenants_tenant t ON t.id = m.tenant_id
WHERE t.status = 'active' AND m.time_zone = t.time_zone
  AND m.counted_until AT TIME ZONE t.time_zone >= (%(now)s AT TIME ZONE t.time_zone)::date
  AND (m.insights_on IS NULL OR m.insights_on < (%(now)s AT TIME ZONE t.time_zone)::date - 1)
"""


@dataclass(frozen=True)
class Column:
    """One series of figures: the field of ``analytics/daily/`` and, of money, its currency."""

    field: str
    currency: str = ""

    @property
    def name(self) -> str:
        """What it is called among the others."""
        return f"{self.field} {self.currency}".strip()

    def of(self, figures: DayFigures) -> float | None:
        """Return its figure of a day; None where there is none."""
        if self.field in SHARES:
            found: float | None = getattr(figures, self.field)
            return found
        return float(figures.values.get((self.field, self.currency), Decimal(0)))


def find_due_insights() -> int:
    """Look for the insights of all tenants of which a day is over and counted; returns how many tenants."""
    with platform_scope(reason="name the tenants whose day is over"), connection.cursor() as cursor:
        cursor.execute(DUE, {"now": timezone.now()})
        tenants = [tenant_id for (tenant_id,) in cursor.fetchall()]
    for tenant_id in tenants:
        try:
            with tenant_scope(tenant_id), acting(Actor(ActorKind.TASK)):
                generate_metric_insights()
        except Exception:  # the others' insights do not wait for this tenant's
            logger.exception("the insights of the daily figures of tenant %s could not be found", tenant_id)
    return len(tenants)


def generate_metric_insights() -> int:
    """Find the insights of the daily figures anew, up to yesterday; returns how many there are.

    Doing it twice changes nothing. Raises ``Conflict`` (``not_counted``) while there are no figures of the tenant yet.
    """
    mark = MetricMark.objects.first()
    if mark is None or mark.counted_until is None:
        raise Conflict("not_counted", _("The daily figures have not been counted yet."))
    last = today_in(tenant_zone()) - DAY
    found = find_metric_insights(last=last, thresholds=mark.thresholds)
    with transaction.atomic():
        MetricMark.objects.select_for_update(of=("self",)).get(pk=mark.pk)
        write_insights(report=None, found=found)
        MetricMark.objects.filter(pk=mark.pk).update(insights_on=last)
    return len(found)


def set_thresholds(*, thresholds: Sequence[Mapping[str, Any]]) -> MetricMark:
    """Watch the daily figures by these bounds, and have insights looked for anew."""
    values = {"thresholds": [dict(one) for one in thresholds], "insights_on": None}
    mark, _is_new = MetricMark.objects.update_or_create(defaults=values)
    wake(TASK)
    return mark


def find_metric_insights(*, last: date, thresholds: Sequence[Mapping[str, Any]]) -> list[Insight]:
    """Return the insights of the daily figures up to a day, not saved: the best ones first."""
    by_bot = daily_by_bot(first=last - (DAYS - 1) * DAY, last=last)
    begun = min((one.day for days in by_bot.values() for one in days if one.values), default=None)
    if begun is None:
        return []
    since = {bot_id: [one for one in days if one.day >= begun] for bot_id, days in by_bot.items()}
    whole = all_bots(since.values())
    codes = _codes(since)
    bots = {code: since[bot_id] for bot_id, code in codes.items()}
    bounds = [{**one, "column": one["metric"]} for one in thresholds]
    found = [
        _insight(finding, table)
        for column in _columns(whole)
        for finding, table in _of_column(column, whole, bots if len(since) > 1 else {}, bounds)
    ]
    movers = _movers([column for column in _columns(whole) if column.field not in SHARES], bots) if len(bots) > 1 else []
    return sorted([*found, *movers], key=lambda one: -one.score)[:MOST_FINDINGS]


def _codes(since: Mapping[UUID | None, Sequence[DayFigures]]) -> dict[UUID, str]:
    """The bots that there still are, with their codes, those first in which most happened."""
    talked = {bot_id: sum(one.count(Metric.SESSIONS) for one in days) for bot_id, days in since.items() if bot_id}
    most = sorted(talked, key=lambda bot_id: -talked[bot_id])[:MOST_BOTS]
    codes = dict(Bot.objects.filter(pk__in=most).values_list("pk", "code"))
    return {bot_id: codes[bot_id] for bot_id in most if bot_id in codes}


def _columns(days: Sequence[DayFigures]) -> list[Column]:
    """The series that there is something of."""
    money = sorted({key for one in days for key in one.values if key[0] in MONEY})
    every = [*(Column(str(metric)) for metric in COUNTS), *(Column(*key) for key in money), *map(Column, SHARES)]
    return [column for column in every if any(column.of(one) for one in days)]


def _table(columns: Sequence[Column], rows: Sequence[tuple[str, DayFigures]]) -> Table:
    """The days as a table: day, bot (a code, or empty), and the series."""
    heads = [("day", "date"), ("bot", "text"), *((column.name, "number") for column in columns)]
    cells = [[one.day.isoformat(), bot, *(column.of(one) for column in columns)] for bot, one in rows]
    counted = {"number": "sum", "text": "none", "date": "none"}  # one row a day and bot: nothing is averaged
    return Table("", [{"name": name, "type": kind, "counted": counted[kind], "odd": 0} for name, kind in heads], cells)


def _of_column(
    column: Column, whole: Sequence[DayFigures], bots: Mapping[str, Sequence[DayFigures]], thresholds: Sequence[Any]
) -> Iterator[tuple[Finding, Any]]:
    """Yield the findings of a series, of all bots together or of the one bot that they are due to, each with its table."""
    tables = {code: _table([column], [(code, one) for one in days]) for code, days in {"": whole, **bots}.items()}
    found = {code: list(_findings(code, table, thresholds)) for code, table in tables.items()}
    of_bots = [finding for code, findings in found.items() for finding in findings if code]
    for finding in told_once(found[""], of_bots):
        yield finding, (column, tables[str(finding.values.get("category", ""))])


def _findings(code: str, table: Table, thresholds: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for figures in figures_of(table):
        of_bot = replace(figures, name=f"{figures.name} · {code}", where=("bot", code)) if code else figures
        yield from findings_of(of_bot, thresholds)


def _movers(columns: Sequence[Column], bots: Mapping[str, Sequence[DayFigures]]) -> Iterator[Insight]:
    """Yield which bots' figures changed most in the last week."""
    names = {column.name: column for column in columns}
    by_day = zip(*bots.values(), strict=True)
    table = _table(columns, [pair for days in by_day for pair in zip(bots, days, strict=True)])
    for finding in top_movers(table):
        yield _insight(finding, (names[finding.numbers[0].column], table))


def _insight(finding: Finding, of: tuple[Column, Table]) -> Insight:
    column, table = of
    content = {
        "text": {"code": finding.code, "values": dict(finding.values)},
        "sheet": "",
        "series": finding.series,
        "bot": finding.values.get("category"),
        "period": {"from": iso(finding.first), "to": iso(finding.last)},
        "numbers": [_number(one, column, table) for one in finding.numbers],
        "reasons": [asdict(reason) for reason in finding.reasons],
    }
    key = hashlib.sha256(f"daily\n{finding.key}".encode()).hexdigest()
    return Insight(metric=column.field, insight_type=finding.type, key=key, score=finding.score, content=content)


def _number(number: Number, column: Column, table: Table) -> dict[str, Any]:
    """A number with the days it was taken from."""
    told = {"name": number.name, "value": float(number.value), "aggregate": number.aggregate, "column": column.field}
    if column.currency:
        told["currency"] = column.currency
    if number.between:
        return {**told, "between": list(number.between)}
    if number.per:
        told["per"] = number.per
    days = [table.cells[row][0] for row in number.rows]
    told |= {"days": days[:MOST_ROWS], "row_count": len(days)}
    return {**told, "since": number.since, "until": number.until} if number.since else told
