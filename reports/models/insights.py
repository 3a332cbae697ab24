"""What was found in a report or in our own daily figures, told so that every number leads to the rows it comes from."""

from typing import ClassVar, Self

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import OuterRef
from django.utils.translation import gettext_lazy as _

from reports.models.reports import Report
from tenants.fields import TenantForeignKey
from tenants.models import TenantModel, TenantQuerySet, updated_at_field


class InsightQuerySet(TenantQuerySet):
    """Reads of insights."""

    def newest(self) -> Self:
        """Leave out what a later report of the same vendor and type tells as well."""
        same = models.Q(
            key=OuterRef("key"),
            report__vendor=OuterRef("report__vendor"),
            report__report_type=OuterRef("report__report_type"),
        )
        day = OuterRef("report__report_date")
        later = models.Q(report__report_date__gt=day) | models.Q(report__report_date=day, report__gt=OuterRef("report"))
        return self.exclude(models.Exists(Insight.objects.order_by().filter(same, later)))


class Insight(TenantModel):
    """One finding, of a report or of a daily figure. Looking again keeps the row of what is found again, under its ``key``."""

    class Type(models.TextChoices):
        """What kind of finding it is."""

        ANOMALY = "anomaly", _("Anomaly")
        CHANGE_POINT = "change_point", _("Change of level")
        TREND = "trend", _("Trend")
        TOP_MOVER = "top_mover", _("Top mover")
        THRESHOLD = "threshold", _("Threshold crossed")
        MISSING_DATA = "missing_data", _("Missing data")

    report = TenantForeignKey(Report, null=True, on_delete=models.CASCADE, related_name="insights", verbose_name=_("report"))
    metric = models.CharField(
        _("daily figure"),
        max_length=32,
        default="",
        db_default="",
        blank=True,
        editable=False,
        help_text="Of our own figures instead of a report: the field of analytics/daily/.",
    )
    insight_type = models.CharField(_("type"), max_length=16, choices=Type)
    key = models.CharField(
        max_length=64, editable=False, help_text="SHA-256 of what makes it this finding: type, series and period."
    )
    score = models.PositiveSmallIntegerField(
        _("score"), validators=[MaxValueValidator(100)], help_text=_("How much it matters, 0 to 100.")
    )
    content = models.JSONField(
        _("content"),
        help_text="text: {code, values}; sheet, series; period: {from, to}; numbers: each name, value, aggregate, rows; reasons."
        " Of daily figures: days instead of rows, and the bot.",
    )
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    distributed_at = models.DateTimeField(
        null=True, editable=False, help_text="When it was seen who is told of it; null until then."
    )
    rephrased = models.JSONField(
        _("in other words"),
        default=dict,
        db_default={},
        editable=False,
        help_text="By language: how a language model says it, with our numbers and no others. Ours stays beside it.",
    )
    rephrased_at = models.DateTimeField(null=True, editable=False, help_text="When a language model was asked.")
    updated_at = updated_at_field()

    objects: ClassVar = InsightQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("insight")
        verbose_name_plural = _("insights")
        ordering = ["-score", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "report", "key"], name="insight_once", nulls_distinct=False),
            models.CheckConstraint(
                condition=models.Q(report=None) ^ models.Q(metric=""),
                name="insight_of_something",
                violation_error_message=_("It is of a report or of a daily figure."),
            ),
            models.CheckConstraint(
                condition=models.Q(score__lte=100),
                name="insight_score_range",
                violation_error_message=_("A score is 0 to 100."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-score", "-id"], name="insight_best"),
            models.Index(fields=["tenant", "key"], name="insight_of_series"),
            models.Index(  # read by the fan-out
                fields=["tenant", "-score", "-id"], name="insight_new", condition=models.Q(distributed_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_insight_type_display()} ({self.score})"
