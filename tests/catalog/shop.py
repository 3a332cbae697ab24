"""A shop with things to sell, for tests of stock and orders that go through services."""

from datetime import timedelta
from typing import Any

from catalog.models import Customer, InventoryLocation, Order, PriceList, SalesChannel, Variant, VariantPrice
from catalog.order_lines import NewLine
from catalog.orders import create_order
from catalog.services import activate_version, create_offering
from catalog.stock import record_movement

HOUR = timedelta(hours=1)


def open_shop() -> None:
    """Sell a lamp (10 in stock), a bulb that is not counted, and a rug that sells beyond its stock: 199,000 VND each."""
    a_thing("LAMP", 10, name="White")
    a_thing("BULB", name="White")
    a_thing("RUG", 1, name="White", inventory_policy="continue")


def a_thing(sku: str, pieces: int | None = None, **variant: Any) -> Variant:
    """Put something on sale for 199,000 VND; ``pieces`` of it, None: not counted."""
    offering = create_offering(code=sku.lower(), name=sku.title(), variants=[{"sku": sku, **variant}])
    activate_version(version=offering.versions.get())
    variant = offering.variants.get()
    standard = PriceList.objects.get(code="standard")
    VariantPrice.objects.create(variant=variant, price_list=standard, currency="VND", amount=199_000)
    if pieces:
        receive(variant, pieces)
    return variant


def receive(variant: Variant, pieces: int, location: str = "main") -> None:
    """Bring pieces in; below zero: sell them over the counter."""
    place = InventoryLocation.objects.get(code=location)
    record_movement(variant=variant, location=place, quantity=pieces, reason="receipt" if pieces > 0 else "sale")


def order(variant: Variant, quantity: int = 1, *, customer: Customer | None = None) -> Order:
    """Order on the web, held for an hour."""
    return create_order(
        customer=customer or Customer.objects.create(name="Mai"),
        channel=SalesChannel.objects.get(code="web"),
        lines=[NewLine(variant, quantity)],
        held_for=HOUR,
    )
