"""The grid on an offering's page: a row for each variant with its options, its price in one list, its pieces in one place."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from catalog.admin.forms.offerings import chosen_domain
from catalog.admin.forms.variants import COLUMNS, Grid, VariantFormSet, VariantRowForm
from catalog.models import InventoryLocation, Offering, PriceList, Variant
from catalog.reservations import lock_items
from catalog.variants import save_variant_row
from tenants.admin.base import LINK
from tenants.models import TenantQuerySet

USUAL_LIST, USUAL_LOCATION = "standard", "main"
"""What the grid shows unless the address names another: what every tenant begins with."""


class VariantInline(TabularInline):
    """The variants of an offering, thirty to a page; each has a page of its own with its prices in every list."""

    model = Variant
    form = VariantRowForm
    formset = VariantFormSet
    template_before = "catalog/admin/grid_before.html"
    tab = True
    per_page = 30
    can_delete = False
    hide_title = True
    readonly_fields = ("all_prices",)
    verbose_name_plural = _("variants and prices")

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        """Begin a new offering with a row."""
        return 0 if obj else 1

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return the columns: those of the domain among them."""
        return [*grid_of(request, obj).columns(), *(["all_prices"] if obj else [])]

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Return the rows, with a field for each option."""
        grid = grid_of(request, obj)
        kwargs["form"] = type("VariantRowForm", (VariantRowForm,), {**grid.fields(), "grid": grid})
        return super().get_formset(request, obj, **kwargs)

    @display(description="")
    def all_prices(self, variant: Variant) -> str:
        """Link to the page of the variant, with its prices in every list."""
        if variant._state.adding:
            return ""
        address = reverse("admin:catalog_variant_change", args=[variant.pk])
        return format_html('<a class="{} whitespace-nowrap" href="{}">{}</a>', LINK, address, gettext("All prices"))

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the variants in their order."""
        return super().get_queryset(request).order_by("position", "id")


def grid_of(request: HttpRequest, offering: Offering | None) -> Grid:
    """Return the grid of the page, read once a request."""
    if not hasattr(request, "grid"):
        saved = offering if offering is not None and not offering._state.adding else None
        request.grid = Grid.read(  # type: ignore[attr-defined] # travels with the request to its forms
            saved,
            chosen_domain(request, saved),
            currency=request.tenant.currency,  # type: ignore[attr-defined]
            price_list=_named(request, "price_list", PriceList.objects.order_by("priority", "code"), USUAL_LIST),
            location=_named(request, "location", InventoryLocation.objects.order_by("code"), USUAL_LOCATION),
        )
    grid: Grid = request.grid  # type: ignore[attr-defined]
    return grid


def _named(request: HttpRequest, parameter: str, rows: TenantQuerySet, usual: str) -> Any:
    """Return the row that the address names, else the usual one, else the first."""
    try:
        named = rows.filter(pk=UUID(request.GET.get(parameter, ""))).first()
    except ValueError:
        named = None
    return named or rows.filter(code=usual).first() or rows.first()


def save_grid(request: HttpRequest, offering: Offering, formset: Any) -> None:
    """Save the rows a person changed, each through its service; the page's transaction holds them together."""
    last = max([row.instance.position for row in formset.initial_forms], default=-1)
    changed = [row for row in formset.forms if row.has_changed()]
    # The stock first and in the order of its keys, as orders take it.
    lock_items([row.instance.pk for row in changed if row.stock_cell and not row.instance._state.adding])
    for row in changed:
        values, author = row.values, request.user
        if row.instance._state.adding:
            last += 1
            values = {**{name: row.cleaned_data[name] for name in COLUMNS}, **values, "offering": offering}
            values["position"] = row.cleaned_data["position"] or last
        save_variant_row(variant=row.instance, values=values, price=row.price, stock=row.stock_cell, created_by=author)  # type: ignore[arg-type]


def grid_choices(request: HttpRequest, grid: Grid) -> dict[str, Any]:
    """Return what stands above the grid: the lists and locations it can show."""
    return {
        "grid": grid,
        "price_lists": PriceList.objects.order_by("-priority", "code")[:50],
        "locations": InventoryLocation.objects.order_by("code")[:50],
    }
