"""How much may be spent on models, and how much was, period by period."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext_lazy as _

from tenants.fields import TenantField, TenantForeignKey
from tenants.models import TenantModel, TenantQuerySet, updated_at_field
from vault.models.prices import CURRENCY_CODE, currencies_in_use
from vault.models.usage import cost_field

USUAL_CURRENCY = "USD"


def default_thresholds() -> list[int]:
    """Return the percentages at which a new budget warns."""
    return [50, 80, 95]


class PeriodStart(models.Func):
    """``budget_period_start(period, created, now, zone)`` of migration 0002."""

    function = "budget_period_start"
    output_field = models.DateTimeField()


class PeriodEnd(models.Func):
    """``budget_period_end(period, now, zone)`` of migration 0002; null when it never ends."""

    function = "budget_period_end"
    output_field = models.DateTimeField()


class BudgetQuerySet(TenantQuerySet):
    """Reads of budgets."""

    def with_spending(self) -> "BudgetQuerySet":
        """Annotate ``spent``, ``reserved``, ``period_start`` and ``period_end`` of the period that runs now."""
        zone = models.F("tenant__time_zone")
        running = BudgetPeriod.objects.filter(budget=models.OuterRef("pk"), starts_at=models.OuterRef("period_start"))
        nothing = models.Value(0, output_field=cost_field(""))
        return self.annotate(
            period_start=PeriodStart(models.F("period"), models.F("created_at"), Now(), zone),
            period_end=PeriodEnd(models.F("period"), Now(), zone),
            spent=Coalesce(models.Subquery(running.values("spent")), nothing),
            reserved=Coalesce(models.Subquery(running.values("reserved")), nothing),
        )


class Budget(TenantModel):
    """The most that may be spent on models in a period, by the whole tenant or by one bot: a hard stop."""

    class Period(models.TextChoices):
        """When a budget begins anew, in the tenant's time zone; ``total`` never does."""

        DAY = "day", _("Day")
        WEEK = "week", _("Week")
        MONTH = "month", _("Month")
        TOTAL = "total", _("In total")

    bot = TenantForeignKey(
        "bots.Bot",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("bot"),
        help_text=_("Empty: everything the tenant spends."),
    )
    period = models.CharField(_("period"), max_length=8, choices=Period, default=Period.MONTH)
    limit_amount = models.DecimalField(
        _("limit"), max_digits=19, decimal_places=4, validators=[MinValueValidator(0)], help_text=_("Never exceeded.")
    )
    currency = models.CharField(
        _("currency"),
        max_length=3,
        default=USUAL_CURRENCY,
        validators=[CURRENCY_CODE],
        help_text=_("That of the models' prices: nothing converts."),
    )
    thresholds = ArrayField(
        models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(100)]),
        verbose_name=_("warn at"),
        default=default_thresholds,
        blank=True,
        size=10,
        help_text=_("Percentages of the limit, such as 50, 80, 95."),
    )
    is_active = models.BooleanField(
        _("active"), default=True, db_default=True, help_text=_("Otherwise it only counts and stops nothing.")
    )
    updated_at = updated_at_field()

    objects: ClassVar = BudgetQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("budget")
        verbose_name_plural = _("budgets")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "bot", "period", "currency"],
                name="budget_once",
                nulls_distinct=False,
                violation_error_message=_("There is a budget for this bot, period and currency already."),
            ),
            models.CheckConstraint(
                condition=models.Q(limit_amount__gte=0),
                name="budget_limit",
                violation_error_message=_("Not below zero."),
            ),
            models.CheckConstraint(
                condition=models.Q(period__in=["day", "week", "month", "total"]),
                name="budget_period",
                violation_error_message=_("Unknown period."),
            ),
            models.CheckConstraint(
                condition=models.Q(currency__regex=r"^[A-Z]{3}$"),
                name="budget_currency",
                violation_error_message=_("Three capital letters, such as USD."),
            ),
            models.CheckConstraint(
                condition=models.Q(thresholds__contained_by=list(range(1, 101))),
                name="budget_thresholds",
                violation_error_message=_("Percentages from 1 to 100."),
            ),
        ]

    def __str__(self) -> str:
        whose = self.bot or _("All bots")
        return f"{whose}: {self.get_period_display()}"

    def clean(self) -> None:
        """Refuse a currency in which nothing could ever be counted."""
        if self.currency and self.currency != USUAL_CURRENCY and self.currency not in currencies_in_use():
            message = _("No model has a price in %(currency)s, so nothing could be counted.")
            refusal = ValidationError(message, code="unpriced_currency", params={"currency": self.currency})
            raise ValidationError({"currency": refusal})


class BudgetPeriod(TenantModel):
    """The counter of one budget in one period. Changed by the two statements of ``vault/budgets.py`` alone."""

    tenant = TenantField(referenced=False)
    budget = TenantForeignKey(Budget, on_delete=models.CASCADE, related_name="periods", verbose_name=_("budget"))
    starts_at = models.DateTimeField(_("begins"))
    spent = cost_field(_("spent"), default=0, db_default=0)
    reserved = cost_field(_("reserved"), default=0, db_default=0)
    noted_percent = models.PositiveSmallIntegerField(_("warned at"), default=0, db_default=0)

    class Meta(TenantModel.Meta):
        verbose_name = _("budget period")
        verbose_name_plural = _("budget periods")
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "budget", "starts_at"],
                name="budgetperiod_once",
                violation_error_message=_("This period is counted already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d}: {self.spent}"
