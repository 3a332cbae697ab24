"""The vault goes into a file that only its passphrase opens, and comes out on an installation with other keys."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from bots.models import Bot
from tenants.models import PLATFORM_ID
from tenants.scope import platform_scope
from tests.conftest import Business, in_tenant
from tests.vault.test_services import SECRET, store
from vault import backup
from vault.backup import NotABackup, import_vault
from vault.models import Credential, CredentialGrant, CredentialSecret, CredentialUse, MasterKey, TenantKey
from vault.services import reveal, rotate_credential
from vault.startup import WrongMasterKey, check_master_keys

pytestmark = pytest.mark.django_db

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _one_key(settings: Any) -> None:
    settings.VAULT_KEYS = {"k1": b"1" * 32}


@pytest.fixture(autouse=True)
def _cheap_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a passphrase cost little here, but for the test that tells what it costs."""
    monkeypatch.setattr(backup, "COST", 2**10)


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    return file


def exported(file: Path, passphrase: Path) -> dict[str, Any]:
    out = io.StringIO()
    call_command("export_vault", str(file), passphrase_file=passphrase, stdout=out)
    return json.loads(out.getvalue())


def imported(file: Path, passphrase: Path) -> dict[str, Any]:
    out = io.StringIO()
    call_command("import_vault", str(file), passphrase_file=passphrase, stdout=out)
    assert SECRET["api_key"] not in out.getvalue()
    return {name: value for name, value in json.loads(out.getvalue()).items() if value}


def imported_with_complaint(file: Path, passphrase: Path) -> dict[str, Any]:
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("import_vault", str(file), passphrase_file=passphrase, stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def vault_file(saigon: Business, harbour: Business, tmp_path: Path, passphrase: Path) -> Path:
    """Return the export of a few credentials of three tenants, one of them not active."""
    with in_tenant(saigon.tenant):
        store(label="One", metadata={"a": 1}), store(label="Two", is_active=False, secret={"api_key": "\ud800\x00 é\n"})
    with in_tenant(harbour.tenant):
        store(label="Theirs")
    with in_tenant(PLATFORM_ID):
        store(label="Platform's")
    file = tmp_path / "vault"
    assert exported(file, passphrase) == {"credentials": 4, "unreadable": []}
    return file


def test_the_file_holds_no_secret_in_the_clear_and_is_its_owners_alone(vault_file: Path, saigon: Business) -> None:
    content = vault_file.read_bytes()
    assert SECRET["api_key"].encode() not in content
    assert b"One" not in content
    assert vault_file.stat().st_mode & 0o777 == 0o600
    with in_tenant(saigon.tenant):
        assert set(CredentialUse.objects.values_list("why", "actor_kind")) == {("back up the vault", "command")}
        assert CredentialUse.objects.count() == 2


def test_another_installation_stores_it_under_its_own_keys(
    settings: Any, vault_file: Path, passphrase: Path, saigon: Business
) -> None:
    with platform_scope(reason="another installation"):
        Credential.objects.all().delete(), TenantKey.objects.all().delete(), MasterKey.objects.all().delete()
    settings.VAULT_KEYS = {"other": b"2" * 32}
    check_master_keys()
    assert imported(vault_file, passphrase) == {"credentials": 4, "created": 4}
    with in_tenant(saigon.tenant):
        one, two = Credential.objects.order_by("label")
        assert (one.label, one.metadata, one.hint, two.is_active) == ("One", {"a": 1}, "cdef", False)
        assert reveal(one, why="test") == SECRET
        Credential.objects.update(is_active=True)
        assert reveal(two, why="test") == {"api_key": "\ud800\x00 é\n"}
    assert imported(vault_file, passphrase) == {"credentials": 4, "unchanged": 4}


def test_grants_come_along_with_a_credential_that_is_new_and_to_bots_that_are_known(
    saigon: Business, tmp_path: Path, passphrase: Path
) -> None:
    with in_tenant(saigon.tenant):
        credential, ends = store(label="One"), timezone.now() + timedelta(days=3)
        bots = [Bot.objects.create(code=code, name=code) for code in ("known", "gone")]
        for bot in bots:
            CredentialGrant.objects.create(credential=credential, bot=bot)
        CredentialGrant.objects.create(credential=credential, role="analyst", expires_at=ends)
    exported(tmp_path / "vault", passphrase)
    with in_tenant(saigon.tenant):
        credential.delete(), bots[1].delete()
    summary = imported_with_complaint(tmp_path / "vault", passphrase)
    assert (summary["created"], summary["unknown_bots"]) == (1, ["gone"])
    with in_tenant(saigon.tenant):
        grants = CredentialGrant.objects.order_by("role")
        assert [(grant.role, grant.bot, grant.expires_at) for grant in grants] == [
            ("", bots[0], None),
            ("analyst", None, ends),
        ]
        grants.delete()
    assert imported(tmp_path / "vault", passphrase) == {"credentials": 1, "unchanged": 1}
    with in_tenant(saigon.tenant):
        assert not CredentialGrant.objects.exists()  # it was taken back since


def test_a_database_restored_without_its_master_key_is_brought_back_to_life(
    settings: Any, vault_file: Path, passphrase: Path, saigon: Business
) -> None:
    check_master_keys()
    settings.VAULT_KEYS = {"other": b"2" * 32}
    with pytest.raises(WrongMasterKey):
        check_master_keys()
    assert imported(vault_file, passphrase) == {"credentials": 4, "changed": 4}
    check_master_keys()
    with in_tenant(saigon.tenant):
        assert reveal(Credential.objects.get(label="One"), why="test") == SECRET
        assert not CredentialSecret.objects.filter(key__master_key="k1").exists()


def test_a_newer_secret_here_gives_way_to_the_files(vault_file: Path, passphrase: Path, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = Credential.objects.get(label="One")
        rotate_credential(credential, secret={"api_key": "newer"})
    assert imported(vault_file, passphrase) == {"credentials": 4, "unchanged": 3, "changed": 1}
    with in_tenant(saigon.tenant):
        assert reveal(credential, why="test") == SECRET


def cut(content: bytes) -> bytes:
    return content[:-30]


def without_end(content: bytes) -> bytes:
    return content[: -(4 + 16)]  # the last piece is empty: its length and its tag


def without_first(content: bytes) -> bytes:
    start = len(backup.MAGIC) + backup.SALT_BYTES
    return content[:start] + content[start + 4 + int.from_bytes(content[start : start + 4], "big") :]


def flipped(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


@pytest.mark.parametrize(
    "damage",
    [cut, without_end, without_first, flipped, lambda content: content + b"x", lambda content: b"", lambda _c: b"x" * 99],
)
def test_a_damaged_file_stores_nothing(
    vault_file: Path, passphrase: Path, saigon: Business, damage: Callable[[bytes], bytes]
) -> None:
    with in_tenant(saigon.tenant):
        Credential.objects.all().delete()
    vault_file.write_bytes(damage(vault_file.read_bytes()))
    with pytest.raises(CommandError, match="the file is damaged"):
        imported(vault_file, passphrase)
    with in_tenant(saigon.tenant):
        assert not Credential.objects.exists()


def test_a_guess_of_the_passphrase_is_dear(tmp_path: Path, passphrase: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In processor time, so that a busy machine does not pass for it: RFC 7914 takes 16 MB and tens of ms at N = 2^14."""
    monkeypatch.undo()
    begin = process_time()
    exported(tmp_path / "vault", passphrase)
    assert process_time() - begin > 0.1


def test_another_passphrase_opens_nothing(vault_file: Path) -> None:
    with vault_file.open("rb") as source, pytest.raises(NotABackup):
        import_vault(source, passphrase=PASSPHRASE + "r")


def test_what_has_no_place_here_is_named_and_the_rest_is_stored(
    vault_file: Path, passphrase: Path, saigon: Business, harbour: Business
) -> None:
    with in_tenant(saigon.tenant):
        Credential.objects.all().delete()
    with platform_scope(reason="a tenant that is not here"):
        type(harbour.tenant).objects.filter(pk=harbour.tenant.pk).update(slug="renamed")
    with pytest.raises(CommandError, match="left out"):
        imported(vault_file, passphrase)
    with in_tenant(saigon.tenant):
        assert Credential.objects.count() == 2


def test_what_cannot_be_read_is_left_out_and_named(saigon: Business, tmp_path: Path, passphrase: Path) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
        CredentialSecret.objects.update(ciphertext=b"damaged")
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 credentials cannot be read"):
        call_command("export_vault", str(tmp_path / "vault"), passphrase_file=passphrase, stdout=out)
    assert json.loads(out.getvalue()) == {"credentials": 0, "unreadable": [str(credential.pk)]}


def test_a_short_passphrase_and_a_file_in_the_way_are_refused(tmp_path: Path, passphrase: Path) -> None:
    passphrase.write_text("short")
    with pytest.raises(CommandError, match="at least 12 characters"):
        exported(tmp_path / "vault", passphrase)
    assert not (tmp_path / "vault").exists()
    (tmp_path / "vault").write_text("precious")
    with pytest.raises(CommandError, match="exists"):
        exported(tmp_path / "vault", passphrase)
    assert (tmp_path / "vault").read_text() == "precious"
