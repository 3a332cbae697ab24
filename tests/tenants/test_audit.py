"""The audit: every way of changing a row leaves an entry, nobody can change one, and the chain shows who did anyway."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction

from catalog.models import PriceList, SalesChannel, VariantPrice
from tenants.actor import Actor, ActorKind, acting
from tenants.audit import seal_all, seal_batch
from tenants.models import PLATFORM_ID, ApiKey, AuditEntry, AuditSeal, Membership, Tenant, User
from tenants.scope import platform_scope
from tests.conftest import Business, in_tenant
from tests.rows import a_price, an_api_key

pytestmark = pytest.mark.django_db


def entries(business: Business, **conditions: Any) -> list[AuditEntry]:
    with in_tenant(business.tenant):
        return list(AuditEntry.objects.filter(**conditions).order_by("id"))


def test_a_change_through_the_api_tells_who_what_and_in_which_request(api: Any, saigon: Business) -> None:
    made = api(saigon, saigon.owner).post("sales-channels/", {"code": "shop", "name": "Shop"})
    changed = api(saigon).patch(f"sales-channels/{made.json()['id']}/", {"name": "Corner shop"})
    first, second = entries(saigon, subject_kind="catalog.saleschannel", subject_id=made.json()["id"])
    assert (first.verb, first.actor_kind, first.actor_id) == ("insert", "user", saigon.owner.pk)
    assert str(first.request_id) == made["X-Request-ID"]
    assert (second.verb, second.before, second.after) == ("update", {"name": "Shop"}, {"name": "Corner shop"})
    with in_tenant(saigon.tenant):
        key = ApiKey.objects.get()
    assert (second.actor_kind, second.actor_id, str(second.request_id)) == ("api_key", key.pk, changed["X-Request-ID"])


def test_the_request_id_is_ours_whatever_the_caller_sends(api: Any, saigon: Business) -> None:
    answer = api(saigon).post("sales-channels/", {"code": "shop", "name": "Shop"}, X_Request_ID="'; DROP TABLE x; --")
    (entry,) = entries(saigon, subject_kind="catalog.saleschannel", after__code="shop")
    assert str(entry.request_id) == answer["X-Request-ID"]


def test_bulk_sql_leaves_an_entry_for_every_row_that_changed(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        lists = PriceList.objects.bulk_create([PriceList(code=f"list-{n}", name="x", priority=n) for n in range(1, 6)])
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE catalog_pricelist SET name = CASE WHEN code = 'list-1' THEN name ELSE 'y' END WHERE code LIKE 'list-%'"
            )
        PriceList.objects.filter(pk__in=[row.pk for row in lists]).delete()
    made = entries(saigon, subject_kind="catalog.pricelist", subject_id__in=[row.pk for row in lists])
    assert [entry.verb for entry in made] == ["insert"] * 5 + ["update"] * 4 + ["delete"] * 5
    assert {str(entry.after) for entry in made if entry.verb == "update"} == {"{'name': 'y'}"}
    assert made[-1].before["name"] == "y"
    assert {entry.actor_kind for entry in made} == {"system"}


def test_money_is_audited_to_the_digit(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        price = a_price()
        VariantPrice.objects.filter(pk=price.pk).update(currency="USD", amount="0.0001")
    *_, entry = entries(saigon, subject_kind="catalog.variantprice")
    assert (entry.before["amount"], entry.after["amount"]) == (199000, 0.0001)


def test_secrets_are_told_as_changed_and_never_shown(saigon: Business) -> None:
    with in_tenant(saigon.tenant), acting(Actor(ActorKind.USER, saigon.owner.pk)):
        key = an_api_key()
        saigon.owner.set_password("another horse battery")
        saigon.owner.save(update_fields=["password"])
    (made,) = entries(saigon, subject_kind="tenants.apikey", subject_id=key.pk)
    assert made.after["key_hash"] == "[redacted]"
    *_, password = entries(saigon, subject_kind="tenants.user", verb="update")
    assert (password.before, password.after) == ({"password": "[redacted]"}, {"password": "[redacted]"})


def test_that_somebody_logged_in_or_a_key_was_used_is_no_change(api: Any, saigon: Business) -> None:
    before = len(entries(saigon))
    assert api(saigon).get("variants/").status_code == 200
    with in_tenant(saigon.tenant):
        assert ApiKey.objects.get().last_used_at
    assert len(entries(saigon)) == before


def test_a_global_row_is_the_tenants_who_changed_it_else_the_platforms(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        User.objects.filter(pk=saigon.owner.pk).update(first_name="Mai")
    saigon.owner.last_name = "Trần"
    saigon.owner.save(update_fields=["last_name"])
    (mine,) = entries(saigon, subject_kind="tenants.user", verb="update")
    assert mine.after == {"first_name": "Mai"}
    with platform_scope(reason="test"):
        theirs = AuditEntry.objects.get(tenant_id=PLATFORM_ID, subject_id=saigon.owner.pk)
    assert theirs.after == {"last_name": "Trần"}


def test_what_is_rolled_back_leaves_no_entry(saigon: Business) -> None:
    before = len(entries(saigon))
    with in_tenant(saigon.tenant), pytest.raises(RuntimeError), transaction.atomic():
        SalesChannel.objects.create(code="never", name="Never")
        raise RuntimeError
    assert len(entries(saigon)) == before


def test_an_entry_outlives_what_it_tells_of(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        membership_id = Membership.objects.get(user=saigon.analyst).pk
        Membership.objects.filter(pk=membership_id).delete()
    assert [entry.verb for entry in entries(saigon, subject_id=membership_id)] == ["insert", "delete"]


@pytest.mark.parametrize("statement", ["UPDATE tenants_auditentry SET actor_id = NULL", "DELETE FROM tenants_auditentry"])
def test_the_application_may_not_change_or_delete_entries(saigon: Business, statement: str) -> None:
    before = entries(saigon)
    with in_tenant(saigon.tenant), pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(statement)
    assert entries(saigon) == before


def test_sealing_takes_every_entry_once_and_goes_on_where_it_stopped(saigon: Business, harbour: Business) -> None:
    count = len(entries(saigon))
    assert seal_all() >= count + len(entries(harbour))
    assert [entry.position for entry in entries(saigon)] == list(range(1, count + 1))
    with in_tenant(saigon.tenant):
        assert seal_batch() == 0
        SalesChannel.objects.create(code="late", name="Late")
        assert seal_batch() == 1
    assert verified("saigon").startswith(f"saigon: {count + 1} entries hold, 0 not sealed yet, end ")


def verified(slug: str) -> str:
    out = StringIO()
    call_command("verify_audit", slug, stdout=out)
    return out.getvalue()


ALTERED = {
    "a value inside": (
        "ALTER TABLE tenants_auditentry DISABLE TRIGGER erase_guard;"
        'UPDATE tenants_auditentry SET after = after || \'{"name": "x"}\' WHERE position = 2;'
        "ALTER TABLE tenants_auditentry ENABLE TRIGGER erase_guard",
        "number 2 was altered",
    ),
    "who did it": ("UPDATE tenants_auditentry SET actor_kind = 'task' WHERE position = 2", "number 2 was altered"),
    "when": (
        "UPDATE tenants_auditentry SET created_at = created_at - interval '1 day' WHERE position = 2",
        "number 2 was altered",
    ),
    "a link": ("UPDATE tenants_auditentry SET hash = sha256('x') WHERE position = 2", "number 2 was altered"),
    "an entry taken out": ("DELETE FROM tenants_auditentry WHERE position = 2", "number 2 is missing"),
    "the end cut off": ("DELETE FROM tenants_auditentry WHERE position >= 3", "entries after number 2 are missing"),
    "a seal": ("UPDATE tenants_auditseal SET hash = sha256('x')", "the seal after entry number"),
    "two swapped": (
        "UPDATE tenants_auditentry SET position = CASE position WHEN 2 THEN -3 ELSE -2 END WHERE position IN (2, 3);"
        "UPDATE tenants_auditentry SET position = -position WHERE position < 0",
        "number 2 was altered",
    ),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("statement", "told"), ALTERED.values(), ids=ALTERED)
def test_the_first_altered_entry_is_named(saigon: Business, harbour: Business, statement: str, told: str) -> None:
    seal_all()
    assert "entries hold, 0 not sealed yet" in verified("saigon")
    with connection.as_owner(), in_tenant(saigon.tenant), connection.cursor() as cursor:  # as nobody of ours can
        cursor.execute(statement)
    out = StringIO()
    with pytest.raises(CommandError, match="The audit was altered: saigon"):
        call_command("verify_audit", stdout=out)
    (line,) = [line for line in out.getvalue().splitlines() if line.startswith("saigon: ")]
    assert told in line
    assert "harbour: " in out.getvalue()
    assert "entries hold" in verified("harbour")


def test_a_seal_that_follows_no_entry_is_refused(saigon: Business) -> None:
    seal_all()
    with in_tenant(saigon.tenant), pytest.raises(IntegrityError, match="a seal follows its entry"), transaction.atomic():
        AuditSeal.objects.create(last_position=1_000_000, hash=b"0" * 32)
    assert "entries hold" in verified("saigon")


@pytest.mark.django_db(transaction=True)
def test_the_chain_of_a_tenant_that_is_gone_is_still_verified(saigon: Business) -> None:
    seal_all()
    with connection.as_owner(), in_tenant(saigon.tenant), connection.cursor() as cursor:
        cursor.execute("DELETE FROM tenants_auditentry WHERE position = 2")
    with platform_scope(reason="test"):
        Tenant.objects.filter(pk=saigon.tenant.pk).delete()
    with pytest.raises(CommandError, match=f"The audit was altered: {saigon.tenant.pk}"):
        call_command("verify_audit", stdout=StringIO())


def test_an_unknown_tenant_has_no_audit(db: None) -> None:
    with pytest.raises(CommandError, match="no tenant “nobody”"):
        verified("nobody")
