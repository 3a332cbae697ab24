"""What stands on the page of an order beside its form: lines, totals, the customer and the timeline."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from catalog.admin.amounts import money
from catalog.models import Order, OrderEntry

ICONS = {
    OrderEntry.Kind.CREATED: "add_shopping_cart",
    OrderEntry.Kind.CONFIRMED: "check",
    OrderEntry.Kind.FULFILLED: "local_shipping",
    OrderEntry.Kind.CANCELLED: "block",
    OrderEntry.Kind.RETURNED: "assignment_return",
    OrderEntry.Kind.NOTE: "sticky_note_2",
}
COLOURS = {"pending": "warning", "confirmed": "info", "fulfilled": "success", "cancelled": "danger"}


def order_page(order: Order) -> dict[str, Any]:
    """Return the context of the page's cards."""
    return {
        "order": order,
        "status_colour": COLOURS[order.status],
        "lines": _lines(order),
        "totals": list(_totals(order)),
        "facts": list(_facts(order)),
        "timeline": list(_timeline(order)),
    }


def _lines(order: Order) -> dict[str, Any]:
    headers = [_("SKU"), _("name"), _("quantity"), _("unit price"), _("total"), _("returned"), _("why this price")]
    rows = [
        [
            line.sku,
            line.name,
            line.quantity,
            money(line.unit_price, order.currency),
            money(line.total, order.currency),
            line.returned or "–",
            line.explanation,
        ]
        for line in order.lines.all()
    ]
    return {"headers": headers, "rows": rows}


def _totals(order: Order) -> Iterator[tuple[str, str]]:
    yield _("Total"), money(order.total, order.currency)
    if order.refunded:
        yield _("Refunded"), money(order.refunded, order.currency)
        yield _("Left"), money(order.total - order.refunded, order.currency)


def _facts(order: Order) -> Iterator[tuple[str, Any]]:
    yield _("Channel"), order.channel
    yield _("Phone"), order.customer.phone or "–"
    yield _("E-mail address"), order.customer.email or "–"
    yield _("Other orders"), order.customer.orders.exclude(pk=order.pk).count()


def _timeline(order: Order) -> Iterator[dict[str, Any]]:
    for entry in order.entries.select_related("created_by").order_by("-id"):
        expired = entry.kind == OrderEntry.Kind.CANCELLED and entry.text == "expired"
        yield {
            "icon": ICONS[OrderEntry.Kind(entry.kind)],
            "what": entry.get_kind_display(),
            "text": _("Nobody confirmed it in time.") if expired else entry.text,
            "who": str(entry.created_by or entry.get_actor_kind_display()),
            "when": entry.created_at,
        }
