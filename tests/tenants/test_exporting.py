"""Everything a tenant has in one file: every table, every upload, no secret, and nothing of anybody else."""

import json
import zipfile
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Customer
from reports.models import EmailMessage
from reports.tasks import tell_of_ended_exports
from tenants import exporting
from tenants.models import PLATFORM_ID, ApiKey, Event, TenantExport
from tenants.storage import path_of, store_file
from tenants.tasks import export_tenants
from tests.conftest import PASSWORD, Business, in_tenant
from tests.rows import ROWS, make_row
from tests.tenants.admin_pages import browser, page, text_of
from vault.models import CredentialSecret
from vault.services import store_credential

pytestmark = pytest.mark.django_db

SECRET = "sk-live-9f8e7d6c5b4a39281706"


def export(business: Business, target: Path) -> dict[str, Any]:
    out = StringIO()
    call_command("export_tenant", business.tenant.slug, str(target), stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


def tables_of(target: Path) -> dict[str, list[dict[str, Any]]]:
    with zipfile.ZipFile(target) as archive:
        names = [name for name in archive.namelist() if name.startswith("tables/")]
        return {Path(name).stem: [json.loads(line) for line in archive.read(name).splitlines()] for name in names}


def test_every_row_and_file_is_in_it_no_secret_and_nothing_of_another_tenant(saigon, harbour, tmp_path):
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            for model in ROWS:
                make_row(model)
    with in_tenant(saigon.tenant):
        upload = store_file(BytesIO(b"Secret bytes"), name="a.txt", media_type="text/plain", limit=99)
        store_credential(provider="openai", kind="api_key", label="Key", secret={"api_key": SECRET})
        counts = {model._meta.label_lower: model._default_manager.count() for model in ROWS}
        foreign_to_all = [bytes(ApiKey.objects.first().key_hash), bytes(CredentialSecret.objects.latest("id").ciphertext)]
    with in_tenant(harbour.tenant):
        theirs = {str(pk) for model in ROWS for pk in model._default_manager.values_list("pk", flat=True)}
    target = tmp_path / "saigon.zip"

    told = export(saigon, target)

    found = tables_of(target)
    assert {label: len(rows) for label, rows in found.items() if label in counts} == counts
    assert told["rows"] == sum(len(rows) for rows in found.values())
    assert [row["slug"] for row in found["tenants.tenant"]] == ["saigon"]
    assert saigon.owner.email in {row["email"] for row in found["tenants.user"]}
    assert "password" not in found["tenants.user"][0]
    with zipfile.ZipFile(target) as archive:
        assert archive.read(f"files/{upload.pk}") == b"Secret bytes"
        whole = b"".join(archive.read(name) for name in archive.namelist())
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["format"] == "backroom-tenant-1"
    assert "ciphertext" in manifest["tables"]["vault.credentialsecret"]["left_out"]
    assert [one for one in theirs if one.encode() in whole] == []
    for secret in (SECRET.encode(), saigon.key.encode(), *(secret.hex().encode() for secret in foreign_to_all)):
        assert secret not in whole
    assert target.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["saigon.zip"]


def test_killed_on_the_way_it_goes_on_where_it_stood(saigon, tmp_path, monkeypatch):
    with in_tenant(saigon.tenant):
        Customer.objects.create(name="Before")
    target, written, write = tmp_path / "saigon.zip", [], exporting._write

    def dying(path: Path, model: Any, without: Any) -> dict[str, Any]:
        if len(written) == 9:
            path.write_text("half a li")
            raise KeyboardInterrupt
        written.append(model)
        return write(path, model, without)

    monkeypatch.setattr(exporting, "_write", dying)
    with pytest.raises(KeyboardInterrupt):
        export(saigon, target)
    assert not target.exists()
    again: list[Any] = []
    monkeypatch.setattr(exporting, "_write", lambda *given: again.append(given[1]) or write(*given))
    export(saigon, target)
    assert not set(again) & set(written)
    assert [row["name"] for row in tables_of(target)["catalog.customer"]] == ["Before"]


@pytest.mark.django_db(transaction=True)
def test_all_tables_are_of_one_moment(business, tmp_path, monkeypatch):
    lake, write = business("lake"), exporting._write

    def meanwhile(path: Path, model: Any, without: Any) -> dict[str, Any]:
        if model is ApiKey:
            others_write(lake)
        return write(path, model, without)

    monkeypatch.setattr(exporting, "_write", meanwhile)
    export(lake, tmp_path / "lake.zip")
    assert tables_of(tmp_path / "lake.zip")["catalog.customer"] == []
    with in_tenant(lake.tenant):
        assert Customer.objects.count() == 1


def others_write(business: Business) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    def write() -> None:
        with in_tenant(business.tenant):
            Customer.objects.create(name="Meanwhile")
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(write).result()


def test_a_file_that_is_there_is_not_overwritten_and_an_unknown_tenant_is_refused(saigon, tmp_path):
    target = tmp_path / "saigon.zip"
    target.write_text("mine")
    with pytest.raises(CommandError, match="there already"):
        export(saigon, target)
    assert target.read_text() == "mine"
    with pytest.raises(CommandError, match="no tenant"):
        call_command("export_tenant", "nobody", str(tmp_path / "x.zip"))


def test_platform_staff_order_an_export_on_the_tenants_page_and_fetch_it_until_it_expires(saigon, harbour, root):
    with in_tenant(harbour.tenant):
        make_row(Customer)
    staff, address = browser(root), page("tenants_tenant_exports", harbour.tenant.pk)
    assert browser(saigon.owner).get(address).status_code == 403
    seen = staff.get(address)
    assert "Prove that it is you" in text_of(seen)  # a login of long ago does not do
    order = {"_tenant": ""}
    assert staff.post(address, {**order, "old_password": "wrong"}).status_code == 200
    with in_tenant(PLATFORM_ID):
        assert not TenantExport.objects.exists()
    for _time in range(2):
        assert staff.post(address, {**order, "old_password": PASSWORD}).status_code == 302
    export_tenants()
    with in_tenant(PLATFORM_ID):
        row = TenantExport.objects.select_related("file").get()
        assert (row.state, row.created_by) == ("done", root)
        assert row.rows > 5
        path = path_of(row.file)
        assert Event.objects.get(kind="export.finished").data["tenant"] == "harbour"
        for _time in range(2):
            tell_of_ended_exports()
        mail = EmailMessage.objects.get()
        assert (mail.to, mail.subject) == ([root.email], "The export of harbour is ready")
        assert address in mail.body
    fetched = staff.post(address, {**order, "download": str(row.pk)})
    with zipfile.ZipFile(BytesIO(b"".join(fetched.streaming_content))) as archive:
        assert json.loads(archive.read("manifest.json"))["tenant"]["slug"] == "harbour"
    other = page("tenants_tenant_exports", saigon.tenant.pk)
    assert staff.post(other, {**order, "download": str(row.pk)}).status_code == 404
    with in_tenant(PLATFORM_ID):
        TenantExport.objects.update(expires_at="2026-01-01T00:00Z")
    export_tenants()
    assert staff.post(address, {**order, "download": str(row.pk)}).status_code == 404
    assert "Expired" in text_of(staff.get(address))
    with in_tenant(PLATFORM_ID):
        assert TenantExport.objects.get().file is None
        assert not type(row.file).objects.filter(pk=row.file_id).exists()
    assert path.exists()  # the test's own transaction has not ended: bytes go with the commit
    path.unlink()
