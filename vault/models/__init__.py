"""Secrets, what they cost, and how much may be spent."""

from vault.models.budgets import Budget, BudgetPeriod
from vault.models.credentials import Credential, CredentialGrant, CredentialSecret, CredentialUse
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
    "MasterKey",
    "ModelPrice",
    "TenantKey",
    "UsageEntry",
]
