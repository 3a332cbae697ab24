"""Sealing the audit by a chain of hashes for each tenant, and finding the first entry that was altered.

Link ``n`` is ``SHA-256(link n-1 || digest of entry n)``, the first one follows the hash of the tenant's id. Entries are
sealed in batches after their transactions have ended, so that two writers never wait for each other's place in the
chain. Who can rewrite the whole chain leaves no trace in it: keep the ends that ``verify_audit`` prints elsewhere.

Values of a person who is to be forgotten are erased from an entry; the chain goes on holding the digest of what it was.

The audit also knows how far a row had come: one whose column ``only_grows`` says less than that was put back.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction

from tenants.models import AuditEntry, AuditSeal
from tenants.scope import current_tenant_id, platform_scope, tenant_scope

BATCH = 5_000
"""Entries sealed in one transaction, and read at once while verifying."""

DIGESTS = """
SELECT id, coalesce(erased_digest, tenants_audit_digest(entry)) FROM tenants_auditentry entry
WHERE tenant_id = %s AND position IS NULL ORDER BY id LIMIT %s
"""
SEAL = """
UPDATE tenants_auditentry entry SET position = link.position, hash = link.hash
FROM unnest(%s::uuid[], %s::bigint[], %s::bytea[]) AS link(id, position, hash)
WHERE entry.tenant_id = %s AND entry.id = link.id
"""
LINKS = """
SELECT position, id, hash, coalesce(erased_digest, tenants_audit_digest(entry)) FROM tenants_auditentry entry
WHERE tenant_id = %s AND position > %s ORDER BY position LIMIT %s
"""


@dataclass(frozen=True)
class Verdict:
    """What verifying one tenant's chain found: how many entries hold, the end, and the first break if there is one."""

    entries: int
    unsealed: int
    end: str
    broken: str = ""
    entry_id: UUID | None = None


def seal_all() -> int:
    """Seal what is not sealed yet, tenant by tenant; returns how many entries were."""
    with platform_scope(reason="name the tenants with entries to seal"):
        tenants = list(AuditEntry.objects.filter(position=None).values_list("tenant_id", flat=True).distinct().order_by())
    sealed = 0
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            while count := seal_batch():
                sealed += count
    return sealed


def seal_batch() -> int:
    """Put the oldest unsealed entries of the scope's tenant at the end of its chain; returns how many.

    Zero as well while another worker seals the same tenant.
    """
    tenant_id = current_tenant_id()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"audit {tenant_id}"])
        if not cursor.fetchone()[0]:
            return 0
        position, link = _end(tenant_id)
        cursor.execute(DIGESTS, [tenant_id, BATCH])
        rows = cursor.fetchall()
        if not rows:
            return 0
        links = [link := _next(link, digest) for _id, digest in rows]
        positions = [position + number for number in range(1, len(rows) + 1)]
        cursor.execute(SEAL, [[row[0] for row in rows], positions, links, tenant_id])
        AuditSeal.objects.create(last_position=positions[-1], hash=link)
    return len(rows)


def _end(tenant_id: UUID) -> tuple[int, bytes]:
    """Return number and hash of the chain's last link."""
    last = AuditSeal.objects.order_by("-last_position").first()
    return (last.last_position, bytes(last.hash)) if last else (0, _beginning(tenant_id))


def _beginning(tenant_id: UUID) -> bytes:
    return hashlib.sha256(f"backroom audit {tenant_id}".encode()).digest()


def _next(link: bytes, digest: bytes) -> bytes:
    return hashlib.sha256(link + bytes(digest)).digest()


def verify() -> Verdict:
    """Follow the chain of the scope's tenant from its beginning; the first entry that does not fit ends it."""
    tenant_id = current_tenant_id()
    unsealed = AuditEntry.objects.unsealed().count()
    seals = dict(AuditSeal.objects.values_list("last_position", "hash"))
    link, position = _beginning(tenant_id), 0
    for found, entry_id, stored, digest in _links(tenant_id):
        if found != position + 1:
            return Verdict(position, unsealed, link.hex(), f"entry number {position + 1} is missing", entry_id)
        link, before = _next(link, digest), link
        if link != bytes(stored):
            return Verdict(position, unsealed, before.hex(), f"entry number {found} was altered", entry_id)
        position = found
        if bytes(seals.pop(position, link)) != link:
            return Verdict(position, unsealed, link.hex(), f"the seal after entry number {position} was altered", entry_id)
    if seals:
        return Verdict(position, unsealed, link.hex(), f"entries after number {position} are missing, up to {max(seals)}")
    return Verdict(position, unsealed, link.hex())


def put_back(rows: models.QuerySet) -> models.QuerySet:
    """Narrow to rows that stand as they did before a change which the audit tells of, as from an old copy of them.

    Their model names a column of whole numbers that ``only_grows``; each row has the audit's number as ``told``.
    """
    model: Any = rows.model
    about = AuditEntry.objects.filter(subject_kind=model._meta.label_lower, subject_id=models.OuterRef("pk"))
    told = models.Subquery(about.highest(model.only_grows))
    return rows.annotate(told=told).filter(told__gt=models.F(model.only_grows)).order_by("pk")


def _links(tenant_id: UUID) -> Iterator[tuple[int, UUID, Any, Any]]:
    after = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(LINKS, [tenant_id, after, BATCH])
            rows = cursor.fetchall()
            yield from rows
            if len(rows) < BATCH:
                return
            after = rows[-1][0]
