"""What happened: the audit and the events, to be read."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _
from rest_framework import serializers

from tenants.api.base import TenantReadViewSet
from tenants.errors import Malformed
from tenants.events import EVENT_KINDS
from tenants.filters import Filter
from tenants.models import AuditEntry, Event, TaskRun
from tenants.serializers import TenantSerializer


class AuditEntrySerializer(TenantSerializer):
    """One row added, changed or deleted; of a change ``before`` and ``after`` hold what differs."""

    sealed = serializers.SerializerMethodField()

    class Meta:
        model = AuditEntry
        fields = (
            *("id", "verb", "subject_kind", "subject_id", "actor_kind", "actor_id", "request_id", "before", "after"),
            *("sealed", "created_at"),
        )
        read_only_fields = fields

    def get_sealed(self, entry: AuditEntry) -> bool:
        """Return whether the chain of hashes holds the entry."""
        return entry.position is not None


class AuditEntryViewSet(TenantReadViewSet):
    """Who changed what, newest first. A secret is told as changed and never shown."""

    queryset = AuditEntry.objects.all()
    serializer_class = AuditEntrySerializer
    filters: ClassVar[dict[str, Filter]] = {
        "subject_kind": "subject_kind",
        "subject_id": "subject_id",
        "verb": "verb",
        "actor_kind": "actor_kind",
        "actor_id": "actor_id",
        "request_id": "request_id",
        "since": "created_at__gte",
        "until": "created_at__lt",
    }


class EventSerializer(TenantSerializer):
    """One thing that happened."""

    class Meta:
        model = Event
        fields: Any = ("id", "kind", "subject_kind", "subject_id", "data", "created_at")
        read_only_fields = fields


def _of_kind(events: models.QuerySet, kind: str) -> models.QuerySet:
    """Narrow to one kind; raises ``Malformed`` for one that there is not."""
    if kind not in EVENT_KINDS:
        raise Malformed("invalid_choice", _("This is none of the choices."), field="kind")
    return events.filter(kind=kind)


class EventViewSet(TenantReadViewSet):
    """What happened, newest first: the same that event destinations are told."""

    queryset = Event.objects.all()
    serializer_class = EventSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "kind": _of_kind,
        "subject_kind": "subject_kind",
        "subject_id": "subject_id",
        "since": "created_at__gte",
        "until": "created_at__lt",
    }


class TaskRunSerializer(TenantSerializer):
    """One attempt at something done in the background: what it was given, what it brought, or what went wrong."""

    error = serializers.CharField(source="problem", read_only=True)

    class Meta:
        model = TaskRun
        fields: Any = (
            *("id", "task_type", "name", "queue", "row_id", "bot_id", "attempt", "status", "input", "output", "error"),
            *("started_at", "finished_at", "created_at"),
        )
        read_only_fields = fields


class TaskRunViewSet(TenantReadViewSet):
    """What was done in the background for whom somebody set it up or asked for it, the newest first."""

    queryset = TaskRun.objects.all()
    serializer_class = TaskRunSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "task_type": "task_type",
        "status": "status",
        "queue": "queue",
        "row_id": "row_id",
        "since": "created_at__gte",
        "until": "created_at__lt",
    }
    search_fields = ("name",)
