"""Conversations as the API shows and takes them."""

from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _
from rest_framework import serializers

from bots.models import Bot
from catalog.models import SalesChannel
from runtime.models import ActionExecution, ContextSlot, DecisionEvent, Session, Tier, Turn
from runtime.turn import Recorded
from tenants.schema import example
from tenants.serializers import (
    CodeRelatedField,
    IdRelatedField,
    ObjectField,
    StrictSerializer,
    TenantSerializer,
    TextField,
)

MESSAGE_LENGTH = 4000
"""Characters of one message of a customer."""

MOST_SOURCES = 50


class TurnOfSessionField(IdRelatedField):
    """A turn by its id; one of another conversation is unknown."""

    def get_queryset(self) -> models.QuerySet:
        """Return the turns of the conversation named by the address."""
        turns: models.QuerySet = Turn.objects.all()
        session = self.context.get("fixed", {}).get("session")
        return turns.filter(session=session) if session else turns


class SessionSerializer(TenantSerializer):
    """A conversation."""

    bot = CodeRelatedField(read_only=True)
    bot_version = serializers.IntegerField(source="bot_version.version", read_only=True)
    channel = CodeRelatedField(read_only=True)

    class Meta:
        model = Session
        fields = (
            "id",
            "bot",
            "bot_version",
            "channel",
            "customer",
            "owner",
            "flow_step",
            "flow_context",
            "ext_metadata",
            "turn_number",
            "state_updated_at",
            "created_at",
            "ended_at",
        )
        read_only_fields = fields


class NewSessionSerializer(SessionSerializer):
    """The answer to a beginning: the only time the token is shown."""

    token = TextField(read_only=True)

    class Meta(SessionSerializer.Meta):
        fields = (*SessionSerializer.Meta.fields, "token")  # type: ignore[assignment]


class CustomerNameSerializer(StrictSerializer):
    """Who is writing: the id that the channel gives the person (``channel``: the conversation's, unless named)."""

    channel = CodeRelatedField(queryset=SalesChannel.objects.all(), required=False)
    external_id = TextField(max_length=255)
    name = TextField(max_length=200, required=False, allow_blank=True)


@example(
    "A customer of the website",
    {"bot": "shop", "channel": "web", "customer": {"external_id": "visitor-8c1f", "name": "Mai"}},
)
class SessionStartSerializer(StrictSerializer):
    """What a conversation begins with."""

    bot = CodeRelatedField(queryset=Bot.objects.all())
    channel = CodeRelatedField(queryset=SalesChannel.objects.all())
    customer = CustomerNameSerializer(required=False)
    flow_context = ObjectField(required=False)


class TurnSerializer(TenantSerializer):
    """A message of a conversation."""

    class Meta:
        model = Turn
        fields = (
            "id",
            "speaker",
            "message",
            "language",
            "intent",
            "ui_metadata",
            "in_reply_to",
            "external_id",
            "created_at",
        )
        read_only_fields = fields


@example("A question", {"message": "How much is the desk lamp?", "external_id": "message-17"})
class MessageSerializer(StrictSerializer):
    """What a customer says or does. With the same ``external_id`` again the first answer comes again."""

    message = TextField(max_length=MESSAGE_LENGTH, required=False)
    external_id = TextField(max_length=255, required=False)
    ui_event = ObjectField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for a message or an event."""
        if not attrs.get("message") and not attrs.get("ui_event"):
            raise serializers.ValidationError({"message": [_("Write a message.")]}, code="required")
        return attrs


class SourceSerializer(serializers.Serializer[Any]):
    """What an answer rests on."""

    kind = serializers.CharField()
    id = serializers.UUIDField()
    score = serializers.FloatField()


class TurnDecisionSerializer(serializers.Serializer[Any]):
    """Why the bot answered as it did."""

    tier = serializers.ChoiceField(choices=Tier.choices)
    confidence = serializers.FloatField(min_value=0, max_value=1)
    sources = SourceSerializer(many=True)
    estimated_cost_usd = serializers.CharField()
    latency_ms = serializers.IntegerField()


class ReplySerializer(serializers.Serializer[Any]):
    """What the bot says."""

    id = serializers.UUIDField()
    speaker = serializers.ChoiceField(choices=Turn.Speaker.choices)
    message = serializers.CharField()
    ui_metadata = ObjectField()


class SaidSerializer(serializers.Serializer[Any]):
    """What the customer said, as stored."""

    id = serializers.UUIDField()
    speaker = serializers.ChoiceField(choices=Turn.Speaker.choices)
    message = serializers.CharField(allow_blank=True)


class LearntSerializer(serializers.Serializer[Any]):
    """Something learnt from the message."""

    slot_key = serializers.CharField()
    slot_value = serializers.CharField()
    confidence = serializers.FloatField()


class StateSerializer(serializers.Serializer[Any]):
    """Where the conversation stands now."""

    flow_step = serializers.CharField()
    owner = serializers.ChoiceField(choices=Session.Owner.choices)


class TurnAnswerSerializer(serializers.Serializer[Any]):
    """The answer to a message (for the schema; ``turn_answer`` writes it)."""

    turn = SaidSerializer()
    reply = ReplySerializer(allow_null=True)
    decision = TurnDecisionSerializer()
    slots = LearntSerializer(many=True)
    session = StateSerializer()


def turn_answer(recorded: Recorded) -> dict[str, Any]:
    """Return what ``take_turn`` recorded as the body of the answer. Plain dictionaries: this is the hot path."""
    decision = recorded.decision
    return {
        "turn": _only(recorded.turn, "id", "speaker", "message"),
        "reply": recorded.reply and _only(recorded.reply, "id", "speaker", "message", "ui_metadata"),
        "decision": {
            **_only(decision, "tier", "confidence", "latency_ms"),
            "sources": [_only(source, "kind", "id", "score") for source in decision["sources"]],
            "estimated_cost_usd": f"{Decimal(decision['estimated_cost_usd']):.6f}",
        },
        "slots": [
            {"slot_key": slot["key"], "slot_value": slot["value"], "confidence": slot["confidence"]}
            for slot in recorded.slots
        ],
        "session": _only(recorded.session, "flow_step", "owner"),
    }


def _only(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names}


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
    event_type = serializers.ChoiceField(choices=DecisionEvent.EventType.choices, default=DecisionEvent.EventType.CUSTOM)
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
