"""No process starts with a master key that is not the one its data were encrypted with (THREATS VLT-04, 05, 13)."""

from collections import Counter
from collections.abc import Callable

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count

from tenants import second_factor
from tenants.models import PLATFORM_ID, Tenant
from tenants.scope import platform_scope
from vault.crypto import CredentialUnreadable, Place, first_master_key, open_with_master, seal_with_master
from vault.models import MasterKey, TenantKey

CANARY = b"backroom"
MOST_TRIED = 20
"""Data keys tried where there is no canary."""


class WrongMasterKey(Exception):
    """``VAULT_KEYS`` does not hold what the database was encrypted with. One line, for who starts the process."""


def check_master_keys() -> None:
    """Raise ``WrongMasterKey`` unless every master key in use is here and is the same. Run it before all other work.

    Notes the canary of the key that encrypts when it is new, so that a second process with another key is refused
    even before there is a secret. Does nothing in a database without the vault's tables.
    """
    with platform_scope(reason="a wrong master key is found out before anything is read"), transaction.atomic():
        if not _is_installed():
            return
        # One process at a time: of two first ones with different keys the second is refused and leaves no trace.
        Tenant.objects.select_for_update().get(pk=PLATFORM_ID)
        canaries = {key.name: bytes(key.canary) for key in MasterKey.objects.filter(tenant_id=PLATFORM_ID)}
        uses = master_keys_in_use()
        for name in sorted({*canaries, *uses}):
            _check(name, canaries.get(name), uses[name])
        if first_master_key() not in canaries:
            _note_first_key()


def master_keys_in_use() -> Counter[str]:
    """Return how many rows (data keys of tenants, second factors) each master key encrypts."""
    with platform_scope(reason="which master keys are in use"):
        wrapped = dict(TenantKey.objects.order_by().values_list("master_key").annotate(Count("pk")))
        return Counter(wrapped) + Counter(second_factor.keys_in_use())


def _is_installed() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.vault_masterkey') IS NOT NULL")
        (installed,) = cursor.fetchone()
        return bool(installed)


def _place(name: str) -> Place:
    return Place(PLATFORM_ID, "vault_masterkey", name.encode(), "canary", 1)


def _note_first_key() -> None:
    name = first_master_key()
    canary = seal_with_master(CANARY, name=name, place=_place(name))
    MasterKey.objects.create(tenant_id=PLATFORM_ID, name=name, canary=canary)


def _check(name: str, canary: bytes | None, uses: int) -> None:
    if name not in settings.VAULT_KEYS:
        raise WrongMasterKey(
            f"VAULT_KEYS lacks the key “{name}”, which {uses} rows are still encrypted with. Put it back, "
            "behind the new one; “manage.py rotate_vault_keys” makes it superfluous."
        )
    if not _opens(name, canary):
        raise WrongMasterKey(
            f"VAULT_KEYS holds another key “{name}” than the one this database was encrypted with. Nothing was read or written."
        )


def _opens(name: str, canary: bytes | None) -> bool:
    """Whether the key opens its canary or, where that was lost, one data key: a single damaged row proves nothing."""
    if canary is not None:
        return _readable(lambda: open_with_master(canary, _place(name)))
    rows = list(TenantKey.objects.filter(master_key=name).order_by("pk")[:MOST_TRIED])
    return not rows or any(_readable(row.data_key) for row in rows)


def _readable(read: Callable[[], object]) -> bool:
    try:
        read()
    except CredentialUnreadable:
        return False
    return True


def forget_unused_keys() -> None:
    """Forget the canaries of master keys that encrypt nothing any more: they may leave ``VAULT_KEYS``."""
    with platform_scope(reason="which master keys encrypt nothing any more"):
        used = {first_master_key(), *master_keys_in_use()}
        MasterKey.objects.filter(tenant_id=PLATFORM_ID).exclude(name__in=used).delete()
