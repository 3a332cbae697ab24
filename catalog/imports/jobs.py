"""Imports as jobs: making one, having it applied, and running what is due (on a worker, or right here).

A job is claimed twice at most: once to be staged and, when a person has looked at the preview, once to be applied.
A worker that dies leaves a lease that ends; the next one stages anew, or applies, and neither leaves a half catalogue.
"""

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from catalog.imports.applying import TOO_MANY_ARCHIVED, NotNow, apply, check_not_too_many
from catalog.imports.limits import MAX_FILE_BYTES
from catalog.imports.problems import UnreadableFile, line_of
from catalog.imports.staging import LeaseLost, OnProgress, stage
from catalog.imports.summary import counted, summarise
from catalog.imports.undoing import CHANGED_SINCE, check_can_be_undone, named, undo
from catalog.models import ImportJob, ImportRow, KnowledgeDomain
from catalog.money import CURRENCIES
from tenants.errors import Conflict, DomainError
from tenants.models import StoredFile, User
from tenants.notes import note, told
from tenants.queue import LEASE, MAX_ATTEMPTS, QueueState, fail, finish, owned, postpone, renew, wake, work
from tenants.scope import current_tenant_id, tenant_scope
from tenants.storage import atomic_files, delete_file, store_file

logger = logging.getLogger(__name__)

TASK = "catalog.run_imports"
OPTIONS = (
    *("currency", "mapping", "column_mapping_id", "domain_id", "on_duplicate_sku", "source_type"),
    *("source", "missing", "may_archive_many", "decimals"),
)
"""What makes an import of a file another one."""
TICK = 1.0
"""Seconds between two looks at how far a job is."""
SOON = timedelta(seconds=2)
"""When to ask again whether it is a job's turn."""
Status = ImportJob.Status


def create_job(
    *,
    chunks: Iterable[bytes],
    name: str,
    currency: str,
    mapping: str = ImportJob.Mapping.AUTO,
    domain: KnowledgeDomain | None = None,
    on_duplicate_sku: str = ImportJob.DuplicateSku.ERROR,
    source_type: str = ImportJob.SourceType.FILE,
    created_by: User | None = None,
    reuse: bool = False,
    **fields: Any,
) -> ImportJob:
    """Keep the file and make the job that will stage it; a worker is woken after commit.

    With ``reuse`` the same file with the same options, handed in before it is applied, is the job there is, staged anew.

    Raises ``TooLarge`` above 100 MB and ``DomainError`` (``unknown_currency``).
    """
    if currency not in CURRENCIES:
        raise DomainError(
            "unknown_currency", _("“%(code)s” is no ISO 4217 currency.") % {"code": currency}, field="currency"
        )
    options = {"currency": currency, "mapping": mapping, "domain": domain, "on_duplicate_sku": on_duplicate_sku}
    options |= {"source_type": source_type, **fields}
    with atomic_files():
        stored = store_file(chunks, name=name, media_type="text/csv", limit=MAX_FILE_BYTES, created_by=created_by)
        job = _same(stored, options) if reuse else None
        if job:
            delete_file(stored)
        else:
            job = ImportJob.objects.create(source_file=stored, created_by=created_by, **options)
        wake(TASK)
    return job


def _same(stored: StoredFile, options: dict[str, Any]) -> ImportJob | None:
    """Return the job that is about this file in this way and not applied yet; a preview that is ready is made anew."""
    with connection.cursor() as cursor:  # two tabs at once: the second one waits, and finds the first one's job
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{stored.tenant_id} {stored.sha256}"])
    waiting = [Status.PENDING, Status.STAGING, Status.STAGED, Status.APPLYING]
    wanted = ImportJob(**options)
    alike = {name: getattr(wanted, name) for name in OPTIONS}
    same = ImportJob.objects.filter(source_file__sha256=stored.sha256, status__in=waiting, auto_apply=False, **alike)
    job: ImportJob | None = same.select_for_update(of=("self",)).first()
    if job and job.status == Status.STAGED:
        _requeue(job, Status.PENDING)
        job.refresh_from_db()
    return job


def request_apply(*, job: ImportJob, may_archive_many: bool = False) -> ImportJob:
    """Have a staged job applied by a worker.

    Raises ``Conflict``: ``not_staged`` for a job in any other state, ``too_many_archived`` without ``may_archive_many``.
    """
    with transaction.atomic():
        current = _locked(job)
        if not current.can_be_applied:
            raise Conflict("not_staged", _("Only an import that is ready can be applied."))
        current.may_archive_many |= may_archive_many
        check_not_too_many(current)
        _requeue(current, Status.APPLYING, may_archive_many=current.may_archive_many)
    job.refresh_from_db()
    return job


def request_undo(*, job: ImportJob) -> ImportJob:
    """Have a worker take back what a completed job did.

    Raises ``Conflict``: ``not_completed`` for a job in any other state, ``changed_since`` when newer work would be lost.
    """
    with transaction.atomic():
        current = _locked(job)
        if not current.can_be_undone:
            raise Conflict("not_completed", _("Only an import that is completed can be undone."))
        check_can_be_undone(current)
        _requeue(current, Status.UNDOING)
    job.refresh_from_db()
    return job


def cancel(*, job: ImportJob) -> ImportJob:
    """Give up a job of which nothing is in the catalogue yet. Raises ``Conflict`` (``not_cancellable``) otherwise."""
    with transaction.atomic():
        current = _locked(job)
        if not current.can_be_cancelled:
            raise Conflict("not_cancellable", _("Only an import that is not applied can be cancelled."))
        # The worker that reads it finds at its next step that the job is not its own any more.
        ended: dict[str, Any] = {"state": QueueState.DONE, "lease_until": None, "summary": {}, "error_log": ""}
        ImportJob.objects.filter(pk=job.pk).update(status=Status.CANCELLED, **ended)
        ImportRow.objects.filter(job=job).delete()
    job.refresh_from_db()
    return job


def _locked(job: ImportJob) -> ImportJob:
    current: ImportJob = ImportJob.objects.select_for_update(of=("self",)).get(pk=job.pk)
    return current


def _requeue(job: ImportJob, status: ImportJob.Status, **values: Any) -> None:
    """Give the job to a worker, as if new."""
    fresh = {"attempt": 0, "progress": 0, "due_at": Now(), "last_error": "", "error_log": ""}
    ImportJob.objects.filter(pk=job.pk).update(status=status, state=QueueState.PENDING, **fresh, **values)
    wake(TASK)


def import_file(
    *,
    chunks: Iterable[bytes],
    name: str,
    currency: str,
    apply_now: bool = True,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> ImportJob:
    """Import a file here and now, with or without a worker; returns the job: completed, staged or failed.

    ``options`` are those of ``create_job``. Should this process die, a worker takes the job over.
    """
    # Born with a lease: no worker may take it while it is run here.
    claimed: dict[str, Any] = {
        "state": QueueState.RUNNING,
        "attempt": 1,
        "lease_until": Now() + LEASE,
        "due_at": Now() + LEASE,
    }
    job = create_job(chunks=chunks, name=name, currency=currency, auto_apply=apply_now, **claimed, **options)
    job.refresh_from_db()
    run_job(job, on_progress)
    job.refresh_from_db()
    while job.is_busy:  # it failed for a reason that may pass, and is due again in a moment, here or on a worker
        if _take(job):
            job.refresh_from_db()
            run_job(job, on_progress)
        else:
            time.sleep(0.5)
        job.refresh_from_db()
    return job


def _take(job: ImportJob) -> bool:
    """Claim this very job."""
    mine = ImportJob.objects.filter(pk=job.pk, state=QueueState.PENDING, due_at__lte=Now())
    lease = {"state": QueueState.RUNNING, "lease_until": Now() + LEASE, "due_at": Now() + LEASE}
    return mine.update(attempt=F("attempt") + 1, **lease) == 1


def run_due_jobs() -> int:
    """Run every import that is due, in all tenants; returns how many."""
    broken_off = {"status": Status.FAILED, "error_log": gettext_noop("The import was broken off each time it was tried.")}
    return work(ImportJob, run_jobs, batch=1, buried=broken_off)


def run_jobs(jobs: Sequence[ImportJob]) -> None:
    """Run claimed jobs of the scope's tenant."""
    for job in jobs:
        run_job(job)


def run_job(job: ImportJob, on_progress: OnProgress | None = None) -> None:
    """Do what a claimed job is due for: stage it, apply it, or both. Its end is written into the job."""
    try:
        with _kept(job):
            _run(job, on_progress)
    except LeaseLost:
        logger.warning("import %s was cancelled or taken over by another worker", job.pk)
    except NotNow as error:
        postpone(job, str(error), delay=SOON)
    except Conflict as error:
        _leave(job, error)
    except UnreadableFile as error:
        _give_up(job, error)
    except FileNotFoundError:
        message = gettext_noop("The uploaded file is gone.")
        fail(job, message, permanent=True, status=Status.FAILED, error_log=message)
    except Exception as error:
        logger.exception("import %s failed", job.pk)
        _try_again(job, error)


def _run(job: ImportJob, on_progress: OnProgress | None) -> None:
    if job.status == Status.UNDOING:
        undo(job)
        return
    seconds = float(job.summary.get("seconds", 0))
    if job.status != Status.APPLYING:
        started = time.monotonic()
        counts = stage(job, on_progress)
        seconds = time.monotonic() - started
        told = {"summary": summarise(job, Status.STAGED, counts, seconds), "counts": counted(job, counts)}
        if not job.auto_apply:
            job.output = told["summary"]
            finish(job, status=Status.STAGED, progress=100, **told)
            return
        job.status = Status.APPLYING
        owned(job).update(status=job.status, progress=0, **told)
    apply(job, seconds_before=seconds)


def _leave(job: ImportJob, error: Conflict) -> None:
    """What is not to be done without a person's word: the job stands as it stood before."""
    finish(job, status=_standing(job), progress=100, error_log=_kept_reason(error))


def _kept_reason(error: Conflict) -> str:
    """What a person is to read later of a refusal."""
    match error.code:
        case "too_many_archived":
            return note(TOO_MANY_ARCHIVED, archived=error.extra["archived"], there=error.extra["there"])
        case "changed_since":
            return note(CHANGED_SINCE, names=named(error.extra["changed"]))
    return error.message


def _standing(job: ImportJob) -> ImportJob.Status:
    return Status.COMPLETED if job.status == Status.UNDOING else Status.STAGED


def _give_up(job: ImportJob, error: UnreadableFile) -> None:
    """Nothing of the file can be imported: say what and where."""
    column = (error.column or "").replace("\x00", "")[:200] or None
    params = {name: one.replace("\x00", "") if isinstance(one, str) else one for name, one in error.params.items()}
    told: dict[str, Any] = {
        "code": error.code,
        "row": error.row,
        "column": column,
        "message": error.message.replace("\x00", ""),
    }
    told |= {"params": params} if params else {}
    line = line_of(told)
    summary = {"job": str(job.pk), "status": str(Status.FAILED), "error": told}
    fail(job, line, permanent=True, status=Status.FAILED, error_log=line, summary=summary)


def _try_again(job: ImportJob, error: Exception) -> None:
    reason = note(gettext_noop("Something went wrong here (%(kind)s)."), kind=type(error).__name__)
    is_last = job.attempt >= MAX_ATTEMPTS
    status: dict[str, Any] = {"status": Status.FAILED} if is_last else {}
    fail(job, f"{type(error).__name__}: {error}".replace("\x00", ""), error_log=reason, **status)


@contextmanager
def _kept(job: ImportJob) -> Iterator[None]:
    """Renew the lease from a thread of its own: one statement may take longer than a lease."""
    done = threading.Event()
    thread = threading.Thread(target=_keep, args=(job, current_tenant_id(), done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _keep(job: ImportJob, tenant_id: UUID, done: threading.Event) -> None:
    told, due = job.progress, time.monotonic() + LEASE.total_seconds() / 3
    while not done.wait(TICK):
        if told == job.progress and time.monotonic() < due:
            continue
        try:
            with tenant_scope(tenant_id):
                renew(job)
                owned(job).update(progress=job.progress)
            told, due = job.progress, time.monotonic() + LEASE.total_seconds() / 3
        except DatabaseError:  # the next one may succeed; if none does, the lease ends, and the fence holds
            logger.warning("the lease of import %s could not be renewed", job.pk)
        finally:
            connection.close()


def error_of(job: ImportJob) -> str:
    """Return why an import failed, or why it was not applied or undone; empty when nothing went wrong."""
    of_file = job.summary.get("error") if job.status == ImportJob.Status.FAILED else None
    return line_of(of_file) if of_file else told(job.error_log)
