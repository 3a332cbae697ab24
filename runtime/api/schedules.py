"""The API of schedules, and of the times they were due."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from bots.models import Bot
from runtime.cron import upcoming
from runtime.models import Schedule, ScheduleOccurrence
from runtime.schedules import replay, retry_occurrence, run_now, save_schedule
from runtime.targets import TARGETS, Author
from tenants.api import TenantReadViewSet, TenantViewSet
from tenants.auth import author_of
from tenants.errors import Malformed
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import CodeRelatedField, ObjectField, StrictSerializer, TenantSerializer, TextField


@example(
    "End idle conversations every night",
    {
        "name": "Tidy up",
        "cron": "0 3 * * *",
        "time_zone": "Asia/Ho_Chi_Minh",
        "target": {"kind": "end_idle_sessions", "idle_minutes": 720},
        "misfire": "once",
    },
)
class ScheduleSerializer(TenantSerializer):
    """What is done by the clock. ``cron`` has five fields; ``target`` names its ``kind`` and what that needs to be told.

    ``misfire`` says what becomes of times that were missed: ``skip``, ``once`` for all of them, or ``all`` (up to 100).
    """

    bot = CodeRelatedField(queryset=Bot.objects.all(), required=False, allow_null=True)
    target = ObjectField()
    active = serializers.BooleanField(source="is_active", required=False)

    class Meta:
        model = Schedule
        fields = (
            *("id", "name", "bot", "cron", "time_zone", "target", "misfire", "active", "next_run", "last_run"),
            *("created_at", "updated_at"),
        )
        read_only_fields = ("next_run", "last_run")


class OccurrenceSerializer(TenantSerializer):
    """One time a schedule was due. ``reason`` tells why it was skipped, failed or is unclear, or what it repeats."""

    due_at = serializers.DateTimeField(source="scheduled_for", read_only=True)
    reason = serializers.CharField(read_only=True)

    class Meta:
        model = ScheduleOccurrence
        fields: Any = ("id", "due_at", "state", "reason", "origin", "attempt", "created_at")
        read_only_fields = fields


@example("Every weekday morning", {"cron": "30 7 * * MON-FRI", "time_zone": "Europe/Berlin"})
class TimesSerializer(StrictSerializer):
    """When something would run."""

    cron = TextField(max_length=100)
    time_zone = TextField(max_length=64)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what ``Schedule`` refuses."""
        Schedule(**attrs).clean()
        return attrs


def _of_kind(schedules: models.QuerySet, kind: str) -> models.QuerySet:
    """Narrow to those with a target of one kind; raises ``Malformed`` for one that there is not."""
    if kind not in TARGETS:
        raise Malformed("invalid_choice", _("This is none of the choices."), field="kind")
    return schedules.filter(target__kind=kind)


class ScheduleViewSet(TenantViewSet):
    """Schedules."""

    queryset = Schedule.objects.all()
    serializer_class = ScheduleSerializer
    filters: ClassVar[dict[str, Filter]] = {"bot": "bot__code", "active": "is_active", "kind": _of_kind}
    search_fields = ("name",)
    ordering_fields = ("name", "created_at")

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Save a schedule whose target can be run."""
        schedule = Schedule(**serializer.validated_data, created_by=author_of(self.request))
        serializer.instance = save_schedule(schedule=schedule, author=self._author())

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Save what was changed."""
        schedule: Any = serializer.instance
        for name, value in serializer.validated_data.items():
            setattr(schedule, name, value)
        save_schedule(schedule=schedule, author=self._author())

    def _author(self) -> Author:
        return Author(manages_credentials=self.request.user.has_perm("vault.change_credential"))

    @extend_schema(request=None, responses={201: OccurrenceSerializer})
    @action(detail=True, methods=["post"], verb="change")
    def run(self, request: Request, pk: str) -> Response:
        """Run it once, now, beside its times."""
        made = run_now(schedule=self.get_object(), by=author_of(request))
        made.refresh_from_db()
        return Response(OccurrenceSerializer(made).data, status=201)

    @extend_schema(
        request=TimesSerializer,
        responses=inline_serializer("Times", {"next": serializers.ListField(child=serializers.DateTimeField())}),
    )
    @action(detail=False, methods=["post"], verb="view")
    def preview(self, request: Request) -> Response:
        """Tell the next five times of a cron expression, with the offsets of its zone. Nothing is saved."""
        asked = self.read_body(TimesSerializer)
        return Response({"next": [at.isoformat() for at in upcoming(**asked, after=timezone.now())]})


class OccurrenceViewSet(TenantReadViewSet):
    """The times a schedule was due, the newest first."""

    queryset = ScheduleOccurrence.objects.all()
    serializer_class = OccurrenceSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "state": "state",
        "origin": "origin",
        "since": "scheduled_for__gte",
        "until": "scheduled_for__lt",
    }

    def get_queryset(self) -> models.QuerySet:
        """Return those of the schedule in the address; an unknown one is 404."""
        occurrences = super().get_queryset().select_related("schedule")
        if "schedule" not in self.kwargs:
            return occurrences
        try:
            schedule = Schedule.objects.only("pk").get(pk=self.kwargs["schedule"])
        except (Schedule.DoesNotExist, ValueError, ValidationError) as error:
            raise Http404 from error
        return occurrences.filter(schedule=schedule)

    @extend_schema(request=None, responses={201: OccurrenceSerializer})
    @action(detail=True, methods=["post"], verb="change")
    def replay(self, request: Request, schedule: str, pk: str) -> Response:
        """Do it anew, as a run of its own; 409 ``not_ended`` for one that waits or runs."""
        made = replay(occurrence=self.get_object(), by=author_of(request))
        return self.answer(self.get_queryset().get(pk=made.pk), status=201)

    @extend_schema(request=None, responses=OccurrenceSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def retry(self, request: Request, schedule: str, pk: str) -> Response:
        """Try the same run once more, under its own key; 409 ``not_stuck`` unless it failed or is unclear."""
        found = self.get_object()
        retry_occurrence(occurrence=found)
        return self.answer(self.get_queryset().get(pk=found.pk))
