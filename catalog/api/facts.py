"""What is true right now: price, availability and attributes (``facts/``)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.http import Http404
from django.utils.translation import get_language, gettext_lazy
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.facts import OfferingFacts, VariantFacts, facts_of_sku
from catalog.models import SalesChannel
from catalog.money import CURRENCIES
from catalog.pricing import require_one_currency
from tenants.api import TenantAPIView
from tenants.serializers import CodeRelatedField, MoneyField, StrictSerializer, TextField


class CurrencyField(serializers.RegexField):
    """A currency code, left out for the tenant's; one that no country has is ``unknown_currency``."""

    default_error_messages: ClassVar[dict[str, Any]] = {"unknown_currency": gettext_lazy("There is no such currency.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(r"^[A-Z]{3}\Z", required=False, **options)

    def run_validators(self, value: str) -> None:
        """Check the form first, then that there is such a currency."""
        super().run_validators(value)
        if value not in CURRENCIES:
            self.fail("unknown_currency")


class LanguageField(serializers.ChoiceField):
    """The language of names in a query."""

    def __init__(self, **options: Any) -> None:
        said = "Of names, where they are translated; else that of Accept-Language, else the version's own words."
        super().__init__(settings.LANGUAGES, required=False, help_text=said, **options)


def language_of(request: Request, asked: Mapping[str, Any]) -> str | None:
    """Return the language names are told in: the one asked for, else the one of ``Accept-Language``."""
    return asked.get("language") or (get_language() if "Accept-Language" in request.headers else None)


class FactsQuery(StrictSerializer):
    """What is asked."""

    sku = TextField(max_length=255, trim_whitespace=False)
    channel = CodeRelatedField(queryset=SalesChannel.objects.all(), required=False)
    currency = CurrencyField()
    at = serializers.DateTimeField(required=False)
    language = LanguageField()


class PriceFactSerializer(StrictSerializer):
    """The price that counts, and why."""

    amount = MoneyField()
    currency = TextField()
    compare_at = MoneyField(allow_null=True)
    price_list = TextField()
    explanation = TextField()


class RowSerializer(StrictSerializer):
    """A row of the database."""

    kind = TextField()
    id = serializers.UUIDField()


class VersionSourceSerializer(StrictSerializer):
    """The version the words and attributes are of."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()


class SourcesSerializer(StrictSerializer):
    """The rows the facts were read from; of another instant the price is a line of the ledger."""

    price = RowSerializer(allow_null=True)
    price_list = serializers.UUIDField(allow_null=True)
    inventory_items = serializers.ListField(child=serializers.UUIDField())
    version = VersionSourceSerializer()


class FactsSerializer(StrictSerializer):
    """Facts about one variant: true at ``as_of``, to be asked again after ``expires_at``."""

    sku = TextField()
    variant = serializers.UUIDField()
    variant_name = TextField()
    offering = serializers.UUIDField()
    name = TextField()
    price = PriceFactSerializer(allow_null=True)
    available = serializers.IntegerField(allow_null=True, help_text="null: not counted, always to be had.")
    sellable = serializers.BooleanField()
    attributes = serializers.DictField()
    sources = SourcesSerializer()
    as_of = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


EXAMPLE = OpenApiExample(
    "A lamp on sale",
    {
        "sku": "LAMP-W",
        "variant": "0199b2f4-6a7e-7c33-9a55-0d1b5f0e7a10",
        "variant_name": "White",
        "offering": "0199b2f4-6a7d-7f10-8a9e-3b1d2c4e5f60",
        "name": "Desk lamp",
        "price": {
            "amount": "159000.00",
            "currency": "VND",
            "compare_at": "199000.00",
            "price_list": "sale",
            "explanation": "Price list sale (channel web, priority 5) comes before standard.",
        },
        "available": 12,
        "sellable": True,
        "attributes": {"brand": "Lumora", "color": "white"},
        "sources": {
            "price": {"kind": "catalog.variantprice", "id": "0199b2f5-1c3e-7d51-8e0f-4a6b8c9d0e1f"},
            "price_list": "0199b2f0-3b2a-7c44-9d1e-5f6a7b8c9d0e",
            "inventory_items": ["0199b2f5-2d4f-7e62-9f10-5b7c9d0e1f2a"],
            "version": {"id": "0199b2f4-6a7d-7f11-8a9e-3b1d2c4e5f61", "number": 3},
        },
        "as_of": "2026-11-21T03:00:00Z",
        "expires_at": "2026-11-21T03:01:00Z",
    },
    response_only=True,
)


class FactsView(TenantAPIView):
    """Price, availability and attributes of one SKU."""

    required_permission = "catalog.view_variant"

    @extend_schema(parameters=[FactsQuery], responses=FactsSerializer, examples=[EXAMPLE])
    def get(self, request: Request) -> Response:
        """Answer what is true now, or was at ``at``; 404 for what is not on sale."""
        asked = self.read_query(FactsQuery)
        found = facts_of_sku(
            asked["sku"],
            channel=asked["channel"].code if "channel" in asked else None,
            currency=asked.get("currency"),
            at=asked.get("at"),
            language=language_of(request, asked),
        )
        if found is None:
            raise Http404
        offering, variant = found
        if variant.price is None and "currency" not in asked:
            require_one_currency(variant.currencies)
        return Response(FactsSerializer(_facts(offering, variant, is_past="at" in asked)).data)


def _facts(offering: OfferingFacts, variant: VariantFacts, *, is_past: bool) -> dict[str, Any]:
    return {
        "sku": variant.sku,
        "variant": variant.id,
        "variant_name": variant.name,
        "offering": offering.id,
        "name": offering.name,
        "price": variant.price,
        "available": variant.available,
        "sellable": variant.sellable,
        "attributes": {**offering.attributes, **variant.options},
        "sources": _sources(offering, variant, "catalog.pricechange" if is_past else "catalog.variantprice"),
        "as_of": variant.as_of,
        "expires_at": variant.expires_at,
    }


def _sources(offering: OfferingFacts, variant: VariantFacts, kind: str) -> dict[str, Any]:
    price = variant.price
    return {
        "price": price and {"kind": kind, "id": price.id},
        "price_list": price and price.price_list_id,
        "inventory_items": variant.inventory_items,
        "version": {"id": offering.version_id, "number": offering.version},
    }
