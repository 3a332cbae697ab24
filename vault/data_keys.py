"""The tenant's data key: made when the first secret is stored, unwrapped when it is used."""

import secrets
from uuid import UUID

from django.db import connection

from tenants.models import new_ids
from tenants.scope import current_tenant_id
from vault.crypto import KEY_BYTES, DataKey, first_master_key, unwrap, wrap
from vault.models import TenantKey

# Shared: stores do not wait for each other, but the rotation that retires the key waits for all of them to end.
CURRENT = """
SELECT id, wrapped FROM vault_tenantkey
WHERE tenant_id = %s AND retired_at IS NULL
FOR SHARE
"""


def current_data_key() -> DataKey:
    """Return the key that encrypts for the scope's tenant, made now if there is none. Call it in a transaction.

    Raises ``CredentialUnreadable``.
    """
    row = _current() or _first_key()
    return unwrap(bytes(row[1]), tenant=current_tenant_id(), key=row[0])


def _current() -> tuple[UUID, bytes] | None:
    with connection.cursor() as cursor:
        cursor.execute(CURRENT, [current_tenant_id()])
        found: tuple[UUID, bytes] | None = cursor.fetchone()
        return found


def _first_key() -> tuple[UUID, bytes]:
    # Two first secrets at once: one of the two keys is kept, and both use it.
    TenantKey.objects.bulk_create([new_key()], ignore_conflicts=True)
    row = _current()
    assert row is not None
    return row


def new_key() -> TenantKey:
    """Return an unsaved row with a fresh data key under the first master key."""
    data_key = DataKey(new_ids(1)[0], secrets.token_bytes(KEY_BYTES))
    wrapped = wrap(data_key, tenant=current_tenant_id())
    return TenantKey(pk=data_key.id, master_key=first_master_key(), wrapped=wrapped)
