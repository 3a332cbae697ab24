"""The API of conversations: begin and end them."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from bots.models import Bot
from catalog.models import SalesChannel
from runtime.auth import is_own
from runtime.models import Session
from runtime.services import CustomerName, end_session, start_session
from tenants.api import TenantReadViewSet
from tenants.auth import bound_bot
from tenants.filters import Filter, parse_bool
from tenants.schema import example
from tenants.serializers import (
    CodeRelatedField,
    ObjectField,
    StrictSerializer,
    TenantSerializer,
    TextField,
)


class SessionSerializer(TenantSerializer):
    """A conversation."""

    bot = CodeRelatedField(read_only=True)
    bot_version = serializers.IntegerField(source="bot_version.version", read_only=True)
    channel = CodeRelatedField(read_only=True)

    class Meta:
        model = Session
        fields = (
            "id",
            "bot",
            "bot_version",
            "channel",
            "customer",
            "owner",
            "flow_step",
            "flow_context",
            "ext_metadata",
            "turn_number",
            "state_updated_at",
            "created_at",
            "ended_at",
        )
        read_only_fields = fields


class NewSessionSerializer(SessionSerializer):
    """The answer to a beginning: the only time the token is shown."""

    token = TextField(read_only=True)

    class Meta(SessionSerializer.Meta):
        fields = (*SessionSerializer.Meta.fields, "token")  # type: ignore[assignment]


class CustomerNameSerializer(StrictSerializer):
    """Who is writing: the id that the channel gives the person (``channel``: the conversation's, unless named)."""

    channel = CodeRelatedField(queryset=SalesChannel.objects.all(), required=False)
    external_id = TextField(max_length=255)
    name = TextField(max_length=200, required=False, allow_blank=True)


@example(
    "A customer of the website",
    {"bot": "shop", "channel": "web", "customer": {"external_id": "visitor-8c1f", "name": "Mai"}},
)
class SessionStartSerializer(StrictSerializer):
    """What a conversation begins with."""

    bot = CodeRelatedField(queryset=Bot.objects.all())
    channel = CodeRelatedField(queryset=SalesChannel.objects.all())
    customer = CustomerNameSerializer(required=False)
    flow_context = ObjectField(required=False)


def _is_open(sessions: models.QuerySet, value: str) -> models.QuerySet:
    return sessions.filter(ended_at__isnull=parse_bool(value, field="open"))


class SessionViewSet(TenantReadViewSet):
    """Conversations. A key bound to a bot sees those of its bot only."""

    queryset = Session.objects.all()
    serializer_class = SessionSerializer
    filters: ClassVar[dict[str, Filter]] = {"bot": "bot__code", "channel": "channel__code", "open": _is_open}
    session_token_may = frozenset({"retrieve"})
    replay_without = ("token",)

    def get_queryset(self) -> models.QuerySet:
        """Return the conversations the caller may see."""
        return super().get_queryset().filter(is_own(self.request.user))

    @extend_schema(request=SessionStartSerializer, responses={201: NewSessionSerializer})
    def create(self, request: Request) -> Response:
        """Begin a conversation. The token, for the customer's browser, is shown this once."""
        values = self.read_body(SessionStartSerializer)
        if bound_bot(request.user) not in (None, values["bot"].pk):
            raise PermissionDenied(_("This key is bound to another bot."), "wrong_principal")
        customer = values.pop("customer", None)
        session, token = start_session(customer=CustomerName(**customer) if customer else None, **values)
        answer = self.answer(self.get_queryset().get(pk=session.pk), status=status.HTTP_201_CREATED)
        answer.data["token"] = token
        return answer

    @extend_schema(request=None, responses=SessionSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def end(self, request: Request, pk: str) -> Response:
        """End a conversation."""
        end_session(self.get_object())
        return self.answer(self.get_object())
