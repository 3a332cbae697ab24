"""The API of what people think of answers, and of what they click."""

import json
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from runtime.auth import SessionPrincipal, is_own
from runtime.models import Rating, Session, Turn, UiEvent
from runtime.ratings import rate_turn
from tenants.api import TenantAPIView, TenantReadViewSet
from tenants.auth import author_of
from tenants.errors import Conflict
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import ChoiceField, IdRelatedField, ObjectField, StrictSerializer, TenantSerializer, TextField

MOST_DATA = 10 * 1024
"""Characters of what comes with a click, as JSON."""


class RatingSerializer(TenantSerializer):
    """What somebody thinks of an answer."""

    class Meta:
        model = Rating
        fields = ("id", "session", "turn", "rater", "vote", "comment", "created_by", "created_at", "updated_at")
        read_only_fields = fields


@example("A bad answer", {"vote": "down", "comment": "That is the price of last year."})
class VoteSerializer(StrictSerializer):
    """A thumb up or down, with a word about it."""

    vote = ChoiceField(choices=Rating.Vote.choices)
    comment = TextField(max_length=1000, required=False, allow_blank=True)


class RatedTurnViewSet(TenantAPIView, GenericViewSet):
    """Answers, to be rated: each once by the customer, and once by each colleague; rated again, the vote is changed."""

    queryset = Turn.objects.select_related("session", "in_reply_to")
    serializer_class = RatingSerializer
    lookup_value_regex = "[^/]+"
    session_token_may = frozenset({"rating"})

    def get_queryset(self) -> models.QuerySet:
        """Return the turns of the conversations the caller may see."""
        return super().get_queryset().filter(is_own(self.request.user, "session__"))

    @extend_schema(request=VoteSerializer, responses={200: RatingSerializer, 201: RatingSerializer})
    @action(detail=True, methods=["post"], required_permission="runtime.add_rating")
    def rating(self, request: Request, pk: str) -> Response:
        """Rate an answer; 200 when a rating is changed. 422 ``not_an_answer``; a customer's browser: 409 ``session_ended``."""
        turn, caller = self.get_object(), request.user
        if isinstance(caller, SessionPrincipal) and turn.session.ended_at:
            raise Conflict("session_ended", _("This conversation has ended."))
        made, is_new = rate_turn(turn=turn, person=author_of(request), **self.read_body(VoteSerializer))
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


class RatingViewSet(TenantReadViewSet):
    """Ratings, newest first."""

    queryset = Rating.objects.all()
    serializer_class = RatingSerializer
    filters: ClassVar[dict[str, Filter]] = {"session": "session", "turn": "turn", "vote": "vote", "rater": "rater"}

    def get_queryset(self) -> models.QuerySet:
        """Return those of the conversations the caller may see."""
        return super().get_queryset().filter(is_own(self.request.user, "session__"))


class OwnSessionField(IdRelatedField):
    """A conversation by its id; one the caller may not see is unknown."""

    def get_queryset(self) -> models.QuerySet:
        """Return the conversations the caller may see."""
        request: Any = self.context["request"]
        found: models.QuerySet = Session.objects.filter(is_own(request.user))
        return found


@example(
    "A card that was clicked",
    {"session": "0199b2f4-6a7e-7c33-9a55-0d1b5f0e7a10", "kind": "card-clicked", "data": {"sku": "LAMP-W"}},
)
class UiEventSerializer(TenantSerializer):
    """Something the customer did in the front end without saying anything."""

    session = OwnSessionField(queryset=Session.objects.all())
    turn = IdRelatedField(queryset=Turn.objects.all(), required=False, allow_null=True)
    data = ObjectField(required=False)  # type: ignore[assignment] # the column's name, not the serializer's output

    class Meta:
        model = UiEvent
        fields = ("id", "session", "turn", "kind", "data", "created_at")
        read_only_fields = ("created_at",)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a turn of another conversation, and content that is no click: any customer's browser may send it."""
        if len(json.dumps(attrs.get("data", {}))) > MOST_DATA:
            message = _("This is too large.")
            raise serializers.ValidationError({"data": [serializers.ErrorDetail(message, code="too_large")]})
        turn = attrs.get("turn")
        if turn and turn.session_id != attrs["session"].pk:
            message = _("There is no such turn in this conversation.")
            raise serializers.ValidationError({"turn": [serializers.ErrorDetail(message, code="unknown_reference")]})
        return dict(super().validate(attrs))


class UiEventViewSet(TenantReadViewSet):
    """What customers clicked, newest first. Nothing is changed or deleted."""

    queryset = UiEvent.objects.all()
    serializer_class = UiEventSerializer
    filters: ClassVar[dict[str, Filter]] = {"session": "session", "turn": "turn", "kind": "kind"}
    session_token_may = frozenset({"list", "retrieve", "create"})

    def get_queryset(self) -> models.QuerySet:
        """Return those of the conversations the caller may see."""
        return super().get_queryset().filter(is_own(self.request.user, "session__"))

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Note a click; 409 ``session_ended``."""
        values = self.read_body(UiEventSerializer)
        if values["session"].ended_at:
            raise Conflict("session_ended", _("This conversation has ended."))
        return self.answer(UiEvent.objects.create(**values), status=status.HTTP_201_CREATED)
