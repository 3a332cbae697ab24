"""How the queues stand: of the tenant worked in, or of the whole installation in a platform scope."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import Count, Min, Q
from django.db.models.functions import Now
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from tenants.errors import DomainError
from tenants.models import Event, LoginToken, Tenant
from tenants.queue import OPEN, STUCK, QueueRow, QueueState, queues
from tenants.scope import current_scope


@dataclass(frozen=True)
class QueueCount:
    """One queue. ``oldest_due_at`` is that of what could be done now and is not; a suspended tenant's could not.

    ``task`` is empty where no row is put back.
    """

    key: str
    label: str
    waiting: int
    running: int
    failed: int
    unclear: int
    oldest_due_at: datetime | None
    task: str

    @property
    def stuck(self) -> int:
        """How many wait for a person."""
        return self.failed + self.unclear

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do, for anybody."""
        return not (self.waiting or self.running or self.stuck)


def count_queues() -> list[QueueCount]:
    """Return how every queue stands, those first that wait for a person, then those with work."""
    counts = [*(_count(model) for model in queues()), _count_events()]
    if current_scope().is_platform:
        counts.append(_count_mails())
    return sorted(counts, key=lambda one: (not one.stuck, one.is_empty, one.label))


def queue_named(key: str) -> type[QueueRow]:
    """Return the model of a queue by its label; raises ``DomainError`` (``unknown_queue``)."""
    for model in queues():
        if model._meta.label_lower == key:
            return model
    raise DomainError("unknown_queue", _("There is no such queue."))


def _count(model: type[QueueRow]) -> QueueCount:
    rows = model._default_manager.all()
    still = rows.filter(state__in=OPEN).aggregate(
        waiting=Count("pk", filter=Q(state=QueueState.PENDING)),
        running=Count("pk", filter=Q(state=QueueState.RUNNING)),
        oldest=Min("due_at", filter=Q(due_at__lte=Now(), tenant__status=Tenant.Status.ACTIVE)),
    )
    stuck = dict(rows.filter(state__in=STUCK).order_by().values_list("state").annotate(Count("pk")))
    return QueueCount(
        key=model._meta.label_lower,
        label=capfirst(str(model._meta.verbose_name_plural)),
        waiting=still["waiting"],
        running=still["running"],
        failed=stuck.get(QueueState.FAILED, 0),
        unclear=stuck.get(QueueState.UNKNOWN, 0),
        oldest_due_at=still["oldest"],
        task=model.task,
    )


def _count_events() -> QueueCount:
    """Events that wait to be handed to their destinations: rows without a state, for they are only marked once."""
    oldest = Min("created_at", filter=Q(tenant__status=Tenant.Status.ACTIVE))
    waiting = Event.objects.undispatched().order_by().aggregate(count=Count("pk"), oldest=oldest)
    return QueueCount(
        key="tenants.event",
        label=capfirst(str(Event._meta.verbose_name_plural)),
        waiting=waiting["count"],
        running=0,
        failed=0,
        unclear=0,
        oldest_due_at=waiting["oldest"],
        task="",
    )


def _count_mails() -> QueueCount:
    """Login links and invitations: a queue of its own kind, for they belong to no tenant (``tenants/mail.py``)."""
    states: Any = LoginToken.State
    counted = LoginToken.objects.aggregate(
        waiting=Count("pk", filter=Q(state=states.WAITING)),
        running=Count("pk", filter=Q(state=states.SENDING)),
        failed=Count("pk", filter=Q(state=states.FAILED)),
        unclear=Count("pk", filter=Q(state=states.UNKNOWN)),
        oldest_due_at=Min("due_at", filter=Q(state=states.WAITING, due_at__lte=Now())),
    )
    label = capfirst(str(apps.get_model("tenants.LoginToken")._meta.verbose_name_plural))
    return QueueCount(key="tenants.logintoken", label=label, task="", **counted)
