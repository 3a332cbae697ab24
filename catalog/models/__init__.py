"""What can be sold: described, priced, stocked, imported, found; and who buys it."""

from catalog.models.customers import Customer, CustomerIdentity
from catalog.models.domains import AttributeDefinition, KnowledgeDomain
from catalog.models.imports import ImportChange, ImportJob, ImportRow
from catalog.models.offerings import AttributeValue, Offering, OfferingImage, OfferingVersion, Status, Variant
from catalog.models.pricing import PriceChange, PriceList, SalesChannel, VariantPrice
from catalog.models.search import SearchText, SearchVector
from catalog.models.stock import InventoryItem, InventoryLocation, StockMovement

__all__ = [
    "AttributeDefinition",
    "AttributeValue",
    "Customer",
    "CustomerIdentity",
    "ImportChange",
    "ImportJob",
    "ImportRow",
    "InventoryItem",
    "InventoryLocation",
    "KnowledgeDomain",
    "Offering",
    "OfferingImage",
    "OfferingVersion",
    "PriceChange",
    "PriceList",
    "SalesChannel",
    "SearchText",
    "SearchVector",
    "Status",
    "StockMovement",
    "Variant",
    "VariantPrice",
]
