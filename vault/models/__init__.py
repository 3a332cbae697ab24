"""Secrets, what they cost, and how much may be spent."""

from vault.models.budgets import Budget, BudgetPeriod
from vault.models.prices import ModelPrice
from vault.models.usage import UsageEntry

__all__ = ["Budget", "BudgetPeriod", "ModelPrice", "UsageEntry"]
