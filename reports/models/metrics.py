"""Our own figures by day: what conversations, orders, stock and models brought, added up once and kept."""

from typing import ClassVar, Self

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.fields import TenantField
from tenants.models import Tenant, TenantModel, TenantQuerySet, updated_at_field


class Metric(models.TextChoices):
    """What is counted. All of it can be added up, over days and over bots; shares and means are taken from the sums."""

    SESSIONS = "sessions", _("Conversations")
    CONTAINED = "contained", _("Conversations without a person")
    ANSWERED = "answered", _("Answered by the bot")
    UNANSWERED = "unanswered", _("Not answered")
    ANSWER_MS = "answer_ms", _("Time to answer")
    HANDED_OVER = "handed_over", _("Handed over")
    MODEL_CALLS = "model_calls", _("Calls of models")
    COST = "cost", _("Cost of models")
    ORDERS = "orders", _("Orders")
    ORDERS_CANCELLED = "orders_cancelled", _("Cancelled orders")
    ORDER_VALUE = "order_value", _("Value of orders")
    STOCK_IN = "stock_in", _("Pieces received")
    STOCK_OUT = "stock_out", _("Pieces gone")
    KNOWLEDGE_GAPS = "knowledge_gaps", _("New knowledge gaps")
    MAILS_FAILED = "mails_failed", _("Mail failures")


MONEY = (Metric.COST, Metric.ORDER_VALUE)
"""Metrics with a row for each currency."""


class DailyMetric(TenantModel):
    """One figure of one day in the tenant's time zone, of one bot or of none. A figure of 0 has no row.

    Written by ``reports/rollups.py`` alone. It outlives what it counts, so the bot is a plain id: conversations are swept
    after their time, and a bot may go, while what a month cost stays known.
    """

    tenant = TenantField(referenced=False)
    day = models.DateField(_("day"))
    bot_id = models.UUIDField(_("bot"), null=True, blank=True)
    metric = models.CharField(_("figure"), max_length=32, choices=Metric)
    currency = models.CharField(_("currency"), max_length=3, default="", db_default="", blank=True)
    value = models.DecimalField(_("value"), max_digits=30, decimal_places=12, help_text=_("Milliseconds for times."))
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("daily figure")
        verbose_name_plural = _("daily figures")
        ordering = ["-day", "metric"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "day", "bot_id", "metric", "currency"],
                name="dailymetric_once",
                nulls_distinct=False,
                violation_error_message=_("This figure is there already."),
            ),
            models.CheckConstraint(
                condition=models.Q(metric__in=MONEY) ^ models.Q(currency=""),
                name="dailymetric_currency",
                violation_error_message=_("Money has a currency, and nothing else has."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.get_metric_display()}"


class MetricMarkQuerySet(TenantQuerySet):
    """Reads of marks."""

    def due(self) -> Self:
        """Narrow to those of active tenants whose figures should be looked at by now."""
        return self.filter(due_at__lte=Now(), tenant__status=Tenant.Status.ACTIVE)


class MetricMark(TenantModel):
    """How far a tenant's figures are added up: all rows that were written before ``counted_until`` are in them.

    ``time_zone`` is where the days of the figures begin and end; empty before the first time.
    """

    tenant = TenantField(referenced=False)
    counted_until = models.DateTimeField(_("counted until"), null=True, editable=False)
    time_zone = models.CharField(_("time zone"), max_length=64, default="", db_default="", editable=False)
    due_at = models.DateTimeField(_("due"), db_default=Now(), editable=False)
    insights_on = models.DateField(
        _("insights found"), null=True, editable=False, help_text="The last day that they were looked for in."
    )
    thresholds = models.JSONField(
        _("thresholds"), default=list, db_default=[], blank=True, help_text="Each: metric, and above or below."
    )

    objects: ClassVar = MetricMarkQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("mark of the daily figures")
        verbose_name_plural = _("marks of the daily figures")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], name="metricmark_once", violation_error_message=_("There is a mark already.")
            ),
        ]

    def __str__(self) -> str:
        return str(self.counted_until)
