"""Base of what belongs to one conversation."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from runtime.auth import is_own
from runtime.models import Session, Turn
from tenants.api import TenantReadViewSet
from tenants.errors import Conflict
from tenants.serializers import (
    IdRelatedField,
)


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


class TurnOfSessionField(IdRelatedField):
    """A turn by its id; one of another conversation is unknown."""

    def get_queryset(self) -> models.QuerySet:
        """Return the turns of the conversation named by the address."""
        turns: models.QuerySet = Turn.objects.all()
        session = self.context.get("fixed", {}).get("session")
        return turns.filter(session=session) if session else turns
