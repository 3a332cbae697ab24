"""Exports that platform staff order: written in the background, kept for a week as a file of the platform, then deleted.

A worker that is killed is followed by one that goes on where it stood (``tenants/exporting.py``).
"""

import logging
import shutil
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from django.core.files.storage import default_storage
from django.db import DatabaseError, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from tenants.errors import DomainError
from tenants.events import record_event
from tenants.exporting import export_tenant
from tenants.models import PLATFORM_ID, Tenant, TenantDeletion, TenantExport, User
from tenants.models.exports import TASK
from tenants.queue import OPEN, fail, finish, kept, wake, work
from tenants.scope import tenant_scope
from tenants.storage import atomic_files, delete_file, store_file

logger = logging.getLogger(__name__)

KEPT = timedelta(days=7)
PIECE = 1024 * 1024
MOST_BYTES = 10**13
GONE = gettext_noop("The tenant is gone.")


def order_export(*, tenant: Tenant, by: User | None = None) -> TenantExport:
    """Have a tenant exported; one that is on its way already is that one. Raises ``DomainError`` (``platform``)."""
    if tenant.pk == PLATFORM_ID:
        raise DomainError("platform", _("The platform's own tenant is backed up, not exported."))
    with tenant_scope(PLATFORM_ID), transaction.atomic():
        named = {"slug": tenant.slug, "created_by": by}
        row, _is_new = TenantExport.objects.get_or_create(exported_id=tenant.pk, state__in=OPEN, defaults=named)
        wake(TASK)
    return row


def run_exports() -> int:
    """Delete the files that have expired, and write the exports that are due; returns how many were begun."""
    forget_expired()
    return work(TenantExport, _export_each, batch=1)


def forget_expired() -> int:
    """Delete the files of exports that nobody may fetch any more; returns how many. And what given up ones had begun."""
    with tenant_scope(PLATFORM_ID):
        _forget_begun()
        rows = list(TenantExport.objects.filter(expires_at__lt=Now()).exclude(file=None).select_related("file"))
        for row in rows:
            if file := row.file:
                with transaction.atomic():
                    row.file = None
                    row.save(update_fields=["file"])
                    delete_file(file)
    return len(rows)


def _forget_begun() -> None:
    """Delete what stands beside the tenants' files of exports that nobody writes any more."""
    folder = Path(default_storage.path("exports"))
    names = {f"{pk}.zip" for pk in TenantExport.objects.filter(state__in=OPEN).values_list("pk", flat=True)}
    for path in folder.iterdir() if folder.exists() else ():
        if path.name.removesuffix(".part") not in names:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _export_each(rows: Sequence[TenantExport]) -> None:
    (row,) = rows
    try:
        with kept(rows):
            _export(row)
    except (DatabaseError, OSError) as error:
        logger.exception("exporting the tenant %s stopped", row.slug)
        fail(row, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")


def _export(row: TenantExport) -> None:
    """Write the file beside the tenants' own, and then keep it as one of the platform."""
    target = Path(default_storage.path("exports")) / f"{row.pk}.zip"
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tenant_scope(row.exported_id):
        tenant = Tenant.objects.filter(pk=row.exported_id).first()
        manifest = export_tenant(tenant, target) if tenant else None
    if manifest is None:
        fail(row, GONE, permanent=True)
        return
    rows = sum(table["rows"] for table in manifest["tables"].values())
    name = f"{row.slug}-{timezone.localdate()}.zip"
    with tenant_scope(PLATFORM_ID), atomic_files():
        file = store_file(
            _pieces(target), name=name, media_type="application/zip", limit=MOST_BYTES, created_by=row.created_by
        )
        row.output = {"rows": rows, "bytes": file.size}
        if TenantDeletion.objects.filter(deleted_id=row.exported_id).exists():  # which has deleted what files there were
            delete_file(file)
            fail(row, GONE, permanent=True)
        elif finish(row, file=file, rows=rows, expires_at=Now() + KEPT):
            record_event("export.finished", subject=row, data={"tenant": row.slug, "rows": rows, "bytes": file.size})
        else:
            delete_file(file)
    target.unlink(missing_ok=True)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(PIECE), b"")
