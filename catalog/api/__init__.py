"""The API of the catalogue, one module per aisle."""

from catalog.api.customers import CustomerViewSet
from catalog.api.domains import AttributeDefinitionViewSet, DomainViewSet
from catalog.api.exports import ExportView
from catalog.api.facts import FactsView
from catalog.api.import_mappings import ImportMappingViewSet
from catalog.api.imports import ImportRowViewSet, ImportViewSet
from catalog.api.offerings import OfferingViewSet, VariantViewSet
from catalog.api.orders import OrderViewSet
from catalog.api.prices import PriceChangeViewSet, PriceListViewSet, PriceViewSet, SalesChannelViewSet
from catalog.api.search import SynonymViewSet
from catalog.api.stock import InventoryItemViewSet, InventoryLocationViewSet, StockMovementViewSet, StockReservationViewSet
from catalog.api.versions import OfferingVersionViewSet

__all__ = [
    "AttributeDefinitionViewSet",
    "CustomerViewSet",
    "DomainViewSet",
    "ExportView",
    "FactsView",
    "ImportMappingViewSet",
    "ImportRowViewSet",
    "ImportViewSet",
    "InventoryItemViewSet",
    "InventoryLocationViewSet",
    "OfferingVersionViewSet",
    "OfferingViewSet",
    "OrderViewSet",
    "PriceChangeViewSet",
    "PriceListViewSet",
    "PriceViewSet",
    "SalesChannelViewSet",
    "StockMovementViewSet",
    "StockReservationViewSet",
    "SynonymViewSet",
    "VariantViewSet",
]
