"""The API of the vault, one module per subject."""

from vault.api.credentials import CredentialGrantViewSet, CredentialUseViewSet, CredentialViewSet
from vault.api.events_out import EventDeliveryViewSet, EventDestinationViewSet

__all__ = [
    "CredentialGrantViewSet",
    "CredentialUseViewSet",
    "CredentialViewSet",
    "EventDeliveryViewSet",
    "EventDestinationViewSet",
]
