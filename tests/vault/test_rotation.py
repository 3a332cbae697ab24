"""The keys change while everything goes on: nothing is unreadable meanwhile, and afterwards nothing names the old key."""

import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from io import StringIO
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tenants import second_factor
from tenants.models import PLATFORM_ID, AuthIdentity
from tenants.scope import platform_scope
from tests.conftest import Business, in_tenant, platform_again
from tests.vault.test_services import SECRET, store
from vault import rotation
from vault.crypto import CredentialUnreadable, key_id_of
from vault.models import CredentialSecret, MasterKey, TenantKey
from vault.services import reveal, rotate_credential
from vault.startup import check_master_keys

ONE, TWO = b"1" * 32, b"2" * 32


@pytest.fixture(autouse=True)
def _one_key(settings: Any) -> None:
    settings.VAULT_KEYS = {"k1": ONE}


def rotated() -> dict[str, Any]:
    out = StringIO()
    call_command("rotate_vault_keys", stdout=out)
    return json.loads(out.getvalue())


def named() -> set[str]:
    """Return the master keys that anything in the database names."""
    with platform_scope(reason="test"):
        wrapped = {key_id_of(bytes(key.wrapped)).decode() for key in TenantKey.objects.all()}
        return wrapped | set(MasterKey.objects.values_list("name", flat=True)) | set(second_factor.keys_in_use())


@pytest.mark.django_db
def test_every_secret_of_every_tenant_moves_and_nothing_names_the_old_key(
    settings: Any, saigon: Business, harbour: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    stored = {}
    for tenant in (saigon.tenant.pk, harbour.tenant.pk, PLATFORM_ID):
        with in_tenant(tenant):
            stored[tenant] = [store(secret={"api_key": f"{tenant} {number}"}) for number in range(5)]
            rotate_credential(stored[tenant][0], secret={"api_key": f"{tenant} 0"})
            before = {bytes(one.ciphertext) for one in CredentialSecret.objects.exclude(ciphertext=None)}
    second_factor.begin(saigon.owner)
    check_master_keys()
    settings.VAULT_KEYS = {"k2": TWO, "k1": ONE}
    report = rotated()
    assert (report["tenants"], report["secrets"], report["second_factors"], report["unreadable"]) == (3, 15, 1, [])
    assert report["left"] == {"k1": 0, "k2": 4}
    assert report["removable"] == ["k1"]
    assert named() == {"k2"}
    settings.VAULT_KEYS = {"k2": TWO}
    check_master_keys()
    for tenant, credentials in stored.items():
        with in_tenant(tenant):
            assert TenantKey.objects.count() == 1
            for number, credential in enumerate(credentials):
                assert reveal(credential, why="test") == {"api_key": f"{tenant} {number}"}
            after = {bytes(one.ciphertext) for one in CredentialSecret.objects.exclude(ciphertext=None)}
            assert not before & after
    assert second_factor.address_of(AuthIdentity.objects.get(user=saigon.owner))


@pytest.mark.django_db
def test_a_second_run_does_nothing(settings: Any, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        store()
    settings.VAULT_KEYS = {"k2": TWO, "k1": ONE}
    assert rotated()["secrets"] == 1
    again = rotated()
    assert (again["tenants"], again["secrets"], again["left"]) == (0, 0, {"k1": 0, "k2": 1})


@pytest.mark.django_db
def test_the_same_secret_is_still_recognised_after_a_rotation(settings: Any, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
        before = bytes(CredentialSecret.objects.get().fingerprint)
        settings.VAULT_KEYS = {"k2": TWO, "k1": ONE}
    rotated()
    with in_tenant(saigon.tenant):
        moved = bytes(CredentialSecret.objects.get().fingerprint)
        rotate_credential(credential, secret=SECRET)
        again = bytes(CredentialSecret.objects.get(version=2).fingerprint)
    assert (moved != before, again == moved) == (True, True)


@pytest.mark.django_db
def test_what_cannot_be_read_stays_with_its_key_and_is_told(settings: Any, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        damaged, whole = store(), store()
        secret = CredentialSecret.objects.get(credential=damaged)
        CredentialSecret.objects.filter(pk=secret.pk).update(ciphertext=bytes(secret.ciphertext)[:-1] + b"x")
    settings.VAULT_KEYS = {"k2": TWO, "k1": ONE}
    out = StringIO()
    with pytest.raises(CommandError, match="1 secrets cannot be read"):
        call_command("rotate_vault_keys", stdout=out)
    report = json.loads(out.getvalue())
    assert (report["secrets"], report["unreadable"], report["left"]) == (1, [str(secret.pk)], {"k1": 1, "k2": 1})
    with in_tenant(saigon.tenant):
        assert reveal(whole, why="test") == SECRET
        with pytest.raises(CredentialUnreadable):
            reveal(damaged, why="test")
        assert TenantKey.objects.filter(master_key="k1").exists()


@pytest.mark.django_db
def test_a_new_secret_is_stored_under_the_new_key_from_the_first_moment(
    settings: Any, saigon: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_tenant(saigon.tenant):
        store()
    settings.VAULT_KEYS = {"k2": TWO, "k1": ONE}
    during = []

    def look(*arguments: Any) -> None:
        credential = store(secret={"api_key": "meanwhile"})
        during.append((TenantKey.objects.get(secrets__credential=credential).master_key, reveal(credential, why="test")))

    monkeypatch.setattr(rotation, "_destroy_empty_keys", look)
    rotated()
    assert during == [("k2", {"api_key": "meanwhile"})]


@pytest.mark.django_db
def test_it_does_not_begin_with_a_wrong_key(settings: Any, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        store()
    settings.VAULT_KEYS = {"k2": TWO, "k1": TWO}
    with pytest.raises(CommandError, match="another key “k1”"):
        rotated()
    assert named() == {"k1"}


# --- beside running work, and killed


@pytest.fixture
def business_for_good(transactional_db: None, business: Callable[[str], Business]) -> Business:
    """Return a business that other connections see, beside the platform, which the test before may have flushed away."""
    platform_again()
    return business("rotating")


def reading_on(business: Business, credentials: list[Any], stop: Flag, failures: list[str], reads: list[int]) -> None:
    with in_tenant(business.tenant):
        while not stop.is_set():
            for number, credential in enumerate(credentials[::7]):
                try:
                    if reveal(credential, why="test") != {"api_key": f"secret {number * 7}"}:
                        failures.append("another secret")
                except Exception as error:  # noqa: BLE001 - every failure is told
                    failures.append(repr(error))
                reads[0] += 1
    connection.close()


def test_reads_and_writes_go_on_during_a_rotation_without_a_failure(
    settings: Any, business_for_good: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 20)
    with in_tenant(business_for_good.tenant):
        credentials = [store(secret={"api_key": f"secret {number}"}) for number in range(140)]
    stop, failures, reads = Flag(), [], [0]
    arguments = (business_for_good, credentials, stop, failures, reads)
    readers = [Thread(target=reading_on, args=arguments) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(2, 6):
        settings.VAULT_KEYS = {f"k{number}": bytes([number]) * 32, **settings.VAULT_KEYS}
        rotated()
        with in_tenant(business_for_good.tenant):
            rotate_credential(credentials[7], secret={"api_key": "secret 7"})
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert reads[0] > 100
    assert named() == {"k5"}


@pytest.mark.slow
def test_killed_half_way_and_again_the_next_run_goes_on(settings: Any, business_for_good: Business) -> None:
    count = 60
    with in_tenant(business_for_good.tenant):
        credentials = [store(secret={"api_key": f"secret {number}"}) for number in range(count)]
    settings.VAULT_KEYS = {"k2": TWO, "k1": ONE}
    for enough in (10, 30):
        kill_when_moved(business_for_good, enough)
        with in_tenant(business_for_good.tenant):
            assert 0 < CredentialSecret.objects.filter(key__master_key="k2").count() < count
            for number, credential in enumerate(credentials):
                assert reveal(credential, why="test") == {"api_key": f"secret {number}"}
    report = rotated()
    assert 0 < report["secrets"] < count
    assert named() == {"k2"}
    with in_tenant(business_for_good.tenant):
        assert TenantKey.objects.count() == 1
        for number, credential in enumerate(credentials):
            assert reveal(credential, why="test") == {"api_key": f"secret {number}"}


SLOWLY = """
import os, time, django
django.setup()
from django.core.management import call_command
from vault import rotation
rotation.BATCH = 5
move = rotation._move_batch
def slowly(*arguments):
    time.sleep(0.1)
    return move(*arguments)
rotation._move_batch = slowly
call_command("rotate_vault_keys")
"""


def kill_when_moved(business: Business, enough: int) -> None:
    """Run the rotation in a process of its own and ``kill -9`` it when so many secrets are under the new key."""
    keys = ",".join(f"{name}:{b64encode(key).decode()}" for name, key in (("k2", TWO), ("k1", ONE)))
    name = connection.settings_dict["NAME"]
    addresses = {key: os.environ[key].replace("/backroom?", f"/{name}?") for key in ("DATABASE_URL", "DATABASE_OWNER_URL")}
    environment = {**os.environ, **addresses, "VAULT_KEYS": keys, "DJANGO_SETTINGS_MODULE": "config.settings"}
    running = subprocess.Popen([sys.executable, "-c", SLOWLY], env=environment)
    deadline = time.monotonic() + 60
    with in_tenant(business.tenant):
        while CredentialSecret.objects.filter(key__master_key="k2").count() < enough:
            assert running.poll() is None, "the rotation ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
