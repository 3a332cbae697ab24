"""Logging in, the own account and tenant, members and API keys."""

from typing import Any, ClassVar

from django.db import models, transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import RefreshToken

from tenants.api.base import TenantAPIView, TenantReadViewSet, TenantViewSet, check_if_match, etag_of
from tenants.auth import find_membership
from tenants.errors import DomainError
from tenants.filters import Filter
from tenants.keys import key_permissions, unknown_scopes
from tenants.models import ApiKey, Membership, Tenant, User
from tenants.permissions import IsPerson
from tenants.schema import example
from tenants.scope import current_tenant_id, platform_scope
from tenants.serializers import CodeRelatedField, StrictSerializer, TenantSerializer, TextField
from tenants.services import check_password, issue_api_key, issue_tokens


class TenantInfoSerializer(TenantSerializer):
    """The own tenant."""

    class Meta:
        model = Tenant
        fields = ("id", "slug", "name", "status", "plan", "locale", "time_zone", "currency", "created_at", "updated_at")
        read_only_fields = ("slug", "status", "plan")


class TenantView(TenantAPIView):
    """The tenant the token belongs to."""

    required_permission = {"GET": "tenants.view_tenant", "PATCH": "tenants.change_tenant"}

    @extend_schema(responses=TenantInfoSerializer, operation_id="tenant_retrieve")
    def get(self, request: Request) -> Response:
        """Answer the own tenant."""
        return _answer(TenantInfoSerializer(_own_tenant()))

    @extend_schema(request=TenantInfoSerializer(partial=True), responses=TenantInfoSerializer)
    def patch(self, request: Request) -> Response:
        """Change name, language, time zone or currency."""
        with transaction.atomic():
            tenant = Tenant.objects.select_for_update().get(pk=current_tenant_id())
            return _changed(request, TenantInfoSerializer, tenant)


def _own_tenant() -> Tenant:
    return Tenant.objects.get(pk=current_tenant_id())


def _answer(serializer: BaseSerializer[Any]) -> Response:
    return Response(serializer.data, headers={"ETag": etag_of(serializer.data)})


def _changed(request: Request, serializer_class: type[BaseSerializer[Any]], row: models.Model) -> Response:
    """Apply a PATCH to the one row of a view without a list; raises ``PreconditionFailed`` for a stale ``If-Match``."""
    check_if_match(request, serializer_class(row).data)
    serializer = serializer_class(row, data=request.data, partial=True)
    serializer.is_valid(raise_exception=True)
    return _answer(serializer_class(serializer.save()))


class MeSerializer(TenantSerializer):
    """The person behind the token, and the role in the token's tenant."""

    role = serializers.SerializerMethodField()
    tenant = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ("id", "email", "first_name", "last_name", "picture_url", "locale", "role", "tenant")
        read_only_fields = ("email",)

    def get_role(self, user: User) -> str | None:
        """Return the role in the token's tenant."""
        return user.role()

    def get_tenant(self, user: User) -> str:
        """Return the slug of the token's tenant."""
        return _own_tenant().slug


def _person(request: Request) -> User:
    """Return the caller, whom ``IsPerson`` has let in."""
    assert isinstance(request.user, User)
    return request.user


class MeView(TenantAPIView):
    """The own account."""

    permission_classes = (IsPerson,)

    @extend_schema(responses=MeSerializer, operation_id="me_retrieve")
    def get(self, request: Request) -> Response:
        """Answer who one is."""
        return _answer(MeSerializer(request.user))

    @extend_schema(request=MeSerializer(partial=True), responses=MeSerializer)
    def patch(self, request: Request) -> Response:
        """Change names, picture or language."""
        with transaction.atomic():
            return _changed(request, MeSerializer, User.objects.select_for_update().get(pk=_person(request).pk))


class MemberSerializer(TenantSerializer):
    """A person's role in the tenant."""

    email = serializers.EmailField(source="user.email", read_only=True)
    first_name = serializers.CharField(source="user.first_name", read_only=True)
    last_name = serializers.CharField(source="user.last_name", read_only=True)

    class Meta:
        model = Membership
        fields = ("id", "user", "email", "first_name", "last_name", "role", "created_at")
        read_only_fields = fields


class MemberViewSet(TenantReadViewSet):
    """Who belongs to the tenant."""

    queryset = Membership.objects.all()
    serializer_class = MemberSerializer
    filters: ClassVar[dict[str, Filter]] = {"role": "role"}
    search_fields = ("user__email", "user__first_name", "user__last_name")


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
        """Refuse a key that, as it would be saved, may do more than who makes it."""
        stored = self.instance if isinstance(self.instance, ApiKey) else ApiKey()
        wanted = ApiKey(scopes=attrs.get("scopes", stored.scopes), bot=attrs.get("bot", stored.bot))
        if not self.context["request"].user.has_perms(key_permissions(wanted)):
            raise DomainError("too_wide", _("The key could do more than you may."), field="scopes")
        return super().validate(attrs)


class NewApiKeySerializer(ApiKeySerializer):
    """The answer to a creation: the only time the key is shown."""

    key = TextField(read_only=True)

    class Meta(ApiKeySerializer.Meta):
        fields: tuple[str, ...] = (*ApiKeySerializer.Meta.fields, "key")


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
        person = request.user if isinstance(request.user, User) else None
        row, key = issue_api_key(**values, bot_id=bot and bot.pk, created_by=person)
        answer = self.answer(row, status=status.HTTP_201_CREATED)
        answer.data["key"] = key
        return answer

    def perform_destroy(self, instance: ApiKey) -> None:
        """Revoke."""
        instance.revoke()


@example(
    "A person of several tenants",
    {"email": "mai@example.com", "password": "correct horse battery", "tenant": "saigon-gadgets"},
)
class LoginSerializer(StrictSerializer):
    """Who, and for people of several tenants, where."""

    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=1024, trim_whitespace=False, write_only=True)
    tenant = serializers.CharField(max_length=63, required=False)


@example("The refresh token of the last answer", {"refresh": "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.kZ1f"})
class RefreshSerializer(StrictSerializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=4096)


class TokensSerializer(StrictSerializer):
    """A pair of tokens: ``access`` for 15 minutes, ``refresh`` for 14 days and one use."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class AuthView(TenantAPIView):
    """Base of the ways in: no token is asked for, and no answer is kept."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    honours_idempotency_key = False


def _tokens(membership: Membership) -> Response:
    refresh = issue_tokens(membership)
    return Response({"access": str(refresh.access_token), "refresh": str(refresh)}, headers={"Cache-Control": "no-store"})


class TokenView(AuthView):
    """Log in."""

    @extend_schema(request=LoginSerializer, responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        """Exchange address and password for tokens; 422 ``tenant_required`` names the tenants to choose from."""
        values = self.read_body(LoginSerializer)
        user = check_password(email=values["email"], password=values["password"])
        if user is None:
            raise AuthenticationFailed
        return _tokens(_membership(user, values.get("tenant")))


def _membership(user: User, slug: str | None) -> Membership:
    """Return the membership to log in with; raises 401 without any, 422 when there is a choice to make."""
    with platform_scope(reason="a person's own tenants"):
        mine = Membership.objects.filter(user=user, tenant__status=Tenant.Status.ACTIVE).select_related("user", "tenant")
        by_slug = {membership.tenant.slug: membership for membership in mine.order_by("tenant__slug")}
    if not by_slug:
        raise AuthenticationFailed
    if slug is None and len(by_slug) > 1:
        message = _("Choose one of your tenants: %s") % ", ".join(by_slug)
        raise DomainError("tenant_required", message, field="tenant", tenants=list(by_slug))
    if slug is not None and slug not in by_slug:
        raise DomainError("unknown_reference", _("You belong to no such tenant."), field="tenant")
    return by_slug[slug] if slug else next(iter(by_slug.values()))


def _refresh_token(text: str) -> RefreshToken | None:
    try:
        return RefreshToken(text)  # type: ignore[arg-type]
    except TokenError:
        return None


def _spend(token: RefreshToken) -> bool:
    """End the token; False when it was ended before, maybe a moment ago by another request."""
    answer: Any = token.blacklist()  # get_or_create's pair, although annotated as the row
    return bool(answer[1])


class RefreshView(AuthView):
    """Stay logged in."""

    @extend_schema(request=RefreshSerializer, responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        """Exchange a refresh token, once, for new tokens."""
        token = _refresh_token(self.read_body(RefreshSerializer)["refresh"])
        membership = token and find_membership(user_id=token["user_id"], tenant_id=token["tenant"])
        if not token or not membership:
            raise AuthenticationFailed
        with transaction.atomic():
            if not _spend(token):
                raise AuthenticationFailed
            return _tokens(membership)


class RevokeView(AuthView):
    """Log out."""

    @extend_schema(request=RefreshSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """End a refresh token; one that is not valid anyway is no error."""
        token = _refresh_token(self.read_body(RefreshSerializer)["refresh"])
        if token:
            token.blacklist()
        return Response(status=status.HTTP_204_NO_CONTENT)
