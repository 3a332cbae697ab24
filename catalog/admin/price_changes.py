"""The ledger of prices: what each was and became, when, by whom, and by how much."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from catalog.admin.amounts import money
from catalog.admin.finding import spoken_name, variants_like
from catalog.models import PriceChange, product_name
from tenants.admin import LedgerAdmin
from tenants.admin.filters import TimeFilter
from tenants.models import ApiKey, User


@admin.register(PriceChange)
class PriceChangeAdmin(LedgerAdmin):
    """Every change of every price, whoever or whatever made it."""

    list_display = ("created_at", "who", "variant", "called", "price_list", "before", "after", "by_percent")
    list_select_related = ("variant", "price_list")
    list_filter = (
        "price_list",
        ("variant__offering", AutocompleteSelectFilter),
        ("variant", AutocompleteSelectFilter),
        "actor_kind",
        ("created_at", TimeFilter),
    )
    list_filter_submit = True
    search_fields = ("variant__sku",)
    search_help_text = _("SKU, or the name or code of the product, with or without accents")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("created_at", "who"), ("variant", "called", "price_list"))}),
        (_("Price"), {"fields": (("before", "after", "by_percent"),)}),
        (_("Before the sale"), {"fields": (("compare_before", "compare_after"),)}),
    )
    link_filters = ("variant",)
    export_fields = (
        *("created_at", "actor_kind", "person", "key", "variant", "price_list", "currency", "old_amount", "new_amount"),
        *("percent", "old_compare_at", "new_compare_at"),
    )
    empty_message = _("Each change of a price is noted here, with the time and both amounts.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the changes with the names of the products and of who made them."""
        by = OuterRef("actor_id")
        return (
            super()
            .get_queryset(request)
            .annotate(
                product=product_name("variant__offering"),
                person=Subquery(User.objects.filter(pk=by).values("email")[:1]),
                key=Subquery(ApiKey.objects.filter(pk=by).values("name")[:1]),
            )
        )

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Find by what the variant is called, without case and diacritics."""
        return queryset.filter(variant__in=variants_like(search_term).values("pk")) if search_term else queryset, False

    @display(description=_("product"))
    def called(self, change: Any) -> str:
        """Show what product and variant are called."""
        return spoken_name(change.product, change.variant)

    @display(description=_("by"))
    def who(self, change: Any) -> str:
        """Show who made the change."""
        return change.person or change.key or change.get_actor_kind_display()

    @display(description=_("before"))
    def before(self, change: PriceChange) -> str:
        """Show the amount before."""
        return money(change.old_amount, change.currency)

    @display(description=_("after"))
    def after(self, change: PriceChange) -> str:
        """Show the amount after."""
        return money(change.new_amount, change.currency)

    @display(description=_("change"), label={"up": "warning", "down": "success", "same": "info"})
    def by_percent(self, change: PriceChange) -> Any:
        """Show by how much the amount rose or fell."""
        percent = change.percent
        if percent is None:
            return None
        kind = "up" if percent > 0 else "down" if percent < 0 else "same"
        return kind, f"{'+' if percent > 0 else ''}{number_format(percent)} %"

    @display(description=_("before"))
    def compare_before(self, change: PriceChange) -> str:
        """Show the amount before the sale, as it was."""
        return money(change.old_compare_at, change.currency)

    @display(description=_("after"))
    def compare_after(self, change: PriceChange) -> str:
        """Show the amount before the sale, as it became."""
        return money(change.new_compare_at, change.currency)
