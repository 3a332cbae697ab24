"""Locations, what lies there, and the movements that say how it came to be."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter, RangeNumericFilter
from unfold.decorators import action, display

from catalog.models import InventoryItem, InventoryLocation, StockMovement
from catalog.services import record_movement
from tenants.admin import TenantAdmin
from tenants.errors import DomainError


@admin.register(InventoryLocation)
class InventoryLocationAdmin(TenantAdmin):
    """Where stock lies."""

    list_display = ("__str__", "code", "type", "pieces")
    list_filter = ("type",)
    search_fields = ("code", "name")
    fields = (("code", "name"), "type")
    empty_message = _("A location is a warehouse, a shop or any other place where stock is counted.")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the locations with what lies there."""
        return super().get_queryset(request).annotate(stock=Sum("inventory_items__stock_qty"))

    @display(description=_("pieces"), ordering="stock")
    def pieces(self, location: Any) -> int:
        """Show the pieces of everything together."""
        return location.stock or 0


@admin.register(InventoryItem)
class InventoryItemAdmin(TenantAdmin):
    """Stock. The quantity is the sum of the movements: record one to change it."""

    list_display = ("variant", "offering", "location", "stock_qty", "safety_stock", "state", "updated_at")
    list_select_related = ("variant__offering", "location")
    list_filter = ("location", ("stock_qty", RangeNumericFilter))
    list_filter_submit = True
    search_fields = ("variant__sku", "variant__name", "variant__offering__code")
    ordering = ("-id",)
    fields = ("variant", "location", "stock_qty", "safety_stock")
    readonly_fields = ("variant", "location", "stock_qty")
    actions_detail = ("movement",)
    link_filters = ("variant",)
    empty_message = _(
        "Nothing is counted yet. The first movement of a variant begins its count; until then it is always sold."
    )
    empty_links = ((_("Record a movement"), "admin:catalog_stockmovement_add"),)

    @display(description=_("offering"), ordering="variant__offering__code")
    def offering(self, item: InventoryItem) -> str:
        """Show what it is a variant of."""
        return str(item.variant.offering)

    @display(description=_("state"), label={"in": "success", "low": "warning", "out": "danger"})
    def state(self, item: InventoryItem) -> tuple[str, Any]:
        """Show whether there is enough."""
        if item.stock_qty <= 0:
            return "out", _("Sold out")
        return ("low", _("Low")) if item.stock_qty <= item.safety_stock else ("in", _("In stock"))

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


class MovementForm(forms.ModelForm):
    """A movement; ``refusal`` is why the service did not record it."""

    refusal: DomainError | None = None

    def clean(self) -> dict[str, Any]:
        """Tell the refusal beside what was typed."""
        if self.refusal:
            raise ValidationError(self.refusal.message, code=self.refusal.code)
        return super().clean() or self.cleaned_data


@admin.register(StockMovement)
class StockMovementAdmin(TenantAdmin):
    """Movements: recorded, never changed. A mistake is corrected by another movement."""

    list_display = ("created_at", "variant", "location", "quantity", "reason", "note", "created_by")
    list_select_related = ("variant", "location", "created_by")
    list_filter = ("reason", "location", ("created_at", RangeDateTimeFilter))
    list_filter_submit = True
    search_fields = ("variant__sku", "note")
    ordering = ("-id",)
    fields = (("variant", "location"), ("quantity", "reason"), "note")
    autocomplete_fields = ("variant",)
    form = MovementForm
    link_filters = ("variant",)
    empty_message = _("A movement says how many pieces came or left, and why. The stock is the sum of all movements.")

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the form once more, as it was filled in, with what the service refuses; nothing was recorded then."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            request.refusal = error  # type: ignore[attr-defined] # travels with the request to its form
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        """Return the form, of a class of its own for each request, which knows of a refusal."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form

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
