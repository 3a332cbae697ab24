"""The API of escalations: claim a conversation, answer in it as a person, give it back."""

from typing import Any, ClassVar

from django.db import models
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from runtime.api.turns import MESSAGE_LENGTH, TurnSerializer
from runtime.escalations import Colleague, answer, claim, put_back, resolve
from runtime.models import Escalation
from tenants.api import TenantReadViewSet
from tenants.auth import of_bound_bot
from tenants.filters import Filter
from tenants.models import User
from tenants.schema import example
from tenants.serializers import StrictSerializer, TenantSerializer, TextField


class EscalationSerializer(TenantSerializer):
    """A conversation that a person is asked for."""

    class Meta:
        model = Escalation
        fields = (
            *("id", "session", "turn", "reason", "origin", "state", "claimed_by", "claimed_at", "replied_at"),
            *("resolved_at", "resolution", "created_by", "created_at"),
        )
        read_only_fields = fields


@example("An answer of a person", {"message": "Hello, this is Lan. I can give you 5 % if you take two."})
class PersonAnswerSerializer(StrictSerializer):
    """What a person says to the customer. With the same ``external_id`` again it is said once."""

    message = TextField(max_length=MESSAGE_LENGTH)
    external_id = TextField(max_length=255, required=False)


@example("Settled", {"resolution": "Got 5 % off."})
class ResolutionSerializer(StrictSerializer):
    """What came of it, for colleagues."""

    resolution = TextField(max_length=2000, required=False, allow_blank=True)


def colleague(request: Request) -> Colleague:
    """Return who answers in the bot's place: the person, or the program by the id of its key."""
    caller: Any = request.user
    return Colleague(caller.pk, caller if isinstance(caller, User) else None)


class EscalationViewSet(TenantReadViewSet):
    """Conversations that wait, or waited, for a person; the oldest first."""

    queryset = Escalation.objects.all()
    serializer_class = EscalationSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "state": "state",
        "session": "session",
        "bot": "session__bot__code",
        "channel": "session__channel__code",
        "since": "created_at__gte",
        "until": "created_at__lt",
    }
    ordering: ClassVar[tuple[str, ...]] = ("id",)
    ordering_fields = ("created_at",)

    def get_queryset(self) -> models.QuerySet:
        """Return those of the conversations the caller may see."""
        return super().get_queryset().filter(of_bound_bot(self.request.user, "session__bot_id"))

    @extend_schema(request=None, responses=EscalationSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def claim(self, request: Request, pk: str) -> Response:
        """Take the conversation over: the bot is silent from now on. 409 ``claimed_by_another``, ``escalation_resolved``."""
        return self.answer(claim(escalation=self.get_object(), by=colleague(request)))

    @extend_schema(request=PersonAnswerSerializer, responses={201: TurnSerializer})
    @action(detail=True, methods=["post"], verb="change")
    def reply(self, request: Request, pk: str) -> Response:
        """Answer the customer (``speaker: agent``). 409 ``not_claimed``, ``claimed_by_another``, ``escalation_resolved``."""
        row = self.get_object()
        said = answer(escalation=row, by=colleague(request), **self.read_body(PersonAnswerSerializer))
        return Response(TurnSerializer(said, context=self.get_serializer_context()).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=EscalationSerializer)
    @action(detail=True, methods=["post"], verb="change", url_path="put-back")
    def put_back(self, request: Request, pk: str) -> Response:
        """Let somebody else claim it; the bot answers meanwhile. 409 as ``reply``."""
        return self.answer(put_back(escalation=self.get_object(), by=colleague(request)))

    @extend_schema(request=ResolutionSerializer, responses=EscalationSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def resolve(self, request: Request, pk: str) -> Response:
        """Give the conversation back to the bot. 409 ``claimed_by_another``, ``escalation_resolved``."""
        row = self.get_object()
        return self.answer(resolve(escalation=row, by=colleague(request), **self.read_body(ResolutionSerializer)))
