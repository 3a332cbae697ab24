"""Telling what happened: an ``Event`` row in the transaction of the change (THREATS D7, a transactional outbox).

Who is told, and how often it is tried, is the business of apps on the right; a row that is written here is never lost.
"""

from typing import Any

from django.db import models

from tenants.models import Event

TOLD_BY_RULE = ("insight.found", "insight.digest")
"""Messages that rules send to a destination (``reports/handing_on.py``), whatever kinds of events it takes besides."""
EVENT_KINDS: tuple[str, ...] = (
    "session.started",
    "session.ended",
    "session.moved",
    "turn.created",
    "escalation.opened",
    "escalation.claimed",
    "escalation.resolved",
    "order.created",
    "order.confirmed",
    "order.fulfilled",
    "order.cancelled",
    "stock.low",
    "price.changed",
    "import.finished",
    "credential.expiring",
    "credential.rate_exceeded",
    "destination.disabled",
    "budget.threshold",
    "health.changed",
    "export.finished",
)
"""Every kind a destination may ask for."""


def record_event(kind: str, *, subject: models.Model | None = None, data: dict[str, Any] | None = None) -> None:
    """Write that ``kind`` happened to ``subject``, in the scope's tenant and the caller's transaction."""
    assert kind in EVENT_KINDS, kind
    Event.objects.create(
        kind=kind,
        subject_kind=subject._meta.label_lower if subject else "",
        subject_id=subject.pk if subject else None,
        data=data or {},
    )
