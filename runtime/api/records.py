"""The API of what is known and was done on the way: slots, decisions, actions."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from runtime.api.parts import SessionPartViewSet, TurnOfSessionField
from runtime.models import ActionExecution, ContextSlot, DecisionEvent, Turn
from runtime.services import set_slot
from tenants.schema import example
from tenants.serializers import (
    ChoiceField,
    ObjectField,
    StrictSerializer,
    TenantSerializer,
    TextField,
)

MOST_SOURCES = 50


class SlotSerializer(TenantSerializer):
    """Something known about the customer's wishes."""

    confidence = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = ContextSlot
        fields = (
            "id",
            "slot_key",
            "slot_value",
            "confidence",
            "extracted_from_turn",
            "expires_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


@example("A budget", {"slot_key": "budget", "slot_value": "500000", "confidence": 0.9})
class SlotWriteSerializer(StrictSerializer):
    """A slot to write; one with the same key is replaced."""

    slot_key = serializers.SlugField(max_length=63)
    slot_value = TextField(max_length=2000)
    confidence = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True)
    extracted_from_turn = TurnOfSessionField(queryset=Turn.objects.all(), required=False, allow_null=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


@example(
    "An answer from a FAQ",
    {
        "tier": "faq",
        "confidence": 0.92,
        "decision_metadata": {"rule": "delivery"},
        "estimated_cost_usd": "0.000120",
        "latency_ms": 85,
    },
)
class DecisionSerializer(TenantSerializer):
    """A decision: those of the turns, and those a bot logs itself."""

    input_turn = TurnOfSessionField(queryset=Turn.objects.all(), required=False, allow_null=True)
    bot_version = serializers.IntegerField(source="bot_version.version", read_only=True)
    event_type = ChoiceField(choices=DecisionEvent.EventType.choices, default=DecisionEvent.EventType.CUSTOM)
    confidence = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True)
    sources = serializers.ListField(child=ObjectField(), max_length=MOST_SOURCES, required=False)
    decision_metadata = ObjectField(required=False)

    class Meta:
        model = DecisionEvent
        fields = (
            "id",
            "input_turn",
            "bot_version",
            "event_type",
            "tier",
            "confidence",
            "sources",
            "decision_metadata",
            "estimated_cost_usd",
            "latency_ms",
            "created_at",
        )
        read_only_fields = ("created_at",)
        extra_kwargs: ClassVar[dict[str, Any]] = {"estimated_cost_usd": {"min_value": 0}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse the tier of a message that is still to be answered: its answer could not be recorded any more."""
        checked, turn = dict(super().validate(attrs)), attrs.get("input_turn")
        is_tier = attrs.get("event_type") == DecisionEvent.EventType.TIER_SELECTION
        if is_tier and turn and turn.speaker == Turn.Speaker.USER:
            message = _("Its tier is chosen when it is answered.")
            raise serializers.ValidationError({"input_turn": [serializers.ErrorDetail(message, code="undecided")]})
        return checked


@example(
    "A price looked up",
    {
        "action_name": "price_lookup",
        "input_params": {"sku": "LAMP-W"},
        "output_result": {"amount": "250000.00"},
        "execution_time_ms": 12,
    },
)
class ActionSerializer(TenantSerializer):
    """Something the bot did: a look-up or a tool call."""

    turn = TurnOfSessionField(queryset=Turn.objects.all(), required=False, allow_null=True)
    input_params = ObjectField(required=False)
    output_result = ObjectField(required=False)

    class Meta:
        model = ActionExecution
        fields = (
            "id",
            "turn",
            "action_type",
            "action_name",
            "input_params",
            "output_result",
            "execution_time_ms",
            "status",
            "created_at",
        )
        read_only_fields = ("created_at",)


class SlotViewSet(SessionPartViewSet):
    """What is known about the customer's wishes. Expired slots are left out."""

    queryset = ContextSlot.objects.all()
    serializer_class = SlotSerializer
    session_token_may = frozenset({"list", "retrieve", "create"})

    def get_queryset(self) -> models.QuerySet:
        """Return the slots that still count."""
        slots: Any = super().get_queryset()
        return slots.live()

    @extend_schema(request=SlotWriteSerializer, responses={201: SlotSerializer})
    def create(self, request: Request, session: str) -> Response:
        """Write a slot, in the place of the one with the same key."""
        found = self.open_session()
        values = self.read_body(SlotWriteSerializer, fixed={"session": found})
        return self.answer(set_slot(session=found, **values), status=status.HTTP_201_CREATED)


class DecisionViewSet(SessionPartViewSet):
    """Decisions, oldest first."""

    queryset = DecisionEvent.objects.all()
    serializer_class = DecisionSerializer

    def create(self, request: Request, session: str) -> Response:
        """Log a decision that the bot took elsewhere."""
        found = self.open_session()
        return self.log(found, bot_version=found.bot_version)


class ActionViewSet(SessionPartViewSet):
    """What the bot did on the way, oldest first."""

    queryset = ActionExecution.objects.all()
    serializer_class = ActionSerializer

    def create(self, request: Request, session: str) -> Response:
        """Log a tool call."""
        return self.log(self.open_session())
