"""A PostgreSQL of the user's own (DATABASE_URL): is it fit, and are our roles there?"""

import os

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from config.embedded import StartError
from tenants.postgres.roles import ROLE_STATEMENTS, ROLES

OLDEST_SERVER = 180000  # as the server numbers itself: 18.0
OLDEST_VECTOR = (0, 8, 2)
CONNECT_SECONDS = 5


def prepare() -> None:
    """Check server and extension, make the roles when the owner may. Raises StartError with what to do."""
    with _connect("DATABASE_OWNER_URL" if os.environ.get("DATABASE_OWNER_URL") else "DATABASE_URL") as owner:
        _check_server(owner)
        _make_missing(owner)
    with _connect("DATABASE_URL") as application:
        _check_application_role(application)


def _connect(variable: str) -> psycopg.Connection:
    try:
        return psycopg.connect(os.environ[variable], connect_timeout=CONNECT_SECONDS, autocommit=True)
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise StartError(f"{variable} does not work: {reason}") from error


def _check_server(connection: psycopg.Connection) -> None:
    if connection.info.server_version < OLDEST_SERVER:
        raise StartError(
            f"PostgreSQL 18 is needed, the server of DATABASE_URL runs {connection.info.server_version // 10000}"
        )
    row = connection.execute("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'").fetchone()
    if row is None or tuple(int(part) for part in row[0].split(".")) < OLDEST_VECTOR:
        raise StartError(f"pgvector >= 0.8.2 is needed, the server has {row[0] if row else 'none'}")


def _make_missing(owner: psycopg.Connection) -> None:
    """Run what is missing of roles and extension; when the owner may not, print all of it for somebody who may."""
    statements = [*_missing_roles(owner), *_missing_extension(owner)]
    try:
        with owner.transaction():
            for statement in statements:
                owner.execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        text = ";\n".join(statement.as_string(owner) for statement in statements)
        raise StartError(f"the database lacks roles or the extension, have a superuser run this in it:\n{text};") from error


def _missing_roles(owner: psycopg.Connection) -> list[sql.SQL | sql.Composed]:
    """The statements that make our roles; the application's gets the password that DATABASE_URL has."""
    found = owner.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES)]).fetchone()
    if found == (len(ROLES),):
        return []
    statements: list[sql.SQL | sql.Composed] = [sql.SQL(text) for text in ROLE_STATEMENTS]
    address = conninfo_to_dict(os.environ["DATABASE_URL"])
    if address.get("user") == "backroom_app" and address.get("password"):
        statements.append(sql.SQL("ALTER ROLE backroom_app PASSWORD {}").format(sql.Literal(address["password"])))
    return statements


def _missing_extension(owner: psycopg.Connection) -> list[sql.SQL]:
    row = owner.execute("SELECT FROM pg_extension WHERE extname = 'vector'").fetchone()
    return [] if row is not None else [sql.SQL("CREATE EXTENSION IF NOT EXISTS vector")]


def _check_application_role(connection: psycopg.Connection) -> None:
    """A superuser is not bound by row security: the application must not be one."""
    row = connection.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone()
    if row is None or row[0]:
        raise StartError(
            "DATABASE_URL must log in as backroom_app; the one who may make roles belongs in DATABASE_OWNER_URL"
        )
