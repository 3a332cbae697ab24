"""Offerings, their versions and variants."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.search import SearchMixin
from catalog.api.versions import TranslationsField
from catalog.filing import one_spelling
from catalog.models import KnowledgeDomain, Offering, OfferingImage, Variant
from catalog.models.offerings import OfferingQuerySet
from catalog.services import (
    archive_offering,
    change_offering,
    create_offering,
    save_variant,
)
from tenants.api import TenantViewSet
from tenants.auth import author_of
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import CodeRelatedField, IdRelatedField, TenantSerializer, TextField

BOTS: models.QuerySet = Offering.bot.field.related_model.objects.all()  # type: ignore[attr-defined]


class ImageSerializer(TenantSerializer):
    """A picture, by address: an object, or the address alone."""

    class Meta:
        model = OfferingImage
        fields = ("url", "alt")

    def to_internal_value(self, data: Any) -> Any:
        """Take an address alone for the picture there."""
        return super().to_internal_value({"url": data} if isinstance(data, str) else data)


class NestedVariantSerializer(TenantSerializer):
    """A variant inside its offering."""

    attributes = serializers.DictField(required=False)

    class Meta:
        model = Variant
        fields = ("id", "sku", "name", "attributes", "inventory_policy", "status", "position")
        read_only_fields = ("status", "position")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Leave the SKUs to the offering: it asks about all of them at once."""
        return attrs


@example(
    "A lamp in two colours",
    {
        "code": "desk-lamp",
        "offering_type": "physical",
        "domain": "electronics",
        "category": "Lighting",
        "name": "Desk lamp",
        "attributes": {"brand": "Lumora"},
        "variants": [
            {"sku": "LAMP-W", "name": "White", "attributes": {"color": "white"}},
            {"sku": "LAMP-B", "name": "Black", "attributes": {"color": "black"}},
        ],
    },
)
class OfferingSerializer(TenantSerializer):
    """What is sold. Name, description and attributes are those of the active version, else of the newest draft."""

    domain = CodeRelatedField(queryset=KnowledgeDomain.objects.all(), required=False, allow_null=True)
    bot = CodeRelatedField(queryset=BOTS, required=False, allow_null=True)
    name = TextField(source="current.name", max_length=500)
    description = TextField(source="current.description", required=False, allow_blank=True, max_length=100_000)
    attributes = serializers.DictField(source="current.attributes", required=False)
    translations = TranslationsField(source="current.translations", required=False)
    version = serializers.IntegerField(source="current.version", read_only=True)
    is_archived = serializers.BooleanField(read_only=True)
    images = ImageSerializer(many=True, required=False, max_length=100)  # type: ignore[call-arg]
    variants = NestedVariantSerializer(many=True, required=False, max_length=1000)  # type: ignore[call-arg]

    class Meta:
        model = Offering
        fields = (
            *("id", "code", "offering_type", "domain", "bot", "category", "tags", "identity_key", "status", "is_archived"),
            *("name", "description", "attributes", "translations", "version", "images", "variants", "metadata"),
            *("created_at", "updated_at"),
        )
        read_only_fields = ("status",)

    def validate_images(self, images: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse an address that stands here twice."""
        urls = [image["url"] for image in images]
        twice = ErrorDetail(_("Another image here has this address."), code="duplicate_image")
        errors = [{"url": [twice]} if url in urls[:n] else {} for n, url in enumerate(urls)]
        if any(errors):
            raise serializers.ValidationError(errors)
        return images

    def validate_variants(self, variants: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse a SKU that stands here twice, or that the tenant has already."""
        skus = [variant["sku"] for variant in variants]
        taken = set(Variant.objects.filter(sku__in=skus).values_list("sku", flat=True))
        errors = [_sku_error(sku, is_taken=sku in taken, is_second=sku in skus[:n]) for n, sku in enumerate(skus)]
        if any(errors):
            raise serializers.ValidationError(errors)
        return variants


def _in_category(offerings: models.QuerySet, value: str) -> models.QuerySet:
    return offerings.filter(category=one_spelling(value))


def _tagged(offerings: models.QuerySet, value: str) -> models.QuerySet:
    return offerings.filter(tags__contains=[one_spelling(value)])


def _called_elsewhere(offerings: models.QuerySet, value: str) -> models.QuerySet:
    return offerings.filter(identity_key=one_spelling(value))


def _sku_error(sku: str, *, is_taken: bool, is_second: bool) -> dict[str, list[ErrorDetail]]:
    if is_second:
        return {"sku": [ErrorDetail(_("Another variant here has this SKU."), code="duplicate_sku")]}
    if is_taken:
        return {"sku": [ErrorDetail(_("A variant with this SKU exists already."), code="unique")]}
    return {}


@example("Another category", {"category": "Lamps", "tags": ["desk", "led"]})
class ChangedOfferingSerializer(OfferingSerializer):
    """What a PATCH may change; variants have their own address."""

    variants = NestedVariantSerializer(many=True, read_only=True)


class OfferingViewSet(SearchMixin, TenantViewSet):
    """Offerings. They are archived, never deleted."""

    http_method_names = ["get", "head", "post", "patch"]
    queryset = Offering.objects.all()
    serializer_class = OfferingSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "code": "code",
        "status": "status",
        "offering_type": "offering_type",
        "domain": "domain__code",
        "bot": "bot__code",
        "category": _in_category,
        "tag": _tagged,
        "identity_key": _called_elsewhere,
    }
    search_fields = ("code", "name", "category")
    ordering_fields = ("code", "updated_at")

    def get_queryset(self) -> models.QuerySet:
        """Return the offerings with the words, pictures and variants the answer shows."""
        rows: OfferingQuerySet = super().get_queryset()  # type: ignore[assignment]
        return rows.with_active_version().with_shown().prefetch_related("images", "variants")

    def get_serializer_class(self) -> type[OfferingSerializer]:
        """Take variants at creation only."""
        return ChangedOfferingSerializer if self.action == "partial_update" else OfferingSerializer

    def perform_create(self, serializer: serializers.BaseSerializer[Offering]) -> None:
        """Make offering, version 1 and variants."""
        values = dict(serializer.validated_data)
        words = values.pop("current")
        serializer.instance = create_offering(**values, **words, created_by=author_of(self.request))

    def perform_update(self, serializer: serializers.BaseSerializer[Offering]) -> None:
        """Change fields; changed words make a new version."""
        assert serializer.instance is not None
        values = dict(serializer.validated_data)
        change_offering(
            offering=serializer.instance,
            words=values.pop("current", {}),
            images=values.pop("images", None),
            values=values,
            created_by=author_of(self.request),
        )

    @extend_schema(request=None, responses=OfferingSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def archive(self, request: Request, pk: str) -> Response:
        """Take the offering off sale; activating a version brings it back."""
        offering = archive_offering(offering=self.get_object())
        return self.answer(self.get_queryset().get(pk=offering.pk))


@example(
    "A third colour",
    {"offering": "0198c2a4-5b1e-7c3d-9f00-5d6a7b8c9d0e", "sku": "LAMP-R", "name": "Red", "attributes": {"color": "red"}},
)
class VariantSerializer(TenantSerializer):
    """What is priced, stocked and bought."""

    attributes = serializers.DictField(required=False)
    position = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)

    class Meta:
        model = Variant
        fields = (
            *("id", "offering", "sku", "name", "status", "attributes", "inventory_policy", "position", "metadata"),
            *("created_at", "updated_at"),
        )


@example("Another name", {"name": "Dark red", "position": 3})
class ChangedVariantSerializer(VariantSerializer):
    """What a PATCH may change: a variant stays with its offering."""

    offering = IdRelatedField(read_only=True)


class VariantViewSet(TenantViewSet):
    """Variants. They are archived (PATCH ``status``), never deleted."""

    http_method_names = ["get", "head", "post", "patch"]
    queryset = Variant.objects.all()
    serializer_class = VariantSerializer
    filters: ClassVar[dict[str, Filter]] = {"offering": "offering", "sku": "sku", "status": "status"}
    search_fields = ("sku", "name")
    ordering_fields = ("sku", "position")

    def get_serializer_class(self) -> type[VariantSerializer]:
        """Leave the offering alone after creation."""
        return ChangedVariantSerializer if self.action == "partial_update" else VariantSerializer

    def perform_create(self, serializer: serializers.BaseSerializer[Variant]) -> None:
        """Save the new variant, its options checked against the domain."""
        serializer.instance = save_variant(variant=Variant(), values=serializer.validated_data)

    def perform_update(self, serializer: serializers.BaseSerializer[Variant]) -> None:
        """Save what changed."""
        assert serializer.instance is not None
        save_variant(variant=serializer.instance, values=serializer.validated_data)
