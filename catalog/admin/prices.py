"""Channels, price lists, and the ledger of every change of a price."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from catalog.models import PriceChange, PriceList, SalesChannel, VariantPrice
from catalog.money import format_money, plain_amount
from catalog.services import next_priority
from tenants.admin import LedgerAdmin, TenantAdmin


def money(amount: Decimal | None, currency: str) -> str:
    """Return an amount as the person at the screen reads it; a dash for none."""
    return "–" if amount is None else format_money(amount, currency, get_language() or "en")


class AmountField(forms.DecimalField):
    """An amount to be typed, shown without the zeros that only the column has."""

    def prepare_value(self, value: Any) -> Any:
        """Return the stored amount as one would type it; what was typed stays as it is."""
        return plain_amount(value) if isinstance(value, Decimal) else value


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


class PriceInline(AmountInline):
    """The prices of a list, twenty to a page."""

    per_page = 20
    autocomplete_fields = ("variant",)
    fields = ("variant", "currency", "amount", "compare_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the prices with their variants."""
        return super().get_queryset(request).select_related("variant")


@admin.register(PriceList)
class PriceListAdmin(TenantAdmin):
    """Price lists: for a channel or for all, always or for a time."""

    list_display = ("__str__", "code", "channel", "priority", "window", "priced")
    list_filter = ("channel",)
    list_select_related = ("channel",)
    search_fields = ("code", "name")
    ordering = ("-priority", "code")
    fieldsets = (
        (None, {"fields": (("code", "name"), ("channel", "priority"))}),
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
    inlines = (PriceInline,)
    empty_message = _(
        "A price list holds the prices of one channel or of all; among those that apply, the highest priority wins."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the lists with how many prices they hold."""
        return super().get_queryset(request).annotate(price_count=Count("prices"))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Put a new list before all others."""
        return {"priority": next_priority(), **super().get_changeform_initial_data(request)}

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


@admin.register(PriceChange)
class PriceChangeAdmin(LedgerAdmin):
    """Every change of every price, whoever or whatever made it."""

    list_display = ("created_at", "variant", "price_list", "before", "after")
    list_select_related = ("variant", "price_list")
    list_filter = (("variant", AutocompleteSelectFilter), "price_list", ("created_at", RangeDateTimeFilter))
    list_filter_submit = True
    search_fields = ("variant__sku",)
    ordering = ("-id",)
    fields = ("created_at", "variant", "price_list", "before", "after")
    link_filters = ("variant",)
    export_fields = (
        *("created_at", "variant", "price_list", "currency", "old_amount", "new_amount"),
        *("old_compare_at", "new_compare_at"),
    )
    empty_message = _("Each change of a price is noted here, with the time and both amounts.")

    @display(description=_("before"))
    def before(self, change: PriceChange) -> str:
        """Show the amount before."""
        return money(change.old_amount, change.currency)

    @display(description=_("after"))
    def after(self, change: PriceChange) -> str:
        """Show the amount after."""
        return money(change.new_amount, change.currency)


class VariantPriceInline(AmountInline):
    """The prices of one variant, in every list."""

    fields = ("price_list", "currency", "amount", "compare_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the prices with their lists."""
        return super().get_queryset(request).select_related("price_list")
