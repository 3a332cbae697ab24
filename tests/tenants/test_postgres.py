"""The database backend: who is logged in, and for how long a statement may take."""

from typing import Any

import pytest
from django.db import DataError, OperationalError, connection, transaction

from catalog.models import Offering
from tenants.postgres.beside import Beside
from tenants.postgres.prepared import Prepared, form_of
from tests.conftest import Business, in_tenant

APPLICATION, OWNER = ("backroom_app", "30s", "10s"), ("backroom_owner", "0", "0")


def session() -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user, current_setting('statement_timeout'), current_setting('lock_timeout')")
        return tuple(cursor.fetchone())


@pytest.mark.django_db(transaction=True)
def test_a_migration_takes_its_time_and_the_application_does_not() -> None:
    assert session() == APPLICATION
    with connection.as_owner():
        assert session() == OWNER
    assert session() == APPLICATION


@pytest.mark.django_db(transaction=True)
def test_the_owner_connects_with_the_options_of_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = {**connection.settings_dict["OWNER"], "OPTIONS": {"application_name": "migration"}}
    monkeypatch.setitem(connection.settings_dict, "OWNER", owner)
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute("SHOW application_name")
        assert cursor.fetchone() == ("migration",)
    with connection.cursor() as cursor:
        cursor.execute("SHOW application_name")
        assert cursor.fetchone() == ("",)


def test_nothing_is_sent_at_the_start_of_a_session_that_a_pooler_refuses() -> None:
    assert "options" not in connection.get_connection_params()


LAMPS = Prepared("SELECT code, %(said)s::text FROM catalog_offering WHERE category = %(category)s AND code LIKE 'lamp-%%'")


@pytest.mark.django_db(transaction=True)
def test_a_prepared_statement_serves_every_tenant_and_whatever_session_a_pooler_gives(
    saigon: Business, harbour: Business
) -> None:
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            Offering.objects.create(code=f"lamp-{business.tenant.slug}", category="100 %")
    for is_known_here, is_known_there in ((False, False), (True, True), (True, False), (False, True)):
        if not is_known_here and connection.connection:
            connection.connection.__dict__.pop("backroom_prepared", None)
        if not is_known_there:
            with connection.cursor() as cursor:
                cursor.execute("DEALLOCATE ALL")
        for business in (saigon, harbour):
            assert lamps_of(business) == [(f"lamp-{business.tenant.slug}", "it's 5 %")]


def lamps_of(business: Business) -> list[Any]:
    """Ask in the scope of the business for lamps of every tenant: row security leaves its own."""
    with in_tenant(business.tenant), connection.cursor() as cursor:
        cursor.execute(LAMPS, {"category": "100 %", "said": "it's 5 %"})
        return cursor.fetchall()


@pytest.mark.django_db(transaction=True)
def test_in_a_transaction_nothing_is_prepared(saigon: Business) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")  # a test before this one has used the connection
        assert lamps_of(saigon) == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name = %s", [form_of(LAMPS).name])
            assert cursor.fetchone() == (0,)


CODES = Prepared("SELECT code FROM catalog_offering WHERE %(asked)s::uuid IS NOT NULL ORDER BY code")
FAILS = Prepared("SELECT 1 / (%(asked)s::uuid IS NULL)::integer")


@pytest.mark.django_db(transaction=True)
def test_beside_the_connection_in_use_others_are_asked_now_and_answer_later(saigon: Business, harbour: Business) -> None:
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            Offering.objects.create(code=f"lamp-{business.tenant.slug}", category="lamps")
    other = Beside()
    for forget in (lambda: None, lambda: other.own.cursor().execute("DEALLOCATE ALL"), other.close):
        for business in (saigon, harbour):
            assert asked(other, business, CODES) == [f"lamp-{business.tenant.slug}"]
        forget()
    with pytest.raises(DataError):
        asked(other, saigon, FAILS)
    assert asked(other, saigon, CODES) == [f"lamp-{saigon.tenant.slug}"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [other.own.connection.info.backend_pid])
    with pytest.raises(OperationalError):
        asked(other, saigon, CODES)
    other.close()
    assert asked(other, harbour, CODES) == [f"lamp-{harbour.tenant.slug}"]
    other.close()


def asked(other: Beside, business: Business, query: Prepared) -> list[str]:
    with in_tenant(business.tenant):
        other.send(query, {"asked": business.tenant.id}, waits=False)
        with connection.cursor() as cursor:  # meanwhile
            cursor.execute("SELECT 1")
        return other.first_column()
