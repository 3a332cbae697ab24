"""The list of offerings: prices of a page in one query, filters, and what can be done to many at once."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, TextFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from catalog.availability import SELLABLE_OFFERINGS
from catalog.bulk import add_tag, archive, put_on_sale, remove_tag, set_category
from catalog.models import Offering, OfferingVersion, Variant, VariantPrice
from catalog.pricing import price_ranges
from catalog.search import Only
from catalog.services import activate_version
from tenants.admin.pages import TenantChangeList
from tenants.errors import DomainError
from tenants.scope import current_tenant_id

STATUS_COLOURS = {"active": "success", "draft": "info", "archived": "warning"}
MOST_CATEGORIES = 200
"""Categories offered as a choice."""
MOST_REASONS = 5
"""Refusals told one by one when many offerings are changed."""


class PricedChangeList(TenantChangeList):
    """A page of offerings with their prices, resolved for the page in one query."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the rows and their prices."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        ranges = price_ranges([offering.pk for offering in self.result_list])
        for offering in self.result_list:
            offering.price_range = ranges.get(offering.pk)


class CategoryFilter(DropdownFilter):
    """Offerings of one category."""

    title = _("category")
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the categories there are."""
        return [(name, name) for name in Offering.objects.categories(MOST_CATEGORIES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list."""
        return queryset.filter(category=self.value()) if self.value() else queryset


class TagFilter(TextFilter):
    """Offerings with a tag."""

    title = _("tag")
    parameter_name = "tag"

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list."""
        return queryset.filter(tags__contains=[self.value().strip()]) if self.value() else queryset


class LackFilter(admin.SimpleListFilter):
    """Offerings that cannot be sold as they are."""

    title = _("lacks")
    parameter_name = "lacks"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return what may be missing."""
        return [("price", _("Without price")), ("stock", _("Out of stock"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list: no variant has a price in any list, or none of the variants can be sold."""
        offered = Variant.objects.filter(offering=OuterRef("pk"), status=Variant.Status.ACTIVE)
        match self.value():
            case "price":
                return queryset.exclude(Exists(VariantPrice.objects.filter(variant__offering=OuterRef("pk"))))
            case "stock":
                return queryset.filter(Exists(offered)).exclude(pk__in=_sellable())
        return queryset


def _sellable() -> RawSQL:
    """Return the offerings that have something to sell now: what bots are told, holds and all."""
    only = Only.named(SELLABLE_OFFERINGS, {"tenant": current_tenant_id(), "channel": None})
    return RawSQL(only.sql, only.params)  # noqa: S611 - our own SQL


def activate(request: HttpRequest, version: OfferingVersion | None) -> None:
    """Activate a version and tell the person how it went."""
    if version is None or version.pk is None:
        return
    try:
        activate_version(version=version)
    except DomainError as error:
        messages.error(request, f"{version.offering}: {error.message}")
        return
    messages.success(request, gettext("Customers now see “%s”.") % version)


@admin.action(description=_("Put the chosen offerings on sale"), permissions=["change"])
def activate_chosen(page: Any, request: HttpRequest, queryset: QuerySet) -> None:
    """Activate the version of each that is shown; tell how many, and why the first few of the others could not be."""
    done, refused = put_on_sale(offerings=Offering.objects.filter(pk__in=queryset.values("pk")))
    for reason in refused[:MOST_REASONS]:
        messages.error(request, reason)
    if more := len(refused[MOST_REASONS:]):
        messages.error(request, f"… (+{more})")
    if done:
        messages.success(request, gettext("%(count)d offerings were changed.") % {"count": done})


@admin.action(description=_("Archive the chosen offerings"), permissions=["change"])
def archive_chosen(page: Any, request: HttpRequest, queryset: QuerySet) -> None:
    """Take them off sale."""
    count = archive(offerings=Offering.objects.filter(pk__in=queryset.values("pk")))
    messages.warning(request, gettext("%(count)d offerings are off sale.") % {"count": count})


class OneWordForm(forms.Form):
    """The tag or category that is asked for before many offerings are changed."""

    word = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget())

    def __init__(self, *args: Any, label: Any, required: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["word"].label, self.fields["word"].required = label, required


@admin.action(description=_("Add a tag"), permissions=["change"])
def add_tag_to_chosen(page: Any, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    """Ask for a tag and give it to them."""
    return _with_word(page, request, queryset, _("Tag"), lambda rows, word: add_tag(offerings=rows, tag=word))


@admin.action(description=_("Remove a tag"), permissions=["change"])
def remove_tag_from_chosen(page: Any, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    """Ask for a tag and take it away from them."""
    return _with_word(page, request, queryset, _("Tag"), lambda rows, word: remove_tag(offerings=rows, tag=word))


@admin.action(description=_("Set the category"), permissions=["change"])
def set_category_of_chosen(page: Any, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    """Ask for a category and put them into it; an empty one takes them out of theirs."""
    change = lambda rows, word: set_category(offerings=rows, category=word)  # noqa: E731 - as its two neighbours
    return _with_word(page, request, queryset, _("Category"), change, required=False)


def _with_word(
    page: Any,
    request: HttpRequest,
    queryset: QuerySet,
    label: Any,
    change: Callable[[QuerySet, str], int],
    *,
    required: bool = True,
) -> HttpResponse | None:
    """Ask for the word first; with it, change the offerings and tell how many were changed."""
    form = OneWordForm(request.POST if "word" in request.POST else None, label=label, required=required)
    if form.is_valid():
        count = change(Offering.objects.filter(pk__in=queryset.values("pk")), form.cleaned_data["word"])
        messages.success(request, gettext("%(count)d offerings were changed.") % {"count": count})
        return None
    across = request.POST.get("select_across", "0")
    context = {
        **page.admin_site.each_context(request),
        "title": dict(page.get_action_choices(request))[request.POST["action"]],
        "opts": page.opts,
        "form": form,
        # Of all across the pages one is named: Django does nothing for a form that names none.
        "chosen": queryset.values_list("pk", flat=True)[: 1 if across == "1" else None],
        "across": across,
        "action": request.POST["action"],
        "count": queryset.count(),
    }
    return TemplateResponse(request, "catalog/admin/one_word.html", context)


CHOSEN_ACTIONS = (activate_chosen, archive_chosen, add_tag_to_chosen, remove_tag_from_chosen, set_category_of_chosen)
