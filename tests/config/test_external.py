"""A PostgreSQL of the user's own: roles are made when the owner may make them, else the SQL is shown."""

import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config import external
from config.embedded import StartError
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


def point_to(server: Path, monkeypatch: pytest.MonkeyPatch, owner: str, application: str = "backroom_app:secret") -> None:
    monkeypatch.setenv("DATABASE_OWNER_URL", f"postgres://{owner}@/shop?host={server}")
    monkeypatch.setenv("DATABASE_URL", f"postgres://{application}@/shop?host={server}")


def test_an_owner_who_may_not_is_shown_the_sql(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(server, monkeypatch, owner="stranger")
    with pytest.raises(StartError, match=r"(?s)have a superuser run this.*CREATE ROLE backroom_app.*CREATE EXTENSION"):
        external.prepare()
    with psycopg.connect(f"host={server} user=postgres dbname=shop") as connection:
        assert connection.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'backroom%'").fetchone() == (0,)


def test_a_superuser_makes_roles_and_extension_once(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(server, monkeypatch, owner="postgres")
    external.prepare()
    external.prepare()
    with psycopg.connect(f"host={server} user=postgres dbname=shop") as connection:
        roles = connection.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'backroom%'").fetchone()
        password = connection.execute(
            "SELECT rolpassword LIKE 'SCRAM%' FROM pg_authid WHERE rolname = 'backroom_app'"
        ).fetchone()
    assert (roles, password) == ((4,), (True,))


def test_the_application_may_not_be_a_superuser(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(server, monkeypatch, owner="postgres", application="postgres")
    with pytest.raises(StartError, match="must log in as backroom_app"):
        external.prepare()


def test_a_database_that_does_not_exist_is_one_clear_line(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_OWNER_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL", f"postgres://postgres@/missing?host={server}")
    with pytest.raises(StartError, match=r"DATABASE_URL does not work: .*missing") as caught:
        external.prepare()
    assert "\n" not in str(caught.value)
