"""The four database roles (TENANCY section 2): who owns, who works, who crosses tenants, who searches.

``backroom_app`` is a member of ``backroom_platform`` *without inheriting*: an inheriting member gets the platform
policy at all times, which leaks. The first three run once per cluster as a superuser (or an owner who may create
roles); the grants run before every ``migrate`` as the owner, so that tables of any app are covered.
"""

ROLES = ("backroom_owner", "backroom_platform", "backroom_search", "backroom_app")


def _create(role: str, options: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') "
        f"THEN CREATE ROLE {role} {options}; END IF; END $$"
    )


ROLE_STATEMENTS: tuple[str, ...] = (
    _create("backroom_owner", "LOGIN CREATEDB"),
    _create("backroom_platform", "NOLOGIN"),
    _create("backroom_search", "NOLOGIN"),
    _create("backroom_app", "LOGIN NOINHERIT"),
    "GRANT backroom_platform TO backroom_app WITH INHERIT FALSE, SET TRUE",
    "GRANT backroom_platform, backroom_search TO backroom_owner WITH INHERIT FALSE, SET TRUE",
    # The application's sessions are never stuck for long, whoever pools them; a migration takes its time.
    "ALTER ROLE backroom_app SET statement_timeout = '30s'",
    "ALTER ROLE backroom_app SET lock_timeout = '10s'",
    "ALTER ROLE backroom_app SET idle_in_transaction_session_timeout = '60s'",
    "ALTER ROLE backroom_owner SET statement_timeout = 0",
)
"""Idempotent. A superuser also runs ``CREATE EXTENSION vector`` in template1 and in the database."""

GRANT_STATEMENTS: tuple[str, ...] = (
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO backroom_app",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO backroom_platform",
    # pg_dump runs as backroom_platform and reads the sequences.
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON SEQUENCES TO backroom_platform",
)
"""Idempotent, per database, run by the owner before the first migration of any app."""
