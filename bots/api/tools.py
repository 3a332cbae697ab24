"""The API of tools: what bots can do beyond what the platform brings, and a way to try it."""

from copy import copy
from typing import Any, ClassVar

from django.db import models
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from bots.models import Bot, Tool
from bots.tools import call_tool, check_may_send, code_from, complete_tool, prepare
from tenants.api import TenantViewSet
from tenants.auth import author_of, bound_bot
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import (
    ChoiceField,
    CodeRelatedField,
    IdRelatedField,
    ObjectField,
    StrictSerializer,
    TenantSerializer,
)
from vault.models import Credential


@example(
    "Where an order is",
    {
        "code": "order_tracking",
        "name": "Where an order is",
        "description": "Tells where a parcel is. Use it when the customer gives an order number.",
        "bot": "shop",
        "method": "GET",
        "url": "https://api.example.com/orders/{{ number }}",
        "parameters": {
            "type": "object",
            "properties": {"number": {"type": "string", "pattern": "^[0-9]{4,12}$", "description": "The order's number"}},
            "required": ["number"],
        },
    },
)
class ToolSerializer(TenantSerializer):
    """A tool. Without ``code`` it is made from the name; a GET only reads unless it is said otherwise."""

    bot = CodeRelatedField(queryset=Bot.objects.all(), required=False, allow_null=True)
    credential = IdRelatedField(queryset=Credential.objects.all(), required=False, allow_null=True)
    parameters = ObjectField(required=False)
    body = ObjectField(required=False, allow_null=True)

    class Meta:
        model = Tool
        fields = (
            *("id", "code", "name", "description", "bot", "kind", "parameters", "method", "url", "headers", "body"),
            *(
                "credential",
                "timeout_seconds",
                "function",
                "script",
                "effect",
                "needs_confirmation",
                "is_active",
                "metadata",
            ),
            *("created_at", "updated_at"),
        )
        read_only_fields = ("created_at", "updated_at")
        extra_kwargs: ClassVar = {"code": {"required": False}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Complete a new tool, and refuse one that could not be called."""
        stored = self.instance if isinstance(self.instance, Tool) else None
        if stored is None:
            reads = attrs.get("kind", Tool.Kind.HTTP) == Tool.Kind.HTTP and attrs.get("method", "GET") == "GET"
            attrs.setdefault("code", code_from(attrs["name"]))
            attrs.setdefault("effect", Tool.Effect.READS if reads else Tool.Effect.ACTS)
            attrs.setdefault("needs_confirmation", attrs["effect"] != Tool.Effect.READS)
        attrs = super().validate(attrs)
        row = copy(stored) if stored else Tool()
        for name, value in attrs.items():
            setattr(row, name, value)
        manages = self.context["request"].user.has_perm("vault.change_credential")
        check_may_send(row, stored, manages_credentials=manages)
        complete_tool(row)
        return {**attrs, "parameters": row.parameters}


@example("A number, without sending anything", {"arguments": {"number": "10042"}, "send": False})
class TrialSerializer(StrictSerializer):
    """What to try a tool with."""

    arguments = ObjectField(default=dict)
    send = serializers.BooleanField(default=True, help_text="False: only show the request.")


class ToolResultSerializer(serializers.Serializer[Any]):
    """How a call ended; ``request`` is what was sent, without the secret. ``outcome`` is null when nothing was sent."""

    outcome = ChoiceField(choices=["done", "failed", "unknown"], allow_null=True)
    code = serializers.CharField()
    message = serializers.CharField()
    output = serializers.JSONField(allow_null=True)
    status = serializers.IntegerField(allow_null=True)
    size = serializers.IntegerField(help_text="Bytes of the whole answer.")
    is_cut = serializers.BooleanField()
    milliseconds = serializers.IntegerField()
    request = serializers.DictField()


class ToolViewSet(TenantViewSet):
    """Tools. A key bound to a bot sees those the bot may use."""

    queryset = Tool.objects.all()
    serializer_class = ToolSerializer
    filters: ClassVar[dict[str, Filter]] = {"bot": "bot__code", "kind": "kind", "code": "code", "is_active": "is_active"}
    search_fields = ("code", "name", "description")
    ordering_fields = ("code", "created_at")

    def get_queryset(self) -> models.QuerySet:
        """Return the tools the caller may see."""
        tools: Any = super().get_queryset().select_related("credential")
        bot_id = bound_bot(self.request.user)
        return tools.of_bot(bot_id) if bot_id else tools

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Save the tool with who made it."""
        serializer.save(created_by=author_of(self.request))

    @extend_schema(request=TrialSerializer, responses=ToolResultSerializer)
    @action(detail=True, methods=["post"], verb="change", url_path="try", acts_outside=True)
    def try_out(self, request: Request, pk: str) -> Response:
        """Call the tool as a bot would, and show what was sent and what came back. It really happens outside."""
        asked, tool = self.read_body(TrialSerializer), self.get_object()
        if asked["send"]:
            return Response(vars(call_tool(tool=tool, arguments=asked["arguments"])))
        shown = prepare(tool, asked["arguments"]).shown() if tool.kind == Tool.Kind.HTTP else {}
        nothing = {"outcome": None, "code": "not_sent", "message": "", "output": None, "status": None}
        return Response({**nothing, "size": 0, "is_cut": False, "milliseconds": 0, "request": shown})
