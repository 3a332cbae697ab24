"""The demo's orders: one in every state, so that the pages show something."""

from datetime import timedelta
from typing import Any

from django.db import transaction

from catalog.models import Customer, Order, SalesChannel, Variant
from catalog.order_lines import NewLine
from catalog.orders import OrderWords, cancel_order, confirm_order, create_order, fulfil_order
from catalog.returns import Returned, return_goods

HELD = timedelta(days=30)

BUYERS: dict[str, list[dict[str, str]]] = {
    "saigon-gadgets": [
        {"name": "Nguyễn Thị Mai", "phone": "0901234567", "address": "12 Lê Lợi, Quận 1, TP. Hồ Chí Minh"},
        {"name": "Trần Văn Hùng", "phone": "0912345678", "address": "45 Hai Bà Trưng, Quận 3, TP. Hồ Chí Minh"},
        {"name": "Mai Nguyễn", "phone": "+84 901 234 567"},
        {"name": "Lê Thu Hà", "phone": "0987654321", "email": "ha.le@example.com"},
        {"name": "Phạm Quốc Bảo", "phone": "0933222111"},
    ],
    "harbour-homes": [
        {"name": "Ellen Brooks", "email": "ellen.brooks@example.com", "phone": "+1 212 555 0143"},
        {"name": "Marcus Reed", "email": "marcus.reed@example.com"},
    ],
}
"""Two of them are likely the same person."""


@transaction.atomic
def take_orders(slug: str) -> None:
    """Take the orders of a business, unless it has some: pending, confirmed, fulfilled, partly returned, cancelled."""
    wares = _wares()
    if Order.objects.exists() or not wares:
        return
    steps = (_pending, _confirmed, _fulfilled, _returned, _cancelled)
    for place, buyer in enumerate(BUYERS[slug]):
        customer = Customer.objects.create(**buyer)
        order = create_order(
            customer=customer,
            channel=SalesChannel.objects.get(code="web"),
            lines=[NewLine(wares[(place + one) % len(wares)], 1) for one in range(min(2, len(wares)))],
            held_for=HELD,
            words=OrderWords(shipping_address=customer.address),
        )
        steps[place](order)


def _wares() -> list[Variant]:
    """Return some variants on sale of which there are plenty."""
    plenty = Variant.objects.filter(
        status=Variant.Status.ACTIVE, offering__status="active", inventory_items__stock_qty__gte=5, prices__isnull=False
    )
    return list(plenty.distinct().order_by("sku")[:6])


def _pending(order: Order) -> Any:
    return order


def _confirmed(order: Order) -> Any:
    return confirm_order(order=order)


def _fulfilled(order: Order) -> Any:
    return fulfil_order(order=_confirmed(order))


def _returned(order: Order) -> Any:
    line = _fulfilled(order).lines.first()
    return return_goods(order=order, lines=[Returned(line, 1)], note="Sai màu")


def _cancelled(order: Order) -> Any:
    return cancel_order(order=order, reason="Khách đặt trùng đơn")
