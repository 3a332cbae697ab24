"""The admin of insights: what was found, how much it matters and why, and the rows behind every number."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeNumericFilter
from unfold.decorators import action, display

from reports.admin.telling import TellForm
from reports.models import Insight, InsightDelivery
from reports.rephrasing import rephrased_of
from reports.wording import (
    LANGUAGES,
    aggregate_name,
    amount_of,
    column_name,
    number_name,
    period_of,
    query_of,
    reasons_of,
    text_of,
)
from tenants.admin import LedgerAdmin
from tenants.admin.base import LINK
from tenants.models import Tenant, User

DAILY = "admin:reports_dailymetric_days"
TYPE_LABELS = {
    "anomaly": "danger",
    "change_point": "warning",
    "threshold": "warning",
    "missing_data": "info",
    "trend": "success",
    "top_mover": "success",
}


class SourceFilter(admin.SimpleListFilter):
    """Insights of reports, or of our own daily figures."""

    title = _("found in")
    parameter_name = "of"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("daily", _("Daily figures")), ("reports", _("Reports"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list."""
        if self.value() not in ("daily", "reports"):
            return queryset
        return queryset.filter(report__isnull=self.value() == "daily")


class FileFilter(admin.SimpleListFilter):
    """What several files of a vendor and type tell: once, of the newest of them, or of each."""

    title = _("told by several files")
    parameter_name = "files"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("all", _("Every file’s"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list, unless it is that of one report."""
        is_whole = self.value() == "all" or any(name.startswith("report__id") for name in request.GET)
        found: Any = queryset
        return queryset if is_whole else found.newest()


@admin.register(Insight)
class InsightAdmin(LedgerAdmin):
    """Insights, the most important ones first."""

    list_display = ("score", "type_label", "said", "period", "source")
    list_display_links = ("said",)
    list_filter = (
        "insight_type",
        SourceFilter,
        FileFilter,
        "report__report_type",
        "report__vendor",
        ("score", RangeNumericFilter),
    )
    list_filter_submit = True
    list_select_related = ("report",)
    link_filters = ("report",)
    ordering = ("-score", "-id")
    fields = ("insight_type", "score", "source", "period", "created_at")
    change_form_template = "reports/admin/insight.html"
    actions_detail = ("tell",)
    export_fields = ("id", "report", "metric", "insight_type", "score", "said", "created_at")
    empty_message = _("What is worth knowing in your reports is told here: odd days, changes, trends, and what is missing.")
    empty_links = ((_("Upload a report"), "admin:reports_report_add"),)

    @display(description=_("type"), ordering="insight_type", label=TYPE_LABELS)
    def type_label(self, insight: Insight) -> tuple[str, str]:
        """Show the type as a label."""
        return insight.insight_type, insight.get_insight_type_display()

    @display(description=_("insight"))
    def said(self, insight: Insight) -> str:
        """Show what it says."""
        return text_of(insight)

    @display(description=_("from"))
    def source(self, insight: Insight) -> str:
        """Show what it was found in, with the way there."""
        if insight.report is None:
            return format_html('<a class="{}" href="{}">{}</a>', LINK, reverse(DAILY), gettext("Daily figures"))
        url = reverse("admin:reports_report_change", args=[insight.report_id])
        return format_html('<a class="{}" href="{}">{}</a>', LINK, url, insight.report)

    @display(description=_("period"))
    def period(self, insight: Insight) -> str:
        """Show when it was."""
        return period_of(insight)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the insight, and above its fields what it says and where its numbers come from."""
        insight = self.get_object(request, object_id) if object_id else None
        if insight and request.method == "GET":
            person: Any = request.user  # nobody anonymous gets here
            unread = InsightDelivery.objects.unread(person).filter(insights__contains=[insight.pk])
            unread.update(read_at=Now())
        context = {**(_told(insight) if insight else {}), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def has_tell_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the person may tell somebody."""
        return request.user.has_perm("reports.add_insightdelivery")

    @action(description=_("Tell somebody"), icon="send", permissions=["tell"])
    def tell(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whom to tell, and tell them now; whoever knows it already is not told again."""
        insight = self.get_object(request, object_id)
        if insight is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form, person = TellForm(request.POST or None), cast(User, request.user)
        if request.method == "POST" and form.is_valid():
            with transaction.atomic():
                told = form.send(insight, person)
                transaction.set_rollback(not told)
            if told:
                said = ngettext("%(count)d recipient is told.", "%(count)d recipients are told.", len(told))
                messages.success(request, said % {"count": len(told)})
                return redirect("admin:reports_insight_change", object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Tell somebody"),
            "opts": self.opts,
            "original": insight,
            "said": text_of(insight),
            "form": form,
        }
        return TemplateResponse(request, "reports/admin/tell.html", context)


def _told(insight: Insight) -> dict[str, Any]:
    names = dict(Tenant.Locale.choices)
    numbers = [
        [number_name(one), amount_of(one), column_name(one, insight), aggregate_name(one), _rows(one, insight)]
        for one in insight.content["numbers"]
    ]
    return {
        "insight": insight,
        "texts": [(names[one], text_of(insight, one), rephrased_of(insight, one)) for one in LANGUAGES],
        "numbers": {
            "headers": [gettext("Number"), gettext("Value"), gettext("Column"), gettext("Taken as"), gettext("Rows")],
            "rows": numbers,
        },
        "reasons": {
            "headers": [gettext("Why it matters"), gettext("Points")],
            "rows": [[one["text"], one["points"]] for one in reasons_of(insight)],
        },
    }


def _rows(number: dict[str, Any], insight: Insight) -> SafeString | str:
    if "between" in number:
        return "–"
    where = reverse(DAILY) if insight.metric else reverse("admin:reports_report_data", args=[insight.report_id])
    url = f"{where}?{query_of(number, insight)}"
    return format_html('<a class="{}" href="{}">{}</a>', LINK, url, _listed(number))


def _listed(number: dict[str, Any]) -> str:
    if "days" in number:
        return ngettext("%(count)d day", "%(count)d days", number["row_count"]) % {"count": number["row_count"]}
    rows = number["rows"]
    if number["row_count"] <= 5:
        return ", ".join(map(str, rows))
    return gettext("%(count)d rows") % {"count": number["row_count"]}
