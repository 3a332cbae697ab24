"""What the tabs of an offering's page hold beside the form: how many of each, what is wrong there, and the stock."""

from typing import Any

from django.db.models import BigIntegerField, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Cast, Coalesce, Greatest
from django.utils.html import format_html
from django.utils.translation import gettext

from catalog.admin.forms.offerings import PREFIX
from catalog.models import InventoryItem, StockAllocation, StockReservation

BADGE = (
    '{} <span class="bg-red-500 flex font-semibold h-4 items-center justify-center min-w-4 ml-1 rounded-full '
    'text-white text-[11px]">{}</span>'
)


def tabs(context: Any, *, stock_count: int) -> list[dict[str, Any]]:
    """Return the tabs as unfold wants them, in the order of work, each with what is wrong on it."""
    wrong = _wrong(context)
    inlines = [inline.formset.prefix for inline in context["inline_admin_formsets"]]
    titles = {
        "general": gettext("Description"),
        "attributes": gettext("Attributes"),
        "variants": gettext("Variants and prices"),
        "stock": gettext("Stock") if stock_count else "",
        "images": gettext("Images"),
        "versions": gettext("Versions") if context["original"] else "",
    }
    shown = {name: title for name, title in titles.items() if title and (name in inlines or name in OWN)}
    items = [_item(name, title, wrong.get(name, 0)) for name, title in shown.items()]
    return [{"models": [{"name": "catalog.offering", "detail": True}], "items": items}]


OWN = ("general", "attributes", "stock")
"""Tabs that are no inline."""


def _item(name: str, title: str, faults: int) -> dict[str, Any]:
    shown = format_html(BADGE, title, faults) if faults else title
    return {"title": shown, "link": "", "inline": name, "has_permission": True}


def _wrong(context: Any) -> dict[str, int]:
    """Return how many faults each tab holds."""
    names = [name for name in context["adminform"].form.errors if name != "__all__"]
    at_attributes = sum(name.startswith(PREFIX) for name in names)
    faults = {"attributes": at_attributes, "general": len(names) - at_attributes}
    for inline in context["inline_admin_formsets"]:
        faults[inline.formset.prefix] = sum(bool(errors) for errors in inline.formset.errors)
    return faults


def first_fault(context: Any) -> str:
    """Return the tab to open: the first with something wrong, "" when all is well."""
    return next((name for name, count in _wrong(context).items() if count), "")


def stock_rows(**narrowed: Any) -> QuerySet[InventoryItem]:
    """Return what is counted (``variant__offering=…``), by variant and location, with what is ``held`` and ``available``."""
    holds = StockAllocation.objects.filter(reservation__in=StockReservation.objects.holding())
    here = holds.filter(reservation__variant=OuterRef("variant"), location=OuterRef("location")).order_by()
    held = Coalesce(Subquery(here.values("location").annotate(pieces=Sum("quantity")).values("pieces")), 0)
    items = InventoryItem.objects.filter(**narrowed).select_related("variant", "location").annotate(held=held)
    rows = items.annotate(available=Greatest(0, Cast("stock_qty", BigIntegerField()) - F("safety_stock") - F("held")))
    return rows.order_by("variant__position", "variant_id", "location__code")
