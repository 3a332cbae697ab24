"""A report that somebody handed in: its file, what tables were found in it, and their rows with typed cells."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from catalog.imports.problems import line_of
from catalog.models import ImportMapping
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import StoredFile, TenantModel, TenantQuerySet, created_by_field, updated_at_field
from tenants.queue import QueueRow, QueueState


class Report(QueueRow):
    """A file of figures. A worker reads it and looks for insights; the row is its place in the queue for both.

    ``status`` tells of the file: once it is ``processed`` it stays so, and what is still due is looking for insights.
    """

    class Status(models.TextChoices):
        """Whether the file is read."""

        PENDING = "pending", _("Being read")
        PROCESSED = "processed", _("Processed")
        FAILED = "failed", _("Failed")

    task: ClassVar[str] = "reports.read_reports"
    keeps_runs: ClassVar[bool] = True

    vendor = models.CharField(_("vendor"), max_length=200, help_text=_("Who the figures come from."))
    report_type = models.CharField(_("report type"), max_length=100, help_text=_("Such as “daily sales”."))
    report_date = models.DateField(_("report date"))
    file = TenantForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+", verbose_name=_("file"))
    sha256 = models.CharField(_("SHA-256"), max_length=64, editable=False)
    decimals = models.CharField(
        _("how numbers are written"),
        max_length=8,
        choices=ImportMapping.Decimals,
        default="",
        db_default="",
        blank=True,
        help_text=_("In a CSV file; a workbook has numbers of its own. Empty: as the file proves it."),
    )
    status = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.PENDING, db_default=Status.PENDING, editable=False
    )
    failure = models.JSONField(
        default=dict, db_default={}, editable=False, help_text="Why it failed: code, row, column, message, params."
    )
    tables = models.JSONField(
        _("tables"),
        default=list,
        db_default=[],
        editable=False,
        help_text="Each: sheet, header_row, rows, columns (name, type, currency, empty, odd, counted), notes.",
    )
    row_count = models.PositiveIntegerField(_("rows"), default=0, db_default=0, editable=False)
    thresholds = models.JSONField(
        _("thresholds"),
        default=list,
        db_default=[],
        blank=True,
        help_text=_("Each: column, and above or below. A report begins with those of the one before it."),
    )
    counting = models.JSONField(
        _("how columns are counted"),
        default=dict,
        db_default={},
        blank=True,
        help_text=_("By column: sum, mean or none. A report begins with that of the one before it; else the cells tell."),
    )
    insights_at = models.DateTimeField(_("insights found"), null=True, editable=False)
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    created_by = created_by_field()
    updated_at = updated_at_field()

    class Meta(QueueRow.Meta):
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "sha256"],
                name="report_file_once",
                violation_error_message=_("This file is a report already."),
            ),
        ]
        indexes = [
            *QueueRow.Meta.indexes,
            models.Index(fields=["tenant", "-id"], name="report_newest"),
        ]

    def task_type(self) -> str:
        """Return what is due: reading the file, or looking for insights in it."""
        return "generate_insights" if self.status == self.Status.PROCESSED else "read_report"

    def run_input(self) -> dict[str, Any]:
        """Return which report it is."""
        return {"vendor": self.vendor, "report_type": self.report_type, "report_date": str(self.report_date)}

    def __str__(self) -> str:
        return f"{self.vendor}: {self.report_type}, {date_format(self.report_date)}"

    @property
    def reason(self) -> str:
        """Why it failed, in the reader's language; empty when it did not."""
        return line_of(self.failure) if self.failure else ""

    @property
    def is_busy(self) -> bool:
        """Whether a worker has it, or will."""
        return self.state in (QueueState.PENDING, QueueState.RUNNING)

    @property
    def insights_status(self) -> str:
        """Whether its insights are ``pending``, ``ready`` or ``failed``."""
        if self.status == self.Status.FAILED or self.state == QueueState.FAILED:
            return "failed"
        return "pending" if self.is_busy else "ready"


class ReportRowQuerySet(TenantQuerySet):
    """Reads of the rows of reports."""

    def in_order(self) -> Self:
        """Order them as the file has them."""
        return self.order_by("position")

    def where(self, column: int, *, equals: str = "", since: str = "", until: str = "") -> Self:
        """Narrow to rows whose cell in a column (by its place) is this text, or lies between two moments in ISO form."""
        rows: Any = self.annotate(cell=KeyTextTransform(str(column), "cells"))
        wanted = {"cell": equals, "cell__gte": since, "cell__lte": until}
        return rows.filter(**{lookup: value for lookup, value in wanted.items() if value})


class ReportRow(TenantModel):
    """One row of a report. ``cells`` are the values by the place of their column: numbers, text, or null for a hole.

    Dates and times are ISO text, amounts ``{"amount", "currency"}``. What does not fit the type of its column is kept as
    the text it was.
    """

    tenant = TenantField(referenced=False)
    report = TenantForeignKey(Report, on_delete=models.CASCADE, related_name="rows", verbose_name=_("report"))
    position = models.PositiveIntegerField(_("position"), help_text="In the report, over all its tables, from 0.")
    table = models.PositiveSmallIntegerField(_("table"), help_text="In the report's list of tables, from 0.")
    row = models.PositiveIntegerField(_("row"), help_text=_("As the spreadsheet counts it."))
    cells = models.JSONField(_("cells"))

    objects: ClassVar = ReportRowQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("row of a report")
        verbose_name_plural = _("rows of reports")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "report", "position"], name="reportrow_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.row}"

    def values(self, tables: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the cells by the names of their columns; ``tables`` are the report's."""
        names = [column["name"] for column in tables[self.table]["columns"]]
        return dict(zip(names, self.cells, strict=True))
