"""The API of FAQs."""

from typing import Any

from django.db import models
from django.http import FileResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from bots import services
from bots.faq_files import MAX_FILE_BYTES, export_faqs, import_faqs
from bots.models import Bot, Faq
from catalog.models import KnowledgeDomain, Offering
from tenants.api import TenantViewSet
from tenants.auth import bound_bot
from tenants.parsers import UploadParser
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
            "review_state",
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


class FaqUploadParser(UploadParser):
    """A form with a file of FAQs."""

    most_bytes = MAX_FILE_BYTES


class FaqFileSerializer(StrictSerializer):
    """A CSV file with the columns ``question`` and ``answer``, and any others of the export."""

    file = serializers.FileField(max_length=1000)


class FaqImportSerializer(serializers.Serializer[Any]):
    """What an import did."""

    rows = serializers.IntegerField()
    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()


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
        "review_state": "review_state",
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

    @extend_schema(request={"multipart/form-data": FaqFileSerializer}, responses=FaqImportSerializer)
    @action(
        detail=False,
        methods=["post"],
        verb="change",
        url_path="import",
        parser_classes=(FaqUploadParser,),
        filter_backends=[],
        pagination_class=None,
    )
    def import_csv(self, request: Request) -> Response:
        """Import a CSV file as ``export/`` writes it, all rows or none; 422 ``wrong_rows`` names row and column.

        A row is the FAQ of its id, else the one of the same bot and language with the same question, else a new one.
        """
        return Response(import_faqs(self.read_body(FaqFileSerializer)["file"]).as_json())

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.BINARY})
    @action(detail=False, methods=["get"], pagination_class=None)
    def export(self, request: Request) -> FileResponse:
        """Return the FAQs as CSV, those of the list's filters; imported again it changes nothing."""
        faqs = self.filter_queryset(self.get_queryset())
        name = f"faqs-{timezone.localdate()}.csv"
        return FileResponse(export_faqs(faqs), as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")
