"""Applying: what was staged becomes the catalogue, all of it or nothing, in one transaction."""

import time
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_noop

from catalog.imports import statements
from catalog.imports.diff import compare, parameters, run, tell_outcomes
from catalog.imports.staging import LeaseLost
from catalog.imports.summary import counted, summarise
from catalog.models import ImportChange, ImportJob, ImportRow, Offering, Status
from tenants.errors import Conflict
from tenants.models import Tenant
from tenants.notes import note, told
from tenants.queue import finish

MOST_ARCHIVED = 0.2
"""Part of what a source has that its next file may lack; beyond it, half a file is the likelier reason."""


TOO_MANY_ARCHIVED = gettext_noop("The file lacks %(archived)d of %(there)d offerings. Confirm that they are to be archived.")


class NotNow(Exception):
    """Another import of the tenant is being applied, or the tenant is suspended: later, and no attempt is counted."""


def apply(job: ImportJob, *, seconds_before: float) -> dict[str, Any]:
    """Apply the job and mark it completed; returns its summary.

    The catalogue may have changed since the preview, so it is compared again, now under locks. Applied twice, the
    second time changes nothing. Raises ``LeaseLost``, ``NotNow`` and ``Conflict``, and then nothing is applied.
    """
    started = time.monotonic()
    with transaction.atomic():
        take_turn(job)
        compare(job, lock=True)
        counts = tell_outcomes(job)
        check_not_too_many(job)
        job.progress = 20
        _write(job)
        check_tenant(job)
        seconds = seconds_before + time.monotonic() - started
        summary = summarise(job, ImportJob.Status.COMPLETED, counts, seconds)
        status = ImportJob.Status.COMPLETED
        done = {"status": status, "progress": 100, "error_log": "", "summary": summary, "counts": counted(job, counts)}
        job.output = summary
        if not finish(job, applied_at=_beginning(), **done):
            raise LeaseLost
    return summary


def _write(job: ImportJob) -> None:
    steps = [*statements.REMEMBER_CHANGED, *statements.UPDATES, *statements.INSERTS, *statements.REMEMBER_MADE]
    for number, step in enumerate(steps):
        run([step], job)
        job.progress = 20 + 40 * number // len(steps)
    with connection.cursor() as cursor:
        cursor.execute(statements.SLICES)
        slices = cursor.fetchone()[0]
    for number in range(slices):
        run([statements.NEW_OFFERINGS], job, slice=number)
        job.progress = 60 + 30 * number // slices


def take_turn(job: ImportJob) -> None:
    """Let no other import of the tenant write before this transaction ends. Raises ``NotNow``: another one does."""
    with connection.cursor() as cursor:
        cursor.execute(statements.TURN, parameters(job))
        if not cursor.fetchone()[0]:
            raise NotNow("Another import is being applied.")


def check_tenant(job: ImportJob) -> None:
    """Check the keys now, then let nobody suspend the tenant before the commit. Raises ``NotNow``: it is suspended."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SELECT status FROM tenants_tenant WHERE id = %s FOR SHARE", [job.tenant_id])
        if cursor.fetchone()[0] != Tenant.Status.ACTIVE:
            raise NotNow("The tenant is suspended.")


def check_not_too_many(job: ImportJob) -> None:
    """Raise ``Conflict`` (``too_many_archived``) when a file lacks so much that it is likely not a whole one."""
    if job.missing != ImportJob.Missing.ARCHIVE or job.may_archive_many:
        return
    archived = ImportRow.objects.filter(job=job, outcome=ImportRow.Outcome.ARCHIVE).count()
    made = ImportChange.objects.filter(
        kind="offering",
        before__isnull=True,
        job__format=job.format,
        job__source=job.source,
        job__status=ImportJob.Status.COMPLETED,
    )
    known = Offering.objects.filter(pk__in=made.exclude(job=job).values("subject_id"))
    there = known.exclude(status=Status.ARCHIVED).count()
    if archived > MOST_ARCHIVED * there:
        said = told(note(TOO_MANY_ARCHIVED, archived=archived, there=there))
        raise Conflict("too_many_archived", said, field="may_archive_many", archived=archived, there=there)


def _beginning() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]
