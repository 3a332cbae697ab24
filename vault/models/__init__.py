"""Secrets, what they cost, how much may be spent, and events out."""

from vault.models.budgets import Budget, BudgetPeriod
from vault.models.credentials import Credential, CredentialGrant, CredentialSecret, CredentialUse
from vault.models.events_out import EventDelivery, EventDestination
from vault.models.keys import MasterKey, TenantKey
from vault.models.prices import ModelPrice
from vault.models.usage import UsageEntry

__all__ = [
    "Budget",
    "BudgetPeriod",
    "Credential",
    "CredentialGrant",
    "CredentialSecret",
    "CredentialUse",
    "EventDelivery",
    "EventDestination",
    "MasterKey",
    "ModelPrice",
    "TenantKey",
    "UsageEntry",
]
