"""Credentials, who may use them, and every use. A secret goes in and never comes out."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from tenants.api import TenantReadViewSet, TenantViewSet
from tenants.auth import author_of
from tenants.filters import Filter
from tenants.models import Membership, User
from tenants.schema import example
from tenants.serializers import CodeRelatedField, IdRelatedField, ObjectField, StrictSerializer, TenantSerializer, TextField
from vault.models import Credential, CredentialGrant, CredentialUse
from vault.services import check_end, check_unbound, delete_credential, rotate_credential, store_credential
from vault.testing import try_credential


class MemberField(IdRelatedField):
    """A member of the tenant, by id: people are global rows."""

    def get_queryset(self) -> Any:
        """Return the members."""
        return User.objects.filter(pk__in=Membership.objects.values("user"))


@example(
    "The key of an account at OpenAI",
    {"provider": "openai", "kind": "api_key", "label": "OpenAI", "secret": {"api_key": "sk-…"}},
)
class CredentialSerializer(TenantSerializer):
    """What opens something outside. ``secret`` is only written; ``hint`` and ``version`` tell which one it is.

    Its shape follows from provider and kind: ``{api_key}``, ``{username, password}``, ``{client_id, client_secret,
    access_token?, refresh_token?}`` or any object. Engines take ``base_url``, mail servers ``host`` and ``port`` as well.
    """

    secret = ObjectField(write_only=True)
    active = serializers.BooleanField(source="is_active", required=False)
    person = MemberField(required=False, allow_null=True)
    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True)

    class Meta:
        model = Credential
        fields = (
            *("id", "provider", "kind", "label", "secret", "hint", "destination", "version", "active", "expires_at"),
            *("person", "allowed_hosts", "metadata", "refresh_state", "last_used_at", "created_at", "updated_at"),
        )
        read_only_fields = ("hint", "destination", "version", "refresh_state")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse another provider or kind for a secret that is stored."""
        stored = self.instance
        check_end(attrs.get("expires_at"), stored if isinstance(stored, Credential) else None)
        if isinstance(stored, Credential):
            said = _("Store another credential instead.")
            wrong = {
                name: [said]
                for name in ("provider", "kind")
                if attrs.get(name, getattr(stored, name)) != getattr(stored, name)
            }
            if wrong:
                raise serializers.ValidationError(wrong, code="fixed")
        return super().validate(attrs)


@example("The next key of the account", {"secret": {"api_key": "sk-…"}})
class NewSecretSerializer(StrictSerializer):
    """A secret in the place of the one there is."""

    secret = ObjectField()


class OutcomeSerializer(serializers.Serializer):
    """What a test found: ``ok`` is null where there is nothing to ask; ``code`` is for programs."""

    ok = serializers.BooleanField(allow_null=True)
    code = serializers.CharField()
    detail = serializers.CharField()
    latency_ms = serializers.IntegerField()


class CredentialViewSet(TenantViewSet):
    """What opens the services outside. Secrets are replaced and tested, never read."""

    queryset = Credential.objects.all()
    serializer_class = CredentialSerializer
    filters: ClassVar[dict[str, Filter]] = {"provider": "provider", "kind": "kind", "active": "is_active"}
    search_fields = ("label",)
    ordering_fields = ("label", "expires_at", "created_at")

    def get_queryset(self) -> models.QuerySet:
        """Return the credentials with their last use."""
        return super().get_queryset().with_last_use()  # type: ignore[attr-defined]

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Store the secret."""
        serializer.instance = store_credential(**serializer.validated_data, created_by=author_of(self.request))

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Save what changed, the secret as a new version."""
        assert isinstance(serializer.instance, Credential)
        check_unbound(serializer.instance)
        secret = serializer.validated_data.pop("secret", None)
        if secret is not None:
            rotate_credential(serializer.instance, secret=secret, created_by=author_of(self.request))
        serializer.save()

    def perform_destroy(self, instance: Credential) -> None:
        """Delete it, unless something uses it."""
        delete_credential(instance)

    @extend_schema(request=NewSecretSerializer, responses=CredentialSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def rotate(self, request: Request, pk: str) -> Response:
        """Put a new secret in the place of the old one, which is wiped."""
        credential = self.get_object()
        secret = self.read_body(NewSecretSerializer)["secret"]
        check_unbound(credential)
        rotate_credential(credential, secret=secret, created_by=author_of(request))
        return self.answer(self.get_queryset().get(pk=credential.pk))

    @extend_schema(request=None, responses=OutcomeSerializer)
    @action(detail=True, methods=["post"], verb="change", acts_outside=True)
    def test(self, request: Request, pk: str) -> Response:
        """Ask the service whether the secret opens it; within 5 seconds; 409 ``in_progress`` beside another test."""
        return Response(OutcomeSerializer(try_credential(self.get_object())).data)


@example("The shop's bot may use it", {"credential": "0190a6f0-0000-7000-8000-000000000000", "bot": "shop"})
class CredentialGrantSerializer(TenantSerializer):
    """Lets a role or a bot use a credential, and nobody read it."""

    bot = CodeRelatedField(
        queryset=CredentialGrant.bot.field.related_model.objects.all(),  # type: ignore[attr-defined]
        required=False,
        allow_null=True,
    )

    class Meta:
        model = CredentialGrant
        fields = ("id", "credential", "role", "bot", "expires_at", "created_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a grant that is over when it is made."""
        check_end(attrs.get("expires_at"), self.instance if isinstance(self.instance, CredentialGrant) else None)
        return super().validate(attrs)


class CredentialGrantViewSet(TenantViewSet):
    """Who may use which credential."""

    queryset = CredentialGrant.objects.all()
    serializer_class = CredentialGrantSerializer
    filters: ClassVar[dict[str, Filter]] = {"credential": "credential", "bot": "bot__code", "role": "role"}

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Save the grant with who made it."""
        serializer.save(created_by=author_of(self.request))


class CredentialUseSerializer(TenantSerializer):
    """One use of a secret, or a refused one (``outcome``): who, when, why, for which run.

    ``platform`` tells that the secret was the platform's own.
    """

    credential = serializers.UUIDField(source="credential_id", read_only=True)
    platform = serializers.BooleanField(source="is_platform", read_only=True)
    why = TextField(source="reason", read_only=True)
    bot = serializers.UUIDField(source="bot_id", read_only=True, allow_null=True, help_text="Id, for the bot may be gone.")

    class Meta:
        model = CredentialUse
        fields = (
            *("id", "credential", "label", "version", "outcome", "platform", "actor_kind", "actor_id", "bot", "why", "run"),
            "created_at",
        )
        read_only_fields = fields


class CredentialUseViewSet(TenantReadViewSet):
    """Every use of a secret, and every refused one, the newest first."""

    http_method_names = ["get", "head"]
    queryset = CredentialUse.objects.all()
    serializer_class = CredentialUseSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "credential": "credential_id",
        "run": "run",
        "actor_kind": "actor_kind",
        "outcome": "outcome",
    }
