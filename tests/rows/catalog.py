"""Rows of ``catalog``: what is sold, for how much, and who bought it."""

from typing import Any

from catalog.models import (
    AttributeDefinition,
    AttributeValue,
    Customer,
    ImportJob,
    InventoryLocation,
    KnowledgeDomain,
    Offering,
    OfferingVersion,
    Order,
    OrderCounter,
    OrderEntry,
    OrderLine,
    OrderReturn,
    OrderReturnLine,
    PriceList,
    SalesChannel,
    SearchText,
    SearchVector,
    StockMovement,
    StockReservation,
    Variant,
    VariantPrice,
)
from catalog.services import next_priority
from tenants.models import StoredFile
from tests.rows.names import code


def a_domain() -> KnowledgeDomain:
    return KnowledgeDomain.objects.create(code=code("domain"), name="Domain")


def an_offering(name: str = "Secret offering", **fields: Any) -> Offering:
    offering = Offering.objects.create(code=code("offering"), status="active", **fields)
    OfferingVersion.objects.create(offering=offering, version=1, name=name, status="active")
    return offering


def a_variant() -> Variant:
    return Variant.objects.create(offering=an_offering(), sku=code("SKU"))


def a_location() -> InventoryLocation:
    return InventoryLocation.objects.create(code=code("location"))


def a_channel() -> SalesChannel:
    return SalesChannel.objects.create(code=code("channel"), name="Channel")


def a_price_list() -> PriceList:
    return PriceList.objects.create(code=code("list"), name="Secret list", priority=next_priority())


def a_price() -> VariantPrice:
    return VariantPrice.objects.create(variant=a_variant(), price_list=a_price_list(), currency="VND", amount=199_000)


def a_movement() -> StockMovement:
    return StockMovement.objects.create(variant=a_variant(), location=a_location(), quantity=5, reason="receipt")


def an_attribute_value() -> AttributeValue:
    definition = AttributeDefinition.objects.create(domain=a_domain(), key="colour", name="Colour")
    version = an_offering().versions.get()
    return AttributeValue.objects.create(offering_version=version, attribute_definition=definition, value_text="red")


def a_customer() -> Customer:
    return Customer.objects.create(name="Secret customer", phone="0900000000")


def an_order() -> Order:
    number = OrderCounter.objects.get_or_create(defaults={"last": 1000})[0]
    OrderCounter.objects.update(last=number.last + 1)
    order = Order.objects.create(
        number=number.last + 1, customer=a_customer(), channel=a_channel(), currency="VND", total=398_000
    )
    OrderEntry.objects.create(order=order, kind="created", text="Secret entry")
    return order


def an_order_line(order: Order | None = None) -> OrderLine:
    variant = a_variant()
    return OrderLine.objects.create(
        order=order or an_order(), variant=variant, sku=variant.sku, quantity=2, unit_price=199_000, total=398_000
    )


def a_return() -> OrderReturn:
    return OrderReturn.objects.create(order=an_order(), note="Secret return")


def a_return_line() -> OrderReturnLine:
    line = an_order_line()
    made = OrderReturn.objects.create(order=line.order)
    return OrderReturnLine.objects.create(order_return=made, order_line=line, quantity=1)


def a_reservation() -> StockReservation:
    return StockReservation.objects.create(variant=a_variant(), quantity=1)


def a_job() -> ImportJob:
    stored = StoredFile.objects.create(name="secret.csv", media_type="text/csv", size=1, sha256="0" * 64)
    return ImportJob.objects.create(source_file=stored, currency="VND", state="done", status="staged")


def a_search_text() -> SearchText:
    an_offering(code("Secret"))
    return SearchText.objects.latest("created_at")


def a_search_vector() -> SearchVector:
    return SearchVector.objects.get(text=a_search_text())
