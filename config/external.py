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
LOGINS = {"DATABASE_OWNER_URL": "backroom_owner", "DATABASE_URL": "backroom_app"}
"""Who logs in with which address."""


def prepare() -> None:
    """Check server and extension, make the roles when somebody may. Raises StartError with what to do."""
    if not os.environ.get("DATABASE_OWNER_URL"):
        raise StartError("DATABASE_OWNER_URL must be set when DATABASE_URL is: backroom_owner owns the tables")
    admin = "DATABASE_ADMIN_URL" if os.environ.get("DATABASE_ADMIN_URL") else "DATABASE_OWNER_URL"
    with _connect(admin) as connection:
        _check_server(connection)
        _make_missing(connection)
    for variable, role in LOGINS.items():
        with _connect(variable) as connection:
            _check_role(connection, variable, role)


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


def _make_missing(connection: psycopg.Connection) -> None:
    """Run what is missing of roles and extension; without the right to, print all of it for somebody who may."""
    statements = [*_missing_roles(connection), *_missing_extension(connection)]
    try:
        with connection.transaction():
            for statement in statements:
                connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        text = ";\n".join(statement.as_string(connection) for statement in statements)
        raise StartError(f"the database lacks roles or the extension, have a superuser run this in it:\n{text};") from error


def _missing_roles(connection: psycopg.Connection) -> list[sql.SQL | sql.Composed]:
    """The statements that make our roles, with the passwords that our addresses have, and hand the database over."""
    found = connection.execute("SELECT rolname, rolconfig FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES)]).fetchall()
    roles: dict[str, list[str] | None] = dict(found)
    owner = connection.execute("SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()").fetchone()
    if len(roles) == len(ROLES) and roles["backroom_app"] and owner == ("backroom_owner",):
        return []
    database = sql.Identifier(connection.info.dbname)
    return [
        *(sql.SQL(text) for text in ROLE_STATEMENTS),
        *(statement for variable in LOGINS for statement in _password(variable)),
        sql.SQL("ALTER DATABASE {} OWNER TO backroom_owner").format(database),
    ]


def _password(variable: str) -> list[sql.Composed]:
    """The statement that gives the role of an address the password of the address, if it has one."""
    address = conninfo_to_dict(os.environ[variable])
    if address.get("user") != LOGINS[variable] or not address.get("password"):
        return []
    role, password = sql.Identifier(LOGINS[variable]), sql.Literal(address["password"])
    return [sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, password)]


def _missing_extension(connection: psycopg.Connection) -> list[sql.SQL]:
    row = connection.execute("SELECT FROM pg_extension WHERE extname = 'vector'").fetchone()
    return [] if row is not None else [sql.SQL("CREATE EXTENSION IF NOT EXISTS vector")]


def _check_role(connection: psycopg.Connection, variable: str, role: str) -> None:
    """A superuser is not bound by row security, not even by its own tables': neither of our roles may be one."""
    row = connection.execute(
        "SELECT rolname = %s AND NOT rolsuper AND NOT rolbypassrls FROM pg_roles WHERE rolname = session_user", [role]
    ).fetchone()
    if row != (True,):
        raise StartError(
            f"{variable} must log in as {role}, neither a superuser nor BYPASSRLS; "
            "the one who may make roles belongs in DATABASE_ADMIN_URL"
        )
