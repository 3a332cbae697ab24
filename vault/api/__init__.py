"""The API of the vault."""

from vault.api.events_out import EventDeliveryViewSet, EventDestinationViewSet

__all__ = ["EventDeliveryViewSet", "EventDestinationViewSet"]
