"""Bots as the API shows and takes them."""

from typing import Any

from rest_framework import serializers

from bots.models import Bot, BotVersion, Capability, Faq
from catalog.models import KnowledgeDomain, Offering
from tenants.schema import example
from tenants.serializers import CodeRelatedField, IdRelatedField, StrictSerializer, TenantSerializer

MOST_FAQS = 1000
"""FAQs in one bulk request."""


class CapabilitySerializer(serializers.ModelSerializer[Capability]):
    """A capability of the platform."""

    domain = CodeRelatedField(read_only=True, allow_null=True)

    class Meta:
        model = Capability
        fields = ("id", "code", "name", "description", "domain")


@example(
    "A bot for a shop", {"code": "shop", "name": "Shop assistant", "domain": "electronics", "metadata": {"team": "sales"}}
)
class BotSerializer(TenantSerializer):
    """A bot, addressed by its code."""

    domain = CodeRelatedField(queryset=KnowledgeDomain.objects.all(), required=False, allow_null=True)
    active_version = serializers.IntegerField(read_only=True, allow_null=True)

    class Meta:
        model = Bot
        fields = ("id", "code", "name", "domain", "status", "metadata", "active_version", "created_at", "updated_at")
        read_only_fields = ("created_at", "updated_at")


@example(
    "A friendly version",
    {
        "system_prompt": "You advise the customers of a lamp shop. Be brief and kind.",
        "flow_config": {"greeting": "Hello!"},
        "capabilities": ["offering_search", "price_lookup"],
    },
)
class BotVersionSerializer(TenantSerializer):
    """A version, addressed by its number."""

    capabilities = CodeRelatedField(queryset=Capability.objects.all(), many=True, required=False)

    class Meta:
        model = BotVersion
        fields = (
            "id",
            "version",
            "is_active",
            "system_prompt",
            "flow_config",
            "capabilities",
            "activated_at",
            "created_at",
        )
        read_only_fields = ("version", "is_active", "activated_at", "created_at")


@example(
    "How long delivery takes",
    {
        "bot": "shop",
        "question": "How long does delivery take?",
        "answer": "Two to four days.",
        "category": "Delivery",
        "language": "en",
        "priority": 10,
    },
)
class FaqSerializer(TenantSerializer):
    """A question and its answer."""

    bot = CodeRelatedField(queryset=Bot.objects.all(), required=False, allow_null=True)
    domain = CodeRelatedField(queryset=KnowledgeDomain.objects.all(), required=False, allow_null=True)
    offering = IdRelatedField(queryset=Offering.objects.all(), required=False, allow_null=True)

    class Meta:
        model = Faq
        fields = (
            "id",
            "bot",
            "domain",
            "offering",
            "question",
            "answer",
            "category",
            "language",
            "priority",
            "is_active",
            "metadata",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("created_at", "updated_at")
        extra_kwargs = {"language": {"required": True}}


@example(
    "Two questions",
    {
        "items": [
            {"question": "How long does delivery take?", "answer": "Two to four days.", "language": "en"},
            {"bot": "shop", "question": "Giao hàng mất bao lâu?", "answer": "Từ 2 đến 4 ngày.", "language": "vi"},
        ]
    },
)
class FaqBulkSerializer(StrictSerializer):
    """Many FAQs at once: all are added, or none."""

    items = FaqSerializer(many=True, allow_empty=False, max_length=MOST_FAQS)  # type: ignore[call-arg] # many=True makes a list


class HitSerializer(serializers.Serializer[Any]):
    """Something a bot would answer with, and why."""

    kind = serializers.ChoiceField(choices=["faq", "offering"])
    id = serializers.UUIDField()
    title = serializers.CharField()
    text = serializers.CharField()
    score = serializers.FloatField()
    parts = serializers.DictField(child=serializers.FloatField())


class FoundListSerializer(serializers.Serializer[Any]):
    """The answer of a search."""

    results = HitSerializer(many=True)


class BotSearchQuery(StrictSerializer):
    """The parameters of a search."""

    q = serializers.CharField(max_length=1000)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=10)
