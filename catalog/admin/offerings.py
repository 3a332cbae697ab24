"""Offerings with their words, attributes, variants and pictures; versions; variants with their prices."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display

from catalog.admin.forms import OfferingForm, attribute_fields
from catalog.admin.prices import VariantPriceInline, money
from catalog.models import InventoryItem, Offering, OfferingImage, OfferingVersion, Variant
from catalog.pricing import price_ranges, resolve_prices
from catalog.services import activate_version, archive_offering, change_offering, create_offering
from tenants.admin import LedgerAdmin, TenantAdmin, asks_first
from tenants.admin.pages import TenantChangeList
from tenants.errors import DomainError
from tenants.filters import Fold
from tenants.text import fold

STATUS_COLOURS = {"active": "success", "draft": "info", "archived": "warning"}


class VariantInline(TabularInline):
    """The variants of an offering; each has a page of its own with its prices."""

    model = Variant
    tab = True
    extra = 0
    can_delete = False
    show_change_link = True
    fields = ("sku", "name", "attributes", "inventory_policy", "status", "position")
    verbose_name_plural = _("variants")


class ImageInline(TabularInline):
    """The pictures of an offering, by address."""

    model = OfferingImage
    tab = True
    extra = 0
    fields = ("url", "alt", "position")


class VersionInline(TabularInline):
    """The versions of an offering, to look at; each has a page where it can be put on sale."""

    model = OfferingVersion
    tab = True
    extra = 0
    can_delete = False
    show_change_link = True
    fields = ("version", "name", "status", "created_by", "created_at")
    readonly_fields = fields
    verbose_name_plural = _("versions")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the versions with their authors."""
        return super().get_queryset(request).select_related("created_by", "offering")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Changed words make a version."""
        return False


class PricedChangeList(TenantChangeList):
    """A page of offerings with their prices, resolved for the page in one query."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the rows and their prices."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        ranges = price_ranges([offering.pk for offering in self.result_list])
        for offering in self.result_list:
            offering.price_range = ranges.get(offering.pk)


@admin.register(Offering)
class OfferingAdmin(TenantAdmin):
    """What is sold."""

    form = OfferingForm
    list_display = ("called", "code", "category", "status_label", "price", "stock", "updated_at")
    list_filter = ("status", "offering_type", "domain")
    search_fields = ("code",)
    search_help_text = _("Name, code or SKU, with or without accents")
    ordering = ("-id",)
    export_fields = ("code", "name", "offering_type", "category", "tags", "status", "updated_at")
    inlines = (VariantInline, ImageInline, VersionInline)
    actions = ("activate_chosen", "archive_chosen", "export")
    actions_detail = ("put_on_sale", "archive")
    empty_message = _("Describe what you sell: a product, a service, an asset or a loan. Bots find it and quote its price.")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TenantChangeList]:
        """Return the list with prices."""
        return PricedChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the offerings with the name and the stock the list shows."""
        stock = InventoryItem.objects.filter(variant__offering=OuterRef("pk")).order_by().values("variant__offering")
        rows = super().get_queryset(request).with_active_version()
        return rows.annotate(pieces=Subquery(stock.annotate(sum=Sum("stock_qty")).values("sum")))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Find by name, code or SKU, without case and diacritics."""
        if not (term := fold(search_term)):
            return queryset, False
        skus = Variant.objects.alias(folded=Fold("sku")).filter(offering=OuterRef("pk"), folded__contains=term)
        found = Q(folded_name__contains=term) | Q(folded_code__contains=term) | Exists(skus)
        return queryset.alias(folded_name=Fold("name"), folded_code=Fold("code")).filter(found), False

    @display(description=_("name"), ordering="name")
    def called(self, offering: Any) -> str:
        """Show the name customers see."""
        return offering.name or offering.code

    @display(description=_("status"), ordering="status", label=STATUS_COLOURS)
    def status_label(self, offering: Offering) -> tuple[str, str]:
        """Show the status as a label."""
        return offering.status, offering.get_status_display()

    @display(description=_("price"))
    def price(self, offering: Any) -> str:
        """Show from the cheapest to the dearest variant, as sold now without a channel."""
        if offering.price_range is None:
            return "–"
        low, high, currency = offering.price_range
        return money(low, currency) if low == high else f"{money(low, currency)} – {money(high, currency)}"

    @display(description=_("stock"), ordering="pieces")
    def stock(self, offering: Any) -> str:
        """Show the pieces of all variants; a dash when none is counted."""
        return "–" if offering.pieces is None else str(offering.pieces)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        """Return the form with a field for each attribute of the domain."""
        kwargs["form"] = type("OfferingForm", (OfferingForm,), attribute_fields(obj))
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the sections; attributes have their own once the domain is known."""
        attributes = tuple(attribute_fields(obj))
        about = _("Changed words make a new version. On an active offering customers see it at once.")
        more = {"classes": ("tab",), "fields": (("identity_key", "bot"), "metadata")}
        sections = [
            (None, {"fields": (("code", "offering_type"), ("domain", "category"), "tags")}),
            (_("Words"), {"fields": ("name", "description"), "description": about if obj else ""}),
            (_("More"), more),
        ]
        if attributes:
            sections.insert(2, (_("Attributes"), {"fields": attributes}))
        return sections

    def save_model(self, request: HttpRequest, obj: Offering, form: Any, change: bool) -> None:
        """Save through the services: a new offering with version 1, or the changes with a new version."""
        author: Any = request.user
        fields = {name: form.cleaned_data[name] for name in OfferingForm.Meta.fields if name in form.cleaned_data}
        if change:
            change_offering(offering=obj, values=fields, words=form.words, created_by=author)
            return
        words = {name: form.cleaned_data[name] for name in ("name", "description")}
        made = create_offering(**fields, **words, created_by=author)
        obj.__dict__.update(made.__dict__)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show what the service refuses as a message; nothing was changed then."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            messages.error(request, error.message)
            return redirect(request.get_full_path())

    @action(description=_("Put on sale"), icon="check_circle", permissions=["change"])
    @asks_first
    def put_on_sale(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Activate the newest version."""
        offering = self.get_object(request, object_id)
        if offering is not None:
            newest = offering.versions.order_by("-version").first()
            _activate(request, newest)
        return redirect("admin:catalog_offering_change", object_id)

    @action(description=_("Archive"), icon="archive", permissions=["change"])
    @asks_first
    def archive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take the offering off sale."""
        offering = self.get_object(request, object_id)
        if offering is not None:
            archive_offering(offering=offering)
            messages.warning(request, gettext("“%s” is off sale. Nothing is lost.") % offering)
        return redirect("admin:catalog_offering_change", object_id)

    @admin.action(description=_("Put the chosen offerings on sale"), permissions=["change"])
    def activate_chosen(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Activate the version of each that is shown."""
        for offering in Offering.objects.filter(pk__in=queryset.values("pk")).with_shown():
            _activate(request, offering.current)

    @admin.action(description=_("Archive the chosen offerings"), permissions=["change"])
    def archive_chosen(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Take them off sale."""
        chosen = list(Offering.objects.filter(pk__in=queryset.values("pk")))
        for offering in chosen:
            archive_offering(offering=offering)
        messages.warning(request, gettext("%(count)d offerings are off sale.") % {"count": len(chosen)})

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: ledgers and conversations name it. Archive it."""
        return False


def _activate(request: HttpRequest, version: OfferingVersion | None) -> None:
    """Activate a version and tell the person how it went."""
    if version is None or version.pk is None:
        return
    try:
        activate_version(version=version)
    except DomainError as error:
        messages.error(request, f"{version.offering}: {error.message}")
        return
    messages.success(request, gettext("Customers now see “%s”.") % version)


@admin.register(OfferingVersion)
class OfferingVersionAdmin(LedgerAdmin):
    """One version, to read, and to go back to."""

    list_display = ("name", "offering", "version", "status_label", "created_by", "created_at")
    list_filter = ("status",)
    list_select_related = ("offering", "created_by")
    search_fields = ("name", "offering__code")
    ordering = ("-id",)
    fields = ("offering", "version", "status", "name", "description", "attributes", "created_by", "created_at")
    actions_detail = ("activate",)
    link_filters = ("offering",)
    empty_message = _("Each change of an offering's words is kept here as a version.")

    @display(description=_("status"), ordering="status", label=STATUS_COLOURS)
    def status_label(self, version: OfferingVersion) -> tuple[str, str]:
        """Show the status as a label."""
        return version.status, version.get_status_display()

    @action(description=_("Show this version to customers"), icon="check_circle", permissions=["activate"])
    @asks_first
    def activate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make it the active one."""
        version = self.get_object(request, object_id)
        _activate(request, version)
        return redirect("admin:catalog_offeringversion_change", object_id)

    def has_activate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the person may change offerings."""
        return request.user.has_perm("catalog.change_offeringversion")


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
