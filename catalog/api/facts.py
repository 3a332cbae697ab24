"""What is true right now (``facts/``), and finding offerings by meaning, price and attributes (``offerings/search/``)."""

import re
from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.facts import OfferingFacts, VariantFacts, facts_of_sku, offering_facts
from catalog.models import SalesChannel
from catalog.pricing import ResolvedPrice, require_one_currency
from catalog.search import Hit, narrowed, search
from tenants.api import TenantAPIView
from tenants.models import Tenant
from tenants.scope import current_tenant_id
from tenants.serializers import CodeRelatedField, MoneyField, StrictSerializer, TextField

MOST_FOUND = 100
"""Offerings in one answer of the search."""


class CurrencyField(serializers.RegexField):
    """A currency code in a query."""

    def __init__(self, **options: Any) -> None:
        super().__init__(r"^[A-Z]{3}\Z", required=False, **options)


class FactsQuery(StrictSerializer):
    """What is asked."""

    sku = TextField(max_length=255, trim_whitespace=False)
    channel = CodeRelatedField(queryset=SalesChannel.objects.all(), required=False)
    currency = CurrencyField()
    at = serializers.DateTimeField(required=False)


class PriceFactSerializer(StrictSerializer):
    """The price that counts, and why."""

    amount = MoneyField()
    currency = TextField()
    compare_at = MoneyField(allow_null=True)
    price_list = TextField()
    explanation = TextField()


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
        )
        if found is None:
            raise Http404
        offering, variant = found
        if variant.price is None and "currency" not in asked:
            require_one_currency(variant.currencies)
        return Response(FactsSerializer(_facts(offering, variant)).data)


def _facts(offering: OfferingFacts, variant: VariantFacts) -> dict[str, Any]:
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
        "as_of": variant.as_of,
        "expires_at": variant.expires_at,
    }


class SearchQuery(StrictSerializer):
    """What is looked for; ``attr.<key>`` narrows by an attribute or option."""

    q = TextField(max_length=2000)
    limit = serializers.IntegerField(required=False, default=10, min_value=1, max_value=MOST_FOUND)
    channel = CodeRelatedField(queryset=SalesChannel.objects.all(), required=False)
    currency = CurrencyField()
    min_price = MoneyField(required=False)
    max_price = MoneyField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """Add a field for every ``attr.<key>`` asked; its source makes them one dictionary, ``attr``."""
        keys = [name for name in getattr(self, "initial_data", ()) if re.fullmatch(r"attr\.[^.]{1,63}", name)]
        return {**super().get_fields(), **{name: TextField(max_length=500) for name in keys}}


class FoundSerializer(StrictSerializer):
    """An offering that was found; ``score`` is the confidence from 0 to 1, ``parts`` what it is made of."""

    id = serializers.UUIDField()
    code = TextField()
    name = TextField()
    category = TextField()
    offering_type = TextField()
    price_from = PriceFactSerializer(allow_null=True)
    price_to = PriceFactSerializer(allow_null=True)
    available = serializers.IntegerField(allow_null=True)
    sellable = serializers.BooleanField()
    image = TextField()
    score = serializers.FloatField()
    parts = serializers.DictField(child=serializers.FloatField())


class FoundPageSerializer(StrictSerializer):
    """What was found, best first."""

    results = FoundSerializer(many=True)


class SearchMixin(TenantAPIView):
    """The search of the offerings' view set: two round trips, whatever is found."""

    ATTRIBUTE = OpenApiParameter("attr.<key>", str, description="Any attribute or option, such as attr.color=red.")

    @extend_schema(parameters=[SearchQuery, ATTRIBUTE], responses=FoundPageSerializer, filters=False)
    @action(detail=False, methods=["get"], pagination_class=None, filter_backends=[])
    def search(self, request: Request) -> Response:
        """Find active offerings by what they are called and how they are described, in any order of words."""
        asked = self.read_query(SearchQuery)
        channel = asked["channel"].code if "channel" in asked else None
        currency = asked.get("currency") or Tenant.objects.values_list("currency", flat=True).get(pk=current_tenant_id())
        bounds = {"minimum": asked.get("min_price"), "maximum": asked.get("max_price")}
        only = narrowed(asked.get("attr", {}), **bounds, currency=currency, channel=channel)
        is_bounded, limit = _any(bounds), asked["limit"]
        # Some of what is found may not fit: there must be more to choose from than is shown.
        found = search(asked["q"], kinds=["offering"], limit=MOST_FOUND if is_bounded else limit, only=only)
        hits = {hit.id: hit for hit in found}
        offerings = offering_facts(list(hits), channel=channel, currency=currency if is_bounded else asked.get("currency"))
        fitting = [one for one in offerings if not is_bounded or _fits(one, **bounds)][:limit]
        return Response(FoundPageSerializer({"results": [_found(one, hits[one.id]) for one in fitting]}).data)


def _any(bounds: dict[str, Any]) -> bool:
    return any(bound is not None for bound in bounds.values())


def _fits(offering: OfferingFacts, *, minimum: Any, maximum: Any) -> bool:
    """Whether a variant's price is within the bounds: the search saw every price, this is the one that counts."""
    amounts = [variant.price.amount for variant in offering.variants if variant.price]
    return any((minimum is None or minimum <= one) and (maximum is None or one <= maximum) for one in amounts)


def _found(offering: OfferingFacts, hit: Hit) -> dict[str, Any]:
    lowest: ResolvedPrice | None = offering.lowest_price
    return {
        "id": offering.id,
        "code": offering.code,
        "name": offering.name,
        "category": offering.category,
        "offering_type": offering.offering_type,
        "price_from": lowest,
        "price_to": offering.highest_price,
        "available": offering.available,
        "sellable": offering.sellable,
        "image": offering.image_url,
        "score": hit.score,
        "parts": hit.parts,
    }
