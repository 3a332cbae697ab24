"""The admin of reports: upload, how a file was read, its figures drawn with what was found in them, and its rows."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from reports.admin.charts import chart_of, series_names
from reports.admin.forms import NewReportForm, ReportForm, written
from reports.admin.tables import columns_table, insights_table, rows_table
from reports.models import Report
from reports.uploads import create_report, delete_reports, request_insights
from tenants.admin import TenantAdmin
from tenants.admin.base import LINK
from tenants.errors import Malformed

STATUS_LABELS = {"processed": "success", "failed": "danger", "pending": "info"}
INSIGHTS_SHOWN = 10
ROWS_SHOWN = 10


@admin.register(Report)
class ReportAdmin(TenantAdmin):
    """Reports. One is made from a file, read in the background, and looked through for insights."""

    list_display = ("__str__", "file_name", "status_label", "row_count", "found", "created_by", "created_at")
    list_filter = ("status", "report_type", "vendor")
    list_select_related = ("file", "created_by")
    search_fields = ("vendor", "report_type", "file__name")
    ordering = ("-id",)
    actions = ("export",)
    actions_detail = ("data", "find_again")
    change_form_template = "reports/admin/report.html"
    export_fields = ("id", "vendor", "report_type", "report_date", "status", "row_count", "sha256", "created_at")
    empty_message = _("Upload what others report to you: a CSV file or a workbook. What is odd in it is told to you.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the reports with how much was found in them."""
        return super().get_queryset(request).annotate(insight_count=Count("insights"))

    @display(description=_("file"))
    def file_name(self, report: Report) -> str:
        """Show the file, to be downloaded."""
        url = reverse("download_file", args=[report.file_id])
        return format_html('<a class="{}" href="{}">{}</a>', LINK, url, report.file.name)

    @display(description=_("status"), ordering="status", label=STATUS_LABELS)
    def status_label(self, report: Report) -> tuple[str, str]:
        """Show the status as a label."""
        return report.status, report.get_status_display()

    @display(description=_("insights"), ordering="insight_count")
    def found(self, report: Any) -> str:
        """Show how much was found, with the way there."""
        url = f"{reverse('admin:reports_insight_changelist')}?report__id__exact={report.pk}"
        return (
            format_html('<a class="{}" href="{}">{}</a>', LINK, url, report.insight_count) if report.insight_count else "0"
        )

    @display(description=_("thresholds"))
    def bounds(self, report: Report) -> str:
        """Show the thresholds to whoever may not change them."""
        return "; ".join(written(one, report.tables) for one in report.thresholds) or "–"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the parts of the form."""
        about = {"fields": (("vendor", "report_type"), "report_date")}
        counted, may_change = {"fields": ("averaged", "left_out")}, self.has_change_permission(request, obj)
        if obj is None:
            return [
                (None, {"fields": ("upload",)}),
                (_("What it is"), about),
                (_("How it is read"), {"fields": ("decimals",)}),
            ]
        return [
            (_("What it is"), about),
            (_("What is watched"), {"fields": ("bounds",)}),
            *([(_("How several rows of a day are counted"), counted)] if may_change and obj.tables else []),
            (None, {"fields": ("file_name", "sha256")}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what is only shown."""
        return ("file_name", "sha256") if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        """Return the form for a new report, or for the one there is."""
        if obj is None or self.has_change_permission(request, obj):
            kwargs["form"] = ReportForm if obj else NewReportForm
        return super().get_form(request, obj, change=change, **kwargs)

    def save_model(self, request: HttpRequest, obj: Report, form: Any, change: bool) -> None:
        """Keep the file and have it read; or keep what was changed."""
        if change:
            before = (obj.thresholds, obj.counting)
            obj.thresholds, obj.counting = form.cleaned_data["bounds"], form.counting()
            super().save_model(request, obj, form, change)
            if (obj.thresholds, obj.counting) != before and obj.status == Report.Status.PROCESSED:
                request_insights(report=obj)
            return
        values = dict(form.cleaned_data)
        file = values.pop("upload")
        source = {"chunks": file.chunks(), "name": file.name, "media_type": file.content_type or ""}
        made, is_new = create_report(**values, **source, created_by=request.user)  # type: ignore[arg-type]
        obj.pk, obj.status = made.pk, made.status
        request.is_duplicate = not is_new  # type: ignore[attr-defined] # for the answer

    def response_add(self, request: HttpRequest, obj: Report, post_url_continue: str | None = None) -> HttpResponse:
        """Show the report being read; of a file that was here before, the report it is."""
        if getattr(request, "is_duplicate", False):
            said = gettext("This file is a report already. This is the one.")
            again = gettext("This file is a report already. It is being read again.")
            self.message_user(request, again if obj.status == Report.Status.PENDING else said)
        return redirect("admin:reports_report_change", obj.pk)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the form, and above it the figures, what was found, and the first rows."""
        report = self.get_object(request, object_id) if object_id else None
        chosen = request.GET.get("series", "")
        context = {**(_shown(report, chosen) if report else {}), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    @action(description=_("All rows"), icon="table_rows", permissions=["data"], url_path="data")
    def data(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the rows that are asked for, such as those behind a number."""
        report = self.get_object(request, object_id)
        if report is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, report):
            raise PermissionDenied
        try:
            found = rows_table(report, request.GET)
        except Malformed as error:
            self.message_user(request, error.message, "error")
            return redirect("admin:reports_report_change", report.pk)
        context = {"title": _("Rows of %(report)s") % {"report": report}, "opts": self.opts, "original": report, **found}
        return TemplateResponse(request, "reports/admin/rows.html", {**self.admin_site.each_context(request), **context})

    def has_data_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may see the report."""
        return self.has_view_permission(request)

    @action(description=_("Find insights again"), icon="refresh", permissions=["find_again"])
    def find_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have a worker look through the report once more; what is found again stays the same insight."""
        report = self.get_object(request, object_id)
        if report is not None:
            request_insights(report=report)
        return redirect("admin:reports_report_change", object_id)

    def has_find_again_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may change the report, once it is read."""
        may = request.user.has_perm("reports.change_report")
        return may and (object_id is None or Report.objects.filter(pk=object_id, status=Report.Status.PROCESSED).exists())

    def delete_model(self, request: HttpRequest, obj: Report) -> None:
        """Delete it with its rows, insights and file."""
        delete_reports(reports=[obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Delete the chosen ones with all that came of them."""
        delete_reports(reports=list(queryset))


def _shown(report: Report, chosen: str) -> dict[str, Any]:
    """Return what the page shows above the form."""
    insights = list(report.insights.all())
    first = rows_table(report, {}, most=ROWS_SHOWN) if report.row_count else {}
    return {
        "report": report,
        "chart": chart_of(report, chosen, insights) if report.row_count else None,
        "series": [name for _table, _place, name in series_names(report)],
        "insights": insights_table(insights[:INSIGHTS_SHOWN]),
        "more_insights": max(0, len(insights) - INSIGHTS_SHOWN),
        "insights_url": f"{reverse('admin:reports_insight_changelist')}?report__id__exact={report.pk}",
        "columns": columns_table(report),
        "rows": first.get("table"),
        "notes": [note for table in report.tables for note in table["notes"]],
    }
