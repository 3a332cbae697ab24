"""The admin of the catalogue, one module per aisle."""

from catalog.admin.customers import CustomerAdmin
from catalog.admin.domains import AttributeDefinitionAdmin, KnowledgeDomainAdmin
from catalog.admin.erasures import ErasureAdmin
from catalog.admin.import_mappings import ImportMappingAdmin
from catalog.admin.imports import ImportJobAdmin, ImportRowAdmin
from catalog.admin.offerings import OfferingAdmin
from catalog.admin.orders import OrderAdmin
from catalog.admin.price_changes import PriceChangeAdmin
from catalog.admin.prices import PriceListAdmin, SalesChannelAdmin
from catalog.admin.search import SearchSynonymAdmin
from catalog.admin.stock import InventoryItemAdmin, InventoryLocationAdmin, StockMovementAdmin
from catalog.admin.variants import VariantAdmin
from catalog.admin.versions import OfferingVersionAdmin

__all__ = [
    "AttributeDefinitionAdmin",
    "CustomerAdmin",
    "ErasureAdmin",
    "ImportJobAdmin",
    "ImportMappingAdmin",
    "ImportRowAdmin",
    "InventoryItemAdmin",
    "InventoryLocationAdmin",
    "KnowledgeDomainAdmin",
    "OfferingAdmin",
    "OfferingVersionAdmin",
    "OrderAdmin",
    "PriceChangeAdmin",
    "PriceListAdmin",
    "SalesChannelAdmin",
    "SearchSynonymAdmin",
    "StockMovementAdmin",
    "VariantAdmin",
]
