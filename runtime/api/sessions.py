"""The API of conversations: begin and end them."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from bots.models import Bot, KnowledgeCollection, Tool
from catalog.models import SalesChannel
from runtime.api.escalations import EscalationSerializer
from runtime.api.turns import ReplySerializer
from runtime.auth import SessionPrincipal, is_own
from runtime.escalations import escalate
from runtime.models import Escalation, Session
from runtime.models.escalations import REASON_LENGTH
from runtime.services import (
    CustomerName,
    change_session,
    end_session,
    greeting_of,
    lock_open,
    resume_session,
    start_session,
)
from tenants.api import TenantReadViewSet, check_if_match
from tenants.auth import author_of, bound_bot
from tenants.filters import Filter, parse_bool
from tenants.models import User
from tenants.schema import example
from tenants.serializers import (
    ChoiceField,
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
    collections = serializers.SerializerMethodField(help_text="All it may use, by code; null: every one of the bot.")
    tools = serializers.SerializerMethodField(help_text="All it may call, by code; null: every one of the bot.")

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
            "step_since",
            "flow_context",
            "ext_metadata",
            "collections",
            "tools",
            "turn_number",
            "state_updated_at",
            "created_at",
            "ended_at",
        )
        read_only_fields = fields

    def get_collections(self, session: Session) -> list[str] | None:
        """Return the codes of the collections a conversation is limited to."""
        return _codes(session, "collection") if session.limits_collections else None

    def get_tools(self, session: Session) -> list[str] | None:
        """Return the codes of the tools a conversation is limited to."""
        return _codes(session, "tool") if session.limits_tools else None


def _codes(session: Session, kind: str) -> list[str]:
    return sorted(one.code for scope in session.scopes.all() if (one := getattr(scope, kind)))


class NewSessionSerializer(SessionSerializer):
    """The answer to a beginning: the only time the token is shown."""

    token = TextField(read_only=True)
    greeting = ReplySerializer(
        read_only=True, allow_null=True, help_text="What the bot says first; a quick reply `say` is sent as a message."
    )

    class Meta(SessionSerializer.Meta):
        fields = (*SessionSerializer.Meta.fields, "token", "greeting")  # type: ignore[assignment]


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
    language = ChoiceField(choices=settings.LANGUAGES, required=False, help_text="To greet in; else that of the business.")
    flow_context = ObjectField(required=False)
    resume = serializers.BooleanField(
        default=False, help_text="Go on with the customer's open conversation, if there is one."
    )
    collections = serializers.ListField(
        child=CodeRelatedField(queryset=KnowledgeCollection.objects.all()),
        required=False,
        max_length=100,
        help_text="All that may be used of what the bot has read; left out: everything.",
    )
    tools = serializers.ListField(
        child=CodeRelatedField(queryset=Tool.objects.all()),
        required=False,
        max_length=100,
        help_text="All that may be called; left out: every tool of the bot.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask whose conversation is to be resumed."""
        if attrs["resume"] and "customer" not in attrs:
            raise serializers.ValidationError({"customer": [_("Say whose conversation it is.")]}, code="required")
        return attrs


@example("The customer pays", {"flow_step": "paying", "flow_context": {"cart": "c-17"}})
class SessionChangeSerializer(StrictSerializer):
    """What may be changed of a conversation; objects are replaced whole."""

    flow_step = serializers.RegexField(r"^[A-Za-z0-9_-]{1,63}\Z", required=False)
    flow_context = ObjectField(required=False)
    ext_metadata = ObjectField(required=False)


@example("A wish", {"reason": "Wants to talk about a discount."})
class EscalateSerializer(StrictSerializer):
    """Why a person is asked for."""

    reason = TextField(max_length=REASON_LENGTH, required=False, allow_blank=True)


def _is_open(sessions: models.QuerySet, value: str) -> models.QuerySet:
    return sessions.filter(ended_at__isnull=parse_bool(value, field="open"))


def _said(sessions: Any, value: str) -> models.QuerySet:
    found: models.QuerySet = sessions.saying(value)
    return found


class SessionViewSet(TenantReadViewSet):
    """Conversations. A key bound to a bot sees those of its bot only."""

    queryset = Session.objects.prefetch_related("scopes__collection", "scopes__tool")
    serializer_class = SessionSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "bot": "bot__code",
        "channel": "channel__code",
        "open": _is_open,
        "owner": "owner",
        "customer": "customer",
        "search": _said,
        "since": "created_at__gte",
        "until": "created_at__lt",
    }
    session_token_may = frozenset({"retrieve", "escalate"})
    replay_without = ("token",)

    def get_queryset(self) -> models.QuerySet:
        """Return the conversations the caller may see."""
        return super().get_queryset().filter(is_own(self.request.user))

    @extend_schema(request=SessionStartSerializer, responses={200: NewSessionSerializer, 201: NewSessionSerializer})
    def create(self, request: Request) -> Response:
        """Begin a conversation. The token, for the customer's browser, is shown this once.

        With ``resume`` the customer's open conversation with this bot on this channel goes on, if there is one: 200, with
        a new token in the place of the old one.
        """
        values = self.read_body(SessionStartSerializer)
        if bound_bot(request.user) not in (None, values["bot"].pk):
            raise PermissionDenied(_("This key is bound to another bot."), "wrong_principal")
        if "customer" in values:
            values["customer"] = CustomerName(**values["customer"])
        session, token, is_new = resume_session(**values) if values.pop("resume") else (*start_session(**values), True)
        answer = self.answer(self.get_queryset().get(pk=session.pk), status=201 if is_new else 200)
        greeting = greeting_of(session) if is_new else None
        answer.data.update(token=token, greeting=ReplySerializer(greeting).data if greeting else None)
        return answer

    @extend_schema(request=SessionChangeSerializer, responses=SessionSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Move a conversation to another step of its flow, or change what is kept with it.

        A step that does not follow the present one is 409 `step_not_allowed`; `ended` ends the conversation.
        """
        session = self.get_object()
        values = self.read_body(SessionChangeSerializer)
        by = "person" if author_of(request) else "program"
        with transaction.atomic():
            lock_open(session)
            check_if_match(request, self.get_serializer(self.get_object()).data)
            change_session(session=session, by=by, **values)
        return self.answer(self.get_object())

    @extend_schema(request=None, responses=SessionSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def end(self, request: Request, pk: str) -> Response:
        """End a conversation."""
        end_session(self.get_object())
        return self.answer(self.get_object())

    @extend_schema(request=EscalateSerializer, responses={200: EscalationSerializer, 201: EscalationSerializer})
    @action(detail=True, methods=["post"], required_permission="runtime.add_escalation")
    def escalate(self, request: Request, pk: str) -> Response:
        """Ask for a person; 200 with what waits already, if something does. The bot answers until somebody claims it."""
        values = self.read_body(EscalateSerializer)
        session, author = self.get_object(), author_of(request)
        made, is_new = escalate(session=session, origin=_origin(request.user), created_by=author, **values)
        if isinstance(request.user, SessionPrincipal) and made.origin != Escalation.Origin.CUSTOMER:
            made.reason = ""  # what colleagues, programs and rules wrote of the customer is not for the customer
        context = self.get_serializer_context()
        return Response(EscalationSerializer(made, context=context).data, status=201 if is_new else 200)


def _origin(caller: Any) -> Escalation.Origin:
    if isinstance(caller, SessionPrincipal):
        return Escalation.Origin.CUSTOMER
    return Escalation.Origin.STAFF if isinstance(caller, User) else Escalation.Origin.PROGRAM
