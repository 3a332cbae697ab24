"""The API of intents."""

from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers
from rest_framework.serializers import BaseSerializer

from bots.intents import MOST_EXAMPLES, save_intent
from bots.models import Bot, Intent
from tenants.api import TenantViewSet
from tenants.auth import bound_bot
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import CodeRelatedField, TenantSerializer, TextField


@example(
    "Where is it?",
    {
        "code": "order_status",
        "name": "Asks where an order is",
        "examples": ["Where is my order?", "When will it arrive?", "Đơn của tôi tới đâu rồi?"],
    },
)
class IntentSerializer(TenantSerializer):
    """Something customers want. ``examples``, when sent, take the place of those there are."""

    bot = CodeRelatedField(queryset=Bot.objects.all(), required=False, allow_null=True)
    examples = serializers.ListField(
        child=TextField(max_length=500), source="wordings", max_length=MOST_EXAMPLES, required=False
    )

    class Meta:
        model = Intent
        fields = (
            *("id", "code", "name", "description", "bot", "is_active", "examples", "metadata", "created_at", "updated_at"),
        )
        read_only_fields = ("created_at", "updated_at")


class IntentViewSet(TenantViewSet):
    """What customers want, told by examples. A key bound to a bot sees what that bot knows: its own and everybody's."""

    queryset = Intent.objects.prefetch_related("examples")
    serializer_class = IntentSerializer
    filters: ClassVar[dict[str, Filter]] = {"bot": "bot__code", "code": "code", "is_active": "is_active"}
    search_fields = ("code", "name", "description")

    def get_queryset(self) -> models.QuerySet:
        """Return the intents the caller may see."""
        intents, bot_id = super().get_queryset(), bound_bot(self.request.user)
        return intents.filter(models.Q(bot=bot_id) | models.Q(bot=None)) if bot_id else intents

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Save the intent with its examples."""
        self._save(serializer, Intent())

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Save the intent; its examples only when they were sent."""
        assert serializer.instance is not None
        self._save(serializer, serializer.instance)

    def _save(self, serializer: BaseSerializer[Any], intent: Intent) -> None:
        values = dict(serializer.validated_data)
        examples = values.pop("wordings", None)
        saved = save_intent(intent=intent, values=values, examples=examples)
        serializer.instance = self.get_queryset().get(pk=saved.pk)
