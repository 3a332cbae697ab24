"""Deleting a tenant for good, with all its rows and files: in small transactions, by a queue row of the platform.

The tenant is suspended first, so that nobody writes any more. Then its tables are emptied, those that point at others before
those; the keys of the database, which are looked at when the tenant's own row goes, prove that nothing is left. Its data key
goes with it: what a backup still has of the vault opens no more. At last the audit goes, which only the function
``tenants_audit_forget`` may delete, and only of a tenant that is not there. A worker that is killed is followed by one that
goes on. What stays is the row that tells of it, sealed in the platform's own audit.
"""

import logging
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection, models, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from tenants.audit import seal_batch, verify
from tenants.errors import DomainError
from tenants.fields import TenantForeignKey
from tenants.models import (
    PLATFORM_ID,
    AuditEntry,
    AuditSeal,
    Membership,
    Tenant,
    TenantDeletion,
    TenantExport,
    TenantModel,
    User,
)
from tenants.models.deletions import TASK
from tenants.queue import fail, finish, renew, wake, work
from tenants.scope import platform_scope, tenant_scope
from tenants.services import set_tenant_status
from tenants.storage import delete_file

logger = logging.getLogger(__name__)

BATCH = 1_000
"""Rows deleted in one transaction."""
AUDIT = (AuditEntry, AuditSeal)


def delete_tenant(*, tenant: Tenant, typed: str, by: User | None = None) -> TenantDeletion:
    """Suspend the tenant and order its deletion; ``typed`` is its slug, typed once more. Ordered before, that order stands.

    Raises ``DomainError`` (``not_confirmed``, ``platform``).
    """
    if typed != tenant.slug:
        raise DomainError("not_confirmed", _("Type the tenant's short name to confirm."), field="slug")
    set_tenant_status(tenant_id=tenant.pk, status=Tenant.Status.SUSPENDED)
    with tenant_scope(PLATFORM_ID), transaction.atomic():
        named = {"slug": tenant.slug, "name": tenant.name, "created_by": by}
        row, _is_new = TenantDeletion.objects.get_or_create(deleted_id=tenant.pk, defaults=named)
        wake(TASK)
    return row


def run_deletions() -> int:
    """Go on with the deletions that are due; returns how often one was."""
    return work(TenantDeletion, _delete_each, batch=1)


def _delete_each(rows: Sequence[TenantDeletion]) -> None:
    (row,) = rows
    try:
        _delete(row)
    except (DatabaseError, OSError) as error:  # the latter of its files: a disk that is gone, or may not be written to
        logger.exception("deleting the tenant %s stopped", row.slug)
        fail(row, str(error).partition("\n")[0])


def _delete(row: TenantDeletion) -> None:
    deleted = dict(row.deleted)
    for label, count in _steps(row):
        deleted[label] = deleted.get(label, 0) + count
        with tenant_scope(PLATFORM_ID):
            TenantDeletion.objects.filter(pk=row.pk).update(deleted=deleted)
            if not renew(row):
                return
    with tenant_scope(PLATFORM_ID):
        row.output = deleted
        finish(row, deleted=deleted, finished_at=Now())


def _steps(row: TenantDeletion) -> Iterator[tuple[str, int]]:
    """Do everything step by step; yields what each transaction deleted. Done again, each finds nothing to do."""
    _keep_audit_end(row)
    yield "tenants.user", _forget_people(row.deleted_id)  # first: memberships tell who that is
    yield from _empty_all(row.deleted_id)
    _delete_files(Path(default_storage.path(str(row.deleted_id))))
    yield "tenants.tenant", _delete_row(row.deleted_id)
    yield "tenants.tenantexport", _delete_exports(row.deleted_id)
    for model in AUDIT:
        yield from _forget_audit(model, row.deleted_id)


def _keep_audit_end(row: TenantDeletion) -> None:
    """Write down where the tenant's chain ended, which somebody may have kept elsewhere."""
    if row.audit_end:
        return
    with tenant_scope(row.deleted_id):
        while seal_batch():
            pass
        end = verify().end
    with tenant_scope(PLATFORM_ID):
        TenantDeletion.objects.filter(pk=row.pk).update(audit_end=end)


def emptied_in_order() -> list[type[TenantModel]]:
    """Return the tables of tenants but the audit's, each before those that it points at."""
    left = [model for model in apps.get_models() if issubclass(model, TenantModel) and model not in AUDIT]
    ordered: list[type[TenantModel]] = []
    while left:
        pointed_at = {key.related_model for model in left for key in _keys(model) if key.related_model is not model}
        free = [model for model in left if model not in pointed_at]
        assert free, f"keys in a circle: {left}"
        ordered += free
        left = [model for model in left if model not in free]
    return ordered


def _empty_all(tenant_id: UUID) -> Iterator[tuple[str, int]]:
    """Empty every table, and again what triggers wrote meanwhile, such as the event that a price is gone."""
    found = True
    while found:
        found = False
        for model in emptied_in_order():
            for step in _empty(model, tenant_id):
                found = True
                yield step


def _keys(model: type[models.Model]) -> list[TenantForeignKey]:
    return [field for field in model._meta.concrete_fields if isinstance(field, TenantForeignKey)]


def _empty(model: type[TenantModel], tenant_id: UUID) -> Iterator[tuple[str, int]]:
    """Delete the tenant's rows of a table in batches; those first that point at another row of the same table."""
    within = [f"{connection.ops.quote_name(key.column)} IS NOT NULL" for key in _keys(model) if key.related_model is model]
    for condition in [*([" OR ".join(within)] if within else []), "true"]:
        while count := _delete_batch(model, tenant_id, condition):
            yield model._meta.label_lower, count


def _delete_batch(model: type[TenantModel], tenant_id: UUID, condition: str) -> int:
    table = connection.ops.quote_name(model._meta.db_table)
    sql = f"""DELETE FROM {table} WHERE tenant_id = %(tenant)s AND id IN (
        SELECT id FROM {table} WHERE tenant_id = %(tenant)s AND ({condition}) LIMIT {BATCH})"""  # noqa: S608 - our own names
    # Versions of bots that spoke are deleted by the platform only.
    with platform_scope(reason="a tenant that is deleted"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, {"tenant": tenant_id})
        return int(cursor.rowcount)


def _delete_files(folder: Path) -> None:
    """Delete the bytes of uploads; raises ``OSError`` while any are left."""
    if folder.exists():
        shutil.rmtree(folder)


def _delete_exports(tenant_id: UUID) -> int:
    """Delete the files of its exports, which are the platform's; returns how many."""
    with tenant_scope(PLATFORM_ID), transaction.atomic():
        rows = list(TenantExport.objects.filter(exported_id=tenant_id).exclude(file=None).select_related("file"))
        TenantExport.objects.filter(pk__in=[row.pk for row in rows]).update(file=None)
        for row in rows:
            if row.file:
                delete_file(row.file)
    return len(rows)


def _forget_people(tenant_id: UUID) -> int:
    """Delete the accounts of those who work nowhere else; platform staff stay."""
    with tenant_scope(tenant_id):
        people = list(Membership.objects.values_list("user_id", flat=True))
    with platform_scope(reason="people may work for other tenants"), transaction.atomic():
        elsewhere = Membership.objects.filter(user__in=people).exclude(tenant_id=tenant_id).values("user")
        alone = User.objects.filter(pk__in=people, is_superuser=False).exclude(pk__in=elsewhere)
        count = alone.count()
        alone.delete()
    return count


def _delete_row(tenant_id: UUID) -> int:
    """Delete the tenant's own row; the keys of the database refuse it while anything of the tenant is left."""
    with platform_scope(reason="a tenant that is deleted"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM tenants_logintoken WHERE invited_to_id = %s", [tenant_id])
        cursor.execute("DELETE FROM tenants_tenant WHERE id = %s", [tenant_id])
        return int(cursor.rowcount)


def _forget_audit(model: type[models.Model], tenant_id: UUID) -> Iterator[tuple[str, int]]:
    while count := _forget_audit_batch(model._meta.db_table, tenant_id):
        yield model._meta.label_lower, count


def _forget_audit_batch(table: str, tenant_id: UUID) -> int:
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        cursor.execute("SELECT tenants_audit_forget(%s, %s)", [table, BATCH * 10])
        return int(cursor.fetchone()[0])
