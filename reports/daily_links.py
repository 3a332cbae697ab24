"""Where the admin shows the rows that a daily figure was counted from: the list of such rows, narrowed to the days."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from reports.models import Metric
from reports.rollups import day_begins

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Rows:
    """A list of the admin, what narrows it to a bot (empty: nothing does), and to what is counted."""

    model: str
    bot: str = ""
    only: Mapping[str, str] = field(default_factory=dict)


LISTS: dict[Metric, Rows] = {
    Metric.SESSIONS: Rows("runtime_session", "bot__id__exact"),
    Metric.CONTAINED: Rows("runtime_session", "bot__id__exact", {"asked": "no"}),
    Metric.ANSWERED: Rows("runtime_turn", "session__bot", {"answered": "yes"}),
    Metric.UNANSWERED: Rows("runtime_turn", "session__bot", {"answered": "no"}),
    Metric.ANSWER_MS: Rows("runtime_turn", "session__bot", {"answered": "any"}),
    Metric.HANDED_OVER: Rows("runtime_escalation", "session__bot__id__exact"),
    Metric.MODEL_CALLS: Rows("vault_usageentry", "bot_id"),
    Metric.COST: Rows("vault_usageentry", "bot_id"),
    Metric.ORDERS: Rows("catalog_order", "bot_id"),
    Metric.ORDERS_CANCELLED: Rows("catalog_order", "bot_id", {"status__exact": "cancelled"}),
    Metric.ORDER_VALUE: Rows("catalog_order", "bot_id", {"status__in": "pending,confirmed,fulfilled"}),
    Metric.STOCK_IN: Rows("catalog_stockmovement"),
    Metric.STOCK_OUT: Rows("catalog_stockmovement"),
    Metric.KNOWLEDGE_GAPS: Rows("runtime_knowledgegap", "bot__id__exact"),
    Metric.MAILS_FAILED: Rows("reports_emaildelivery", only={"state__in": "failed,unknown"}),
}


def rows_url(metric: Metric, first: date, last: date, *, zone: str, bot_id: UUID | None = None) -> str:
    """Return the address of the rows behind a figure of some days, both included, of one bot or all.

    The lists read times in the zone of whoever looks.
    """
    rows = LISTS[metric]
    asked = dict(rows.only)
    if bot_id and rows.bot:
        asked[rows.bot] = str(bot_id)
    for name, moment in (("from", day_begins(first, zone)), ("to", day_begins(last + DAY, zone))):
        day, clock = _written(moment)
        asked |= {f"created_at_{name}_0": day, f"created_at_{name}_1": clock}
    return f"{reverse(f'admin:{rows.model}_changelist')}?{urlencode(asked)}"


def _written(moment: datetime) -> tuple[str, str]:
    local = timezone.localtime(moment)
    return f"{local:%Y-%m-%d}", f"{local:%H:%M:%S}"
