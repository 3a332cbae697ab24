"""What can be sold: described, priced, stocked, imported, found; and who buys it."""

from catalog.models.customers import Customer, CustomerIdentity, CustomerMerge, Erasure
from catalog.models.domains import AttributeDefinition, KnowledgeDomain
from catalog.models.imports import ImportChange, ImportJob, ImportMapping, ImportRow
from catalog.models.offerings import (
    AttributeValue,
    Offering,
    OfferingImage,
    OfferingTranslation,
    OfferingVersion,
    Status,
    Variant,
    product_name,
)
from catalog.models.orders import Order, OrderCounter, OrderEntry, OrderLine, OrderReturn, OrderReturnLine
from catalog.models.pricing import PriceChange, PriceList, PriceListChange, SalesChannel, VariantPrice
from catalog.models.search import SearchSynonym, SearchText, SearchVector
from catalog.models.stock import InventoryItem, InventoryLocation, StockAllocation, StockMovement, StockReservation
from catalog.models.versions import ScheduledActivation

__all__ = [
    "AttributeDefinition",
    "AttributeValue",
    "Customer",
    "CustomerIdentity",
    "CustomerMerge",
    "Erasure",
    "ImportChange",
    "ImportJob",
    "ImportMapping",
    "ImportRow",
    "InventoryItem",
    "InventoryLocation",
    "KnowledgeDomain",
    "Offering",
    "OfferingImage",
    "OfferingTranslation",
    "OfferingVersion",
    "Order",
    "OrderCounter",
    "OrderEntry",
    "OrderLine",
    "OrderReturn",
    "OrderReturnLine",
    "PriceChange",
    "PriceList",
    "PriceListChange",
    "SalesChannel",
    "ScheduledActivation",
    "SearchSynonym",
    "SearchText",
    "SearchVector",
    "Status",
    "StockAllocation",
    "StockMovement",
    "StockReservation",
    "Variant",
    "VariantPrice",
    "product_name",
]
