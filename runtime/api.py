"""The API of conversations: begin and end them, talk, and read or log what happened on the way."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from runtime import serializers
from runtime.auth import SessionPrincipal, is_own
from runtime.models import ActionExecution, ContextSlot, DecisionEvent, Session, Turn
from runtime.services import CustomerName, end_session, set_slot, start_session
from runtime.turn import take_turn
from tenants.api import TenantReadViewSet
from tenants.auth import bound_bot
from tenants.errors import Conflict, DomainError
from tenants.filters import Filter, parse_bool


def _is_open(sessions: models.QuerySet, value: str) -> models.QuerySet:
    return sessions.filter(ended_at__isnull=parse_bool(value, field="open"))


class SessionViewSet(TenantReadViewSet):
    """Conversations. A key bound to a bot sees those of its bot only."""

    queryset = Session.objects.all()
    serializer_class = serializers.SessionSerializer
    filters: ClassVar[dict[str, Filter]] = {"bot": "bot__code", "channel": "channel__code", "open": _is_open}
    session_token_may = frozenset({"retrieve"})
    replay_without = ("token",)

    def get_queryset(self) -> models.QuerySet:
        """Return the conversations the caller may see."""
        return super().get_queryset().filter(is_own(self.request.user))

    @extend_schema(request=serializers.SessionStartSerializer, responses={201: serializers.NewSessionSerializer})
    def create(self, request: Request) -> Response:
        """Begin a conversation. The token, for the customer's browser, is shown this once."""
        values = self.read_body(serializers.SessionStartSerializer)
        if bound_bot(request.user) not in (None, values["bot"].pk):
            raise PermissionDenied(_("This key is bound to another bot."), "wrong_principal")
        customer = values.pop("customer", None)
        session, token = start_session(customer=CustomerName(**customer) if customer else None, **values)
        answer = self.answer(self.get_queryset().get(pk=session.pk), status=status.HTTP_201_CREATED)
        answer.data["token"] = token
        return answer

    @extend_schema(request=None, responses=serializers.SessionSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def end(self, request: Request, pk: str) -> Response:
        """End a conversation."""
        end_session(self.get_object())
        return self.answer(self.get_object())


@extend_schema(parameters=[OpenApiParameter("session", OpenApiTypes.UUID, OpenApiParameter.PATH)])
class SessionPartViewSet(TenantReadViewSet):
    """Base of what belongs to one conversation; ``session`` of the address names it."""

    ordering: ClassVar[tuple[str, ...]] = ("id",)

    def get_queryset(self) -> models.QuerySet:
        """Return the rows of the conversation."""
        return super().get_queryset().filter(session=self.kwargs["session"])

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse an address that names no conversation."""
        try:
            self.kwargs["session"] = UUID(self.kwargs["session"])
        except ValueError as error:
            raise Http404 from error
        super().initial(request, *args, **kwargs)

    def session(self) -> Session:
        """Return the conversation; raises ``Http404`` for one the caller may not see."""
        sessions = Session.objects.filter(is_own(self.request.user)).select_related("bot_version")
        session: Session | None = sessions.filter(pk=self.kwargs["session"]).first()
        if session is None:
            raise Http404
        return session

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer the rows; 404 for an unknown conversation."""
        self.session()
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer one row; 404 for an unknown conversation."""
        self.session()
        return super().retrieve(request, *args, **kwargs)

    def open_session(self) -> Session:
        """Return the conversation to write to; raises ``Conflict`` when it has ended."""
        session = self.session()
        if session.ended_at:
            raise Conflict("session_ended", _("This conversation has ended."))
        return session

    def log(self, session: Session, **fixed: Any) -> Response:
        """Store a row that the bot reports."""
        fixed = {"session": session, **fixed}
        values = self.read_body(self.get_serializer_class(), fixed=fixed)
        row = self.get_queryset().create(**fixed, **values)
        return self.answer(self.get_queryset().get(pk=row.pk), status=status.HTTP_201_CREATED)


def _after(turns: models.QuerySet, value: str) -> models.QuerySet:
    try:
        known = turns.filter(pk=UUID(value)).exists()
    except ValueError:
        known = False
    if not known:
        raise DomainError("unknown_reference", _("There is no such turn in this conversation."), field="after")
    return turns.filter(pk__gt=value)


class TurnViewSet(SessionPartViewSet):
    """The messages of a conversation, in their order; a new one is answered at once."""

    queryset = Turn.objects.all()
    serializer_class = serializers.TurnSerializer
    filters: ClassVar[dict[str, Filter]] = {"after": _after}
    acts_outside = True  # a turn may ask a model; its external_id keeps it from being answered twice
    session_token_may = frozenset({"list", "retrieve", "create"})

    @extend_schema(request=serializers.MessageSerializer, responses={201: serializers.TurnAnswerSerializer})
    def create(self, request: Request, session: str) -> Response:
        """Say something to the bot and get its answer, with the decision behind it."""
        values = self.read_body(serializers.MessageSerializer)
        self.check_own()
        recorded = take_turn(
            session_id=self.kwargs["session"],
            message=values.get("message", ""),
            external_id=values.get("external_id", ""),
            ui_event=values.get("ui_event"),
        )
        return Response(serializers.turn_answer(recorded), status=status.HTTP_201_CREATED)

    def check_own(self) -> None:
        """Raise ``Http404`` for a conversation the caller may not see. Asks the database only for a key with a bot."""
        caller = self.request.user
        if isinstance(caller, SessionPrincipal) and caller.pk != self.kwargs["session"]:
            raise Http404
        if bound_bot(caller):
            self.session()


class SlotViewSet(SessionPartViewSet):
    """What is known about the customer's wishes. Expired slots are left out."""

    queryset = ContextSlot.objects.all()
    serializer_class = serializers.SlotSerializer
    session_token_may = frozenset({"list", "retrieve", "create"})

    def get_queryset(self) -> models.QuerySet:
        """Return the slots that still count."""
        slots: Any = super().get_queryset()
        return slots.live()

    @extend_schema(request=serializers.SlotWriteSerializer, responses={201: serializers.SlotSerializer})
    def create(self, request: Request, session: str) -> Response:
        """Write a slot, in the place of the one with the same key."""
        found = self.open_session()
        values = self.read_body(serializers.SlotWriteSerializer, fixed={"session": found})
        return self.answer(set_slot(session=found, **values), status=status.HTTP_201_CREATED)


class DecisionViewSet(SessionPartViewSet):
    """Decisions, oldest first."""

    queryset = DecisionEvent.objects.all()
    serializer_class = serializers.DecisionSerializer

    def create(self, request: Request, session: str) -> Response:
        """Log a decision that the bot took elsewhere."""
        found = self.open_session()
        return self.log(found, bot_version=found.bot_version)


class ActionViewSet(SessionPartViewSet):
    """What the bot did on the way, oldest first."""

    queryset = ActionExecution.objects.all()
    serializer_class = serializers.ActionSerializer

    def create(self, request: Request, session: str) -> Response:
        """Log a tool call."""
        return self.log(self.open_session())
