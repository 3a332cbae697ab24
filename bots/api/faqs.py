"""The API of FAQs."""

from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from bots import services
from bots.models import Bot, Faq
from catalog.models import KnowledgeDomain, Offering
from tenants.api import TenantViewSet
from tenants.auth import bound_bot
from tenants.queue import wake
from tenants.schema import example
from tenants.serializers import CodeRelatedField, IdRelatedField, StrictSerializer, TenantSerializer

MOST_FAQS = 1000
"""FAQs in one bulk request."""


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


class FaqViewSet(TenantViewSet):
    """Questions and answers, found at once. A key bound to a bot sees what that bot answers: its own and everybody's."""

    queryset = Faq.objects.all()
    serializer_class = FaqSerializer
    filters = {
        "bot": "bot__code",
        "domain": "domain__code",
        "offering": "offering",
        "language": "language",
        "category": "category",
        "is_active": "is_active",
    }
    search_fields = ("question", "answer")
    ordering_fields = ("priority",)

    def get_queryset(self) -> models.QuerySet:
        """Return the FAQs the caller may see."""
        faqs, bot_id = super().get_queryset(), bound_bot(self.request.user)
        return faqs.filter(models.Q(bot=bot_id) | models.Q(bot=None)) if bot_id else faqs

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Save, and wake the worker that embeds it."""
        super().perform_create(serializer)
        wake("catalog.embed_texts")

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Save, and wake the worker that embeds it."""
        super().perform_update(serializer)
        wake("catalog.embed_texts")

    @extend_schema(request=FaqBulkSerializer, responses={201: FaqBulkSerializer})
    @action(detail=False, methods=["post"], verb="add", filter_backends=[], pagination_class=None)
    def bulk(self, request: Request) -> Response:
        """Add up to 1,000 FAQs, all or none; the errors name the index."""
        body = self.read_body(FaqBulkSerializer)
        made = services.create_faqs(faqs=[Faq(**item) for item in body["items"]])
        shown = self.get_serializer(made, many=True).data
        return Response({"items": shown}, status=status.HTTP_201_CREATED)
