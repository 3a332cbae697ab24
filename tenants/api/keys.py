"""The keys of programs."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.base import TenantViewSet
from tenants.auth import KeyPrincipal, author_of
from tenants.errors import Conflict, DomainError
from tenants.filters import Filter
from tenants.keys import key_permissions, unknown_scopes
from tenants.models import ApiKey
from tenants.schema import example
from tenants.serializers import CodeRelatedField, StrictSerializer, TenantSerializer, TextField
from tenants.services import issue_api_key, rotate_api_key


@example("The key of a shop's website", {"name": "Website", "scopes": ["offerings:read", "sessions:write"], "bot": "shop"})
class ApiKeySerializer(TenantSerializer):
    """A program's way in, without the key itself."""

    bot = CodeRelatedField(queryset=ApiKey.bot.field.related_model.objects.all(), required=False, allow_null=True)  # type: ignore[attr-defined]

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            "id",
            "name",
            "prefix",
            "scopes",
            "bot",
            "expires_at",
            "revoked_at",
            "last_used_at",
            "created_at",
        )
        read_only_fields = ("prefix", "revoked_at", "last_used_at")

    def validate_scopes(self, scopes: list[str]) -> list[str]:
        """Refuse scopes that mean nothing."""
        if unknown := unknown_scopes(scopes):
            raise serializers.ValidationError(_("There is no such scope: %s") % ", ".join(unknown), code="unknown_scope")
        return scopes

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a key that, as it would be saved, may do more than who makes it, or longer; one that is over stays so."""
        who, stored = self.context["request"].user, self.instance if isinstance(self.instance, ApiKey) else ApiKey()
        if stored.state() != "live":
            raise Conflict("not_live", _("This key opens nothing any more: make another."))
        check_reach(who, ApiKey(scopes=attrs.get("scopes", stored.scopes), bot=attrs.get("bot", stored.bot)))
        if self.instance is None or "expires_at" in attrs:
            check_end(who, attrs.get("expires_at"))
        return super().validate(attrs)


def check_reach(who: Any, key: ApiKey) -> None:
    """Raise ``DomainError`` (``too_wide``) when the key may do more than whoever hands it out."""
    if not key_permissions(key):
        raise DomainError("opens_nothing", _("Bound to a bot, a key of these scopes would open nothing."), field="scopes")
    if not who.has_perms(key_permissions(key)):
        raise DomainError("too_wide", _("The key could do more than you may."), field="scopes")


def check_end(who: Any, ends: datetime | None) -> None:
    """Raise ``DomainError`` (``too_long``) when the key would outlive the key that hands it out."""
    if ends and ends <= timezone.now():
        raise DomainError("in_the_past", _("This moment has passed."), field="expires_at")
    own = _end_of(who)
    if own and (ends is None or ends > own):
        raise DomainError("too_long", _("The key could go on for longer than the one you use."), field="expires_at")


def _end_of(who: Any) -> datetime | None:
    """Return the end of the caller's key; a person has none."""
    return who.key.expires_at if isinstance(who, KeyPrincipal) else None


class NewApiKeySerializer(ApiKeySerializer):
    """The answer to a creation: the only time the key is shown."""

    key = TextField(read_only=True)

    class Meta(ApiKeySerializer.Meta):
        fields: tuple[str, ...] = (*ApiKeySerializer.Meta.fields, "key")


OVERLAP = timedelta(hours=1)
LONGEST_OVERLAP = timedelta(days=30)


@example("Time for two deployments", {"overlap_seconds": 3600})
class RotateSerializer(StrictSerializer):
    """How long the old key goes on: an hour unless said otherwise, 0 for not at all."""

    overlap_seconds = serializers.IntegerField(
        min_value=0, max_value=int(LONGEST_OVERLAP.total_seconds()), default=int(OVERLAP.total_seconds())
    )


class ApiKeyViewSet(TenantViewSet):
    """The keys of programs. Creating answers the key, once; deleting revokes it at once, and keeps the row."""

    queryset = ApiKey.objects.all()
    serializer_class = ApiKeySerializer
    filters: ClassVar[dict[str, Filter]] = {"bot": "bot__code"}
    search_fields = ("name",)
    replay_without = ("key",)

    @extend_schema(responses={201: NewApiKeySerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a key."""
        values = self.read_body(ApiKeySerializer)
        bot = values.pop("bot", None)
        row, key = issue_api_key(**values, bot_id=bot and bot.pk, created_by=author_of(request))
        answer = self.answer(row, status=status.HTTP_201_CREATED)
        answer.data["key"] = key
        return answer

    @extend_schema(request=RotateSerializer, responses={201: NewApiKeySerializer})
    @action(detail=True, methods=["post"], verb="add")
    def rotate(self, request: Request, pk: str) -> Response:
        """Make a key that may do the same; the old one goes on for a while, so that nothing stands still meanwhile."""
        old, overlap = self.get_object(), timedelta(seconds=self.read_body(RotateSerializer)["overlap_seconds"])
        check_reach(request.user, old)
        row, key = rotate_api_key(old, overlap=overlap, created_by=author_of(request), latest=_end_of(request.user))
        answer = self.answer(row, status=status.HTTP_201_CREATED)
        answer.data["key"] = key
        return answer

    def perform_destroy(self, instance: ApiKey) -> None:
        """Revoke."""
        instance.revoke()
