"""The API of the semantic cache: see what is kept, and forget it."""

from typing import ClassVar

from django.db import models
from rest_framework import serializers
from rest_framework.mixins import DestroyModelMixin

from runtime.models import SemanticCacheEntry
from tenants.api import TenantReadViewSet
from tenants.auth import of_bound_bot
from tenants.filters import Filter
from tenants.serializers import CodeRelatedField, TenantSerializer


class SemanticCacheSerializer(TenantSerializer):
    """An answer that is given again while the texts it rests on are as they were."""

    bot = CodeRelatedField(read_only=True)
    bot_version = serializers.IntegerField(source="bot_version.version", read_only=True)
    confidence = serializers.FloatField(read_only=True)

    class Meta:
        model = SemanticCacheEntry
        fields = (
            *("id", "bot", "bot_version", "language", "query_text", "response_text", "sources", "confidence"),
            *("hit_count", "last_hit_at", "expires_at", "created_at"),
        )
        read_only_fields = fields


class SemanticCacheViewSet(DestroyModelMixin, TenantReadViewSet):
    """Answers of the language model that are given again. ``hit_count`` is brought up to date once a minute."""

    queryset = SemanticCacheEntry.objects.select_related("bot", "bot_version")
    serializer_class = SemanticCacheSerializer
    filters: ClassVar[dict[str, Filter]] = {"bot": "bot__code", "language": "language"}
    search_fields = ("query_text", "response_text")

    def get_queryset(self) -> models.QuerySet:
        """Return the answers the caller may see."""
        return super().get_queryset().filter(of_bound_bot(self.request.user))
