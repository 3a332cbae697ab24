"""Finding offerings (``offerings/search/``), and the tenant's synonyms."""

import re
from collections import defaultdict
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.facts import CurrencyField, LanguageField, PriceFactSerializer, language_of
from catalog.models import KnowledgeDomain, Offering, SalesChannel, SearchSynonym
from catalog.search import Described, Filters
from catalog.search.offerings import MOST_FOUND, FoundOffering, find_offerings
from tenants.api import TenantAPIView, TenantViewSet
from tenants.filters import Filter
from tenants.models import Tenant
from tenants.schema import example
from tenants.scope import current_tenant_id
from tenants.serializers import ChoiceField, CodeRelatedField, MoneyField, StrictSerializer, TenantSerializer, TextField

ATTRIBUTE = re.compile(r"attr\.([^.\x00]{1,63})(?:\.(min|max))?")
BOUNDS = {"min": "minimum", "max": "maximum"}


class SearchQuery(StrictSerializer):
    """What is looked for. ``attr.<key>`` narrows by an attribute or option, ``attr.<key>.min`` and ``.max`` by a number."""

    q = TextField(max_length=2000)
    limit = serializers.IntegerField(required=False, default=10, min_value=1, max_value=MOST_FOUND)
    channel = CodeRelatedField(queryset=SalesChannel.objects.all(), required=False)
    currency = CurrencyField()
    min_price = MoneyField(required=False)
    max_price = MoneyField(required=False)
    available = ChoiceField(choices=["true", "false"], required=False, help_text=_("Whether it can be sold now."))
    category = TextField(max_length=200, required=False)
    tag = TextField(max_length=100, required=False)
    offering_type = ChoiceField(choices=Offering.Type.values, required=False)
    domain = CodeRelatedField(queryset=KnowledgeDomain.objects.all(), required=False)
    language = LanguageField()

    def get_fields(self) -> dict[str, Any]:
        """Add a field for every attribute asked about; a dot in its name is no path."""
        names = [name for name in getattr(self, "initial_data", ()) if ATTRIBUTE.fullmatch(name)]
        return {**super().get_fields(), **{name: _attribute_field(name, n) for n, name in enumerate(names)}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Gather what is asked about each attribute."""
        asked: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for name, field in self.fields.items():
            if match := ATTRIBUTE.fullmatch(name):
                asked[match[1]][BOUNDS.get(match[2], "value")] = attrs.pop(str(field.source))
        return {**attrs, "described": [one for key, values in asked.items() for one in _described(key, **values)]}


def _attribute_field(name: str, number: int) -> serializers.Field:
    if name.endswith((".min", ".max")):
        return serializers.DecimalField(max_digits=19, decimal_places=4, source=f"attribute_{number}")
    return TextField(max_length=500, source=f"attribute_{number}")


def _described(
    key: str, value: str | None = None, minimum: Decimal | None = None, maximum: Decimal | None = None
) -> list[Described]:
    words = [] if value is None else [Described(key, value)]
    return words if minimum is maximum is None else [*words, Described(key, minimum=minimum, maximum=maximum)]


def filters_of(asked: dict[str, Any]) -> Filters:
    """Return what a validated ``SearchQuery`` narrows to."""
    return Filters(
        minimum=asked.get("min_price"),
        maximum=asked.get("max_price"),
        currency=asked.get("currency") or Tenant.objects.values_list("currency", flat=True).get(pk=current_tenant_id()),
        channel=asked["channel"].code if "channel" in asked else None,
        available={"true": True, "false": False, None: None}[asked.get("available")],
        described=asked["described"],
        category=asked.get("category"),
        tag=asked.get("tag"),
        offering_type=asked.get("offering_type"),
        domain_id=asked["domain"].pk if "domain" in asked else None,
    )


class FoundSerializer(StrictSerializer):
    """An offering that was found; ``score`` is the confidence from 0 to 1, ``parts`` what it is made of.

    With bounds of the price the two prices are those of the variants within them. Without ``embedded`` the vector is
    still to come, and words alone decided. ``synonyms`` are those by which it was found.
    """

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
    synonyms = serializers.ListField(child=TextField(), help_text=_("Such as “tv = tivi”: said, and what the text holds."))
    embedded = serializers.BooleanField()


class FoundPageSerializer(StrictSerializer):
    """What was found, best first."""

    results = FoundSerializer(many=True)


class SearchMixin(TenantAPIView):
    """The search of the offerings' view set: two round trips, whatever is found."""

    ATTRIBUTES = (
        OpenApiParameter("attr.<key>", str, description="Any attribute or option, such as attr.color=red."),
        OpenApiParameter("attr.<key>.min", float, description="At least this number, such as attr.ram.min=8."),
        OpenApiParameter("attr.<key>.max", float, description="At most this number, such as attr.ram.max=16."),
    )

    @extend_schema(parameters=[SearchQuery, *ATTRIBUTES], responses=FoundPageSerializer, filters=False)
    @action(detail=False, methods=["get"], pagination_class=None, filter_backends=[])
    def search(self, request: Request) -> Response:
        """Find active offerings by what they are called and how they are described, in any order of words."""
        asked = self.read_query(SearchQuery)
        filters = filters_of(asked)
        shown = {"currency": asked.get("currency"), "told_in": language_of(request, asked)}
        found = find_offerings(asked["q"], filters=filters, limit=asked["limit"], **shown)
        return Response(FoundPageSerializer({"results": [_card(one) for one in found]}).data)


def _card(found: FoundOffering) -> dict[str, Any]:
    offering = found.facts
    return {
        "id": offering.id,
        "code": offering.code,
        "name": offering.name,
        "category": offering.category,
        "offering_type": offering.offering_type,
        "price_from": found.lowest,
        "price_to": found.highest,
        "available": offering.available,
        "sellable": offering.sellable,
        "image": offering.image_url,
        "score": found.hit.score,
        "parts": found.hit.parts,
        "synonyms": [f"{one.said} = {one.meant}" for one in found.hit.synonyms],
        "embedded": found.hit.has_vector,
    }


@example("Three words for a telephone", {"term": "điện thoại", "synonyms": ["dế", "phone"]})
class SynonymSerializer(TenantSerializer):
    """Words that mean the same to the tenant's customers."""

    class Meta:
        model = SearchSynonym
        fields = ("id", "term", "synonyms", "is_two_way", "created_at", "updated_at")


class SynonymViewSet(TenantViewSet):
    """Synonyms. They count from the next search on, for the API as for bots."""

    queryset = SearchSynonym.objects.all()
    serializer_class = SynonymSerializer
    filters: ClassVar[dict[str, Filter]] = {"term": "term", "is_two_way": "is_two_way"}
    search_fields = ("term",)
    ordering_fields = ("term", "updated_at")
