"""Changing the keys while everything goes on: a fresh data key for each tenant, every secret encrypted anew.

For each tenant whose data key is not yet under the first of ``VAULT_KEYS``: a new data key takes over for new secrets,
the old one is retired, and its secrets move in batches, each one transaction of its own. A reader finds a secret
with the key it is under at that moment, because ``reveal`` reads both in one statement. Killed at any point, the next
run goes on where retired keys are left.
"""

import time
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Q
from django.db.models.functions import Now

from tenants import second_factor
from tenants.scope import current_tenant_id, platform_scope, tenant_scope
from vault.crypto import CredentialUnreadable, DataKey, first_master_key, unwrap
from vault.data_keys import new_key
from vault.models import TenantKey
from vault.models.credentials import secret_place
from vault.startup import forget_unused_keys, master_keys_in_use

BATCH = 1000
"""Secrets in one transaction: a user who replaces one of them waits for it."""

READ = """
SELECT s.id, s.credential_id, s.version, s.ciphertext, k.id, k.wrapped
FROM vault_credentialsecret s JOIN vault_tenantkey k ON k.tenant_id = s.tenant_id AND k.id = s.key_id
WHERE s.tenant_id = %s AND s.key_id <> %s AND s.id > %s
ORDER BY s.id LIMIT %s
FOR NO KEY UPDATE OF s
"""
WRITE = """
UPDATE vault_credentialsecret s SET key_id = %s, ciphertext = fresh.ciphertext, fingerprint = fresh.fingerprint
FROM unnest(%s::uuid[], %s::bytea[], %s::bytea[]) AS fresh (id, ciphertext, fingerprint)
WHERE s.tenant_id = %s AND s.id = fresh.id
"""


@dataclass
class Report:
    """What a rotation did, and what is left: rows that each master key still encrypts."""

    tenants: int = 0
    secrets: int = 0
    second_factors: int = 0
    unreadable: list[UUID] = field(default_factory=list)
    """Secrets that do not open under their own key: they keep it, and it is not destroyed."""
    left: dict[str, int] = field(default_factory=dict)
    removable: list[str] = field(default_factory=list)
    """Master keys that nothing names any more: they may leave ``VAULT_KEYS``."""
    seconds: float = 0.0


def rotate_keys() -> Report:
    """Bring every tenant's secrets under a fresh data key that the first master key wraps. Safe to break off and repeat."""
    report, begun = Report(), time.monotonic()
    for tenant_id in _tenants_to_do():
        with tenant_scope(tenant_id):
            report.tenants += 1
            _rotate_tenant(report)
    report.second_factors, unreadable = second_factor.rewrap()
    report.unreadable += unreadable
    forget_unused_keys()
    uses = master_keys_in_use()
    report.left = {name: uses[name] for name in sorted({*settings.VAULT_KEYS, *uses})}
    report.removable = [name for name, count in report.left.items() if not count and name != first_master_key()]
    report.seconds = round(time.monotonic() - begun, 3)
    return report


def _tenants_to_do() -> list[UUID]:
    with platform_scope(reason="whose secrets are under an old key"):
        rows = TenantKey.objects.filter(Q(retired_at__isnull=False) | ~Q(master_key=first_master_key()))
        return list(rows.order_by("tenant_id").values_list("tenant_id", flat=True).distinct())


def _rotate_tenant(report: Report) -> None:
    key = _take_over()
    after: UUID | None = UUID(int=0)
    while after is not None:
        after = _move_batch(key, after, report)
    _destroy_empty_keys()


def _take_over() -> DataKey:
    """Return the data key that encrypts from now on: a fresh one, or that of a rotation that was broken off."""
    with transaction.atomic():
        # Waits for the secrets that are being stored under it at this moment (``data_keys.CURRENT``).
        current = TenantKey.objects.select_for_update().filter(retired_at=None).first()
        if current is not None and current.master_key == first_master_key():
            return current.data_key()
        TenantKey.objects.filter(retired_at=None).update(retired_at=Now())
        fresh = new_key()
        fresh.save(force_insert=True)
        return fresh.data_key()


def _move_batch(key: DataKey, after: UUID, report: Report) -> UUID | None:
    """Encrypt the next secrets anew; returns the last one's id, None when there are no more."""
    tenant = current_tenant_id()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(READ, [tenant, key.id, after, BATCH])
        rows = cursor.fetchall()
        fresh: list[tuple[UUID, bytes, bytes]] = []
        for secret_id, credential_id, version, ciphertext, old_id, wrapped in rows:
            try:
                old = unwrap(bytes(wrapped), tenant=tenant, key=old_id)
                moved = _sealed_anew(key, old, bytes(ciphertext), tenant, credential_id, version)
            except CredentialUnreadable:
                report.unreadable.append(secret_id)
                continue
            fresh.append((secret_id, *moved))
        if fresh:
            cursor.execute(WRITE, [key.id, *map(list, zip(*fresh, strict=True)), tenant])
    report.secrets += len(fresh)
    return rows[-1][0] if len(rows) == BATCH else None


def _sealed_anew(
    key: DataKey, old: DataKey, ciphertext: bytes, tenant: UUID, credential_id: UUID, version: int
) -> tuple[bytes, bytes]:
    place = secret_place(tenant=tenant, credential=credential_id, version=version)
    plain = old.open(ciphertext, place)
    free = secret_place(tenant=tenant, credential=credential_id, version=0)
    return key.seal(plain, place), key.fingerprint(plain, free)


def _destroy_empty_keys() -> None:
    retired = TenantKey.objects.filter(retired_at__isnull=False).annotate(uses=Count("secrets"))
    TenantKey.objects.filter(pk__in=list(retired.filter(uses=0).values_list("pk", flat=True))).delete()
