"""The migrated database itself, read from its catalogue: the boundary holds whatever the code does (THREATS section 0)."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations import RunSQL
from django.db.migrations.loader import MigrationLoader

from tenants.models import Tenant, TenantModel

pytestmark = pytest.mark.django_db

GLOBAL_MODELS = {
    "tenants.User": "one person may work for many tenants",
    "tenants.Tenant": "row security compares its own id",
    "tenants.UserPreference": "a person's own, in every tenant",
    "tenants.LoginToken": "asked for before anybody is known",
    "tenants.LoginFailure": "counted before anybody is known",
    "tenants.AuthIdentity": "one person may work for many tenants",
    "catalog.KnowledgeDomain": "a blueprint for every tenant",
    "catalog.AttributeDefinition": "a blueprint for every tenant",
    "bots.Capability": "what the platform can do",
    "vault.ModelPrice": "a model costs every tenant the same",
    "reports.HealthCheck": "the whole installation's",
    "reports.HealthSample": "the whole installation's",
    "reports.ErrorLog": "the whole installation's",
}
"""Models of ours without a tenant, and why."""

NOT_AUDITED = {
    "bots.BotMemory": "what happened in conversations, and personal",
    "bots.KnowledgeChunk": "derived from its document",
    "catalog.AttributeValue": "copied into the version's attributes, which are audited",
    "catalog.Customer": "personal: it must be erasable, and an audit is not",
    "catalog.CustomerIdentity": "personal: it must be erasable, and an audit is not",
    "catalog.ImportChange": "what an import changed, which is audited",
    "catalog.ImportJob": "a queue: what it changes is audited",
    "catalog.ImportRow": "staged: what it changes is audited",
    "catalog.OrderCounter": "a count",
    "catalog.OrderEntry": "a ledger: the order's own timeline",
    "catalog.PriceChange": "a ledger, written by the prices' own trigger",
    "catalog.PriceListChange": "a ledger of what the lists' audit tells, too",
    "catalog.SearchText": "derived from its owner",
    "catalog.SearchVector": "derived from its owner",
    "catalog.StockAllocation": "comes and goes with every order: orders and movements are audited",
    "catalog.StockReservation": "comes and goes with every order: orders and movements are audited",
    "reports.DailyMetric": "counted from rows",
    "reports.EmailAttachment": "personal: it must be erasable, and an audit is not",
    "reports.EmailContent": "derived from its message",
    "reports.EmailDelivery": "a queue: what is sent is in the message",
    "reports.EmailMessage": "personal: it must be erasable, and an audit is not",
    "reports.ErrorLog": "a count",
    "reports.HealthCheck": "a state, written by its check",
    "reports.HealthSample": "a ledger",
    "reports.Insight": "derived from its report",
    "reports.InsightDelivery": "a queue: what is sent is in the mail or the message",
    "reports.MailAttachment": "personal: it must be erasable, and an audit is not",
    "reports.MailFolder": "a mirror of what the mail server has",
    "reports.MailMessage": "personal: it must be erasable, and an audit is not",
    "reports.MailSync": "a queue: the account is audited",
    "reports.MetricMark": "how far something is counted",
    "reports.ReportRow": "derived from the report's file",
    "runtime.ActionExecution": "what happened in a conversation",
    "runtime.ContextSlot": "what happened in a conversation",
    "runtime.DecisionEvent": "what happened in a conversation",
    "runtime.Escalation": "what happened in a conversation",
    "runtime.KnowledgeGap": "what happened in conversations: the FAQ it leads to is audited",
    "runtime.Rating": "what happened in a conversation",
    "runtime.SemanticCacheEntry": "a copy of what was answered",
    "runtime.ScheduleOccurrence": "a queue: the schedule is audited, and what it does",
    "runtime.Session": "what happened in a conversation",
    "runtime.SessionScope": "what happened in a conversation",
    "runtime.Turn": "what happened in a conversation",
    "runtime.UiEvent": "what happened in a conversation",
    "tenants.AuditEntry": "the audit itself",
    "tenants.AuditSeal": "the audit itself",
    "tenants.Event": "a ledger",
    "tenants.IdempotencyKey": "an answer kept for a day",
    "tenants.LoginFailure": "a count",
    "tenants.RetentionSweep": "a queue: it tells what it deleted",
    "tenants.TaskRun": "a ledger of what was done in the background",
    "tenants.UserPreference": "a person's taste",
    "vault.BudgetPeriod": "counted from the usage",
    "vault.EventDelivery": "a queue: what is sent is in the event",
    "vault.UsageEntry": "a ledger",
}
"""Tables whose changes leave no audit entry, and why."""

OUR_APPS = {"config", "tenants", "vault", "catalog", "bots", "runtime", "reports"}
SAME_TENANT = "(tenant_id = (NULLIF(current_setting('backroom.tenant'::text, true), ''::text))::uuid)"

TENANT_TABLES = sorted(model._meta.db_table for model in apps.get_models() if issubclass(model, TenantModel))


def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchall()


def test_every_model_belongs_to_a_tenant_or_is_global_with_a_reason() -> None:
    ours = [model for model in apps.get_models() if model._meta.app_label in OUR_APPS]
    assert {m._meta.label for m in ours if not issubclass(m, TenantModel)} == set(GLOBAL_MODELS)


def test_every_table_is_audited_or_says_why_not() -> None:
    ours = {m._meta.db_table: m._meta.label for m in apps.get_models() if m._meta.app_label in OUR_APPS}
    triggers = rows(
        """SELECT tgrelid::regclass::text, count(*), encode(min(tgargs), 'escape') FROM pg_trigger
        WHERE tgfoid = 'tenants_audit'::regproc AND tgname IN ('audit_insert', 'audit_update', 'audit_delete') GROUP BY 1"""
    )
    assert {label for table, label in ours.items() if table not in {row[0] for row in triggers}} == set(NOT_AUDITED)
    assert {count for _table, count, _arguments in triggers} == {3}
    assert all(arguments.split("\\000")[0] == ours[table].lower() for table, _count, arguments in triggers)


def test_every_table_with_a_tenant_is_a_tenant_model() -> None:
    tables = {
        table for (table,) in rows("SELECT table_name FROM information_schema.columns WHERE column_name = 'tenant_id'")
    }
    assert tables == set(TENANT_TABLES)


def test_row_security_is_on_and_forced() -> None:
    protected = rows("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity AND relkind = 'r'")
    assert {table for (table,) in protected} == {*TENANT_TABLES, Tenant._meta.db_table}


def test_every_tenant_table_has_exactly_its_policies() -> None:
    expected = {(table, "tenant", "ALL", "{public}", SAME_TENANT, SAME_TENANT) for table in TENANT_TABLES}
    expected |= {(table, "platform", "ALL", "{backroom_platform}", "true", "true") for table in TENANT_TABLES}
    found = rows("SELECT tablename, policyname, cmd, roles::text, qual, with_check FROM pg_policies")
    searched = {"catalog_searchsynonym", "catalog_searchtext", "catalog_searchvector", "runtime_turn"}
    expected |= {(table, "search", "SELECT", "{backroom_search}", "true", None) for table in searched}
    assert {row for row in found if row[0] != Tenant._meta.db_table} == expected


def test_a_tenant_is_never_null() -> None:
    nullable = rows(
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'tenant_id' AND is_nullable = 'YES'"
    )
    assert nullable == []


def test_keys_between_tenant_tables_name_the_tenant() -> None:
    simple = rows(
        """SELECT conrelid::regclass::text, conname FROM pg_constraint
        WHERE contype = 'f' AND conrelid::regclass::text = ANY (%s) AND confrelid::regclass::text = ANY (%s)
        AND (SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1]) <> 'tenant_id'""",
        TENANT_TABLES,
        TENANT_TABLES,
    )
    assert simple == []


def test_unique_constraints_start_with_the_tenant() -> None:
    loose = rows(
        """SELECT c.relname, i.relname FROM pg_index x
        JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
        WHERE x.indisunique AND NOT x.indisprimary AND c.relname = ANY (%s)
        AND (SELECT attname FROM pg_attribute a WHERE a.attrelid = x.indrelid AND a.attnum = x.indkey[0]) <> 'tenant_id'""",
        TENANT_TABLES,
    )
    assert loose == []


def test_no_key_leads_from_a_global_table_to_a_tenant_table() -> None:
    keys = rows(
        """SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f'
        AND confrelid::regclass::text = ANY (%s) AND NOT conrelid::regclass::text = ANY (%s)""",
        TENANT_TABLES,
        TENANT_TABLES,
    )
    assert keys == []


def test_the_database_sets_nothing_to_null_and_counts_no_identities_on_tenant_tables() -> None:
    assert rows("SELECT conname FROM pg_constraint WHERE contype = 'f' AND confdeltype IN ('n', 'd')") == []
    identities = rows(
        "SELECT table_name FROM information_schema.columns WHERE is_identity = 'YES' AND table_name = ANY (%s)",
        TENANT_TABLES,
    )
    assert identities == []


def test_no_automatic_many_to_many_tables() -> None:
    automatic = [
        field
        for model in apps.get_models()
        if model._meta.app_label in OUR_APPS
        for field in model._meta.get_fields()
        if isinstance(field, models.ManyToManyField) and field.remote_field.through._meta.auto_created
    ]
    assert automatic == []


def test_the_application_owns_nothing_and_may_not_become_more() -> None:
    assert rows("SELECT rolsuper, rolbypassrls, rolcreaterole, rolinherit FROM pg_roles WHERE rolname = 'backroom_app'") == [
        (False, False, False, False)
    ]
    assert rows("SELECT relname FROM pg_class WHERE relowner = 'backroom_app'::regrole") == []
    members = rows(
        """SELECT granted.rolname, m.inherit_option FROM pg_auth_members m
        JOIN pg_roles granted ON granted.oid = m.roleid JOIN pg_roles member ON member.oid = m.member
        WHERE member.rolname = 'backroom_app'"""
    )
    assert members == [("backroom_platform", False)]


def test_the_application_may_do_nothing_to_tables_but_read_and_write_rows() -> None:
    more = rows(
        """SELECT table_name, privilege_type FROM information_schema.table_privileges
        WHERE grantee IN ('backroom_app', 'backroom_platform', 'PUBLIC') AND table_schema = 'public'
        AND privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')"""
    )
    assert more == []


def test_functions_that_run_as_somebody_else_pin_their_search_path_and_are_for_the_application_only() -> None:
    definers = rows(
        """SELECT proname, proowner::regrole::text, array_to_string(proconfig, ';'), proacl::text FROM pg_proc
        WHERE prosecdef AND pronamespace = 'public'::regnamespace"""
    )
    assert definers
    for name, owner, settings, grants in definers:
        assert owner == {"tenants_audit_forget": "backroom_owner"}.get(name, "backroom_search"), name
        assert "search_path=pg_catalog, public, pg_temp" in settings, name
        assert "=X/" not in grants.replace("backroom_app=X/", "").replace("backroom_search=X/", "").replace(
            "backroom_owner=X/", ""
        ), name


def test_there_are_no_views_that_see_past_row_security() -> None:
    assert rows("SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace") == []


def test_every_column_of_time_knows_its_zone() -> None:
    naive = rows(
        """SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'"""
    )
    assert naive == []


def test_vectors_stay_in_line() -> None:
    assert rows(
        "SELECT attstorage FROM pg_attribute WHERE attrelid = 'catalog_searchvector'::regclass AND attname = 'embedding'"
    ) == [("p",)]


def test_the_sessions_of_the_application_are_never_stuck_for_long() -> None:
    for setting in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        assert rows(f"SHOW {setting}")[0][0] not in ("0", "")


def test_what_a_migration_creates_in_sql_it_takes_away_on_the_way_back() -> None:
    loader = MigrationLoader(connection)
    one_way = [
        f"{app}.{name}"
        for (app, name), migration in loader.disk_migrations.items()
        for operation in migration.operations
        if app in OUR_APPS
        and isinstance(operation, RunSQL)
        and "CREATE FUNCTION" in str(operation.sql)
        and not operation.reverse_sql
    ]
    assert one_way == []
