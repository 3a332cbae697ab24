"""The own tenant and the own account."""

from typing import Any, cast

from django.db import models, transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework_simplejwt.tokens import AccessToken

from tenants.api.base import TenantAPIView, check_if_match, etag_of
from tenants.login_links import came_by_link, log_out_everywhere
from tenants.models import Tenant, User
from tenants.passwords import replace_password
from tenants.permissions import IsPerson, person_of
from tenants.schema import example
from tenants.scope import current_tenant_id
from tenants.serializers import StrictSerializer, TenantSerializer
from tenants.throttling import client_address


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
        fields = ("id", "email", "first_name", "last_name", "picture_url", "locale", "time_zone", "role", "tenant")
        read_only_fields = ("email",)

    def get_role(self, user: User) -> str | None:
        """Return the role in the token's tenant."""
        return user.role()

    def get_tenant(self, user: User) -> str:
        """Return the slug of the token's tenant."""
        return _own_tenant().slug


class MeView(TenantAPIView):
    """The own account."""

    permission_classes = (IsPerson,)

    @extend_schema(responses=MeSerializer, operation_id="me_retrieve")
    def get(self, request: Request) -> Response:
        """Answer who one is."""
        return _answer(MeSerializer(request.user))

    @extend_schema(request=MeSerializer(partial=True), responses=MeSerializer)
    def patch(self, request: Request) -> Response:
        """Change names, picture, language or time zone."""
        with transaction.atomic():
            return _changed(request, MeSerializer, User.objects.select_for_update().get(pk=person_of(request).pk))


@example("Both passwords", {"old_password": "correct horse battery", "new_password": "staple in the wet grass"})
class PasswordSerializer(StrictSerializer):
    """The password that holds, and the one that is to."""

    old_password = serializers.CharField(
        max_length=1024,
        trim_whitespace=False,
        write_only=True,
        required=False,
        help_text="Not needed with a token made by a login link or an invitation in the last 15 minutes, nor by who has none yet.",
    )
    new_password = serializers.CharField(max_length=1024, trim_whitespace=False, write_only=True)


class PasswordView(TenantAPIView):
    """The own password."""

    permission_classes = (IsPerson,)
    acts_outside = True  # guesses are counted, and no refusal may roll the count back

    @extend_schema(request=PasswordSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """Change the own password; every session and token of the person ends, this one too."""
        values, token = self.read_body(PasswordSerializer), cast(AccessToken, request.auth)
        replace_password(
            user=person_of(request),
            old=values.get("old_password"),
            new=values["new_password"],
            client=client_address(request),
            by_link=came_by_link(token.payload),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class EndSessionsView(TenantAPIView):
    """The own sessions."""

    permission_classes = (IsPerson,)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End every session, token and login link of the person, this one too."""
        log_out_everywhere(person_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
