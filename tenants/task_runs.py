"""Writing ``TaskRun`` rows: begun where a row is claimed and ended where it ends, each in the same transaction.

``tenants/queue.py`` alone calls this. What a run was given and what it brought is cut where it is too long to keep.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from tenants.models import TaskRun

DIED = gettext_noop("The worker died.")
TAKEN_AWAY = gettext_noop("It was asked for anew before it ended.")
MOST_KEPT = 20_000
"""Characters of an input or an output, as JSON."""


def begin_runs(rows: Sequence[Any]) -> None:
    """Write that rows are begun; an attempt of theirs that nobody ended was that of a worker that died."""
    label = rows[0]._meta.label_lower
    running = TaskRun.objects.filter(queue=label, row_id__in=[row.pk for row in rows], status=TaskRun.Status.RUNNING)
    running.update(status=TaskRun.Status.FAILED, error=DIED, finished_at=Now())
    TaskRun.objects.bulk_create([_begun(row, label) for row in rows])


def _begun(row: Any, label: str) -> TaskRun:
    return TaskRun(
        queue=label,
        row_id=row.pk,
        task_type=row.task_type()[:63],
        name=row.run_name()[:200],
        bot_id=getattr(row, "bot_id", None),
        attempt=row.attempt,
        input=_kept(row.run_input()),
        started_at=Now(),
    )


def end_run(row: Any, status: TaskRun.Status, error: str) -> None:
    """Write how the attempt under way ended; of one that was not claimed from the queue there is nothing to write."""
    _open(row).update(status=status, error=error[:2000], output=_kept(row.output), finished_at=Now())


def forget_run(row: Any) -> None:
    """Delete the attempt under way: nothing was done in it."""
    _open(row).delete()


def end_lost_runs(model: type[models.Model], lost: models.QuerySet[Any], error: str = DIED) -> None:
    """Write that rows are not run to their end: their workers died, or they are taken from them."""
    running = TaskRun.objects.filter(queue=model._meta.label_lower, row_id__in=lost.order_by().values("pk"))
    running.filter(status=TaskRun.Status.RUNNING).update(status=TaskRun.Status.FAILED, error=error, finished_at=Now())


def _open(row: Any) -> models.QuerySet[TaskRun]:
    return TaskRun.objects.filter(queue=row._meta.label_lower, row_id=row.pk, status=TaskRun.Status.RUNNING)


def _kept(value: Mapping[str, Any]) -> dict[str, Any]:
    text = json.dumps(dict(value), ensure_ascii=False, default=str)
    return json.loads(text) if len(text) <= MOST_KEPT else {"cut": text[:MOST_KEPT]}
