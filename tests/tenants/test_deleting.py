"""Deleting a tenant: no table and no file has anything of it any more, nobody else loses a row, and the proof stays."""

import json
import shutil
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from tenants import deleting
from tenants.errors import Conflict
from tenants.export_orders import order_export, run_exports
from tenants.models import PLATFORM_ID, AuditEntry, Membership, TaskRun, Tenant, TenantDeletion, TenantExport, User
from tenants.scope import platform_scope
from tenants.services import set_tenant_status
from tenants.storage import store_file
from tests.conftest import PASSWORD, Business, in_tenant
from tests.rows import ROWS, make_row
from tests.runtime.conftest import open_shop
from tests.tenants.admin_pages import browser, page, text_of

pytestmark = pytest.mark.django_db


def delete(slug: str, confirm: str | None = None) -> dict[str, Any]:
    out = StringIO()
    call_command("delete_tenant", slug, "--confirm", confirm or slug, stdout=out)
    return json.loads(out.getvalue())


def rows_of(tenant: Tenant) -> dict[str, int]:
    """Count what every table with a tenant has of this one."""
    found = {}
    with platform_scope(reason="test"), connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.columns WHERE column_name = 'tenant_id'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE tenant_id = %s', [tenant.pk])
            found[table] = cursor.fetchone()[0]
    return {table: count for table, count in found.items() if count}


def filled(business: Business) -> None:
    """Give the business a row in every table, a file, and a bot with a version that is active."""
    open_shop(business)
    with in_tenant(business.tenant):
        for model in ROWS:
            make_row(model)
        store_file(BytesIO(b"bytes"), name="a.txt", media_type="text/plain", limit=99)


def test_nothing_of_it_is_left_anywhere_and_the_other_tenant_is_whole(saigon, harbour):
    filled(saigon)
    filled(harbour)
    with in_tenant(harbour.tenant):
        Membership.objects.create(user=saigon.operator, role="analyst")
    before = rows_of(harbour.tenant)
    folder = default_storage.path(str(saigon.tenant.pk))

    told = delete("saigon")

    assert rows_of(saigon.tenant) == {}
    assert rows_of(harbour.tenant) == before
    with platform_scope(reason="test"):
        assert not Tenant.objects.filter(slug="saigon").exists()
        left = set(User.objects.filter(email__endswith="@saigon.example").values_list("email", flat=True))
    assert left == {saigon.operator.email}  # works for the other one, too
    with pytest.raises(FileNotFoundError):
        default_storage.listdir(folder)
    assert told["deleted"]["runtime.turn"] >= 1
    assert told["deleted"]["tenants.auditentry"] > 100
    assert len(told["audit_end"]) == 64
    with in_tenant(PLATFORM_ID):
        proof = AuditEntry.objects.filter(subject_kind="tenants.tenantdeletion").latest("id")
        assert proof.after["state"] == "done"
        assert TaskRun.objects.get(task_type="delete_tenant").output == told["deleted"]


def test_killed_between_any_two_steps_it_goes_on(saigon, monkeypatch):
    filled(saigon)
    steps, left = deleting._steps, [0, 1, 40, 10, 3]

    def dying(row: TenantDeletion) -> Any:
        for number, step in enumerate(steps(row)):
            if left and number == left[0]:
                left.pop(0)
                raise KeyboardInterrupt
            yield step

    monkeypatch.setattr(deleting, "_steps", dying)
    while left:
        with pytest.raises(KeyboardInterrupt):
            delete("saigon")
        with in_tenant(PLATFORM_ID):
            TenantDeletion.objects.update(due_at="2026-01-01T00:00Z")  # its lease is over
    assert delete("saigon")["deleted"]["tenants.tenant"] == 1
    assert rows_of(saigon.tenant) == {}


def test_what_stops_it_is_told_and_tried_again(saigon, monkeypatch):
    delete_batch = deleting._delete_batch
    monkeypatch.setattr(deleting, "_delete_batch", lambda *_given: (_ for _ in ()).throw(DatabaseError("no luck")))
    with in_tenant(saigon.tenant):
        deleting.delete_tenant(tenant=saigon.tenant, typed="saigon")
    deleting.run_deletions()
    with in_tenant(PLATFORM_ID):
        row = TenantDeletion.objects.get()
        assert (row.state, row.last_error) == ("pending", "no luck")
        TenantDeletion.objects.update(due_at="2026-01-01T00:00Z")
    monkeypatch.setattr(deleting, "_delete_batch", delete_batch)
    rmtree = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", lambda _folder: (_ for _ in ()).throw(PermissionError("not allowed")))
    with in_tenant(saigon.tenant):
        store_file([b"x"], name="a.txt", media_type="text/plain", limit=9)
    deleting.run_deletions()
    with in_tenant(PLATFORM_ID):
        row = TenantDeletion.objects.get()
        assert (row.state, row.last_error) == ("pending", "not allowed")
        TenantDeletion.objects.update(due_at="2026-01-01T00:00Z")
    monkeypatch.setattr(shutil, "rmtree", rmtree)
    assert delete("saigon")["deleted"]["tenants.tenant"] == 1


def test_platform_staff_delete_a_tenant_on_its_page_by_typing_its_name_and_nobody_else_does(
    saigon, root, django_capture_on_commit_callbacks
):
    order_export(tenant=saigon.tenant)
    run_exports()
    folder = Path(default_storage.path(str(PLATFORM_ID)))
    archive = {one.name for one in folder.iterdir()}
    address = page("tenants_tenant_delete_for_good", saigon.tenant.pk)
    assert browser(saigon.owner).post(address, {"slug": "saigon"}).status_code == 403
    person = browser(root)
    assert "Export it and fetch the file first" in text_of(person.get(address))
    for given in ({}, {"old_password": "wrong"}):  # the short name alone deletes nothing
        assert 'name="old_password"' in person.post(address, {"slug": "saigon", **given}).content.decode()
    wrong = person.post(address, {"slug": "harbour", "old_password": PASSWORD})
    assert "Type the tenant&#x27;s short name" in wrong.content.decode()
    with in_tenant(PLATFORM_ID):
        assert not TenantDeletion.objects.exists()
    assert "is being deleted" in text_of(person.post(address, {"slug": "saigon"}, follow=True))
    with django_capture_on_commit_callbacks(execute=True):
        deleting.run_deletions()
    assert rows_of(saigon.tenant) == {}
    with in_tenant(PLATFORM_ID):
        assert TenantDeletion.objects.get().deleted["tenants.tenantexport"] == 1
        assert TenantExport.objects.get().file is None
    assert archive
    assert not archive & {one.name for one in folder.iterdir()}


def test_without_the_short_name_typed_again_nothing_happens(saigon):
    before = rows_of(saigon.tenant)
    with pytest.raises(CommandError, match="short name"):
        delete("saigon", "harbour")
    with pytest.raises(CommandError, match="no tenant"):
        delete("nobody")
    with pytest.raises(CommandError, match="platform"):
        delete("platform")
    assert rows_of(saigon.tenant) == before
    with in_tenant(saigon.tenant):
        assert Tenant.objects.get().status == "active"


def test_the_audit_of_a_tenant_that_is_there_cannot_be_forgotten(saigon, harbour):
    for tenant in (saigon.tenant, harbour.tenant):
        with in_tenant(tenant), pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT tenants_audit_forget('tenants_auditentry', 10)")
    assert rows_of(saigon.tenant)["tenants_auditentry"] > 0


@pytest.mark.django_db
def test_a_tenant_that_is_being_deleted_is_not_resumed(saigon: Business) -> None:
    deleting.delete_tenant(tenant=saigon.tenant, typed=saigon.tenant.slug)
    with pytest.raises(Conflict, match="being deleted"):
        set_tenant_status(tenant_id=saigon.tenant.pk, status=Tenant.Status.ACTIVE)
    with in_tenant(saigon.tenant):
        assert Tenant.objects.get(pk=saigon.tenant.pk).status == Tenant.Status.SUSPENDED
