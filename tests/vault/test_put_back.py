"""A credential and its secret, put back together from an old copy of their rows, are known for what they are."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from tenants.audit import seal_all
from tests.conftest import Business, in_tenant, platform_again
from tests.vault.test_services import SECRET, store
from vault.backup import export_vault, import_vault
from vault.crypto import CredentialUnreadable
from vault.models import Credential, CredentialUse
from vault.services import delete_credential, reveal, rotate_credential

PASSPHRASE = "correct horse battery staple"
NEW = {"api_key": "sk-live-fedcba9876543210"}

COPY = """
SELECT to_jsonb(c), (SELECT jsonb_agg(to_jsonb(s)) FROM vault_credentialsecret s WHERE s.credential_id = c.id)
FROM vault_credential c WHERE c.id = %s
"""
PUT_BACK = """
DELETE FROM vault_credentialsecret WHERE credential_id = %(id)s;
DELETE FROM vault_credential WHERE id = %(id)s;
INSERT INTO vault_credential SELECT * FROM jsonb_populate_record(NULL::vault_credential, %(credential)s);
INSERT INTO vault_credentialsecret SELECT * FROM jsonb_populate_recordset(NULL::vault_credentialsecret, %(secrets)s);
"""
UNSEEN = "ALTER TABLE {0} DISABLE TRIGGER USER"
SEEN = "ALTER TABLE {0} ENABLE TRIGGER USER"


def copied(credential: Credential) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(COPY, [credential.pk])
        row, secrets = cursor.fetchone()
    return {"id": str(credential.pk), "credential": row, "secrets": secrets}


def put_back(saigon: Business, copy: dict[str, str], *, unseen: bool) -> None:
    """Do what nobody of ours can: write to the tables as their owner, also with the audit's triggers off."""
    tables = ("vault_credential", "vault_credentialsecret")
    with connection.as_owner(), in_tenant(saigon.tenant), connection.cursor() as cursor:
        if unseen:
            [cursor.execute(UNSEEN.format(table)) for table in tables]
        cursor.execute(PUT_BACK, copy)
        [cursor.execute(SEEN.format(table)) for table in tables]


def verified() -> tuple[str, str]:
    """Return what ``verify_audit`` prints, and what it complains of."""
    out, complaint = StringIO(), ""
    try:
        call_command("verify_audit", stdout=out)
    except CommandError as error:
        complaint = str(error)
    return out.getvalue(), complaint


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("unseen", [True, False], ids=["triggers off", "triggers on"])
def test_rows_put_back_together_are_named_and_the_old_secret_is_not_given(
    saigon: Business, harbour: Business, caplog: Any, unseen: bool
) -> None:
    with in_tenant(saigon.tenant):
        credential, other = store(), store(label="Other")
        copy = copied(credential)
        rotate_credential(credential, secret=NEW)
        assert reveal(credential, why="test") == NEW
    seal_all()
    assert verified()[1] == ""
    put_back(saigon, copy, unseen=unseen)
    said, complaint = verified()
    assert complaint == "Rows were put back to an older version: saigon."
    expected = f"saigon: credential {credential.pk} “OpenAI (OpenAI)” was put back: it says 1, the audit tells of 2"
    assert [line for line in said.splitlines() if "put back" in line] == [expected]
    with in_tenant(saigon.tenant):
        with pytest.raises(CredentialUnreadable):
            reveal(credential, why="test")
        assert f"credential_put_back: credential {credential.pk}" in caplog.text
        assert reveal(other, why="test") == SECRET
        uses = CredentialUse.objects.filter(credential_id=credential.pk).values_list("outcome", "version")
        assert list(uses) == [("refused", 1), ("used", 2)]


@pytest.mark.django_db(transaction=True)
def test_a_new_secret_ends_it_and_the_old_copy_stays_known(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
        copy = copied(credential)
        rotate_credential(rotate_credential(credential, secret=NEW), secret=NEW)
        reveal(credential, why="test")
    put_back(saigon, copy, unseen=True)
    with in_tenant(saigon.tenant):
        assert rotate_credential(credential, secret=NEW).version == 4
        assert reveal(credential, why="test") == NEW
    assert verified()[1] == ""
    put_back(saigon, copy, unseen=True)
    assert verified()[1] == "Rows were put back to an older version: saigon."


@pytest.mark.django_db(transaction=True)
def test_one_that_nobody_used_since_is_named_too_and_stays_out_of_the_backup(saigon: Business, tmp_path: Path) -> None:
    platform_again()
    with in_tenant(saigon.tenant):
        credential = store()
        copy = copied(credential)
        rotate_credential(credential, secret=NEW)
    put_back(saigon, copy, unseen=True)
    assert str(credential.pk) in verified()[0]
    with (tmp_path / "vault").open("wb") as file:
        summary = export_vault(file, passphrase=PASSPHRASE)
    assert (summary.credentials, summary.unreadable) == (0, [str(credential.pk)])


@pytest.mark.django_db(transaction=True)
def test_its_page_says_so(saigon: Business, client: Client) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
        copy = copied(credential)
        rotate_credential(credential, secret=NEW)
    client.force_login(saigon.owner)
    address = f"/admin/vault/credential/{credential.pk}/change/"
    assert "Put back from an old copy" not in client.get(address).content.decode()
    put_back(saigon, copy, unseen=True)
    assert "Put back from an old copy: there was a version 2" in client.get(address).content.decode()


@pytest.mark.django_db
def test_replacing_deleting_and_restoring_a_credential_is_nothing_to_complain_of(saigon: Business, tmp_path: Path) -> None:
    file = tmp_path / "vault"
    with in_tenant(saigon.tenant):
        credential, gone = store(), store(label="Gone")
        rotate_credential(gone, secret=NEW)
        reveal(gone, why="test")
    with file.open("wb") as target:
        export_vault(target, passphrase=PASSPHRASE)
    with in_tenant(saigon.tenant):
        rotate_credential(credential, secret=NEW)
        reveal(credential, why="test")
        delete_credential(gone)
    with file.open("rb") as source:
        import_vault(source, passphrase=PASSPHRASE)
    with in_tenant(saigon.tenant):
        assert reveal(Credential.objects.get(pk=credential.pk), why="test") == SECRET
        assert reveal(Credential.objects.get(pk=gone.pk), why="test") == NEW
        assert dict(Credential.objects.values_list("label", "version")) == {"OpenAI": 3, "Gone": 3}
    assert verified()[1] == ""
