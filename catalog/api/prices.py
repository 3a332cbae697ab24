"""Channels, price lists, prices, and the ledger of their changes."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.facts import CurrencyField, PriceFactSerializer
from catalog.models import PriceChange, PriceList, SalesChannel, Variant, VariantPrice
from catalog.pricing import Verdict, explain_price
from catalog.services import next_priority
from tenants.api import TenantReadViewSet, TenantViewSet
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import (
    ChoiceField,
    CodeRelatedField,
    MoneyField,
    SkuRelatedField,
    StrictSerializer,
    TenantSerializer,
    TextField,
)


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


class ExplanationQuery(StrictSerializer):
    """Which price is asked for."""

    sku = SkuRelatedField(queryset=Variant.objects.all())
    channel = CodeRelatedField(queryset=SalesChannel.objects.all(), required=False)
    currency = CurrencyField()
    at = serializers.DateTimeField(required=False)


class CandidateSerializer(StrictSerializer):
    """A price that stands in some list, and what became of it: in one word, and in the reader's."""

    price_list = TextField()
    channel = TextField(allow_null=True)
    priority = serializers.IntegerField()
    valid_from = serializers.DateTimeField(allow_null=True)
    valid_to = serializers.DateTimeField(allow_null=True)
    amount = MoneyField()
    currency = TextField()
    compare_at = MoneyField(allow_null=True)
    verdict = ChoiceField(Verdict.choices)
    reason = TextField()


class ExplanationSerializer(StrictSerializer):
    """The price that counts at ``at``, why, and what became of every other price of the variant."""

    sku = TextField()
    price = PriceFactSerializer(allow_null=True)
    text = TextField()
    candidates = CandidateSerializer(many=True)
    at = serializers.DateTimeField()


class PriceViewSet(TenantViewSet):
    """Prices as they stand in the lists; ``facts/`` says which of them counts, ``explain/`` why."""

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

    @extend_schema(parameters=[ExplanationQuery], responses=ExplanationSerializer, filters=False)
    @action(detail=False, methods=["get"], pagination_class=None, filter_backends=[])
    def explain(self, request: Request) -> Response:
        """Tell which price of a variant counts, now or ``at``, and why each of the others does not."""
        asked = self.read_query(ExplanationQuery)
        told = explain_price(
            asked["sku"].pk,
            channel=asked["channel"].code if "channel" in asked else None,
            currency=asked.get("currency"),
            at=asked.get("at"),
        )
        answer = {
            "sku": asked["sku"].sku,
            "price": told.price,
            "text": told.text,
            "candidates": told.candidates,
            "at": told.at,
        }
        return Response(ExplanationSerializer(answer).data)


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
            *("new_compare_at", "actor_kind", "actor_id", "created_at"),
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
