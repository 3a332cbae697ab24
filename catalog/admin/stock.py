"""Locations, what lies there, and the movements that say how it came to be."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet, Sum
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeNumericFilter
from unfold.decorators import action, display

from catalog.admin.finding import spoken_name, variants_like
from catalog.models import InventoryItem, InventoryLocation, StockMovement, product_name
from catalog.stock import record_movement
from tenants.admin import TenantAdmin
from tenants.admin.filters import TimeFilter


@admin.register(InventoryLocation)
class InventoryLocationAdmin(TenantAdmin):
    """Where stock lies."""

    list_display = ("__str__", "code", "type", "channel", "pieces")
    list_filter = ("type", "channel")
    list_select_related = ("channel",)
    search_fields = ("code", "name")
    fields = (("code", "name"), ("type", "channel"))
    empty_message = _("A location is a warehouse, a shop or any other place where stock is counted.")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the locations with what lies there."""
        return super().get_queryset(request).annotate(stock=Sum("inventory_items__stock_qty"))

    @display(description=_("pieces"), ordering="stock")
    def pieces(self, location: Any) -> int:
        """Show the pieces of everything together."""
        return location.stock or 0


class LowFilter(admin.SimpleListFilter):
    """Items to order again: little or nothing is left beyond safety stock and what is held."""

    title = _("what is left")
    parameter_name = "low"
    most: ClassVar[dict[str, int]] = {"yes": 0, "5": 5, "20": 20}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("yes", _("Low: nothing beyond safety stock")), ("5", _("At most 5")), ("20", _("At most 20"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list."""
        most = self.most.get(str(self.value()))
        return queryset if most is None else queryset.filter(left_pieces__lte=most)


@admin.register(InventoryItem)
class InventoryItemAdmin(TenantAdmin):
    """Stock. The quantity is the sum of the movements: record one to change it."""

    list_display = (
        *("variant", "called", "location", "stock_qty", "safety_stock", "reserved", "left_over", "state"),
        "last_sale",
    )
    list_select_related = ("variant__offering", "location")
    list_filter = (LowFilter, "location", ("stock_qty", RangeNumericFilter))
    export_fields = (
        *("variant", "location", "stock_qty", "safety_stock", "reserved_pieces", "left_pieces", "last_sold_at"),
        "updated_at",
    )
    list_filter_submit = True
    search_fields = ("variant__sku",)
    search_help_text = _("SKU, or the name or code of the product, with or without accents")
    ordering = ("-id",)
    fields = ("variant", "location", "stock_qty", "safety_stock")
    readonly_fields = ("variant", "location", "stock_qty")
    actions_detail = ("movement",)
    link_filters = ("variant",)
    empty_message = _(
        "Nothing is counted yet. The first movement of a variant begins its count; until then it is always sold."
    )
    empty_links = ((_("Record a movement"), "admin:catalog_stockmovement_add"),)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the items with what is held, what can still be sold, and when one was sold last."""
        return super().get_queryset(request).with_what_is_left().annotate(product=product_name("variant__offering"))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Find by what the variant is called, without case and diacritics."""
        return queryset.filter(variant__in=variants_like(search_term).values("pk")) if search_term else queryset, False

    @display(description=_("held"), ordering="reserved_pieces")
    def reserved(self, item: Any) -> int:
        """Show how many pieces somebody holds."""
        return item.reserved_pieces or 0

    @display(description=_("available"), ordering="left_pieces")
    def left_over(self, item: Any) -> int:
        """Show what can still be sold here."""
        return max(0, item.left_pieces)

    @display(description=_("last sale"), ordering="last_sold_at")
    def last_sale(self, item: Any) -> str | None:
        """Show when one was sold from here the last time."""
        return date_format(timezone.localtime(item.last_sold_at), "DATETIME_FORMAT") if item.last_sold_at else None

    @display(description=_("product"))
    def called(self, item: Any) -> str:
        """Show what product and variant are called."""
        return spoken_name(item.product, item.variant)

    @display(description=_("state"), label={"in": "success", "low": "warning", "out": "danger"})
    def state(self, item: Any) -> tuple[str, Any]:
        """Show whether there is enough beyond safety stock and what is held."""
        if item.stock_qty <= 0:
            return "out", _("Sold out")
        return ("low", _("Low")) if item.left_pieces <= 0 else ("in", _("In stock"))

    @action(description=_("Record a movement"), icon="swap_vert", permissions=["change"])
    def movement(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Open the form of a movement of this variant at this location."""
        item = self.get_object(request, object_id)
        if item is None:
            return redirect("admin:catalog_inventoryitem_changelist")
        query = f"?variant={item.variant_id}&location={item.location_id}"
        return redirect(reverse("admin:catalog_stockmovement_add") + query)

    def save_model(self, request: HttpRequest, obj: InventoryItem, form: ModelForm, change: bool) -> None:
        """Save what people set: the quantity may have moved on since the page was opened."""
        obj.save(update_fields=["safety_stock", "updated_at"])

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: the first movement makes the item."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: its movements would no longer add up."""
        return False


@admin.register(StockMovement)
class StockMovementAdmin(TenantAdmin):
    """Movements: recorded, never changed. A mistake is corrected by another movement."""

    list_display = ("created_at", "variant", "called", "location", "quantity", "reason", "note", "created_by")
    list_select_related = ("variant", "location", "created_by")
    list_filter = ("reason", "location", ("created_at", TimeFilter))
    list_filter_submit = True
    search_fields = ("variant__sku",)
    search_help_text = _("Note, SKU, or the name or code of the product, with or without accents")
    ordering = ("-id",)
    fields = (("variant", "location"), ("quantity", "reason"), "note")
    autocomplete_fields = ("variant",)
    link_filters = ("variant",)
    empty_message = _("A movement says how many pieces came or left, and why. The stock is the sum of all movements.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the movements with the names of the products."""
        return super().get_queryset(request).annotate(product=product_name("variant__offering"))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Find by the note and by what the variant is called, without case and diacritics."""
        named = Q(variant__in=variants_like(search_term).values("pk")) | Q(note__icontains=search_term)
        return queryset.filter(named) if search_term else queryset, False

    @display(description=_("product"))
    def called(self, movement: Any) -> str:
        """Show what product and variant are called."""
        return spoken_name(movement.product, movement.variant)

    def save_model(self, request: HttpRequest, obj: StockMovement, form: ModelForm, change: bool) -> None:
        """Record the movement."""
        made = record_movement(**form.cleaned_data, created_by=request.user)  # type: ignore[arg-type] # nobody anonymous gets here
        obj.__dict__.update(made.__dict__)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False
