"""The API of bots: capabilities, bots with their versions and search, FAQs."""

from typing import Any

from django.db import models
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from bots import serializers, services
from bots.models import Bot, BotVersion, Capability, Faq
from catalog.search import search
from tenants.api import TenantReadViewSet, TenantViewSet
from tenants.auth import bound_bot, of_bound_bot
from tenants.models import User
from tenants.queue import wake


class CapabilityViewSet(TenantReadViewSet):
    """What the platform can do for a bot."""

    queryset = Capability.objects.select_related("domain")
    serializer_class = serializers.CapabilitySerializer
    filters = {"domain": "domain__code"}
    ordering = ("code",)


class BotViewSet(TenantViewSet):
    """Bots, addressed by code. Deleting archives: conversations stay readable. A key bound to a bot sees that one only."""

    queryset = Bot.objects.all()
    serializer_class = serializers.BotSerializer
    lookup_field = "code"
    filters = {"status": "status", "domain": "domain__code"}
    search_fields = ("code", "name")

    def get_queryset(self) -> models.QuerySet:
        """Return the bots the caller may see, with the number of their active version."""
        bots: Any = super().get_queryset().filter(of_bound_bot(self.request.user, "id"))
        return bots.with_active_version()

    def perform_destroy(self, instance: Bot) -> None:
        """Archive the bot."""
        instance.status = Bot.Status.ARCHIVED
        instance.save(update_fields=["status", "updated_at"])

    @extend_schema(parameters=[serializers.BotSearchQuery], responses=serializers.FoundListSerializer)
    @action(detail=True, methods=["get"], filter_backends=[], pagination_class=None)
    def search(self, request: Request, code: str) -> Response:
        """Find what the bot would answer with: FAQs and offerings, best first, each with the parts of its score."""
        bot, asked = self.get_object(), self.read_query(serializers.BotSearchQuery)
        hits = search(asked["q"], kinds=("faq", "offering"), limit=asked["limit"], bot_id=bot.pk)
        return Response({"results": [_found(hit) for hit in hits]})


def _found(hit: Any) -> dict[str, Any]:
    return {"kind": hit.kind, "id": hit.id, "title": hit.title, "text": hit.body, "score": hit.score, "parts": hit.parts}


class BotVersionViewSet(TenantReadViewSet):
    """The versions of a bot, addressed by number. A version never changes: clone it by creating the next one."""

    queryset = BotVersion.objects.prefetch_related("version_capabilities__capability")
    serializer_class = serializers.BotVersionSerializer
    lookup_field = "version"
    lookup_value_regex = "[0-9]{1,9}"
    ordering = ("-version",)

    def get_queryset(self) -> models.QuerySet:
        """Return the versions of the bot named by the address."""
        return super().get_queryset().filter(of_bound_bot(self.request.user), bot__code=self.kwargs["code"])

    def bot(self) -> Bot:
        """Return the bot named by the address; raises ``Http404``."""
        bots = Bot.objects.filter(of_bound_bot(self.request.user, "id"))
        bot: Bot | None = bots.filter(code=self.kwargs["code"]).first()
        if bot is None:
            raise Http404
        return bot

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer the versions, newest first; 404 for an unknown bot."""
        self.bot()
        return super().list(request, *args, **kwargs)

    def create(self, request: Request, code: str) -> Response:
        """Add the next version, a draft."""
        author = request.user if isinstance(request.user, User) else None
        bot = self.bot()
        body = self.read_body(serializers.BotVersionSerializer, fixed={"bot": bot})
        version = services.create_version(bot=bot, created_by=author, **body)
        return self.answer(version, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=serializers.BotVersionSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def activate(self, request: Request, code: str, version: str) -> Response:
        """Let new sessions speak with this version; activating an older one rolls back."""
        return self.answer(services.activate_version(version=self.get_object()))


class FaqViewSet(TenantViewSet):
    """Questions and answers, found at once. A key bound to a bot sees what that bot answers: its own and everybody's."""

    queryset = Faq.objects.all()
    serializer_class = serializers.FaqSerializer
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

    @extend_schema(request=serializers.FaqBulkSerializer, responses={201: serializers.FaqBulkSerializer})
    @action(detail=False, methods=["post"], verb="add", filter_backends=[], pagination_class=None)
    def bulk(self, request: Request) -> Response:
        """Add up to 1,000 FAQs, all or none; the errors name the index."""
        body = self.read_body(serializers.FaqBulkSerializer)
        made = services.create_faqs(faqs=[Faq(**item) for item in body["items"]])
        shown = self.get_serializer(made, many=True).data
        return Response({"items": shown}, status=status.HTTP_201_CREATED)
