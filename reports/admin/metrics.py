"""The admin of daily figures: a table of days with the rows behind every figure, and the figures as they are kept."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import formats
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget

from bots.models import Bot
from reports.admin.bounds import BoundsForm
from reports.daily_links import rows_url
from reports.metric_insights import set_thresholds
from reports.metrics import DayFigures, daily_figures, tenant_zone, today_in
from reports.models import DailyMetric, Metric, MetricMark
from reports.models.metrics import MONEY
from reports.wording import money_text
from tenants.admin import LedgerAdmin
from tenants.admin.base import LINK

USUAL_DAYS, MOST_DAYS = 30, 400
DAY = timedelta(days=1)
SHOWN = (
    *(Metric.SESSIONS, Metric.HANDED_OVER, Metric.ANSWERED, Metric.UNANSWERED, Metric.ANSWER_MS, Metric.COST),
    *(Metric.ORDERS, Metric.ORDERS_CANCELLED, Metric.ORDER_VALUE, Metric.STOCK_IN, Metric.STOCK_OUT, Metric.KNOWLEDGE_GAPS),
    Metric.MAILS_FAILED,
)
"""The columns of the table; after the conversations comes the share that needed no person."""


class DaysForm(forms.Form):
    """Which days, of which bot; empty: the last 30, of all."""

    bot = forms.ModelChoiceField(
        Bot.objects.all(), to_field_name="code", required=False, label=_("Bot"), empty_label=_("All"),
        widget=UnfoldAdminSelectWidget,
    )  # fmt: skip
    to = forms.DateField(required=False, label=_("Until"), widget=UnfoldAdminDateWidget)
    days = forms.CharField(required=False, max_length=2_400, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["from"] = forms.DateField(required=False, label=_("From"), widget=UnfoldAdminDateWidget)
        self.order_fields(["bot", "from", "to"])

    def clean_days(self) -> list[date]:
        """Return the single days that a number of an insight was taken from; anything else in there is left out."""
        return [day for one in self.cleaned_data["days"].split(",") if (day := _day(one))]

    def period(self, today: date) -> tuple[date, date]:
        """Return the first and the last day, at most 400 apart."""
        asked: Mapping[str, Any] = self.cleaned_data if self.is_valid() else {}
        if days := asked.get("days"):
            return min(days), max(days)
        last: date = asked.get("to") or max(today, asked.get("from") or today)
        first: date = asked.get("from") or last - (USUAL_DAYS - 1) * DAY
        return max(min(first, last), last - (MOST_DAYS - 1) * DAY), last


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


@admin.register(DailyMetric)
class DailyMetricAdmin(LedgerAdmin):
    """Figures as they are kept, one by one; and the page of days."""

    list_display = ("day", "metric_shown", "bot", "shown", "updated_at")
    list_display_links = ("metric_shown",)
    list_filter = ("metric", ("day", RangeDateFilter))
    list_filter_submit = True
    ordering = ("-day", "-id")
    fields = ("day", "metric_shown", "bot", "shown", "updated_at")
    readonly_fields = fields
    actions_list = ("days", "bounds")
    export_fields = ("day", "metric", "bot", "value", "currency")
    empty_message = _("What happened on a day is added up here, within minutes: conversations, costs, orders, stock.")
    empty_links = ((_("Daily figures"), "admin:reports_dailymetric_days"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the figures with the names of their bots."""
        names = Bot.objects.filter(pk=OuterRef("bot_id")).values("name")
        return super().get_queryset(request).annotate(bot_name=Subquery(names[:1]))

    @display(description=_("figure"), ordering="metric")
    def metric_shown(self, row: DailyMetric) -> str:
        """Show what is counted."""
        return row.get_metric_display()

    @display(description=_("bot"))
    def bot(self, row: DailyMetric) -> str:
        """Show whose it is."""
        return getattr(row, "bot_name", None) or "–"

    @display(description=_("value"), ordering="value")
    def shown(self, row: DailyMetric) -> str:
        """Show the figure."""
        if row.currency:
            return money_text(row.value, row.currency)
        return gettext("%(ms)s ms") % {"ms": _number(row.value)} if row.metric == Metric.ANSWER_MS else _number(row.value)

    @action(description=_("Daily figures"), icon="calendar_month", url_path="days", permissions=["view"])
    def days(self, request: HttpRequest) -> HttpResponse:
        """Show the days that are asked for, the latest first, each figure with the way to its rows."""
        form = DaysForm(request.GET)
        zone = tenant_zone()
        first, last = form.period(today_in(zone))
        bot = form.cleaned_data.get("bot") if form.is_valid() else None
        chosen = form.cleaned_data.get("days") if form.is_valid() else None
        found = daily_figures(first=first, last=last, zone=zone, bot_id=bot.pk if bot else None)
        found = [one for one in found if not chosen or one.day in chosen]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Daily figures"),
            "content_title": _("Daily figures"),
            "opts": self.opts,
            "form": DaysForm(initial={"from": first, "to": last, "bot": bot.code if bot else None}),
            "chosen": chosen,
            "table": _table(found, zone, bot.pk if bot else None),
            "may_bound": self.has_bounds_permission(request),
            "is_empty": not any(one.values for one in found),
        }
        return TemplateResponse(request, "reports/admin/days.html", context)

    def has_bounds_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the person may say what is told; the API asks the same."""
        return request.user.has_perm("reports.change_report")

    @action(description=_("Bounds"), icon="notifications", url_path="bounds", permissions=["bounds"])
    def bounds(self, request: HttpRequest) -> HttpResponse:
        """Ask from when on a figure is worth telling; after a change insights are looked for anew."""
        mark = MetricMark.objects.first() or MetricMark()
        form = BoundsForm(request.POST or None, thresholds=mark.thresholds)
        if request.method == "POST" and form.is_valid():
            set_thresholds(thresholds=form.thresholds())
            messages.success(request, gettext("The bounds are kept; insights are looked for anew within a minute."))
            return redirect("admin:reports_dailymetric_bounds")
        said = {
            "title": _("Bounds of the daily figures"),
            "content_title": _("Daily figures"),
            "opts": self.opts,
            "form": form,
        }
        return TemplateResponse(request, "reports/admin/bounds.html", {**self.admin_site.each_context(request), **said})


def _table(days: Sequence[DayFigures], zone: str, bot_id: UUID | None) -> dict[str, Any]:
    heads = [str(Metric(metric).label) for metric in SHOWN]
    total = DayFigures(days[-1].day, _sum(days)) if days else None
    rows = [[_heading(one.day), *_cells(one, zone, bot_id)] for one in reversed(days)]
    if total and len(days) > 1:
        rows.append([format_html("<strong>{}</strong>", gettext("Together")), *_cells(total, zone, bot_id, days)])
    return {"headers": [gettext("Day"), heads[0], gettext("Without a person"), *heads[1:]], "rows": rows}


def _sum(days: Sequence[DayFigures]) -> dict[tuple[str, str], Decimal]:
    keys = {key for one in days for key in one.values}
    return {key: sum((one.values.get(key, Decimal(0)) for one in days), Decimal(0)) for key in keys}


def _heading(day: date) -> str:
    return f"{formats.date_format(day, 'D')} {formats.date_format(day, 'DATE_FORMAT')}"


def _cells(one: DayFigures, zone: str, bot_id: UUID | None, over: Sequence[DayFigures] = ()) -> list[SafeString | str]:
    """The figures of a day, or of the days that are added up in it."""
    first, last = (over[0].day, over[-1].day) if over else (one.day, one.day)
    cells: list[SafeString | str] = []
    for metric in SHOWN:
        text = _shown(one, metric)
        url = rows_url(metric, first, last, zone=zone, bot_id=bot_id)
        cells.append("–" if text is None else format_html('<a class="{}" href="{}">{}</a>', LINK, url, text))
        if metric == Metric.SESSIONS:
            cells.append("–" if one.containment is None else f"{one.containment:.0%}")
    return cells


def _shown(one: DayFigures, metric: Metric) -> SafeString | str | None:
    """A figure as people write it; None for nothing."""
    if metric in MONEY:
        amounts = [money_text(value, currency) for currency, value in one.money(metric).items()]
        return format_html_join(SafeString("<br>"), "{}", ((text,) for text in amounts)) if amounts else None
    if metric == Metric.ANSWER_MS:
        return None if one.latency_ms is None else gettext("%(ms)s ms") % {"ms": _number(Decimal(one.latency_ms))}
    return _number(Decimal(one.count(metric))) if one.count(metric) else None


def _number(value: Decimal) -> str:
    return formats.number_format(round(value), use_l10n=True, force_grouping=True)
