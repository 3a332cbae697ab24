"""What the vault's API shows of costs."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.schema import example
from tenants.serializers import CodeRelatedField, MoneyField, TenantSerializer, TextField
from vault.models import Budget, ModelPrice, UsageEntry


@extend_schema_field({"type": "string", "pattern": r"^\d{1,12}\.\d{2,6}$", "example": "0.025"})
class PriceField(serializers.DecimalField):
    """A price of tokens, exact: at least 2 decimals, and as many as it has, up to 6. Read only."""

    def __init__(self, **options: Any) -> None:
        options.pop("max_digits", None), options.pop("decimal_places", None)
        super().__init__(max_digits=18, decimal_places=6, read_only=True, **options)

    def to_representation(self, value: Any) -> str:
        """Return all decimals that are not zero, at least 2."""
        whole, _, decimals = f"{Decimal(value):.6f}".partition(".")
        return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


class UsageEntrySerializer(TenantSerializer):
    """One call of a model. ``cached_input_tokens`` are a part of the input, ``reasoning_tokens`` of the output."""

    bot = TextField(source="bot_code", read_only=True, allow_null=True)
    amount = MoneyField(
        read_only=True, allow_null=True, help_text="Rounded to 4 decimals; null while the call is under way."
    )
    amount_pico = serializers.SerializerMethodField(
        help_text="The exact amount in units of 10^-12 of the currency, to be added up: rounded ones of small calls are not."
    )
    reserved_amount = MoneyField(read_only=True)
    is_priced = serializers.SerializerMethodField(help_text="False: the model had no price, so the amount says nothing.")

    class Meta:
        model = UsageEntry
        fields = (
            *("id", "key", "kind", "state", "provider", "model", "bot", "subject_kind", "subject_id", "credential_id"),
            *("actor_kind", "actor_id", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens"),
            *(
                "amount",
                "amount_pico",
                "reserved_amount",
                "currency",
                "is_priced",
                "is_estimated",
                "latency_ms",
                "error_kind",
            ),
            *("created_at", "settled_at"),
        )
        read_only_fields = fields

    def get_amount_pico(self, entry: UsageEntry) -> int | None:
        """Return the cost as a whole number: it has twelve decimals at most."""
        return None if entry.amount is None else int(entry.amount.scaleb(12))

    def get_is_priced(self, entry: UsageEntry) -> bool:
        """Return whether the model had a price."""
        return entry.price_id is not None


class ModelPriceSerializer(TenantSerializer):
    """What 1,000,000 tokens cost from an instant on, until the model's next row. Null: what the whole costs."""

    input_price = PriceField()
    cached_input_price = PriceField(allow_null=True)
    output_price = PriceField()
    reasoning_price = PriceField(allow_null=True)

    class Meta:
        model = ModelPrice
        fields = (
            *("id", "provider", "model", "valid_from", "currency", "input_price", "cached_input_price"),
            *("output_price", "reasoning_price", "created_at"),
        )
        read_only_fields = fields


@example(
    "Fifty dollars a month for one bot",
    {"bot": "shop", "period": "month", "limit_amount": "50.00", "currency": "USD", "thresholds": [50, 80, 95]},
)
class BudgetSerializer(TenantSerializer):
    """A hard stop. ``spent`` and ``reserved`` are those of the period that runs now, in the tenant's time zone."""

    bot = CodeRelatedField(queryset=Budget.bot.field.related_model.objects.all(), required=False, allow_null=True)  # type: ignore[attr-defined]
    limit_amount = MoneyField()
    thresholds = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=100), max_length=10, required=False
    )
    spent = MoneyField(read_only=True)
    reserved = MoneyField(read_only=True, help_text="Held for calls that are under way, at the most they can cost.")
    period_start = serializers.DateTimeField(read_only=True)
    period_end = serializers.DateTimeField(read_only=True, allow_null=True)

    class Meta:
        model = Budget
        fields = (
            *("id", "bot", "period", "limit_amount", "currency", "thresholds", "is_active", "spent", "reserved"),
            *("period_start", "period_end", "created_at", "updated_at"),
        )
