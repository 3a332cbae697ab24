"""Locations, quantities, the movements they are the sum of, and what is held for somebody."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import (
    InventoryItem,
    InventoryLocation,
    SalesChannel,
    StockAllocation,
    StockMovement,
    StockReservation,
    Variant,
)
from catalog.reservations import LONGEST, release, reserve_stock
from catalog.stock import count_variant, record_movement, transfer_stock
from tenants.api import TenantViewSet
from tenants.auth import author_of
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import CodeRelatedField, SkuRelatedField, StrictSerializer, TenantSerializer, TextField

BIGGEST = 2**31 - 1


@example("A warehouse", {"code": "warehouse", "name": "Warehouse", "type": "warehouse"})
class InventoryLocationSerializer(TenantSerializer):
    """Where stock lies; one with a ``channel`` serves that channel only."""

    channel = CodeRelatedField(queryset=SalesChannel.objects.all(), required=False, allow_null=True)

    class Meta:
        model = InventoryLocation
        fields = ("id", "code", "name", "type", "channel", "created_at")


class InventoryLocationViewSet(TenantViewSet):
    """Inventory locations. One where anything was ever counted cannot be deleted (409 ``in_use``)."""

    queryset = InventoryLocation.objects.all()
    serializer_class = InventoryLocationSerializer
    filters: ClassVar[dict[str, Filter]] = {"code": "code", "type": "type", "channel": "channel__code"}
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
        serializer.instance = count_variant(**serializer.validated_data, created_by=author_of(self.request))

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


@example(
    "To the shop",
    {"variant": "LAMP-W", "from_location": "warehouse", "to_location": "main", "quantity": 4, "note": "Weekly delivery"},
)
class TransferSerializer(StrictSerializer):
    """Pieces that go from one location to another."""

    variant = SkuRelatedField(queryset=Variant.objects.all())
    from_location = CodeRelatedField(source="source", queryset=InventoryLocation.objects.all())
    to_location = CodeRelatedField(source="target", queryset=InventoryLocation.objects.all())
    quantity = serializers.IntegerField(min_value=1, max_value=BIGGEST)
    note = TextField(required=False, max_length=500)


class TransferredSerializer(StrictSerializer):
    """The two movements of a transfer."""

    movements = StockMovementSerializer(many=True)


class AllocationSerializer(TenantSerializer):
    """Where pieces lie."""

    location = CodeRelatedField(read_only=True)

    class Meta:
        model = StockAllocation
        fields = ("location", "quantity")
        read_only_fields = fields


@example("Two lamps for ten minutes", {"variant": "LAMP-W", "quantity": 2, "expires_in": 600})
class ReservationSerializer(TenantSerializer):
    """Pieces held for somebody. ``expires_in`` is in seconds; ``allocations`` tell where the pieces lie."""

    variant = SkuRelatedField(queryset=Variant.objects.all())
    sku = TextField(source="variant.sku", read_only=True)
    location = CodeRelatedField(queryset=InventoryLocation.objects.all(), required=False, allow_null=True)
    quantity = serializers.IntegerField(min_value=1, max_value=BIGGEST)
    expires_in = serializers.IntegerField(write_only=True, min_value=1, max_value=int(LONGEST.total_seconds()))
    allocations = AllocationSerializer(many=True, read_only=True)

    class Meta:
        model = StockReservation
        fields = (
            *("id", "variant", "sku", "quantity", "location", "state", "expires_in", "expires_at", "order"),
            *("allocations", "closed_at", "created_at"),
        )
        read_only_fields = ("state", "expires_at", "order", "closed_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Leave the rest to the service."""
        return attrs


class StockReservationViewSet(TenantViewSet):
    """Stock held for a time, or by an order. What is past its end holds nothing, even while it still says ``open``."""

    http_method_names = ["get", "head", "post"]
    queryset = StockReservation.objects.prefetch_related("allocations__location")
    serializer_class = ReservationSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "variant": "variant",
        "sku": "variant__sku",
        "state": "state",
        "order": "order",
    }

    def perform_create(self, serializer: serializers.BaseSerializer[Any]) -> None:
        """Hold the pieces; 409 ``out_of_stock`` when fewer are available."""
        serializer.instance = reserve_stock(**serializer.validated_data)

    @extend_schema(request=None, responses=ReservationSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def release(self, request: Request, pk: str) -> Response:
        """Give the pieces back; twice is once. 409 ``held_by_order`` for what an order holds."""
        released = release(reservation=self.get_object())
        return self.answer(self.get_queryset().get(pk=released.pk))


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

    @extend_schema(request=TransferSerializer, responses={201: TransferredSerializer})
    @action(detail=False, methods=["post"], verb="add")
    def transfer(self, request: Request) -> Response:
        """Bring pieces from one location to another: both movements or none; 409 ``insufficient_stock``."""
        made = transfer_stock(**self.read_body(TransferSerializer), created_by=author_of(request))
        return Response(TransferredSerializer({"movements": made}).data, status=status.HTTP_201_CREATED)

    def perform_create(self, serializer: serializers.BaseSerializer[Any]) -> None:
        """Record it; 409 ``insufficient_stock`` when it would leave less than nothing."""
        serializer.instance = record_movement(**serializer.validated_data, created_by=author_of(self.request))
