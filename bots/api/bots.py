"""The API of bots: capabilities, bots with their search, and versions."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.http import Http404
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from bots import services
from bots.models import Bot, BotVersion, Capability, KnowledgeChunk
from bots.versions import version_diff
from catalog.api.versions import VersionDiffSerializer
from catalog.models import KnowledgeDomain
from catalog.search import Hit, search
from tenants.api import TenantReadViewSet, TenantViewSet
from tenants.auth import author_of, of_bound_bot
from tenants.errors import DomainError
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import ChoiceField, CodeRelatedField, StrictSerializer, TenantSerializer


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
    """A version, addressed by its number. A new one takes what it leaves out from the version named by ``from``."""

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


class NewVersionSerializer(BotVersionSerializer):
    """The next version; what is left out is taken over from the version ``from``, without it the flow from the domain."""

    def get_fields(self) -> dict[str, Any]:
        """Add ``from``, which Python does not let a class declare."""
        fields = dict(super().get_fields())
        help_text = "Number of the version to begin from."
        fields["from"] = serializers.IntegerField(write_only=True, required=False, min_value=1, help_text=help_text)
        return fields


class HitSerializer(serializers.Serializer[Any]):
    """Something a bot would answer with, and why."""

    kind = ChoiceField(choices=["faq", "document", "offering"])
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


class CapabilityViewSet(TenantReadViewSet):
    """What the platform can do for a bot."""

    queryset = Capability.objects.select_related("domain")
    serializer_class = CapabilitySerializer
    filters = {"domain": "domain__code"}
    ordering = ("code",)


class BotViewSet(TenantViewSet):
    """Bots, addressed by code. Deleting archives: conversations stay readable. A key bound to a bot sees that one only."""

    queryset = Bot.objects.all()
    serializer_class = BotSerializer
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

    @extend_schema(parameters=[BotSearchQuery], responses=FoundListSerializer)
    @action(detail=True, methods=["get"], filter_backends=[], pagination_class=None)
    def search(self, request: Request, code: str) -> Response:
        """Find what the bot would answer with: FAQs, documents and offerings, best first, each with the parts of its score.

        A document is found by its chunks: ``title`` is its name with the headings, ``text`` the chunk.
        """
        bot, asked = self.get_object(), self.read_query(BotSearchQuery)
        hits = search(asked["q"], kinds=("faq", "document", "offering"), limit=asked["limit"], bot_id=bot.pk)
        chunks = [hit.id for hit in hits if hit.kind == "document"]
        documents = dict(KnowledgeChunk.objects.filter(pk__in=chunks).values_list("pk", "document"))
        return Response({"results": [_found(hit, documents.get(hit.id, hit.id)) for hit in hits]})


def _found(hit: Hit, owner_id: UUID) -> dict[str, Any]:
    return {"kind": hit.kind, "id": owner_id, "title": hit.title, "text": hit.body, "score": hit.score, "parts": hit.parts}


def bot_of(view: Any) -> Bot:
    """Return the bot named by the address of a view, if the caller may see it; raises ``Http404``."""
    bots = Bot.objects.select_related("domain").filter(of_bound_bot(view.request.user, "id"))
    bot: Bot | None = bots.filter(code=view.kwargs["code"]).first()
    if bot is None:
        raise Http404
    return bot


class BotVersionViewSet(TenantViewSet):
    """The versions of a bot, by number. A draft is changed and deleted; one that was ever active stays as it is."""

    queryset = BotVersion.objects.prefetch_related("version_capabilities__capability")
    serializer_class = BotVersionSerializer
    lookup_field = "version"
    lookup_value_regex = "[0-9]{1,9}"
    filters: ClassVar[dict[str, Filter]] = {"is_active": "is_active"}
    ordering = ("-version",)

    def get_queryset(self) -> models.QuerySet:
        """Return the versions of the bot named by the address."""
        return super().get_queryset().filter(of_bound_bot(self.request.user), bot__code=self.kwargs["code"])

    def get_serializer_class(self) -> Any:
        """Take ``from`` for a new version."""
        return NewVersionSerializer if self.action == "create" else BotVersionSerializer

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer the versions, newest first; 404 for an unknown bot."""
        bot_of(self)
        return super().list(request, *args, **kwargs)

    def create(self, request: Request, code: str) -> Response:
        """Add the next version, a draft."""
        bot = bot_of(self)
        body = self.read_body(NewVersionSerializer, fixed={"bot": bot})
        version = services.create_version(bot=bot, clone_of=self._from(body), created_by=author_of(request), **body)
        return self.answer(version, status=status.HTTP_201_CREATED)

    def _from(self, body: dict[str, Any]) -> BotVersion | None:
        number = body.pop("from", None)
        if number is None:
            return None
        version: BotVersion | None = self.get_queryset().filter(version=number).first() if number < 2**31 else None
        if version is None:
            raise DomainError("unknown_reference", gettext("There is nothing of this name."), field="from")
        return version

    def perform_update(self, serializer: serializers.BaseSerializer[Any]) -> None:
        """Change a draft; 409 ``version_spoke`` for any other version."""
        assert isinstance(serializer.instance, BotVersion)
        services.change_draft(version=serializer.instance, **serializer.validated_data)

    def perform_destroy(self, instance: BotVersion) -> None:
        """Delete a draft; 409 ``version_spoke`` for any other version."""
        services.delete_draft(version=instance)

    @extend_schema(request=None, responses=BotVersionSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def activate(self, request: Request, code: str, version: str) -> Response:
        """Let new sessions speak with this version; activating an older one rolls back."""
        return self.answer(services.activate_version(version=self.get_object()))

    @extend_schema(responses=VersionDiffSerializer)
    @action(detail=True, methods=["get"], url_path="diff/(?P<other>[0-9]{1,9})")
    def diff(self, request: Request, code: str, version: str, other: str) -> Response:
        """Say what changes from the one version to the other: instructions, capabilities, and the flow leaf by leaf."""
        rows = {row.version: row for row in self.get_queryset().filter(version__in=[version, other])}
        if not {int(version), int(other)} <= rows.keys():
            raise Http404
        changes = version_diff(rows[int(version)], rows[int(other)])
        return Response(VersionDiffSerializer({"version": int(version), "other": int(other), "changes": changes}).data)
