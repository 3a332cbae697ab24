"""The API of trying guardrails out."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from bots.expressions import LONGEST
from bots.guardrails import Action, Rule, Stage
from bots.models import Bot
from runtime.models import Tier
from runtime.trial import Situation, Trial, saved_rules, try_rules
from tenants.api import TenantAPIView
from tenants.schema import example
from tenants.serializers import ChoiceField, CodeRelatedField, ObjectField, StrictSerializer, TextField

MESSAGE_LENGTH, REPLY_LENGTH = 4000, 10_000
UNSAVED = "unsaved"
"""Code of a condition that is tried before it is a rule."""


@example("A card number", {"message": "My card is 4111 1111 1111 1111", "reply": "Thank you!", "slots": {"quantity": "2"}})
class TrySerializer(StrictSerializer):
    """What to try. With ``condition_expression`` that alone is asked, else the saved rules of ``bot`` (or of every bot)."""

    message = TextField(max_length=MESSAGE_LENGTH, allow_blank=True)
    reply = TextField(max_length=REPLY_LENGTH, required=False, allow_blank=True)
    slots = ObjectField(required=False)
    intent = TextField(max_length=63, required=False, allow_blank=True)
    channel = TextField(max_length=63, required=False)
    flow_step = TextField(max_length=63, required=False)
    turn_number = serializers.IntegerField(min_value=0, max_value=1_000_000, required=False)
    tier = ChoiceField(choices=Tier.choices, required=False)
    bot = CodeRelatedField(queryset=Bot.objects.all(), required=False, allow_null=True)
    condition_expression = TextField(max_length=LONGEST, required=False)
    violation_action = ChoiceField(choices=Action.choices, required=False)


class TriedRuleSerializer(serializers.Serializer[Any]):
    """What one rule says. ``asked`` false: a rule before it stopped the turn. ``values``: what its condition saw."""

    id = serializers.CharField()
    code = serializers.CharField()
    name = serializers.CharField()
    applies_to = ChoiceField(choices=Stage.choices)
    violation_action = ChoiceField(choices=Action.choices)
    condition_expression = serializers.CharField()
    asked = serializers.BooleanField()
    fires = serializers.BooleanField()
    error = ObjectField(allow_null=True)
    values = ObjectField()


class TrialSerializer(serializers.Serializer[Any]):
    """Message and reply as the rules leave them, the rule that stops them, and every rule in its order."""

    message = serializers.CharField()
    reply = serializers.CharField()
    stopped_by = serializers.CharField(allow_null=True)
    rules = TriedRuleSerializer(many=True)


class GuardrailTryView(TenantAPIView):
    """Ask the rules about a message and a reply without holding a conversation. Nothing is stored."""

    required_permission = "bots.view_guardrail"

    @extend_schema(request=TrySerializer, responses=TrialSerializer)
    def post(self, request: Request) -> Response:
        """Answer what every rule says, in order, and why."""
        body = self.read_body(TrySerializer)
        condition, action = body.pop("condition_expression", None), body.pop("violation_action", Action.BLOCK)
        if "tier" in body:
            body["tier"] = Tier(body["tier"])
        rules = [Rule("", UNSAVED, "", Action(action), condition)] if condition else saved_rules(body.get("bot"))
        return Response(_answer(try_rules(rules, Situation(**body))))


def _answer(trial: Trial) -> dict[str, Any]:
    rules = [
        {
            "id": one.rule.id,
            "code": one.rule.code,
            "name": one.rule.name,
            "applies_to": one.stage.value,
            "violation_action": one.rule.action.value,
            "condition_expression": one.rule.condition,
            "asked": one.is_asked,
            "fires": one.fires,
            "error": one.error,
            "values": one.seen,
        }
        for one in trial.rules
    ]
    stopped_by = trial.stopped_by.code if trial.stopped_by else None
    return {"message": trial.message, "reply": trial.reply, "stopped_by": stopped_by, "rules": rules}
