"""Channels, price lists, and the ledger of every change of a price."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display

from catalog.admin.amounts import AmountField
from catalog.admin.price_pages import grid_page, reasons_page
from catalog.models import PriceList, SalesChannel, VariantPrice
from catalog.services import next_priority
from tenants.admin import TenantAdmin


class AmountInline(TabularInline):
    """Prices, in rows."""

    model = VariantPrice
    tab = True
    extra = 0
    verbose_name_plural = _("prices")

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> Any:
        """Show amounts as people type them."""
        if isinstance(db_field, models.DecimalField):
            kwargs["form_class"] = AmountField
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(PriceList)
class PriceListAdmin(TenantAdmin):
    """Price lists: for a channel or for all, always or for a time."""

    list_display = ("__str__", "code", "channel", "priority", "window", "priced")
    list_filter = ("channel",)
    list_select_related = ("channel",)
    search_fields = ("code", "name")
    ordering = ("-priority", "code")
    fieldsets = (
        (None, {"fields": (("code", "name"),)}),
        (
            _("Where it counts"),
            {
                "fields": (("channel", "priority"),),
                "description": _(
                    "Of the lists that apply the one with the highest priority wins. Two lists of one channel cannot have "
                    "the same priority at the same time."
                ),
            },
        ),
        (
            _("Window"),
            {
                "fields": (("valid_from", "valid_to"),),
                "description": _(
                    "Outside these times the list does not count. Leave them empty for a list that always counts."
                ),
            },
        ),
    )
    actions_list = ("why",)
    actions_detail = ("edit_prices",)
    actions_row = ("edit_prices",)
    empty_message = _(
        "A price list holds the prices of one channel or of all; among those that apply, the highest priority wins."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the lists with how many prices they hold."""
        return super().get_queryset(request).annotate(price_count=Count("prices"))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Put a new list before all others."""
        return {"priority": next_priority(), **super().get_changeform_initial_data(request)}

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Go on to the prices of a new list."""
        if {"_popup", "_continue", "_addanother"} & set(request.POST):
            return super().response_add(request, obj, post_url_continue)
        self.message_user(request, _("The list is there. Now give it prices."), messages.SUCCESS)
        return redirect("admin:catalog_pricelist_edit_prices", obj.pk)

    @action(description=_("Edit prices"), icon="grid_on", url_path="prices", permissions=["view"])
    def edit_prices(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Open the grid of the list's prices."""
        price_list = self.get_object(request, object_id)
        if price_list is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return grid_page(self, request, price_list)

    @action(description=_("Why this price?"), icon="help", url_path="why", permissions=["view"])
    def why(self, request: HttpRequest) -> HttpResponse:
        """Tell which price of a variant counts, and why."""
        return reasons_page(self, request)

    @display(description=_("prices"), ordering="price_count")
    def priced(self, price_list: Any) -> int:
        """Show how many prices the list holds."""
        return price_list.price_count

    @display(description=_("applies"), label={"now": "success", "later": "info", "over": "warning"})
    def window(self, price_list: PriceList) -> tuple[str, str]:
        """Show whether the list counts now."""
        now = timezone.now()
        if price_list.valid_from and price_list.valid_from > now:
            return "later", gettext("Later")
        if price_list.valid_to and price_list.valid_to <= now:
            return "over", gettext("Over")
        return "now", gettext("Now")


@admin.register(SalesChannel)
class SalesChannelAdmin(TenantAdmin):
    """Where is sold."""

    list_display = ("__str__", "code", "is_active", "lists")
    list_filter = ("is_active",)
    search_fields = ("code", "name")
    fields = (("code", "name"), "is_active")
    empty_message = _("A sales channel is a place where you sell, such as your web site or Zalo.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the channels with how many lists are theirs alone."""
        return super().get_queryset(request).annotate(list_count=Count("price_lists"))

    @display(description=_("own price lists"), ordering="list_count")
    def lists(self, channel: Any) -> int:
        """Show how many price lists are for this channel alone."""
        return channel.list_count


class VariantPriceInline(AmountInline):
    """The prices of one variant, in every list."""

    fields = ("price_list", "currency", "amount", "compare_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the prices with their lists."""
        return super().get_queryset(request).select_related("price_list")
