"""A process whose master keys are not those of its data does not start, says so in one line, and changes nothing."""

import os
import subprocess
import sys
from base64 import b64encode
from typing import Any

import pytest
from django.db import connection

from config.startup import stop_on_wrong_key
from config.supervisor import StartError, _check_vault_keys
from tenants.models import PLATFORM_ID
from tests.conftest import Business, in_tenant, platform_again
from tests.vault.test_services import SECRET, store
from vault.models import MasterKey, TenantKey
from vault.services import reveal
from vault.startup import WrongMasterKey, check_master_keys, forget_unused_keys

pytestmark = pytest.mark.django_db

ADDRESSES = ("DATABASE_URL", "DATABASE_OWNER_URL")
ONE, TWO = b"1" * 32, b"2" * 32


@pytest.fixture(autouse=True)
def _one_key(settings: Any) -> None:
    settings.VAULT_KEYS = {"k1": ONE}


def canaries() -> dict[str, bytes]:
    with in_tenant(PLATFORM_ID):
        return {key.name: bytes(key.canary) for key in MasterKey.objects.all()}


def refusal() -> str:
    """Return the line; what is known of the keys stays."""
    before = canaries()
    with pytest.raises(WrongMasterKey) as caught:
        check_master_keys()
    assert canaries() == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_first_start_notes_the_key_and_the_next_ones_go_on() -> None:
    check_master_keys()
    noted = canaries()
    check_master_keys()
    assert list(noted) == ["k1"]
    assert canaries() == noted


@pytest.mark.parametrize("keys", [{"k1": TWO}, {"k1": TWO, "k2": ONE}], ids=["alone", "beside another"])
def test_a_second_process_with_another_key_of_the_same_id_is_refused(settings: Any, keys: dict[str, bytes]) -> None:
    check_master_keys()
    settings.VAULT_KEYS = keys
    assert "another key “k1”" in refusal()


def test_a_second_process_with_a_key_of_another_id_is_refused_even_before_the_first_secret(settings: Any) -> None:
    check_master_keys()
    settings.VAULT_KEYS = {"k2": TWO}
    assert "lacks the key “k1”" in refusal()


def test_a_key_that_is_taken_away_too_early_is_refused_with_the_number_of_its_uses(
    settings: Any, saigon: Business, harbour: Business
) -> None:
    check_master_keys()
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            store()
    settings.VAULT_KEYS = {"k2": TWO}
    assert "“k1”, which 2 rows" in refusal()
    settings.VAULT_KEYS = {"k2": TWO, "k1": ONE}
    check_master_keys()
    with in_tenant(saigon.tenant):
        assert reveal(store(), why="test") == SECRET


def test_a_lost_canary_does_not_let_another_key_in(settings: Any, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        store()
    settings.VAULT_KEYS = {"k1": TWO}
    assert "another key “k1”" in refusal()


def test_one_damaged_data_key_keeps_nobody_from_starting(settings: Any, saigon: Business, harbour: Business) -> None:
    check_master_keys()
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            store()
    with in_tenant(saigon.tenant):
        TenantKey.objects.update(wrapped=b"damaged")
    check_master_keys()
    with in_tenant(PLATFORM_ID):
        MasterKey.objects.all().delete()
    check_master_keys()
    with in_tenant(harbour.tenant):
        TenantKey.objects.update(wrapped=b"damaged")
    with in_tenant(PLATFORM_ID):
        MasterKey.objects.all().delete()
    assert "another key “k1”" in refusal()


def test_a_key_that_encrypts_nothing_any_more_may_go(settings: Any) -> None:
    check_master_keys()
    settings.VAULT_KEYS = {"k2": TWO, "k1": ONE}
    check_master_keys()
    forget_unused_keys()
    settings.VAULT_KEYS = {"k2": TWO}
    check_master_keys()
    assert list(canaries()) == ["k2"]


def test_a_key_in_use_is_not_forgotten(settings: Any, saigon: Business) -> None:
    check_master_keys()
    with in_tenant(saigon.tenant):
        store()
    settings.VAULT_KEYS = {"k2": TWO, "k1": ONE}
    forget_unused_keys()
    assert list(canaries()) == ["k1"]


def test_who_starts_a_process_reads_one_line_and_gets_an_exit_code(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.startup.connection", _Open())
    monkeypatch.setattr("config.supervisor.connection", _Open())
    check_master_keys()
    settings.VAULT_KEYS = {"k1": TWO}
    with pytest.raises(SystemExit) as caught:
        stop_on_wrong_key()
    assert str(caught.value.code).startswith("backroom: VAULT_KEYS holds another key")
    with pytest.raises(StartError, match=r"^VAULT_KEYS holds another key"):
        _check_vault_keys()


class _Open:
    """The test's own connection, which must stay open."""

    def close(self) -> None:
        """Stay."""

    close_pool = close


def test_the_canary_tells_nothing_of_the_key(saigon: Business) -> None:
    check_master_keys()
    with in_tenant(saigon.tenant):
        store()
        wrapped = bytes(TenantKey.objects.get().wrapped)
    assert ONE not in wrapped + canaries()["k1"]


ENTRANCES = {
    # Views keep querysets: made during a person's request, they would belong to that person's tenant.
    "web": "import config.wsgi, sys; assert 'config.router' in sys.modules",
    "command": "import manage; manage.check_keys()",
    "worker": "import config.celery; from celery.signals import worker_init; worker_init.send(None)",
}


@pytest.fixture
def committed(transactional_db: None) -> None:
    """Let other processes see the canary; the test before may have flushed the platform away."""
    platform_again()
    check_master_keys()


@pytest.mark.parametrize(
    "entrance", [name if name == "web" else pytest.param(name, marks=pytest.mark.slow) for name in ENTRANCES]
)
@pytest.mark.parametrize("key", [ONE, TWO], ids=["right", "wrong"])
def test_web_and_workers_are_real_processes_that_stop_on_a_wrong_key(committed: None, entrance: str, key: bytes) -> None:
    name = connection.settings_dict["NAME"]
    addresses = {name_: os.environ[name_].replace("/backroom?", f"/{name}?") for name_ in ADDRESSES}
    environment = {**os.environ, **addresses, "VAULT_KEYS": f"k1:{b64encode(key).decode()}"}
    program = f"import django; django.setup(); {ENTRANCES[entrance]}"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    if key == ONE:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 1
        assert done.stderr.strip().splitlines()[-1].startswith("backroom: VAULT_KEYS holds another key “k1”")
        assert "Traceback" not in done.stderr
