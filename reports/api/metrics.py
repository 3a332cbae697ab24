"""Our own figures by day: conversations, containment, cost, orders, stock and knowledge gaps."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from bots.models import Bot
from reports.api.bounds import BoundField
from reports.metric_insights import COUNTS, SHARES, set_thresholds
from reports.metrics import DayFigures, daily_figures, tenant_zone, today_in
from reports.models import Metric, MetricMark
from reports.models.metrics import MONEY
from reports.rollups import day_begins
from reports.thresholds import check_thresholds
from reports.wording import is_share
from tenants.api import TenantAPIView
from tenants.errors import Malformed
from tenants.serializers import ChoiceField, CodeRelatedField, MoneyField, StrictSerializer, TextField

USUAL_DAYS, MOST_DAYS = 30, 400
DAY = timedelta(days=1)
ROWS = ("sessions", "escalations", "usage", "orders", "stock-movements", "knowledge-gaps", "email-deliveries")
"""The resources that answer the rows of a day."""
WITHOUT_BOT = ("stock-movements", "email-deliveries")
"""Of these, those that are of no bot."""


EXAMPLE = OpenApiExample(
    "One day of a bot",
    {
        "date": "2026-11-20",
        "bot": "shop",
        "sessions": 120,
        "contained": 111,
        "containment": 0.925,
        "handed_over": 9,
        "answered": 410,
        "unanswered": 12,
        "latency_ms": 31.4,
        "model_calls": 57,
        "orders": 6,
        "orders_cancelled": 1,
        "cost": [{"currency": "USD", "amount": "0.1312", "amount_pico": 131204000000}],
        "order_value": [{"currency": "VND", "amount": "2450000.00", "amount_pico": 2450000000000000000}],
        "stock_in": 0,
        "stock_out": 0,
        "knowledge_gaps": 3,
        "mails_failed": 0,
        "rows": {"sessions": "/api/v1/sessions/?since=2026-11-19T17:00:00Z&until=2026-11-20T17:00:00Z&bot=shop"},
    },
    response_only=True,
)


class DailyQuery(StrictSerializer):
    """Which days, both included, at most 400 of them; by default the last 30. ``bot`` is a code; without it, all together."""

    to = serializers.DateField(required=False)
    days = TextField(required=False, max_length=2_400, help_text="Up to 200 single days instead: 2026-11-01,2026-11-08.")
    bot = CodeRelatedField(queryset=Bot.objects.all(), required=False)

    def validate_days(self, days: str) -> list[date]:
        """Return the days."""
        try:
            found = [date.fromisoformat(one.strip()) for one in days.split(",")]
        except ValueError:
            raise serializers.ValidationError(_("Write days such as 2026-11-01,2026-11-08.")) from None
        return found

    def get_fields(self) -> dict[str, Any]:
        """Return the parameters, with the one whose name Python keeps for itself."""
        return {"from": serializers.DateField(required=False), **super().get_fields()}


class AmountSerializer(StrictSerializer):
    """An amount, exact (``amount_pico``: in units of 10^-12, to be added up) and rounded."""

    currency = TextField()
    amount = MoneyField(allow_negative=True)
    amount_pico = serializers.IntegerField()


class DaySerializer(StrictSerializer):
    """The figures of one day. ``rows`` are the addresses of the rows that were counted."""

    date = serializers.DateField(source="day")
    bot = TextField(allow_null=True)
    sessions = serializers.IntegerField(help_text="Conversations that began.")
    contained = serializers.IntegerField(help_text="Of these, those into which no person was asked.")
    containment = serializers.FloatField(allow_null=True, help_text="Their share, 0 to 1.")
    handed_over = serializers.IntegerField(help_text="Times that a person was asked for.")
    answered = serializers.IntegerField(help_text="Messages that the bot answered.")
    unanswered = serializers.IntegerField(help_text="Messages to which it knew no answer.")
    latency_ms = serializers.FloatField(allow_null=True, help_text="Mean time to these.")
    model_calls = serializers.IntegerField()
    cost = AmountSerializer(many=True, help_text="Of models.")
    orders = serializers.IntegerField(help_text="Placed that day, whatever became of them.")
    orders_cancelled = serializers.IntegerField(help_text="Of these.")
    order_value = AmountSerializer(many=True, help_text="Of the others, without what was paid back.")
    stock_in = serializers.IntegerField(help_text="Pieces, transfers left out.")
    stock_out = serializers.IntegerField()
    knowledge_gaps = serializers.IntegerField(help_text="Questions that were missed for the first time.")
    mails_failed = serializers.IntegerField(help_text="Deliveries of e-mail that failed, came back or are unclear.")
    rows = serializers.DictField(child=serializers.CharField())


class DailySerializer(StrictSerializer):
    """Days in their order, as their rows are now; what was swept of days before ``counted_until`` (null: none) stays counted."""

    results = DaySerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    time_zone = TextField(help_text="Where the days begin and end.")
    counted_until = serializers.DateTimeField(allow_null=True)


class DailyView(TenantAPIView):
    """Figures by day, of one bot or of all together: every day asked for is told, also one on which nothing happened."""

    required_permission = "reports.view_dailymetric"

    @extend_schema(
        parameters=[DailyQuery],
        responses=DailySerializer,
        examples=[EXAMPLE],
    )
    def get(self, request: Request) -> Response:
        """Return the days, the earliest first."""
        asked = self.read_query(DailyQuery)
        zone, bot = tenant_zone(), asked.get("bot")
        first, last = _days(asked, today_in(zone))
        found = daily_figures(first=first, last=last, zone=zone, bot_id=bot and bot.pk)
        found = [one for one in found if one.day in asked["days"]] if "days" in asked else found
        code = bot.code if bot else None
        answer = {
            "results": [_told(one, zone, code) for one in found],
            "next": None,
            "previous": None,
            "time_zone": zone,
            "counted_until": MetricMark.objects.values_list("counted_until", flat=True).first(),
        }
        return Response(DailySerializer(answer).data)


def _days(asked: Mapping[str, Any], today: date) -> tuple[date, date]:
    if days := asked.get("days"):
        asked = {"from": min(days), "to": max(days)}
    last: date = asked.get("to") or max(today, asked.get("from") or today)
    first: date = asked.get("from") or last - (USUAL_DAYS - 1) * DAY
    if first > last:
        raise Malformed("invalid", _("The first day is after the last one."), field="from")
    if (last - first).days >= MOST_DAYS:
        raise Malformed("too_many", _("At most %(most)s days at once.") % {"most": MOST_DAYS}, field="from")
    return first, last


def _told(one: DayFigures, zone: str, bot: str | None) -> dict[str, Any]:
    counts = {str(metric): one.count(metric) for metric in Metric if metric not in (Metric.ANSWER_MS, *MONEY)}
    shares = {"containment": _rounded(one.containment, 4), "latency_ms": _rounded(one.latency_ms, 1)}
    amounts = {str(metric): _amounts(one.money(metric)) for metric in MONEY}
    return {"day": one.day, "bot": bot, **counts, **shares, **amounts, "rows": _addresses(one.day, zone, bot)}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _amounts(amounts: Mapping[str, Decimal]) -> list[dict[str, Any]]:
    return [
        {"currency": currency, "amount": amount, "amount_pico": int(amount.scaleb(12))}
        for currency, amount in amounts.items()
    ]


def _addresses(day: date, zone: str, bot: str | None) -> dict[str, str]:
    """Where the API answers the rows of a day."""
    begin, end = (f"{day_begins(one, zone):%Y-%m-%dT%H:%M:%SZ}" for one in (day, day + DAY))
    between = f"since={begin}&until={end}"
    return {
        name: f"/api/v1/{name}/?{between}" + (f"&bot={bot}" if bot else "")
        for name in ROWS
        if not (bot and name in WITHOUT_BOT)
    }


class BoundSerializer(StrictSerializer):
    """A bound of a daily figure: crossing it is an insight. Shares are 0 to 1."""

    metric = ChoiceField([*(str(metric) for metric in COUNTS), *(str(metric) for metric in MONEY), *SHARES])
    above = BoundField(required=False)
    below = BoundField(required=False)


class ThresholdsSerializer(StrictSerializer):
    """The bounds by which the daily figures are watched."""

    thresholds = BoundSerializer(many=True)
    insights_on = serializers.DateField(read_only=True, help_text="The last day that insights were looked for in.")

    def validate_thresholds(self, thresholds: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Ask for one bound each."""
        check_thresholds([{**one, "column": one["metric"]} for one in thresholds])
        if any(is_share(one["metric"]) and not 0 <= one.get("above", one.get("below", 0)) <= 1 for one in thresholds):
            raise serializers.ValidationError(_("A share is from 0 to 1: 0.8 is 80 per cent."), code="out_of_range")
        return thresholds


class ThresholdsView(TenantAPIView):
    """By which bounds the daily figures are watched. After a change insights are looked for anew, within a minute."""

    required_permission = {"GET": "reports.view_dailymetric", "PATCH": "reports.change_report"}

    @extend_schema(responses=ThresholdsSerializer)
    def get(self, request: Request) -> Response:
        """Return the bounds."""
        mark = MetricMark.objects.first() or MetricMark()
        return Response(ThresholdsSerializer(mark).data)

    @extend_schema(request=ThresholdsSerializer, responses=ThresholdsSerializer)
    def patch(self, request: Request) -> Response:
        """Set the bounds, in place of those there are."""
        asked = self.read_body(ThresholdsSerializer)
        return Response(ThresholdsSerializer(set_thresholds(thresholds=asked["thresholds"])).data)
