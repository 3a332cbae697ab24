"""Reports: hand a file in, see how it was read, read its rows, have its insights found anew."""

from datetime import date
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.http import Http404
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.imports.file_kinds import check_kind
from catalog.models import ImportMapping
from reports.api.bounds import BoundField
from reports.models import Report, ReportRow
from reports.reading.limits import MAX_FILE_BYTES
from reports.rows import MOST_NAMED, narrowed
from reports.thresholds import check_counting, check_thresholds
from reports.uploads import create_report, delete_reports, request_insights
from tenants.api import TenantReadViewSet, TenantViewSet
from tenants.auth import author_of
from tenants.errors import Malformed
from tenants.filters import Filter
from tenants.parsers import StrictJSONParser, UploadParser
from tenants.serializers import ChoiceField, StrictSerializer, TenantSerializer, TextField


class ReportUploadParser(UploadParser):
    """A form with one report."""

    most_bytes = MAX_FILE_BYTES


@extend_schema_field({"type": "string", "format": "date"})
class DayField(serializers.DateField):
    """A day; of a moment the day it names."""

    def to_internal_value(self, value: Any) -> date:
        """Return the day; raises a serializer's error for anything else."""
        if isinstance(value, str) and len(value) > len("2026-11-21") and (moment := _moment(value)):
            return moment
        day: date = super().to_internal_value(value)
        return day


def _moment(value: str) -> date | None:
    try:
        found = parse_datetime(value)
    except ValueError:
        return None
    return found.date() if found else None


class ThresholdSerializer(StrictSerializer):
    """A bound of a column: crossing it is an insight."""

    column = TextField(max_length=200)
    above = BoundField(required=False)
    below = BoundField(required=False)


class ReportSerializer(TenantSerializer):
    """A report and how it was read. ``tables`` tells the columns of each sheet with their types."""

    report_date = DayField()
    file_name = TextField(source="file.name", read_only=True)
    size = serializers.IntegerField(source="file.size", read_only=True, help_text="Bytes.")
    reason = TextField(read_only=True, help_text="Why it could not be read.")
    insights_status = ChoiceField(["pending", "ready", "failed"], read_only=True)
    thresholds = ThresholdSerializer(many=True, required=False)
    counting = serializers.DictField(
        child=ChoiceField(["sum", "mean", "none"]),
        required=False,
        help_text="By column, how several rows of a day are counted; others as their cells tell (``counted`` in ``tables``).",
    )
    tables = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = Report
        fields: tuple[str, ...] = (
            *("id", "vendor", "report_type", "report_date", "status", "reason", "file", "file_name", "size", "sha256"),
            *("decimals", "tables", "row_count", "thresholds", "counting", "insights_status", "insights_at", "metadata"),
            *("created_at", "updated_at"),
        )
        read_only_fields = (
            *("status", "file", "sha256", "decimals", "row_count", "insights_at"),
            *("created_at", "updated_at"),
        )

    def validate_thresholds(self, thresholds: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Ask for one bound each, of a column that there is."""
        check_thresholds(thresholds, self.instance.tables if self.instance else ())
        return thresholds

    def validate_counting(self, counting: Any) -> dict[str, str]:
        """Ask for columns of figures, each with a way to count."""
        check_counting(counting, self.instance.tables if self.instance else ())
        return dict(counting)

    def update(self, instance: Report, validated_data: Any) -> Report:
        """Save it; where other things are watched, or counted otherwise, insights are looked for anew."""
        before = (instance.thresholds, instance.counting)
        report: Report = super().update(instance, validated_data)
        if (report.thresholds, report.counting) != before and report.status == Report.Status.PROCESSED:
            request_insights(report=report)
        return report


class NewReportSerializer(StrictSerializer):
    """A CSV file or a workbook (.xlsx) of up to 25 MB, and what it is."""

    file = serializers.FileField(max_length=1000)
    vendor = TextField(max_length=200, help_text="Who the figures come from.")
    report_type = TextField(max_length=100, help_text="Such as daily sales.")
    report_date = DayField()
    decimals = ChoiceField(
        ImportMapping.Decimals.choices,
        required=False,
        help_text="How a CSV file writes numbers: plain, point (1,234.50) or comma (1.234,50); else as the file proves.",
    )


class GivenReportSerializer(ReportSerializer):
    """The answer to a file: ``duplicate`` tells that it is a report already, and that this is the one there is."""

    duplicate = serializers.BooleanField(read_only=True)

    class Meta(ReportSerializer.Meta):
        fields = (*ReportSerializer.Meta.fields, "duplicate")


class ReportViewSet(TenantViewSet):
    """Reports. Upload one, wait until its status is ``processed``, read its rows and its insights."""

    queryset = Report.objects.select_related("file")
    serializer_class = ReportSerializer
    parser_classes = (StrictJSONParser, ReportUploadParser)
    filters: ClassVar[dict[str, Filter]] = {
        "status": "status",
        "vendor": "vendor",
        "report_type": "report_type",
        "sha256": "sha256",
    }
    search_fields = ("vendor", "report_type", "file__name")
    ordering_fields = ("report_date", "created_at")

    @extend_schema(
        request={"multipart/form-data": NewReportSerializer},
        responses={201: GivenReportSerializer, 200: GivenReportSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep a file and have it read in the background. A file that is a report already is answered with that one (200).

        With other ``decimals`` than before that one is read again. 415 ``binary_file``, ``broken_workbook``, ``web_page`` or
        ``not_as_named`` for what is no table, whatever its name.
        """
        values = self.read_body(NewReportSerializer)
        file = values.pop("file")
        check_kind(file, file.name or "")
        source = {"chunks": file.chunks(), "name": file.name or "report.csv", "media_type": file.content_type or ""}
        report, is_new = create_report(**values, **source, created_by=author_of(request))
        found: Any = self.get_queryset().get(pk=report.pk)
        found.duplicate = not is_new
        answer = GivenReportSerializer(found, context=self.get_serializer_context()).data
        return Response(answer, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    def perform_destroy(self, instance: Report) -> None:
        """Delete it with its rows, insights and file."""
        delete_reports(reports=[instance])

    @extend_schema(request=None, responses={202: ReportSerializer})
    @action(detail=True, methods=["post"], verb="change")
    def insights(self, request: Request, pk: str) -> Response:
        """Have its insights found anew, in the background; what is found again keeps its id. 409 ``not_processed``."""
        return self.answer(request_insights(report=self.get_object()), status=status.HTTP_202_ACCEPTED)


class ReportRowSerializer(TenantSerializer):
    """A row. ``values`` by column: a number, text, yes or no, a date in ISO form, an amount with its currency, or null."""

    sheet = serializers.SerializerMethodField(help_text="Empty for a CSV file.")
    values = serializers.SerializerMethodField()

    class Meta:
        model = ReportRow
        fields = ("id", "sheet", "row", "values")
        read_only_fields = fields

    def get_sheet(self, row: ReportRow) -> str:
        """Return the name of the sheet."""
        return str(self.context["report"].tables[row.table]["sheet"])

    @extend_schema_field({"type": "object", "additionalProperties": {}})
    def get_values(self, row: ReportRow) -> dict[str, Any]:
        """Return the cells by column."""
        return row.values(self.context["report"].tables)


def _later(queryset: models.QuerySet, value: str) -> models.QuerySet:
    return queryset  # what a parameter means depends on the report's own columns: get_queryset


class ReportRowViewSet(TenantReadViewSet):
    """The rows of a report. ``?sheet=``; ``?row=2,5``; ``?column=Product&equals=Lamp``; ``?since=`` and ``?until=`` of its dates.

    Dates are those of the table's first column of dates, both ends included.
    """

    http_method_names = ["get", "head"]
    queryset = ReportRow.objects.all()
    serializer_class = ReportRowSerializer
    filters: ClassVar[dict[str, Filter]] = dict.fromkeys(("sheet", "row", "column", "equals", "since", "until"), _later)
    ordering = ("position",)

    @cached_property
    def report(self) -> Report:
        """The report in the address; an unknown one is 404."""
        try:
            return Report.objects.get(pk=self.kwargs["report"])
        except (Report.DoesNotExist, ValueError, ValidationError) as error:
            raise Http404 from error

    def get_serializer_context(self) -> dict[str, Any]:
        """Add the report, whose columns name the values."""
        context = dict(super().get_serializer_context())
        return {**context, "report": self.report} if "report" in self.kwargs else context

    def get_queryset(self) -> models.QuerySet:
        """Return the rows of the report that are asked for."""
        rows = super().get_queryset()
        if "report" not in self.kwargs:
            return rows
        asked = {name: self.request.query_params.get(name, "") for name in self.filters}
        numbers = _numbers(asked.pop("row"))
        return narrowed(rows.filter(report=self.report), self.report, row=numbers, **asked)


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > MOST_NAMED or not all(part.isdecimal() and len(part) < 10 for part in parts):
        raise Malformed("invalid", _("Write up to 200 numbers of rows, such as 2,5."), field="row")
    return [int(part) for part in parts]
