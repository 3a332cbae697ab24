"""Variants with their prices in every list, and what is left of them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from catalog.admin.offering_lists import STATUS_COLOURS
from catalog.admin.prices import VariantPriceInline, money
from catalog.models import Variant
from catalog.pricing import resolve_prices
from tenants.admin import TenantAdmin
from tenants.admin.pages import TenantChangeList


class PricedVariantList(TenantChangeList):
    """A page of variants with their prices, resolved for the page in one query."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the rows and their prices."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        prices = resolve_prices([variant.pk for variant in self.result_list])
        for variant in self.result_list:
            variant.resolved_price = prices.get(variant.pk)


@admin.register(Variant)
class VariantAdmin(TenantAdmin):
    """A variant with its prices in every list."""

    list_display = ("sku", "name", "offering", "status_label", "price", "inventory_policy", "updated_at")
    list_filter = ("status", "inventory_policy")
    list_select_related = ("offering",)
    search_fields = ("sku", "name", "offering__code")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("offering", ("sku", "name"), "attributes", ("inventory_policy", "status", "position"))}),
        (_("More"), {"classes": ("tab",), "fields": ("metadata",)}),
    )
    autocomplete_fields = ("offering",)
    inlines = (VariantPriceInline,)
    link_filters = ("offering",)
    empty_message = _("A variant is an offering in one colour, size or term, with a SKU, a price and a stock.")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TenantChangeList]:
        """Return the list with prices."""
        return PricedVariantList

    @display(description=_("price"))
    def price(self, variant: Any) -> str:
        """Show what it costs now, without a channel."""
        price = variant.resolved_price
        return money(price.amount, price.currency) if price else "–"

    @display(description=_("status"), ordering="status", label=STATUS_COLOURS)
    def status_label(self, variant: Variant) -> tuple[str, str]:
        """Show the status as a label."""
        return variant.status, variant.get_status_display()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A variant stays with its offering."""
        return ("offering",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: ledgers name it. Archive it."""
        return False
