"""Channels, price lists, prices, and the ledger of their changes."""

from typing import Any, ClassVar

from rest_framework import serializers

from catalog.models import PriceChange, PriceList, SalesChannel, Variant, VariantPrice
from catalog.services import next_priority
from tenants.api import TenantReadViewSet, TenantViewSet
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import CodeRelatedField, MoneyField, SkuRelatedField, TenantSerializer, TextField


@example("A messenger", {"code": "zalo", "name": "Zalo"})
class SalesChannelSerializer(TenantSerializer):
    """Where is sold."""

    class Meta:
        model = SalesChannel
        fields = ("id", "code", "name", "is_active", "created_at")


class SalesChannelViewSet(TenantViewSet):
    """Sales channels. One that price lists, customers or conversations name cannot be deleted (409 ``in_use``)."""

    queryset = SalesChannel.objects.all()
    serializer_class = SalesChannelSerializer
    filters: ClassVar[dict[str, Filter]] = {"code": "code", "is_active": "is_active"}
    search_fields = ("code", "name")
    ordering_fields = ("code",)


@example(
    "A sale of one month",
    {
        "code": "tet-sale",
        "name": "Tết sale",
        "channel": "web",
        "valid_from": "2027-01-20T00:00:00+07:00",
        "valid_to": "2027-02-20T00:00:00+07:00",
    },
)
class PriceListSerializer(TenantSerializer):
    """Prices of one channel or of all, in a window of time."""

    channel = CodeRelatedField(queryset=SalesChannel.objects.all(), required=False, allow_null=True)
    priority = serializers.IntegerField(
        required=False, min_value=-(2**31), max_value=2**31 - 1, help_text="The highest wins; without one: above all others."
    )

    class Meta:
        model = PriceList
        fields = ("id", "code", "name", "channel", "priority", "valid_from", "valid_to", "created_at", "updated_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check the list; a new one without a priority comes before all others."""
        if self.instance is None and "priority" not in attrs:
            attrs = {**attrs, "priority": next_priority()}
        return super().validate(attrs)


class PriceListViewSet(TenantViewSet):
    """Price lists. One that ever had a price cannot be deleted (409 ``in_use``): end its window instead."""

    queryset = PriceList.objects.all()
    serializer_class = PriceListSerializer
    filters: ClassVar[dict[str, Filter]] = {"code": "code", "channel": "channel__code"}
    search_fields = ("code", "name")
    ordering_fields = ("code", "priority")


@example(
    "A lamp on sale",
    {"price_list": "tet-sale", "variant": "LAMP-W", "currency": "VND", "amount": "199000", "compare_at": "250000"},
)
class PriceSerializer(TenantSerializer):
    """The price of a variant in a list and currency."""

    price_list = CodeRelatedField(queryset=PriceList.objects.all())
    variant = SkuRelatedField(queryset=Variant.objects.all())
    sku = TextField(source="variant.sku", read_only=True)
    amount = MoneyField()
    compare_at = MoneyField(required=False, allow_null=True)

    class Meta:
        model = VariantPrice
        fields = ("id", "price_list", "variant", "sku", "currency", "amount", "compare_at", "created_at", "updated_at")


class PriceViewSet(TenantViewSet):
    """Prices as they stand in the lists; ``facts/`` says which of them counts."""

    queryset = VariantPrice.objects.all()
    serializer_class = PriceSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "price_list": "price_list__code",
        "variant": "variant",
        "sku": "variant__sku",
        "currency": "currency",
    }
    search_fields = ("variant__sku",)
    ordering_fields = ("amount",)


class PriceChangeSerializer(TenantSerializer):
    """One line of the ledger; null stands for "no price"."""

    price_list = CodeRelatedField(read_only=True)
    variant = SkuRelatedField(read_only=True)
    sku = TextField(source="variant.sku", read_only=True)
    old_amount = MoneyField(read_only=True, allow_null=True)
    new_amount = MoneyField(read_only=True, allow_null=True)
    old_compare_at = MoneyField(read_only=True, allow_null=True)
    new_compare_at = MoneyField(read_only=True, allow_null=True)

    class Meta:
        model = PriceChange
        fields = (
            *("id", "price_list", "variant", "sku", "currency", "old_amount", "new_amount", "old_compare_at"),
            *("new_compare_at", "created_at"),
        )
        read_only_fields = fields


class PriceChangeViewSet(TenantReadViewSet):
    """Every change of every price, newest first."""

    queryset = PriceChange.objects.all()
    serializer_class = PriceChangeSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "price_list": "price_list__code",
        "variant": "variant",
        "sku": "variant__sku",
        "currency": "currency",
        "since": "created_at__gte",
        "until": "created_at__lt",
    }
