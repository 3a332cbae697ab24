"""Who belongs to the tenant: members and invitations."""

from typing import Any, ClassVar

from django.db import models
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from tenants.api.base import TenantReadViewSet, TenantViewSet
from tenants.filters import Filter
from tenants.members import change_role, invite, leave, remove_member, revoke_invitation, send_again
from tenants.models import LoginToken, Membership
from tenants.permissions import IsPerson, person_of
from tenants.roles import Role
from tenants.schema import example
from tenants.scope import current_tenant_id
from tenants.serializers import ChoiceField, StrictSerializer, TenantSerializer


class MemberSerializer(TenantSerializer):
    """A person's role in the tenant."""

    email = serializers.EmailField(source="user.email", read_only=True)
    first_name = serializers.CharField(source="user.first_name", read_only=True)
    last_name = serializers.CharField(source="user.last_name", read_only=True)

    class Meta:
        model = Membership
        fields = ("id", "user", "email", "first_name", "last_name", "role", "created_at")
        read_only_fields = ("user",)


@example("Somebody who runs the shop", {"email": "mai@example.com", "role": "operator"})
class InviteSerializer(StrictSerializer):
    """Whom to invite, and what they will be."""

    email = serializers.EmailField(max_length=254)
    role = ChoiceField(choices=Role.choices)


class InvitationSerializer(TenantSerializer):
    """An invitation that was not accepted yet. ``state`` tells where its mail stands."""

    state = serializers.SerializerMethodField()
    invited_by = serializers.EmailField(source="created_by.email", read_only=True, allow_null=True, default=None)

    class Meta:
        model = LoginToken
        fields = ("id", "email", "role", "state", "invited_by", "created_at", "sent_at", "expires_at")
        read_only_fields = fields

    @extend_schema_field({"type": "string", "enum": ["waiting", "sending", "sent", "failed", "unknown", "expired"]})
    def get_state(self, link: LoginToken) -> str:
        """Return where the mail stands, or ``expired``."""
        return link.stage()


class MemberViewSet(TenantViewSet):
    """Who belongs to the tenant. People join by invitation; deleting removes them, from their next request on."""

    queryset = Membership.objects.all()
    serializer_class = MemberSerializer
    filters: ClassVar[dict[str, Filter]] = {"role": "role"}
    search_fields = ("user__email", "user__first_name", "user__last_name")

    @extend_schema(exclude=True)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Refuse: nobody is made a member without being asked."""
        return self.http_method_not_allowed(request)

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Give another role."""
        member = serializer.instance
        assert isinstance(member, Membership)
        change_role(member, role=serializer.validated_data.get("role", member.role), by=self.request.user)

    def perform_destroy(self, instance: Membership) -> None:
        """Remove."""
        remove_member(instance, by=self.request.user)

    @extend_schema(request=InviteSerializer, responses={201: InvitationSerializer})
    @action(detail=False, methods=["post"], verb="add")
    def invite(self, request: Request) -> Response:
        """Send an invitation; an address that was invited before gets a new link."""
        link = invite(**self.read_body(InviteSerializer), by=request.user)
        return Response(InvitationSerializer(link).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={204: None})
    @action(detail=False, methods=["post"], permission_classes=[IsPerson])
    def leave(self, request: Request) -> Response:
        """Leave the tenant; 409 ``last_owner`` for the only one."""
        leave(person_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class InvitationViewSet(TenantReadViewSet, mixins.DestroyModelMixin):
    """Invitations nobody has accepted yet. Deleting takes one back: its link opens nothing any more."""

    queryset = LoginToken.objects.all()
    serializer_class = InvitationSerializer
    search_fields = ("email",)

    def get_queryset(self) -> models.QuerySet:
        """Return the tenant's own: the table is global."""
        links: Any = super().get_queryset()
        return links.invitations(current_tenant_id())

    def perform_destroy(self, instance: LoginToken) -> None:
        """Take it back."""
        revoke_invitation(instance)

    @extend_schema(request=None, responses=InvitationSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def resend(self, request: Request, pk: str) -> Response:
        """Send the mail again, with a new link in place of the old one; 409 ``too_soon`` within a minute."""
        link = self.get_object()
        send_again(link)
        link.refresh_from_db()
        return self.answer(link)
