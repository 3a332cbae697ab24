"""The API of guardrails. Trying them out is ``runtime/api/guardrails.py``."""

from typing import Any

from rest_framework import serializers

from bots.expressions import ExpressionError, read_and_try
from bots.guardrails import Stage
from bots.models import Bot, Guardrail
from bots.models.guardrails import LONGEST_FALLBACK
from tenants.api import TenantViewSet
from tenants.auth import author_of
from tenants.errors import DomainError
from tenants.schema import example
from tenants.serializers import ChoiceField, CodeRelatedField, TenantSerializer, TextField


@example(
    "Large orders go to a person",
    {
        "code": "large-orders",
        "name": "Large orders",
        "condition_expression": "has(slots.quantity) && int(slots.quantity) > 50",
        "violation_action": "handoff",
        "fallback_message": "For so many I ask a colleague.",
        "fallback_messages": {"vi": "Số lượng này mình hỏi đồng nghiệp nhé."},
        "priority": 10,
    },
)
class GuardrailSerializer(TenantSerializer):
    """A rule. ``applies_to`` follows from its condition: the reply when it names ``reply`` or ``price``, else the message."""

    bot = CodeRelatedField(queryset=Bot.objects.all(), required=False, allow_null=True)
    condition_expression = TextField()
    fallback_messages = serializers.DictField(child=TextField(max_length=LONGEST_FALLBACK), required=False)
    applies_to = ChoiceField(choices=Stage.choices, read_only=True)

    class Meta:
        model = Guardrail
        fields = (
            "id",
            "code",
            "name",
            "bot",
            "condition_expression",
            "applies_to",
            "violation_action",
            "fallback_message",
            "fallback_messages",
            "priority",
            "is_active",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("created_at", "updated_at")

    def validate_condition_expression(self, source: str) -> str:
        """Refuse a bad condition; the answer carries its ``position``."""
        try:
            read_and_try(source)
        except ExpressionError as error:
            raise DomainError(error.code, error.told, field="condition_expression", **error.extra) from error
        return source


class GuardrailViewSet(TenantViewSet):
    """Rules over what customers write and bots answer. Not for keys bound to a bot: who knows the rules gets around them."""

    queryset = Guardrail.objects.all()
    serializer_class = GuardrailSerializer
    filters = {"bot": "bot__code", "violation_action": "violation_action", "is_active": "is_active", "code": "code"}
    search_fields = ("code", "name", "condition_expression")
    ordering_fields = ("priority", "code")

    def fixed(self) -> dict[str, Any]:
        """Name the person who makes a rule."""
        return {"created_by": author_of(self.request)} if self.request.method == "POST" else {}
