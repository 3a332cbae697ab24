"""What happened, for those who want to be told: the transactional outbox of domain events."""

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel, TenantQuerySet


class EventQuerySet(TenantQuerySet):
    """Reads of events."""

    def undispatched(self) -> "EventQuerySet":
        """Events that nobody has handed to their destinations yet, the oldest first."""
        return self.filter(dispatched_at=None).order_by("id")


class Event(TenantModel):
    """One thing that happened, written in the transaction in which it did. It names its subject and outlives it."""

    kind = models.CharField(_("kind"), max_length=40, editable=False)
    subject_kind = models.CharField(_("about"), max_length=64, blank=True, editable=False)
    subject_id = models.UUIDField(_("id of the row"), null=True, editable=False)
    data = models.JSONField(_("content"), default=dict, editable=False)
    dispatched_at = models.DateTimeField(
        _("handed on"), null=True, editable=False, help_text=_("When its deliveries to the destinations were made.")
    )

    objects: ClassVar = EventQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["tenant", "kind", "id"], name="event_kind"),
            BrinIndex(fields=["created_at"], name="event_by_age", autosummarize=True),  # read by the nightly sweep
            # read by the fan-out to destinations
            models.Index(fields=["tenant", "id"], condition=models.Q(dispatched_at=None), name="event_undispatched"),
        ]

    def __str__(self) -> str:
        return self.kind
