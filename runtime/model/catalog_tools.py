"""What a model may look up: offerings, their prices and stock of now, and the customer's own orders."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import get_language

from bots.models import Tool
from catalog.models import Order
from catalog.money import format_money
from catalog.search import FIT_THRESHOLD, priced_between, search
from runtime.model.brief import Brief
from runtime.model.grounds import Grounds, told
from tenants.errors import DomainError

MOST_FOUND, MOST_ORDERS = 6, 5


class Desk:
    """What the tools of one turn work with: the conversation, and the grounds that they add to."""

    def __init__(self, brief: Brief, grounds: Grounds, tools: dict[str, Tool]) -> None:
        self.brief, self.grounds, self.tools = brief, grounds, tools
        self.context = grounds.context
        self.language = grounds.context.question.language


def offering_search(desk: Desk, arguments: dict[str, Any]) -> dict[str, Any]:
    """Find offerings by words, also within a budget in the shop's currency."""
    low, high = arguments.get("min_price"), arguments.get("max_price")
    context, only = desk.context, None
    if low is not None or high is not None:
        only = priced_between(_money(low), _money(high), currency=context.currency, channel=context.channel)
    hits = search(arguments["query"], kinds=("offering",), limit=MOST_FOUND, bot_id=context.bot_id, only=only)
    return _told(desk, [hit.id for hit in hits])


def _money(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def look_up(desk: Desk, arguments: dict[str, Any]) -> dict[str, Any]:
    """Tell prices and stock of the products named, as they are now."""
    found: list[UUID] = []
    missing: list[str] = []
    for name in arguments["products"]:
        hits = search(name, kinds=("offering",), limit=1, bot_id=desk.context.bot_id)
        if hits and hits[0].score >= FIT_THRESHOLD:
            found.append(hits[0].id)
        else:
            missing.append(name)
    return {**_told(desk, found), **({"not_found": missing} if missing else {})}


def _told(desk: Desk, offering_ids: list[UUID]) -> dict[str, Any]:
    facts = desk.grounds.add_offerings(offering_ids)
    numbers = {source["id"]: number for number, source in enumerate(desk.grounds.sources, start=1)}
    return {"products": [{"n": numbers[str(one.id)], **told(one, desk.language)} for one in facts]}


def order_status(desk: Desk, arguments: dict[str, Any]) -> dict[str, Any]:
    """Tell the customer's own newest orders, or the one with this number if it is theirs."""
    customer_id = desk.brief.customer_id
    if customer_id is None:
        raise DomainError("unknown_customer", "It is not known who is writing: offer a person.")
    orders = Order.objects.filter(customer=customer_id).prefetch_related("lines").order_by("-id")
    if number := arguments.get("number"):
        orders = orders.filter(number=number)
    return {"orders": [_order(desk, order) for order in orders[:MOST_ORDERS]]}


def _order(desk: Desk, order: Any) -> dict[str, Any]:
    amounts = [order.total, *(amount for line in order.lines.all() for amount in (line.unit_price, line.total))]
    desk.grounds.totals += [(amount, order.currency) for amount in amounts]
    return {
        "number": f"#{order.number}",
        "status": str(order.get_status_display()),
        "ordered_at": order.created_at.isoformat(timespec="minutes"),
        "total": format_money(order.total, order.currency, get_language() or "en"),
        "lines": [{"name": line.name, "sku": line.sku, "quantity": line.quantity} for line in order.lines.all()],
    }


OFFERING_SEARCH = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "minLength": 1, "maxLength": 300},
        "min_price": {"type": "number", "minimum": 0, "maximum": 1e12},
        "max_price": {"type": "number", "minimum": 0, "maximum": 1e12},
    },
    "required": ["query"],
}
ORDER_STATUS = {"type": "object", "properties": {"number": {"type": "integer", "minimum": 1, "maximum": 2_000_000_000}}}
PRODUCTS = {
    "type": "object",
    "properties": {
        "products": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 200},
            "minItems": 1,
            "maxItems": 5,
            "description": "SKUs, codes or names of products",
        }
    },
    "required": ["products"],
}
