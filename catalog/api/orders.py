"""Orders: what was bought, how it stands, what came back."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.facts import CurrencyField
from catalog.models import (
    Customer,
    InventoryLocation,
    Offering,
    Order,
    OrderEntry,
    OrderLine,
    OrderReturn,
    OrderReturnLine,
    SalesChannel,
    Variant,
)
from catalog.order_lines import MOST_LINES, MOST_PIECES, NewLine
from catalog.orders import (
    OrderWords,
    add_note,
    cancel_order,
    confirm_order,
    create_order,
    fulfil_order,
    hold_time,
)
from catalog.returns import Returned, return_goods
from tenants.api import TenantViewSet
from tenants.auth import author_of
from tenants.filters import Filter, find_reference
from tenants.schema import example
from tenants.serializers import (
    CodeRelatedField,
    IdRelatedField,
    MoneyField,
    ObjectField,
    StrictSerializer,
    TenantSerializer,
    TextField,
)


class OrderLineSerializer(TenantSerializer):
    """What was bought, at the price of that moment and with the reason for it."""

    unit_price = MoneyField(read_only=True)
    total = MoneyField(read_only=True)

    class Meta:
        model = OrderLine
        fields = (
            *("id", "variant", "sku", "name", "quantity", "unit_price", "price_list", "explanation", "total"),
            "returned",
        )
        read_only_fields = fields


class ReturnLineSerializer(TenantSerializer):
    """Pieces of a line that came back, and where they were put."""

    sku = TextField(source="order_line.sku", read_only=True)
    location = CodeRelatedField(read_only=True, allow_null=True)

    class Meta:
        model = OrderReturnLine
        fields = ("sku", "quantity", "location")
        read_only_fields = fields


class ReturnSerializer(TenantSerializer):
    """What came back at one time, and what was paid back for it."""

    refund_amount = MoneyField(read_only=True)
    lines = ReturnLineSerializer(many=True, read_only=True)

    class Meta:
        model = OrderReturn
        fields = ("id", "refund_amount", "note", "lines", "created_by", "created_at")
        read_only_fields = fields


class EntrySerializer(TenantSerializer):
    """What happened, when and by whom."""

    class Meta:
        model = OrderEntry
        fields = ("kind", "text", "actor_kind", "created_by", "created_at")
        read_only_fields = fields


class OrderSerializer(TenantSerializer):
    """An order with its lines, returns and timeline."""

    channel = CodeRelatedField(read_only=True)
    total = MoneyField(read_only=True)
    refunded = MoneyField(read_only=True)
    lines = OrderLineSerializer(many=True, read_only=True)
    returns = ReturnSerializer(many=True, read_only=True)
    timeline = EntrySerializer(source="entries", many=True, read_only=True)

    class Meta:
        model = Order
        fields = (
            *("id", "number", "status", "customer", "channel", "session", "currency", "total", "refunded", "lines"),
            *("shipping_address", "note", "metadata", "expires_at", "cancel_reason", "returns", "timeline"),
            *("created_by", "created_at", "updated_at"),
        )
        read_only_fields = (
            "number",
            "status",
            "customer",
            "session",
            "currency",
            "expires_at",
            "cancel_reason",
            "created_by",
        )


class NewOrderLineSerializer(StrictSerializer):
    """What to buy: a SKU (or a variant's id), once."""

    sku = TextField(max_length=255, trim_whitespace=False)
    quantity = serializers.IntegerField(min_value=1, max_value=MOST_PIECES)


@example(
    "Two lamps",
    {
        "customer": "0199b2f4-6a7e-7c33-9a55-0d1b5f0e7a10",
        "channel": "web",
        "lines": [{"sku": "LAMP-W", "quantity": 2}],
        "shipping_address": "12 Lê Lợi, Quận 1, TP. Hồ Chí Minh",
    },
)
class NewOrderSerializer(StrictSerializer):
    """What somebody buys. ``currency`` left out: the tenant's, else the only one all lines have."""

    customer = IdRelatedField(queryset=Customer.objects.all())
    channel = CodeRelatedField(queryset=SalesChannel.objects.all())
    currency = CurrencyField()
    lines = NewOrderLineSerializer(many=True, min_length=1, max_length=MOST_LINES)  # type: ignore[call-arg]
    shipping_address = TextField(required=False, allow_blank=True, max_length=2000)
    note = TextField(required=False, allow_blank=True, max_length=5000)
    metadata = ObjectField(required=False)

    def validate_lines(self, lines: Sequence[dict[str, Any]]) -> list[NewLine]:
        """Find all the SKUs at once; what is unknown is told by line."""
        found = find_variants([line["sku"] for line in lines])
        if unknown := [place for place, line in enumerate(lines) if line["sku"] not in found]:
            error = ErrorDetail(_("There is nothing of this name."), code="unknown_reference")
            raise serializers.ValidationError({str(place): {"sku": [error]} for place in unknown})
        return [NewLine(found[line["sku"]], line["quantity"]) for line in lines]


def find_variants(names: Sequence[str]) -> dict[str, Variant]:
    """Return the variants by what they are called here: SKU or id."""
    ids = {UUID(name) for name in names if _is_id(name)}
    rows = Variant.objects.filter(Q(sku__in=names) | Q(pk__in=ids)).select_related("offering")
    return {str(variant.pk): variant for variant in rows} | {variant.sku: variant for variant in rows}


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


@example("The customer thought again", {"reason": "Found one in another colour"})
class CancelSerializer(StrictSerializer):
    """Why an order is cancelled."""

    reason = TextField(required=False, allow_blank=True, max_length=500)


class ReturnedLineSerializer(StrictSerializer):
    """Pieces of a SKU (or a variant's id) that came back."""

    sku = TextField(max_length=255, trim_whitespace=False)
    quantity = serializers.IntegerField(min_value=1, max_value=MOST_PIECES)


@example("One lamp came back", {"lines": [{"sku": "LAMP-W", "quantity": 1}], "note": "Broken on arrival"})
class NewReturnSerializer(StrictSerializer):
    """What came back. Without ``refund_amount`` its price is paid back, without ``location`` it goes where it was."""

    lines = ReturnedLineSerializer(many=True, min_length=1, max_length=MOST_LINES)  # type: ignore[call-arg]
    refund_amount = MoneyField(required=False)
    location = CodeRelatedField(queryset=InventoryLocation.objects.all(), required=False)
    note = TextField(required=False, allow_blank=True, max_length=500)

    def validate_lines(self, lines: Sequence[dict[str, Any]]) -> list[Returned]:
        """Find the lines of the order; what is not in it is told by line."""
        stored = self.context["order"].lines.all()
        bought = {str(line.variant_id): line for line in stored} | {line.sku: line for line in stored}
        if unknown := [place for place, line in enumerate(lines) if line["sku"] not in bought]:
            error = ErrorDetail(_("The order has no such line."), code="unknown_reference")
            raise serializers.ValidationError({str(place): {"sku": [error]} for place in unknown})
        return [Returned(bought[line["sku"]], line["quantity"]) for line in lines]


@example("For the timeline", {"text": "Wants it wrapped as a present."})
class NoteSerializer(StrictSerializer):
    """A note for the timeline."""

    text = TextField(max_length=5000)


def of_bot(orders: models.QuerySet, code: str) -> models.QuerySet:
    """Narrow to those placed through a bot, by its code; an order names it by a plain id."""
    bots: Any = Offering.bot.field.related_model
    return orders.filter(bot_id=find_reference(bots, "code", value=code, name="bot"))


class OrderViewSet(TenantViewSet):
    """Orders, newest first. Made pending; confirmed and fulfilled, or cancelled, by the addresses below theirs."""

    http_method_names = ["get", "head", "post", "patch"]
    queryset = Order.objects.prefetch_related("lines", "entries", "returns__lines__order_line", "returns__lines__location")
    serializer_class = OrderSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "status": "status",
        "customer": "customer",
        "channel": "channel__code",
        "number": "number",
        "session": "session",
        "bot": of_bot,
        "since": "created_at__gte",
        "until": "created_at__lt",
    }
    search_fields = ("customer__name", "customer__phone", "customer__email")
    ordering_fields = ("number", "total")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Read how long stock is held before the transaction of an ``Idempotency-Key`` opens."""
        super().initial(request, *args, **kwargs)
        self.held_for = hold_time()

    @cached_property
    def by(self) -> Any:
        """Return who asks."""
        return author_of(self.request)

    @extend_schema(request=NewOrderSerializer, responses={201: OrderSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Order: prices are frozen and stock is held, all of it or nothing.

        409 ``out_of_stock`` with every ``skus`` that is short; 422 ``not_for_sale``, ``no_price``, ``duplicate_sku``,
        ``currency_required``.
        """
        values = self.read_body(NewOrderSerializer)
        words = OrderWords(**{name: values.pop(name) for name in ("shipping_address", "note", "metadata") if name in values})
        order = create_order(**values, words=words, held_for=self.held_for, created_by=self.by)
        return self._answer(order, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=OrderSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def confirm(self, request: Request, pk: str) -> Response:
        """Keep the stock for this order; 409 ``invalid_transition`` unless it is pending and in time."""
        return self._answer(confirm_order(order=self.get_object(), by=self.by))

    @extend_schema(request=None, responses=OrderSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def fulfil(self, request: Request, pk: str) -> Response:
        """Hand the goods over and write the movements; 409 ``invalid_transition`` unless it is confirmed."""
        return self._answer(fulfil_order(order=self.get_object(), by=self.by))

    @extend_schema(request=CancelSerializer, responses=OrderSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def cancel(self, request: Request, pk: str) -> Response:
        """Give the order up and its stock back; 409 ``invalid_transition`` once it was fulfilled or cancelled."""
        order = self.get_object()
        return self._answer(cancel_order(order=order, **self.read_body(CancelSerializer), by=self.by))

    @extend_schema(request=NewReturnSerializer, responses={201: OrderSerializer})
    @action(detail=True, methods=["post"], verb="change")
    def returns(self, request: Request, pk: str) -> Response:
        """Take pieces back; 409 ``invalid_transition`` before the order was fulfilled, 422 ``too_many``."""
        order = self.get_object()
        return_goods(order=order, **self.read_body(NewReturnSerializer, order=order), by=self.by)
        return self._answer(order, status.HTTP_201_CREATED)

    @extend_schema(request=NoteSerializer, responses={201: OrderSerializer})
    @action(detail=True, methods=["post"], verb="change")
    def notes(self, request: Request, pk: str) -> Response:
        """Write a note into the timeline."""
        order = self.get_object()
        add_note(order=order, **self.read_body(NoteSerializer), by=self.by)
        return self._answer(order, status.HTTP_201_CREATED)

    def _answer(self, order: Order, code: int = status.HTTP_200_OK) -> Response:
        return self.answer(self.get_queryset().get(pk=order.pk), status=code)
