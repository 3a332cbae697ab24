"""What models cost: the ledger, the prices, and the budgets."""

from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers

from tenants.api import TenantReadViewSet, TenantViewSet
from tenants.filters import Filter, find_reference
from vault.budgets import save_budget
from vault.models import Budget, ModelPrice, UsageEntry
from vault.serializers import BudgetSerializer, ModelPriceSerializer, UsageEntrySerializer


def of_bot(entries: models.QuerySet, code: str) -> models.QuerySet:
    """Narrow to one bot by its code; the ledger names it by a plain id."""
    bots: Any = Budget.bot.field.related_model
    return entries.filter(bot_id=find_reference(bots, "code", value=code, name="bot"))


class UsageViewSet(TenantReadViewSet):
    """Every call of a model, newest first, with its tokens and its exact cost."""

    queryset = UsageEntry.objects.all()
    serializer_class = UsageEntrySerializer
    filters: ClassVar[dict[str, Filter]] = {
        "bot": of_bot,
        "model": "model",
        "kind": "kind",
        "state": "state",
        "subject_id": "subject_id",
        "since": "created_at__gte",
        "until": "created_at__lt",
    }

    def get_queryset(self) -> models.QuerySet:
        """Return the calls with the codes of their bots."""
        entries: Any = super().get_queryset()
        return entries.with_bot_code()


class ModelPriceViewSet(TenantReadViewSet):
    """Prices of models, the same for every tenant. The newest row whose time has come counts."""

    queryset = ModelPrice.objects.all()
    serializer_class = ModelPriceSerializer
    filters: ClassVar[dict[str, Filter]] = {"provider": "provider", "model": "model"}
    ordering = ("provider", "model", "-valid_from")


class BudgetViewSet(TenantViewSet):
    """Hard stops on what models may cost. A call that could pass one is refused (409 ``budget_exceeded``)."""

    queryset = Budget.objects.all()
    serializer_class = BudgetSerializer
    filters: ClassVar[dict[str, Filter]] = {"bot": "bot__code", "period": "period", "is_active": "is_active"}

    def get_queryset(self) -> models.QuerySet:
        """Return the budgets with what is spent of them."""
        budgets: Any = super().get_queryset()
        return budgets.with_spending()

    def perform_create(self, serializer: serializers.BaseSerializer[Budget]) -> None:
        """Begin to count, with what the ledger holds of the period already."""
        serializer.instance = save_budget(budget=Budget(**serializer.validated_data))

    def perform_update(self, serializer: serializers.BaseSerializer[Budget]) -> None:
        """Change what it allows or counts."""
        assert serializer.instance is not None
        for name, value in serializer.validated_data.items():
            setattr(serializer.instance, name, value)
        save_budget(budget=serializer.instance)
