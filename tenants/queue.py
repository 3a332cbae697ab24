"""The queue pattern: PostgreSQL is the queue of record, Celery and Redis only wake workers (DESIGN section 6).

A service writes a ``QueueRow`` and calls ``wake`` after commit; a task calls ``work``, which names the tenants with
due rows in turn and claims a batch inside each one's own scope, so that row security stays on and one busy tenant
does not starve another. A lease by the database's clock brings a dead worker's rows back; the lease a row was claimed
with, like no other's, fences its late writes. Losing Redis delays work until the next tick and never loses it.

Every model that is a ``QueueRow`` is a queue, and stands on the page of jobs (``tenants/jobs.py``). One that
``keeps_runs`` leaves a ``TaskRun`` for each attempt: a queue of what people set up or ask for one by one, such as imports
and due schedules. Queues that the machine fills, by the million, keep none: their rows tell enough.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from celery import current_app
from django.apps import apps
from django.db import DatabaseError, connection, models, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_noop
from kombu.exceptions import OperationalError

from tenants.actor import Actor, ActorKind, acting
from tenants.models import DEATH as DEATH
from tenants.models import MAX_ATTEMPTS as MAX_ATTEMPTS
from tenants.models import QueueRow as QueueRow
from tenants.models import QueueState as QueueState
from tenants.models import TaskRun, Tenant
from tenants.scope import current_tenant_id, platform_scope, tenant_scope
from tenants.task_runs import TAKEN_AWAY, begin_runs, end_lost_runs, end_run, forget_run

logger = logging.getLogger(__name__)

DIED_EACH_TIME = gettext_noop("The worker died each time.")
LEASE = timedelta(seconds=60)
WORK_SECONDS = 240
"""How long one task goes on claiming."""
WAKE_TIMEOUT = 0.2
"""Seconds a web request may spend on waking a worker; the tick finds the row anyway."""


OPEN = (QueueState.PENDING, QueueState.RUNNING)
STUCK = (QueueState.FAILED, QueueState.UNKNOWN)
"""What waits for a person."""
FRESH: Mapping[str, Any] = {
    "state": QueueState.PENDING, "due_at": Now(), "lease_until": None, "attempt": 0, "last_error": "",
}  # fmt: skip
"""The columns of a row that nobody has tried."""

Row = TypeVar("Row", bound=QueueRow)


def due(rows: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """Narrow to rows that wait and are due, or whose worker's lease has ended; a suspended tenant's rows wait."""
    return rows.filter(state__in=OPEN, due_at__lte=Now(), tenant__status=Tenant.Status.ACTIVE)


# From tenant to tenant along the index, so that 100,000 rows of one cost no more than one row of it.
_DUE_TENANTS = """
WITH RECURSIVE open (tenant_id) AS (
    (SELECT tenant_id FROM {queue} WHERE state IN ('pending', 'running') ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT q.tenant_id FROM {queue} q WHERE q.state IN ('pending', 'running') AND q.tenant_id > open.tenant_id
            ORDER BY q.tenant_id LIMIT 1)
    FROM open WHERE open.tenant_id IS NOT NULL
)
SELECT t.id FROM open JOIN tenants_tenant t ON t.id = open.tenant_id
WHERE t.status = 'active' AND EXISTS (
    SELECT FROM {queue} q
    WHERE q.tenant_id = t.id AND q.state IN ('pending', 'running') AND q.due_at <= statement_timestamp())
"""


def due_tenants(model: type[Row]) -> list[UUID]:
    """Return the active tenants that have due rows, in random turn."""
    queue = connection.ops.quote_name(model._meta.db_table)
    with platform_scope(reason="name the tenants with due work"), connection.cursor() as cursor:
        cursor.execute(_DUE_TENANTS.format(queue=queue))
        tenants = [tenant_id for (tenant_id,) in cursor.fetchall()]
    random.shuffle(tenants)
    return tenants


def claim(model: type[Row], *, limit: int, lease: timedelta = LEASE, **only: Any) -> list[Row]:
    """Take up to ``limit`` due rows of the scope's tenant; each counts one attempt. Others skip the rows taken.

    A row whose worker died is taken alone, for it may kill the next one, too, and its last attempt counts once more; after
    the last one it is left to ``sweep``.
    ``only`` narrows to rows whose columns have these values.
    """
    with transaction.atomic():
        rows = due(model._default_manager.filter(**only)).order_by("-priority", "due_at")
        rows = rows.exclude(state=QueueState.RUNNING, attempt__gte=model.max_attempts)
        found = list(rows.select_for_update(skip_locked=True, of=("self",)).only("pk", "state")[:limit])
        lost = [row.pk for row in found if row.state == QueueState.RUNNING]
        ids = lost[:1] or [row.pk for row in found]
        if not ids:
            return []
        taken: Any = model._default_manager.filter(pk__in=ids)
        until = {"lease_until": Now() + lease, "due_at": Now() + lease}
        taken.update(state=QueueState.RUNNING, attempt=models.F("attempt") + (DEATH if lost else 1), **until)
        related = taken.select_related(*model.run_related) if model.run_related else taken  # of none it would follow all
        claimed = list(related.order_by("-priority", "created_at"))
        if model.keeps_runs:
            begin_runs(claimed)
        return claimed


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
    return _end(row, TaskRun.Status.DONE, "", state=QueueState.DONE, **values)


def fail(row: QueueRow, error: str, *, permanent: bool = False, delay: timedelta | None = None, **values: Any) -> bool:
    """Try again after ``delay`` (without one 1 s doubling to 10 min, with jitter), or keep it as a dead letter.

    It is dead after the model's ``max_attempts``, or when the failure is ``permanent``.
    """
    dead = permanent or row.attempt >= row.max_attempts
    delay = delay or timedelta(seconds=min(600, 2**row.attempt) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
    state = QueueState.FAILED if dead else QueueState.PENDING
    return _end(row, TaskRun.Status.FAILED, error, state=state, due_at=Now() + delay, **values)


def unclear(row: QueueRow, error: str, **values: Any) -> bool:
    """Leave to a person what may have been done or not, such as a call that was sent and never answered."""
    return _end(row, TaskRun.Status.UNKNOWN, error, state=QueueState.UNKNOWN, **values)


def _end(row: QueueRow, status: TaskRun.Status, error: str, /, **values: Any) -> bool:
    ended = {"lease_until": None, "last_error": error[:2000], **values}
    return _write(row, ended, lambda: end_run(row, status, error))


def postpone(row: QueueRow, error: str, *, delay: timedelta, **values: Any) -> bool:
    """Put back what could not be done for no fault of its own, such as a provider that is down: no attempt is counted."""
    waiting = {"state": QueueState.PENDING, "due_at": Now() + delay, "lease_until": None, "last_error": error[:2000]}
    return _write(row, {**waiting, "attempt": models.F("attempt") - 1, **values}, lambda: forget_run(row))


def repeat(row: QueueRow, *, delay: timedelta, **values: Any) -> bool:
    """Mark done, for now, what is done again and again, such as looking into a mailbox: it is due anew after ``delay``.

    A time that brought nothing (no ``output``) leaves no run.
    """
    again = {"state": QueueState.PENDING, "due_at": Now() + delay, "lease_until": None, "attempt": 0, "last_error": ""}
    status = TaskRun.Status.DONE
    return _write(row, {**again, **values}, lambda: end_run(row, status, "") if row.output else forget_run(row))


def _write(row: QueueRow, values: Mapping[str, Any], tell_run: Callable[[], None]) -> bool:
    """Write to a row that is still owned, and with it to its run where runs are kept."""
    if not row.keeps_runs:
        return owned(row).update(**values) == 1
    with transaction.atomic():
        is_mine = owned(row).update(**values) == 1
        if is_mine:
            tell_run()
    return is_mine


def retry(row: QueueRow) -> None:
    """Put a failed or unclear row back, as if new: a person's decision."""
    put_back(type(row)._default_manager.filter(pk=row.pk))


def put_back(rows: models.QuerySet[Any]) -> int:
    """Put the failed and unclear ones of the rows back, as if new, and wake who works them; returns how many."""
    model: Any = rows.model
    back = rows.filter(state__in=STUCK).update(**FRESH, **model.put_back_values)
    if back and model.task:
        wake(model.task)
    return back


def begin_anew(rows: models.QuerySet[Any]) -> int:
    """Have rows done from the beginning, whatever they are at; returns how many. What runs now comes to nothing: the fence."""
    with transaction.atomic():
        if rows.model.keeps_runs:
            end_lost_runs(rows.model, rows.filter(state=QueueState.RUNNING), TAKEN_AWAY)
        return rows.update(**FRESH)


def give_up(rows: models.QuerySet[Any]) -> int:
    """Let the failed and unclear ones of the rows be, for good; returns how many. Their last error stays."""
    return rows.filter(state__in=STUCK).update(state=QueueState.CANCELLED, lease_until=None)


@contextmanager
def kept(rows: Sequence[QueueRow], *, lease: timedelta = LEASE) -> Iterator[None]:
    """Renew the leases of rows from a thread of its own while the block runs: one step may take longer than a lease."""
    done = threading.Event()
    thread = threading.Thread(target=_keep, args=(rows, current_tenant_id(), lease, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _keep(rows: Sequence[QueueRow], tenant_id: UUID, lease: timedelta, done: threading.Event) -> None:
    while not done.wait(lease.total_seconds() / 3):
        try:
            with tenant_scope(tenant_id):
                for row in rows:
                    renew(row, lease=lease)
        except DatabaseError:  # the next one may succeed; if none does, the lease ends, and the fence holds
            logger.warning("leases of %s could not be renewed", rows[0]._meta.label)
        finally:
            connection.close()


def sweep(model: type[Row], **values: Any) -> int:
    """Bury rows, together with ``values``, whose last allowed attempt died without a word; returns how many."""
    ended = {"state": QueueState.FAILED, "lease_until": None, "last_error": DIED_EACH_TIME, **values}
    return sum(_bury(model, tenant_id, ended) for tenant_id in due_tenants(model))


def _bury(model: type[Row], tenant_id: UUID, ended: Mapping[str, Any]) -> int:
    with tenant_scope(tenant_id):
        lost = due(model._default_manager.filter(state=QueueState.RUNNING, attempt__gte=model.max_attempts))
        if not model.keeps_runs:
            return lost.update(**ended)
        with transaction.atomic():
            end_lost_runs(model, lost)
            return lost.update(**ended)


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


def queues() -> list[type[QueueRow]]:
    """Return every queue of the project: each model that is a ``QueueRow``."""
    found = [model for model in apps.get_models() if issubclass(model, QueueRow)]
    return sorted(found, key=lambda model: model._meta.label)


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
