"""A PostgreSQL of the user's own: roles are made when the owner may make them, else the SQL is shown."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config import external
from config.embedded import StartError, layout
from config.embedded.account import make_private, server_account
from config.embedded.postgres import Postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """The socket folder of a cluster that has never heard of us."""
    account = server_account()
    with tempfile.TemporaryDirectory(prefix="backroom-external-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        make_private(folder / "s", account)
        postgres = Postgres(folder / "data", folder / "s", folder / "log", account, throw_away=True)
        postgres.create()
        process: subprocess.Popen[bytes] = postgres.start()
        postgres.wait(process)
        with psycopg.connect(f"host={folder}/s user=postgres dbname=postgres", autocommit=True) as connection:
            connection.execute("CREATE ROLE stranger LOGIN")
            connection.execute("CREATE DATABASE shop OWNER stranger")
        yield folder / "s"
        process.send_signal(signal.SIGINT)
        process.wait()


def point_to(
    server: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    admin: str = "",
    owner: str = "backroom_owner:geheim",
    application: str = "backroom_app:secret",
) -> None:
    named = {"DATABASE_ADMIN_URL": admin, "DATABASE_OWNER_URL": owner, "DATABASE_URL": application}
    for variable, login in named.items():
        monkeypatch.setenv(variable, f"postgres://{login}@/shop?host={server}" if login else "")


def rows(server: Path, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(f"host={server} user=postgres dbname=shop") as connection:
        return connection.execute(query).fetchall()


def test_an_owner_who_may_not_is_shown_the_sql(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(server, monkeypatch, owner="stranger")
    with pytest.raises(StartError, match=r"(?s)have a superuser run this.*CREATE ROLE backroom_app.*CREATE EXTENSION"):
        external.prepare()
    assert rows(server, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'backroom%'") == []


def test_a_superuser_makes_roles_and_extension_once(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(server, monkeypatch, admin="postgres")
    external.prepare()
    external.prepare()
    point_to(server, monkeypatch)  # from now on nobody needs a superuser
    external.prepare()
    assert len(rows(server, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'backroom%'")) == 4
    passwords = "SELECT rolname FROM pg_authid WHERE rolpassword LIKE 'SCRAM%' ORDER BY rolname"
    assert rows(server, passwords) == [("backroom_app",), ("backroom_owner",)]


@pytest.mark.slow
def test_the_tables_belong_to_an_owner_whom_row_security_binds(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(server, monkeypatch, admin="postgres")
    secrets = {"SECRET_KEY": "x" * 60, "VAULT_KEYS": "k1:" + "B" * 43 + "="}
    command = [sys.executable, "manage.py", "prepare_database"]
    done = subprocess.run(command, cwd=layout.CHECKOUT, env=os.environ | secrets, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert rows(server, owners) == [("backroom_owner",)]


@pytest.mark.parametrize(
    ("logins", "variable"),
    [
        ({"owner": "postgres"}, "DATABASE_OWNER_URL"),
        ({"owner": "stranger"}, "DATABASE_OWNER_URL"),
        ({"owner": "backroom_app"}, "DATABASE_OWNER_URL"),
        ({"application": "postgres"}, "DATABASE_URL"),
        ({"application": "backroom_owner"}, "DATABASE_URL"),
    ],
)
def test_nobody_logs_in_whom_row_security_does_not_bind(
    server: Path, monkeypatch: pytest.MonkeyPatch, logins: dict[str, str], variable: str
) -> None:
    point_to(server, monkeypatch, admin="postgres", **logins)
    with pytest.raises(StartError, match=f"^{variable} must log in as backroom_"):
        external.prepare()


def test_an_owner_that_may_bypass_row_security_is_refused(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(server, monkeypatch, admin="postgres")
    external.prepare()
    with psycopg.connect(f"host={server} user=postgres dbname=shop", autocommit=True) as connection:
        connection.execute("ALTER ROLE backroom_owner BYPASSRLS")
        with pytest.raises(StartError, match="DATABASE_OWNER_URL must log in as backroom_owner, neither"):
            external.prepare()
        connection.execute("ALTER ROLE backroom_owner NOBYPASSRLS")
    external.prepare()


def test_a_missing_owner_is_one_clear_line(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(server, monkeypatch, owner="")
    with pytest.raises(StartError, match="DATABASE_OWNER_URL must be set"):
        external.prepare()


def test_a_database_that_does_not_exist_is_one_clear_line(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(server, monkeypatch)
    monkeypatch.setenv("DATABASE_OWNER_URL", f"postgres://postgres@/missing?host={server}")
    with pytest.raises(StartError, match=r"DATABASE_OWNER_URL does not work: .*missing") as caught:
        external.prepare()
    assert "\n" not in str(caught.value)
