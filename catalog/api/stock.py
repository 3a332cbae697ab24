"""Locations, quantities, and the movements they are the sum of."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request

from catalog.models import InventoryItem, InventoryLocation, StockMovement, Variant
from catalog.services import count_variant, record_movement
from tenants.api import TenantViewSet
from tenants.filters import Filter
from tenants.models import User
from tenants.schema import example
from tenants.serializers import CodeRelatedField, SkuRelatedField, TenantSerializer, TextField

BIGGEST = 2**31 - 1


def person(request: Request) -> User | None:
    """Return who sends the request, None for a program."""
    return request.user if isinstance(request.user, User) else None


@example("A warehouse", {"code": "warehouse", "name": "Warehouse", "type": "warehouse"})
class InventoryLocationSerializer(TenantSerializer):
    """Where stock lies."""

    class Meta:
        model = InventoryLocation
        fields = ("id", "code", "name", "type", "created_at")


class InventoryLocationViewSet(TenantViewSet):
    """Inventory locations. One where anything was ever counted cannot be deleted (409 ``in_use``)."""

    queryset = InventoryLocation.objects.all()
    serializer_class = InventoryLocationSerializer
    filters: ClassVar[dict[str, Filter]] = {"code": "code", "type": "type"}
    search_fields = ("code", "name")
    ordering_fields = ("code",)


class InventoryItemSerializer(TenantSerializer):
    """The quantity of a variant at a location."""

    variant = SkuRelatedField(read_only=True)
    sku = TextField(source="variant.sku", read_only=True)
    location = CodeRelatedField(read_only=True)
    stock_qty = serializers.IntegerField(read_only=True)
    safety_stock = serializers.IntegerField(min_value=0, max_value=BIGGEST)

    class Meta:
        model = InventoryItem
        fields = ("id", "variant", "sku", "location", "stock_qty", "safety_stock", "created_at", "updated_at")


@example("Count a lamp", {"variant": "LAMP-W", "location": "warehouse", "stock_qty": 12, "safety_stock": 2})
class NewInventoryItemSerializer(InventoryItemSerializer):
    """A variant to count from now on; ``stock_qty`` becomes its first movement."""

    variant = SkuRelatedField(queryset=Variant.objects.all())
    location = CodeRelatedField(queryset=InventoryLocation.objects.all())
    stock_qty = serializers.IntegerField(required=False, min_value=0, max_value=BIGGEST)
    safety_stock = serializers.IntegerField(required=False, min_value=0, max_value=BIGGEST)


class InventoryItemViewSet(TenantViewSet):
    """Quantities by variant and location. ``stock_qty`` changes by ``stock-movements/`` only."""

    http_method_names = ["get", "head", "post", "patch"]
    queryset = InventoryItem.objects.all()
    serializer_class = InventoryItemSerializer
    filters: ClassVar[dict[str, Filter]] = {"variant": "variant", "sku": "variant__sku", "location": "location__code"}
    search_fields = ("variant__sku",)
    ordering_fields = ("stock_qty",)

    def get_serializer_class(self) -> type[InventoryItemSerializer]:
        """Take more at creation than later."""
        return NewInventoryItemSerializer if self.action == "create" else InventoryItemSerializer

    def perform_create(self, serializer: serializers.BaseSerializer[InventoryItem]) -> None:
        """Begin to count."""
        serializer.instance = count_variant(**serializer.validated_data, created_by=person(self.request))

    def perform_update(self, serializer: serializers.BaseSerializer[InventoryItem]) -> None:
        """Save what people set; the quantity is the trigger's, and may have moved on."""
        assert serializer.instance is not None
        for name, value in serializer.validated_data.items():
            setattr(serializer.instance, name, value)
        serializer.instance.save(update_fields=["safety_stock", "updated_at"])


@example(
    "Goods have come in",
    {"variant": "LAMP-W", "location": "warehouse", "quantity": 12, "reason": "receipt", "note": "Delivery 4711"},
)
class StockMovementSerializer(TenantSerializer):
    """One change of a quantity: below zero when stock leaves."""

    variant = SkuRelatedField(queryset=Variant.objects.all())
    sku = TextField(source="variant.sku", read_only=True)
    location = CodeRelatedField(queryset=InventoryLocation.objects.all())
    quantity = serializers.IntegerField(min_value=-BIGGEST, max_value=BIGGEST)

    class Meta:
        model = StockMovement
        fields = ("id", "variant", "sku", "location", "quantity", "reason", "note", "created_by", "created_at")
        read_only_fields = ("created_by",)


class StockMovementViewSet(TenantViewSet):
    """Stock movements, newest first. The first one of a variant at a location makes the inventory item."""

    http_method_names = ["get", "head", "post"]
    queryset = StockMovement.objects.all()
    serializer_class = StockMovementSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "variant": "variant",
        "sku": "variant__sku",
        "location": "location__code",
        "reason": "reason",
        "since": "created_at__gte",
        "until": "created_at__lt",
    }

    def perform_create(self, serializer: serializers.BaseSerializer[Any]) -> None:
        """Record it; 409 ``insufficient_stock`` when it would leave less than nothing."""
        serializer.instance = record_movement(**serializer.validated_data, created_by=person(self.request))
