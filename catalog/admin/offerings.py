"""The page of an offering: its words, attributes, variants with prices and stock, pictures and versions, in tabs."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display

from catalog.admin.amounts import money
from catalog.admin.forms.attributes import rows_of_two, spoken
from catalog.admin.forms.offerings import (
    PREFIX,
    REFRESH,
    SELL,
    ImageForm,
    OfferingForm,
    attribute_fields,
    chosen_domain,
)
from catalog.admin.forms.translations import translation_fields
from catalog.admin.forms.variants import VariantFormSet
from catalog.admin.grid import VariantInline, grid_choices, grid_of, save_grid
from catalog.admin.offering_lists import (
    CHOSEN_ACTIONS,
    STATUS_COLOURS,
    CategoryFilter,
    LackFilter,
    PricedChangeList,
    TagFilter,
    activate,
)
from catalog.admin.offering_tabs import first_fault, stock_rows, tabs
from catalog.admin.versions import VersionInline
from catalog.models import AttributeDefinition, InventoryItem, Offering, OfferingImage, OfferingVersion, Status, Variant
from catalog.services import activate_version, archive_offering, change_offering, create_offering
from tenants.admin import TenantAdmin, asks_first
from tenants.admin.pages import TenantChangeList
from tenants.filters import Fold
from tenants.text import fold


class ImageInline(TabularInline):
    """The pictures of an offering, by address: the page loads nothing from elsewhere, so it links to them."""

    model = OfferingImage
    form = ImageForm
    tab = True
    extra = 0
    fields = ("url", "alt", "position")


ATTRIBUTE_GROUPS: dict[str, Any] = {
    AttributeDefinition.SemanticType.PHYSICAL: _("Measures and technical data"),
    AttributeDefinition.SemanticType.FINANCIAL: _("Terms and costs"),
    AttributeDefinition.SemanticType.CATEGORICAL: _("Characteristics"),
}
"""What the groups of attributes are called on the page."""


@admin.register(Offering)
class OfferingAdmin(TenantAdmin):
    """What is sold."""

    form = OfferingForm
    list_display = ("called", "code", "category", "status_label", "price", "stock", "updated_at")
    list_filter = (
        *("status", "offering_type", ("domain", RelatedDropdownFilter), CategoryFilter, TagFilter),
        *(("bot", RelatedDropdownFilter), LackFilter),
    )
    list_filter_submit = True
    search_fields = ("code",)
    search_help_text = _("Name, code or SKU, with or without accents")
    ordering = ("-id",)
    export_fields = ("code", "name", "offering_type", "category", "tags", "status", "updated_at")
    inlines = (VariantInline, ImageInline, VersionInline)
    actions = (*CHOSEN_ACTIONS, "export")
    actions_detail = ("put_on_sale", "archive")
    change_form_template = "catalog/admin/offering.html"
    read_once = ("grid", "attribute_groups")
    empty_message = _("Describe what you sell: a product, a service, an asset or a loan. Bots find it and quote its price.")

    class Media:
        """The attributes follow the domain chosen."""

        css: ClassVar = {"all": ("catalog/offering.css",)}
        js = ("catalog/offering.js",)

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
        """Return the form with a field for each attribute of the domain chosen."""
        fields = {name: field for group in self._attributes(request, obj).values() for name, field in group.items()}
        fields |= translation_fields(request.tenant.locale)  # type: ignore[attr-defined]
        kwargs["form"] = type("OfferingForm", (OfferingForm,), fields)
        return super().get_form(request, obj, change=change, **kwargs)

    def _attributes(self, request: Any, obj: Any) -> dict[str, Any]:
        """Return the groups of attribute fields, made once a request."""
        if not hasattr(request, "attribute_groups"):
            typed = request.POST if REFRESH in request.POST else ()
            request.attribute_groups = attribute_fields(chosen_domain(request, obj), typed)
        groups: dict[str, Any] = request.attribute_groups
        return groups

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the sections; each group of attributes is one, on the tab of attributes."""
        about = _("Changed words make a new version. On an active offering customers see it at once.")
        sections: list[Any] = [
            (None, {"fields": ("name", "description"), "description": about if obj else ""}),
            (_("Where it belongs"), {"fields": (("code", "offering_type"), ("domain", "category"), "tags")}),
            (_("Translation"), {"fields": list(translation_fields(request.tenant.locale)), "classes": ("collapse",)}),  # type: ignore[attr-defined]
            (_("More"), {"fields": (("identity_key", "bot"), "metadata"), "classes": ("collapse",)}),
        ]
        for group, fields in self._attributes(request, obj).items():
            name = ATTRIBUTE_GROUPS[group] if group else None
            sections.append((name, {"fields": rows_of_two(list(fields)), "classes": ("attributes",)}))
        return sections

    def save_model(self, request: HttpRequest, obj: Offering, form: Any, change: bool) -> None:
        """Save through the services: a new offering with version 1, or the changes with a new version."""
        author: Any = request.user
        fields = {name: form.cleaned_data[name] for name in OfferingForm.Meta.fields if name in form.cleaned_data}
        if change:
            change_offering(offering=obj, values=fields, words=form.words, created_by=author)
            return
        words = {name: form.cleaned_data[name] for name in ("name", "description")}
        words |= {"attributes": form.attributes, "translations": form.translations}
        made = create_offering(**fields, **words, created_by=author)
        obj.__dict__.update(made.__dict__)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save the grid through the services, the pictures as they are."""
        if isinstance(formset, VariantFormSet):
            formset.save(commit=False)
            save_grid(request, form.instance, formset)
        else:
            super().save_formset(request, form, formset, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save what belongs to it, and put it on sale if that is what was asked for."""
        super().save_related(request, form, formsets, change)
        if SELL not in request.POST:
            return
        newest = form.instance.versions.order_by("-version").first()
        activate_version(version=newest)
        messages.success(request, gettext("Customers now see “%s”.") % newest)
        if not Variant.objects.filter(offering=form.instance, prices__isnull=False).exists():
            messages.warning(request, gettext("No variant has a price yet: bots cannot quote it."))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the tabs, the stock, and the button that saves and puts on sale."""
        offering = kwargs.get("obj")
        may_change = self.has_change_permission(request, offering)
        if offering is not None and not may_change:
            for key, value in offering.current.attributes.items():
                setattr(offering, f"{PREFIX}{key}", spoken(value))
        stock = list(stock_rows(variant__offering=offering)) if offering else []
        more = {
            **grid_choices(request, grid_of(request, offering)),
            "tab_list": tabs(context, stock_count=len(stock)),
            "first_fault": first_fault(context),
            "stock_rows": stock,
            "to_sell": _to_sell(offering) if offering else None,
            "status_colour": STATUS_COLOURS[offering.status] if offering else "",
            "domain_chosen": chosen_domain(request, offering),
            "actions_submit_line": [_sell_button()] if may_change and not _is_on_sale(offering) else [],
        }
        return super().render_change_form(request, {**context, **more}, *args, **kwargs)

    def has_sell_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether there is anything to be put on sale: not when its newest version already is."""
        if not request.user.has_perm("catalog.change_offering"):
            return False
        offering = self.get_object(request, str(object_id)) if object_id else None
        return offering is None or offering.status != Status.ACTIVE or _to_sell(offering) is not None

    @action(description=_("Put on sale"), icon="check_circle", permissions=["sell"])
    @asks_first
    def put_on_sale(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Activate the newest version."""
        offering = self.get_object(request, object_id)
        if offering is not None:
            activate(request, _to_sell(offering))
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

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: ledgers and conversations name it. Archive it."""
        return False


def _to_sell(offering: Offering) -> OfferingVersion | None:
    """Return the newest version, None when customers see it already."""
    newest: OfferingVersion | None = offering.versions.order_by("-version").first()
    if newest is None or (offering.status == Status.ACTIVE and newest.status == Status.ACTIVE):
        return None
    return newest


def _is_on_sale(offering: Offering | None) -> bool:
    return offering is not None and offering.status == "active"


def _sell_button() -> UnfoldAction:
    label: Any = _("Save and put on sale")
    return UnfoldAction(action_name=SELL, method=None, description=label, path="", icon="check_circle")
