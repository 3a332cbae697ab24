"""The admin of the vault."""

from vault.admin.credentials import CredentialAdmin, CredentialUseAdmin
from vault.admin.events_out import EventDeliveryAdmin, EventDestinationAdmin
from vault.admin.usage import BudgetAdmin, ModelPriceAdmin, UsageEntryAdmin

__all__ = [
    "BudgetAdmin",
    "CredentialAdmin",
    "CredentialUseAdmin",
    "EventDeliveryAdmin",
    "EventDestinationAdmin",
    "ModelPriceAdmin",
    "UsageEntryAdmin",
]
