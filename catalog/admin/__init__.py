"""The admin of the catalogue, one module per aisle."""

from catalog.admin.customers import CustomerAdmin
from catalog.admin.domains import AttributeDefinitionAdmin, KnowledgeDomainAdmin
from catalog.admin.imports import ImportJobAdmin, ImportRowAdmin
from catalog.admin.offerings import OfferingAdmin, OfferingVersionAdmin, VariantAdmin
from catalog.admin.prices import PriceChangeAdmin, PriceListAdmin, SalesChannelAdmin
from catalog.admin.stock import InventoryItemAdmin, InventoryLocationAdmin, StockMovementAdmin

__all__ = [
    "AttributeDefinitionAdmin",
    "CustomerAdmin",
    "ImportJobAdmin",
    "ImportRowAdmin",
    "InventoryItemAdmin",
    "InventoryLocationAdmin",
    "KnowledgeDomainAdmin",
    "OfferingAdmin",
    "OfferingVersionAdmin",
    "PriceChangeAdmin",
    "PriceListAdmin",
    "SalesChannelAdmin",
    "StockMovementAdmin",
    "VariantAdmin",
]
