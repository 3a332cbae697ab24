"""The API of the vault, one module per subject."""

from vault.api.credentials import CredentialGrantViewSet, CredentialUseViewSet, CredentialViewSet
from vault.api.events_out import EventDeliveryViewSet, EventDestinationViewSet
from vault.api.usage import BudgetViewSet, ModelPriceViewSet, UsageViewSet

__all__ = [
    "BudgetViewSet",
    "CredentialGrantViewSet",
    "CredentialUseViewSet",
    "CredentialViewSet",
    "EventDeliveryViewSet",
    "EventDestinationViewSet",
    "ModelPriceViewSet",
    "UsageViewSet",
]
