"""The queue pattern: PostgreSQL is the queue of record, Celery and Redis only wake workers (DESIGN section 6).

A service writes a ``QueueRow`` and calls ``wake`` after commit; a task calls ``work``, which names the tenants with
due rows in turn and claims a batch inside each one's own scope, so that row security stays on and one busy tenant
does not starve another. A lease by the database's clock brings a dead worker's rows back; the lease a row was claimed
with, like no other's, fences its late writes. Losing Redis delays work until the next tick and never loses it.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from celery import current_app
from django.db import models, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError

from tenants.actor import Actor, ActorKind, acting
from tenants.models import Tenant, TenantModel
from tenants.scope import platform_scope, tenant_scope

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
LEASE = timedelta(seconds=60)
WORK_SECONDS = 240
"""How long one task goes on claiming."""
WAKE_TIMEOUT = 0.2
"""Seconds a web request may spend on waking a worker; the tick finds the row anyway."""


class QueueState(models.TextChoices):
    """Where a row stands. ``unknown``: the outcome is ambiguous, a person decides; never retried blindly."""

    PENDING = "pending", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Unclear")


class QueueRow(TenantModel):
    """A row that is work to do. While it runs, ``due_at`` is the end of its lease: one index finds both kinds of due.

    ``lease_until`` is what the lease was when the row was claimed, and stays so while it is renewed: it tells this
    claim from every other. The attempt number alone would not, for a person may set it back.
    """

    max_attempts: ClassVar[int] = MAX_ATTEMPTS
    """After so many a row is a dead letter."""

    state = models.CharField(
        _("state"),
        max_length=16,
        choices=QueueState,
        default=QueueState.PENDING,
        db_default=QueueState.PENDING,
        editable=False,
    )
    due_at = models.DateTimeField(_("due"), db_default=Now(), editable=False)
    lease_until = models.DateTimeField(_("leased until"), null=True, editable=False)
    attempt = models.PositiveIntegerField(_("attempts"), default=0, db_default=0, editable=False)
    priority = models.SmallIntegerField(_("priority"), default=0, db_default=0, editable=False)
    last_error = models.TextField(_("last error"), default="", db_default="", blank=True, editable=False)

    class Meta(TenantModel.Meta):
        abstract = True
        indexes = [
            models.Index(  # read by due_tenants and claim
                fields=["tenant", "due_at"],
                name="%(class)s_due",
                condition=models.Q(state__in=["pending", "running"]),
            ),
        ]


Row = TypeVar("Row", bound=QueueRow)


def due(rows: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """Narrow to rows that wait and are due, or whose worker's lease has ended; a suspended tenant's rows wait."""
    waiting = [QueueState.PENDING, QueueState.RUNNING]
    return rows.filter(state__in=waiting, due_at__lte=Now(), tenant__status=Tenant.Status.ACTIVE)


def due_tenants(model: type[Row]) -> list[UUID]:
    """Return the active tenants that have due rows, in random turn."""
    with platform_scope(reason="name the tenants with due work"):
        rows = due(model._default_manager.all())
        tenants = list(rows.values_list("tenant_id", flat=True).distinct().order_by())
    random.shuffle(tenants)
    return tenants


def claim(model: type[Row], *, limit: int, lease: timedelta = LEASE, **only: Any) -> list[Row]:
    """Take up to ``limit`` due rows of the scope's tenant; each counts one attempt. Others skip the rows taken.

    ``only`` narrows to rows whose columns have these values.
    """
    with transaction.atomic():
        rows = due(model._default_manager.filter(**only)).order_by("-priority", "due_at")
        ids = [row.pk for row in rows.select_for_update(skip_locked=True, of=("self",)).only("pk")[:limit]]
        if not ids:
            return []
        taken: Any = model._default_manager.filter(pk__in=ids)
        taken.update(
            state=QueueState.RUNNING, attempt=models.F("attempt") + 1, lease_until=Now() + lease, due_at=Now() + lease
        )
        return list(taken.order_by("-priority", "created_at"))


def owned(row: QueueRow) -> models.QuerySet[Any]:
    """Narrow to the row, only while the claim that gave it still owns it."""
    mine = {"attempt": row.attempt, "lease_until": row.lease_until, "state": QueueState.RUNNING}
    return type(row)._default_manager.filter(pk=row.pk, **mine)


def renew(row: QueueRow, *, lease: timedelta = LEASE) -> bool:
    """Extend the lease of long work; False when somebody else owns the row by now, or its tenant is suspended: stop.

    The row of a suspended tenant is taken again when the tenant is back and the lease is over.
    """
    return owned(row).filter(tenant__status=Tenant.Status.ACTIVE).update(due_at=Now() + lease) == 1


def finish(row: QueueRow, **values: Any) -> bool:
    """Mark the row done together with ``values``; False when a later attempt has taken it over."""
    return owned(row).update(state=QueueState.DONE, lease_until=None, last_error="", **values) == 1


def fail(row: QueueRow, error: str, *, permanent: bool = False, delay: timedelta | None = None, **values: Any) -> bool:
    """Try again after ``delay`` (without one 1 s doubling to 10 min, with jitter), or keep it as a dead letter.

    It is dead after the model's ``max_attempts``, or when the failure is ``permanent``.
    """
    dead = permanent or row.attempt >= row.max_attempts
    delay = delay or timedelta(seconds=min(600, 2**row.attempt) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
    state = QueueState.FAILED if dead else QueueState.PENDING
    return owned(row).update(state=state, due_at=Now() + delay, lease_until=None, last_error=error[:2000], **values) == 1


def postpone(row: QueueRow, error: str, *, delay: timedelta) -> bool:
    """Put back what could not be done for no fault of its own, such as a provider that is down: no attempt is counted."""
    waiting = {"state": QueueState.PENDING, "due_at": Now() + delay, "lease_until": None}
    return owned(row).update(attempt=models.F("attempt") - 1, last_error=error[:2000], **waiting) == 1


def retry(row: QueueRow) -> None:
    """Put a failed or unclear row back, as if new: a person's decision."""
    type(row)._default_manager.filter(pk=row.pk, state__in=[QueueState.FAILED, QueueState.UNKNOWN]).update(
        state=QueueState.PENDING, due_at=Now(), attempt=0, last_error=""
    )


def sweep(model: type[Row], **values: Any) -> int:
    """Bury rows, together with ``values``, whose last allowed attempt died without a word; returns how many."""
    buried = 0
    for tenant_id in due_tenants(model):
        with tenant_scope(tenant_id):
            lost = due(model._default_manager.filter(state=QueueState.RUNNING, attempt__gte=model.max_attempts))
            buried += lost.update(
                state=QueueState.FAILED, lease_until=None, last_error="The worker died each time.", **values
            )
    return buried


def work(
    model: type[Row],
    run: Callable[[Sequence[Row]], None],
    *,
    batch: int,
    lease: timedelta = LEASE,
    buried: Mapping[str, Any] | None = None,
) -> int:
    """Sweep, then claim and run batches tenant by tenant until nothing is due; returns the number of rows run.

    ``run`` gets one batch of one tenant inside its scope and ends each row by ``finish`` or ``fail``. ``buried`` is
    written to rows that the sweep gives up. After ``WORK_SECONDS`` the rest is left to the next tick: a batch begun
    late must not run into the task's time limit.
    """
    sweep(model, **(buried or {}))
    done, enough = 0, time.monotonic() + WORK_SECONDS
    while time.monotonic() < enough and (tenants := due_tenants(model)):
        claimed = sum(_work_tenant(model, run, tenant_id, batch, lease) for tenant_id in tenants)
        if not claimed:  # others hold what is due
            break
        done += claimed
    return done


def _work_tenant(
    model: type[Row], run: Callable[[Sequence[Row]], None], tenant_id: UUID, batch: int, lease: timedelta
) -> int:
    with tenant_scope(tenant_id), acting(Actor(ActorKind.TASK)):
        rows = claim(model, limit=batch, lease=lease)
        if rows:
            run(rows)
        return len(rows)


def wake(task_name: str) -> None:
    """Tell a worker after commit that there is work. A dead or frozen Redis costs 0.2 s and is ignored."""
    transaction.on_commit(lambda: _send(task_name))


def _send(task_name: str) -> None:
    # kombu by itself would wait 2 s before it tries again.
    limits = {"socket_timeout": WAKE_TIMEOUT, "socket_connect_timeout": WAKE_TIMEOUT, "max_retries": 0}
    try:
        with current_app.connection_for_write(transport_options=limits, connect_timeout=WAKE_TIMEOUT) as connection:
            current_app.send_task(task_name, connection=connection, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        logger.warning("wake %s failed, the tick will find the row: %s", task_name, error)
