"""The tenant boundary in the database: every tenant table, every verb, every scope, in raw SQL as the application."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from django.apps import apps
from django.db import Error, connection, models, transaction

from tenants.models import AuditSeal, Tenant, TenantModel
from tenants.scope import NoScope, ScopeConflict, platform_scope, tenant_scope
from tests.rows import ROWS, an_offering, make_row

pytestmark = pytest.mark.django_db

TENANT_MODELS = sorted(
    (model for model in apps.get_models() if issubclass(model, TenantModel)), key=lambda model: model._meta.label
)
each_table = pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.label)

FOREIGN_KEY_VIOLATION, INSUFFICIENT_PRIVILEGE, UNIQUE_VIOLATION = "23503", "42501", "23505"
CHECK_VIOLATION = "23514"


@pytest.fixture
def two_tenants() -> tuple[Tenant, Tenant]:
    with platform_scope(reason="test set-up"):
        return (
            Tenant.objects.create(name="Saigon", slug="boundary-saigon"),
            Tenant.objects.create(name="Harbour", slug="boundary-harbour"),
        )


def every_scope(two_tenants: tuple[Tenant, Tenant]) -> Iterator[tuple[str, AbstractContextManager[Any]]]:
    """Yield each scope with its name. One test tries them all: what it does, ``run`` undoes."""
    own, other = two_tenants
    yield "no scope", nullcontext()
    yield "own scope", tenant_scope(own)
    yield "other scope", tenant_scope(other)


def run(sql: str, parameters: list[Any] | None = None, *, first: tuple[str, list[Any]] | None = None) -> int | str:
    """Return the number of rows, or the SQLSTATE of the refusal; keeps nothing. ``first`` runs before, in the same transaction."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if first:
                cursor.execute(*first)
            cursor.execute(sql, parameters)
            count = len(cursor.fetchall()) if cursor.description else cursor.rowcount
            transaction.set_rollback(True)
            return count
    except Error as error:
        return error.__cause__.sqlstate  # type: ignore[union-attr]


def test_every_tenant_table_has_a_row_to_test_with() -> None:
    assert {model._meta.label for model in TENANT_MODELS} == {model._meta.label for model in ROWS}


def test_the_tests_run_as_the_application_which_is_no_superuser_and_owns_nothing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("backroom_app", False)
        cursor.execute("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole")
        assert cursor.fetchone() == (0,)


@pytest.fixture
def row(request: Any, two_tenants: tuple[Tenant, Tenant]) -> models.Model:
    with tenant_scope(two_tenants[0]):
        return make_row(request.getfixturevalue("model"))


@each_table
def test_a_row_is_seen_changed_deleted_and_made_only_in_its_own_scope(model: Any, row: Any, two_tenants: Any) -> None:
    table, one = f'"{model._meta.db_table}"', [row.pk]
    insert, values = insert_of(model, row, two_tenants[0])
    # The own scope makes room first: the row goes and comes again under the same id. Where none may go it meets itself.
    delete, deletes = f"DELETE FROM {table} WHERE id = %s", may(model, "DELETE")
    own = expected(1, update=may(model, "UPDATE"), delete=deletes) | {"made": 1 if deletes else UNIQUE_VIOLATION}
    foreign = expected(0, update=may(model, "UPDATE"), delete=deletes)
    # A seal looks for its entry, and sees none.
    foreign["made"] = CHECK_VIOLATION if model is AuditSeal else INSUFFICIENT_PRIVILEGE
    for name, door in every_scope(two_tenants):
        with door:
            found = {
                "seen": run(f"SELECT id FROM {table} WHERE id = %s", one),
                "changed": run(f"UPDATE {table} SET created_at = created_at WHERE id = %s", one),
                "deleted": run(delete, one),
                "made": run(insert, values, first=(delete, one) if deletes else None),
            }
        assert found == (own if name == "own scope" else foreign), name


def expected(rows: int, *, update: bool, delete: bool) -> dict[str, int | str]:
    """Return what is reached of ``rows`` rows, where the application may update or delete rows of the table at all."""
    return {
        "seen": rows,
        "changed": rows if update else INSUFFICIENT_PRIVILEGE,
        "deleted": rows if delete else INSUFFICIENT_PRIVILEGE,
    }


def insert_of(model: Any, row: Any, tenant: Tenant) -> tuple[str, list[Any]]:
    """Return the statement that makes the row once more, and its values."""
    columns, values = read_row(model, row, tenant)
    marks = ", ".join(["%s"] * len(columns))
    return f'INSERT INTO "{model._meta.db_table}" ({", ".join(columns)}) OVERRIDING SYSTEM VALUE VALUES ({marks})', values


def read_row(model: Any, row: Any, tenant: Tenant) -> tuple[list[str], list[Any]]:
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    columns = [f'"{field.column}"' for field in fields]
    with tenant_scope(tenant), connection.cursor() as cursor:
        text = ", ".join(f"{column}::text" for column in columns)
        cursor.execute(f'SELECT {text} FROM "{model._meta.db_table}" WHERE id = %s', [row.pk])
        return columns, list(cursor.fetchone())


def may(model: Any, verb: str) -> bool:
    """Say whether the application has the privilege on the table, or for UPDATE on one column at least."""
    column = verb == "UPDATE"
    sql = "SELECT has_column_privilege(%s, 'created_at', %s)" if column else "SELECT has_table_privilege(%s, %s)"
    with connection.cursor() as cursor:
        cursor.execute(sql, [model._meta.db_table, verb])
        return cursor.fetchone()[0]


def pointers(model: Any) -> list[Any]:
    """Return the fields of a model that point at rows of tenants."""
    return [
        field for field in model._meta.concrete_fields if field.is_relation and issubclass(field.related_model, TenantModel)
    ]


@each_table
def test_no_row_moves_to_another_tenant_or_points_at_a_row_of_it(model: Any, row: Any, two_tenants: Any) -> None:
    own, other = two_tenants
    with tenant_scope(own):
        moved = run(f'UPDATE "{model._meta.db_table}" SET tenant_id = %s WHERE id = %s', [other.pk, row.pk])
    assert moved == INSUFFICIENT_PRIVILEGE
    for field in pointers(model):
        with tenant_scope(other):
            foreign = make_row(field.related_model)
        with tenant_scope(own):
            before = model.objects.filter(pk=row.pk).values_list(field.attname, flat=True).get()
            pointed = run(
                f'UPDATE "{model._meta.db_table}" SET "{field.column}" = %s WHERE id = %s; SET CONSTRAINTS ALL IMMEDIATE',
                [foreign.pk, row.pk],
            )
            assert pointed in (FOREIGN_KEY_VIOLATION, INSUFFICIENT_PRIVILEGE), field.name
            assert model.objects.filter(pk=row.pk).values_list(field.attname, flat=True).get() == before, field.name


def test_a_tenant_sees_only_its_own_row_of_tenants(two_tenants: Any) -> None:
    expected = {"no scope": set(), "own scope": {"boundary-saigon"}, "other scope": {"boundary-harbour"}}
    for name, door in every_scope(two_tenants):
        with door, connection.cursor() as cursor:
            cursor.execute("SELECT slug FROM tenants_tenant")
            seen = {slug for (slug,) in cursor.fetchall()}
        assert seen == expected[name], name


def test_every_orm_read_without_a_scope_is_an_error() -> None:
    for model in TENANT_MODELS:
        rows: Any = model.objects  # type: ignore[attr-defined]
        for read in (
            lambda rows=rows: list(rows.all()),
            rows.count,
            rows.exists,
            rows.first,
            lambda rows=rows: rows.update(created_at=None),
            lambda rows=rows: rows.all().delete(),
        ):
            with pytest.raises(NoScope):
                read()
                pytest.fail(model._meta.label)


def test_a_queryset_of_one_scope_does_not_run_in_another(two_tenants: Any) -> None:
    own, other = two_tenants
    with tenant_scope(own):
        rows = TENANT_MODELS[0].objects.all()  # type: ignore[attr-defined]
    with tenant_scope(other), pytest.raises(ScopeConflict):
        list(rows)


def test_the_tenant_does_not_change_inside_an_open_transaction(two_tenants: Any) -> None:
    own, other = two_tenants
    with tenant_scope(own), transaction.atomic():
        with pytest.raises(ScopeConflict), tenant_scope(other):
            pass
        with pytest.raises(ScopeConflict), platform_scope(reason="test"):
            pass


def test_the_scope_survives_a_rolled_back_savepoint(two_tenants: Any) -> None:
    with tenant_scope(two_tenants[0]):
        offering = an_offering()
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            transaction.set_rollback(True)
        assert type(offering).objects.filter(pk=offering.pk).exists()


def test_the_platform_sees_all_tenants_and_gives_the_role_back(two_tenants: Any) -> None:
    for tenant in two_tenants:
        with tenant_scope(tenant):
            an_offering()
    with platform_scope(reason="test"):
        model = apps.get_model("catalog.Offering")
        assert set(model.objects.values_list("tenant_id", flat=True)) >= {tenant.id for tenant in two_tenants}
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, count(*) FROM catalog_offering GROUP BY 1")
        assert cursor.fetchall() == []


@pytest.mark.parametrize(
    "sql",
    [
        "TRUNCATE catalog_offering CASCADE",
        "CREATE TABLE stolen (id int)",
        "ALTER TABLE catalog_offering DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON catalog_offering",
        "SET ROLE backroom_owner",
        "SET ROLE backroom_search",
        "SET session_replication_role = replica",
    ],
)
def test_the_application_may_not(sql: str) -> None:
    assert run(sql) == INSUFFICIENT_PRIVILEGE
