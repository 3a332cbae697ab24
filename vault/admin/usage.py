"""What models cost: the ledger, the prices, and the budgets with how far they are used up."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.postgres.forms import SimpleArrayField
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from tenants.admin import LedgerAdmin, PlatformAdmin, TenantAdmin
from tenants.admin.filters import TimeFilter
from vault.budgets import save_budget
from vault.models import Budget, ModelPrice, UsageEntry

BAR = (
    '<div style="min-width:9rem"><div style="height:.5rem;border-radius:.25rem;background:rgba(128,128,128,.25)">'
    '<div style="height:100%;border-radius:.25rem;width:{width}%;background:{colour}"></div></div>'
    '<span style="font-size:.75rem">{spent} / {limit} ({percent} %)</span></div>'
)
COLOURS = {"calm": "#20a388", "warned": "#d97706", "full": "#dc2626"}


def as_money(amount: Decimal | None, currency: str, decimals: int = 2) -> str:
    """Return an amount as people read it; a dash for none."""
    return "–" if amount is None else f"{number_format(amount, decimals, force_grouping=True)}\N{NO-BREAK SPACE}{currency}"


@admin.register(UsageEntry)
class UsageEntryAdmin(LedgerAdmin):
    """Every call of a model."""

    list_display = (
        "created_at",
        "model",
        "bot",
        "state_label",
        "tokens_in",
        "tokens_out",
        "cost",
        "latency_ms",
        "error_kind",
    )
    list_filter = ("kind", "state", "model", "error_kind", ("created_at", TimeFilter))
    list_filter_submit = True
    search_fields = ("key", "model")
    ordering = ("-id",)
    link_filters = ("bot_id", "subject_id", "credential_id")
    fieldsets = (
        (None, {"fields": (("created_at", "settled_at"), ("state", "error_kind"), ("kind", "provider", "model"))}),
        (_("Cost"), {"fields": (("cost", "reserved"), "is_estimated", "price")}),
        (_("Tokens"), {"fields": (("input_tokens", "cached_input_tokens"), ("output_tokens", "reasoning_tokens"))}),
        (
            _("What for"),
            {"fields": ("key", "bot", ("subject_kind", "subject_id"), ("actor_kind", "actor_id"), "credential_id")},
        ),
        (_("Time"), {"fields": ("latency_ms",)}),
    )
    export_fields = (
        *("created_at", "kind", "state", "provider", "model", "bot_code", "input_tokens", "cached_input_tokens"),
        *("output_tokens", "reasoning_tokens", "amount", "currency", "is_estimated", "latency_ms", "error_kind", "key"),
    )
    empty_message = _("Each call of a language model or an embedding is noted here, with its tokens and what it cost.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the calls with the codes of their bots."""
        return super().get_queryset(request).with_bot_code()

    @display(description=_("bot"))
    def bot(self, entry: Any) -> str:
        """Show the bot's code."""
        return entry.bot_code or "–"

    @display(
        description=_("state"),
        label={"settled": "success", "reserved": "info", "failed": "danger", "released": "warning"},
    )
    def state_label(self, entry: UsageEntry) -> tuple[str, str]:
        """Show how the call ended."""
        return entry.state, entry.get_state_display()

    @display(description=_("input"), ordering="input_tokens")
    def tokens_in(self, entry: UsageEntry) -> str:
        """Show the tokens read, and how many of them came from a cache."""
        return _with_part(entry.input_tokens, entry.cached_input_tokens, _("cached"))

    @display(description=_("output"), ordering="output_tokens")
    def tokens_out(self, entry: UsageEntry) -> str:
        """Show the tokens written, and how many of them were reasoning."""
        return _with_part(entry.output_tokens, entry.reasoning_tokens, _("reasoning"))

    @display(description=_("cost"), ordering="amount")
    def cost(self, entry: UsageEntry) -> str:
        """Show the cost; a model without a price has none that is known."""
        if entry.price_id is None:
            return str(_("no price"))
        about = "≈ " if entry.is_estimated else ""
        return about + as_money(entry.amount, entry.currency, 6)

    @display(description=_("reserved"))
    def reserved(self, entry: UsageEntry) -> str:
        """Show the most the call could have cost."""
        return as_money(entry.reserved_amount, entry.currency, 6)


def _with_part(whole: int, part: int, label: Any) -> str:
    shown = number_format(whole, 0, force_grouping=True)
    return f"{shown} ({number_format(part, 0, force_grouping=True)} {label})" if part else shown


@admin.register(ModelPrice)
class ModelPriceAdmin(PlatformAdmin):
    """Prices of models. Rows are added; one whose time has come stays as it is, for calls were settled by it."""

    list_display = ("model", "provider", "valid_from", "input", "cached", "output", "reasoning", "state")
    list_filter = ("provider", "model")
    search_fields = ("model",)
    ordering = ("provider", "model", "-valid_from")
    fieldsets = (
        (None, {"fields": (("provider", "model"), ("valid_from", "currency"))}),
        (
            _("Price of 1,000,000 tokens"),
            {"fields": (("input_price", "cached_input_price"), ("output_price", "reasoning_price"))},
        ),
    )
    empty_message = _(
        "Without prices nothing can be counted, and budgets refuse every call. For example: openai, gpt-5-mini, "
        "input 0.25, cached input 0.025, output 2.00. Take the numbers from your provider's price list."
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only what has not begun to count: calls were settled by the rest."""
        return super().has_change_permission(request, obj) and (obj is None or obj.valid_from > timezone.now())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: the ledger refers to them."""
        return False

    @display(description=_("input"), ordering="input_price")
    def input(self, price: ModelPrice) -> str:
        """Show the price of input."""
        return as_money(price.input_price, price.currency, 4)

    @display(description=_("cached input"))
    def cached(self, price: ModelPrice) -> str:
        """Show the price of cached input."""
        return as_money(price.cached_input_price, price.currency, 4)

    @display(description=_("output"), ordering="output_price")
    def output(self, price: ModelPrice) -> str:
        """Show the price of output."""
        return as_money(price.output_price, price.currency, 4)

    @display(description=_("reasoning"))
    def reasoning(self, price: ModelPrice) -> str:
        """Show the price of reasoning."""
        return as_money(price.reasoning_price, price.currency, 4)

    @display(description=_("state"), label={"begun": "success", "later": "info"})
    def state(self, price: ModelPrice) -> tuple[str, Any]:
        """Show whether its time has come."""
        return ("later", _("Later")) if price.valid_from > timezone.now() else ("begun", _("Begun"))


class BudgetForm(forms.ModelForm):
    """A budget; thresholds are typed with commas between them."""

    thresholds = SimpleArrayField(
        forms.IntegerField(min_value=1, max_value=100),
        label=_("Warn at"),
        required=False,
        max_length=10,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Percentages of the limit, such as 50, 80, 95. Each is told once in a period."),
    )

    class Meta:
        model = Budget
        fields = ("bot", "period", "limit_amount", "currency", "thresholds", "is_active")


def as_time(moment: datetime | None) -> str | None:
    """Return a moment as the admin shows one."""
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT") if moment else None


@admin.register(Budget)
class BudgetAdmin(TenantAdmin):
    """Hard stops on what models may cost."""

    form = BudgetForm
    list_display = ("__str__", "used", "held", "period_end", "is_active")
    list_filter = ("period", "is_active", "bot")
    list_select_related = ("bot",)
    fieldsets = (
        (None, {"fields": (("bot", "period"), ("limit_amount", "currency"), ("thresholds", "is_active"))}),
        (_("This period"), {"fields": ("used", "held", ("period_start", "period_end"))}),
    )
    readonly_fields = ("used", "held", "period_start", "period_end")
    export_fields = ("bot", "period", "limit_amount", "currency", "spent", "reserved", "is_active")
    empty_message = _(
        "A budget is the most your bots may spend on models in a day, a week, a month or in total. "
        "A call that could pass it is not made."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the budgets with what is spent of them."""
        return super().get_queryset(request).with_spending()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show what is spent of a budget that there is."""
        return self.fieldsets if obj else self.fieldsets[:1]

    def save_model(self, request: HttpRequest, obj: Budget, form: ModelForm, change: bool) -> None:
        """Save it and begin to count."""
        save_budget(budget=obj)

    @display(description=_("spent"))
    def used(self, budget: Any) -> SafeString:
        """Show a bar of what is spent and the limit."""
        percent = int(budget.spent * 100 / budget.limit_amount) if budget.limit_amount else 100
        warned = any(percent >= threshold for threshold in budget.thresholds)
        colour = COLOURS["full" if percent >= 100 else "warned" if warned else "calm"]
        spent, limit = (as_money(amount, budget.currency) for amount in (budget.spent, budget.limit_amount))
        return format_html(BAR, width=min(percent, 100), colour=colour, spent=spent, limit=limit, percent=percent)

    @display(description=_("reserved"))
    def held(self, budget: Any) -> str:
        """Show what calls that are under way could cost."""
        return as_money(budget.reserved, budget.currency)

    @display(description=_("begins"))
    def period_start(self, budget: Any) -> Any:
        """Show when the period began."""
        return as_time(budget.period_start)

    @display(description=_("ends"), empty_value=_("never"))
    def period_end(self, budget: Any) -> Any:
        """Show when the next period begins."""
        return as_time(budget.period_end)
