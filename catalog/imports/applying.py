"""Applying: what was staged becomes the catalogue, all of it or nothing, in one transaction."""

import time
from typing import Any

from django.db import connection, transaction

from catalog.imports import statements
from catalog.imports.diff import compare, run, tell_outcomes
from catalog.imports.staging import LeaseLost
from catalog.imports.summary import summarise
from catalog.models import ImportJob
from tenants.queue import finish


def apply(job: ImportJob, *, seconds_before: float) -> dict[str, Any]:
    """Apply the job and mark it completed; returns its summary.

    The catalogue may have changed since the preview, so it is compared again, now under locks. Applied twice, the
    second time changes nothing. Raises ``LeaseLost``, and then nothing is applied.
    """
    started = time.monotonic()
    with transaction.atomic():
        compare(job, lock=True)
        _write(job)
        counts = tell_outcomes(job)
        seconds = seconds_before + time.monotonic() - started
        summary = summarise(job, ImportJob.Status.COMPLETED, counts, seconds)
        done = {"status": ImportJob.Status.COMPLETED, "progress": 100, "error_log": "", "summary": summary}
        if not finish(job, **done):
            raise LeaseLost
    return summary


def _write(job: ImportJob) -> None:
    run([*statements.UPDATES, *statements.INSERTS], job)
    with connection.cursor() as cursor:
        cursor.execute(statements.SLICES)
        slices = cursor.fetchone()[0]
    for number in range(slices):
        run([statements.NEW_OFFERINGS], job, slice=number)
