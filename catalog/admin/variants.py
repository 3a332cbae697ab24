"""Variants with their prices in every list, and what is left of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from catalog.admin.amounts import money
from catalog.admin.finding import variant_labels, variants_like
from catalog.admin.forms.attributes import rows_of_two
from catalog.admin.forms.variants import COLUMNS, Grid, VariantRowForm
from catalog.admin.offering_lists import STATUS_COLOURS
from catalog.admin.offering_tabs import stock_rows
from catalog.admin.prices import VariantPriceInline
from catalog.availability import sold_out
from catalog.models import Offering, Variant
from catalog.pricing import resolve_prices
from catalog.services import save_variant
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


def _grid(request: HttpRequest, variant: Variant | None) -> Grid:
    """Return what the options are called: those of the domain and of the other variants of the offering."""
    if not hasattr(request, "variant_grid"):
        named = request.POST.get("offering", request.GET.get("offering", ""))
        offering = variant.offering if variant else _offering(named)
        grid = Grid.read(offering, offering.domain if offering else None, currency="", price_list=None, location=None)
        request.variant_grid = grid  # type: ignore[attr-defined] # read once a request
    found: Grid = request.variant_grid  # type: ignore[attr-defined]
    return found


def _offering(named: str) -> Offering | None:
    try:
        return Offering.objects.select_related("domain").filter(pk=UUID(named)).first()
    except ValueError:
        return None


class SoldOutFilter(admin.SimpleListFilter):
    """Variants on sale that cannot be had any more, as the home page counts them."""

    title = _("to be had")
    parameter_name = "sold_out"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choice."""
        return [("yes", _("Out of stock"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list."""
        return queryset.filter(pk__in=sold_out()) if self.value() == "yes" else queryset


@admin.register(Variant)
class VariantAdmin(TenantAdmin):
    """A variant with its prices in every list."""

    list_display = ("sku", "name", "offering", "status_label", "price", "inventory_policy", "updated_at")
    list_filter = ("status", "inventory_policy", SoldOutFilter)
    list_select_related = ("offering",)
    search_fields = ("sku",)
    search_help_text = _("SKU, or the name or code of the product, with or without accents")
    ordering = ("-id",)
    form = VariantRowForm
    change_form_template = "catalog/admin/variant.html"
    autocomplete_fields = ("offering",)
    inlines = (VariantPriceInline,)
    link_filters = ("offering",)
    read_once = ("variant_grid",)
    empty_message = _("A variant is an offering in one colour, size or term, with a SKU, a price and a stock.")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TenantChangeList]:
        """Return the list with prices."""
        return PricedVariantList

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Find by SKU, name and what the offering is called, without case and diacritics."""
        return queryset.filter(pk__in=variants_like(search_term).values("pk")) if search_term else queryset, False

    def choice_labels(self, rows: Sequence[Variant]) -> list[str]:
        """Return product, SKU and price of each."""
        return variant_labels(rows)

    @display(description=_("price"))
    def price(self, variant: Any) -> str:
        """Show what it costs now, without a channel."""
        price = variant.resolved_price
        return money(price.amount, price.currency) if price else "–"

    @display(description=_("status"), ordering="status", label=STATUS_COLOURS)
    def status_label(self, variant: Variant) -> tuple[str, str]:
        """Show the status as a label."""
        return variant.status, variant.get_status_display()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        """Return the form with a field for each option."""
        grid = _grid(request, obj)
        kwargs["form"] = type("VariantForm", (VariantRowForm,), {**grid.fields(), "grid": grid})
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the sections: the options in rows of two."""
        options = rows_of_two([*_grid(request, obj).fields(), "other_options"])
        last = ("inventory_policy", "status", "position")
        return [
            (None, {"fields": ("offering", ("sku", "name"), *options, last)}),
            (_("More"), {"classes": ("collapse",), "fields": ("metadata",)}),
        ]

    def save_model(self, request: HttpRequest, obj: Variant, form: Any, change: bool) -> None:
        """Save through the service, which checks the options."""
        names = ("offering", "metadata", *COLUMNS)
        given = {name: form.cleaned_data[name] for name in names if name in form.cleaned_data}
        save_variant(variant=obj, values={**given, **form.values})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show what is left of it."""
        variant = kwargs.get("obj")
        more = {"stock_rows": stock_rows(variant=variant) if variant else []}
        return super().render_change_form(request, {**context, **more}, *args, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A variant stays with its offering."""
        return ("offering",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: ledgers name it. Archive it."""
        return False
