"""What `manage.py up` does: servers, migrations, demo, then web, workers and beat until somebody stops it.

Every child is started again, with back-off, when it dies. Ctrl-C and SIGTERM stop web, beat, workers, Valkey and
PostgreSQL in this order. The listening socket is ours and is passed on, so a restart of the web refuses nobody.
"""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from config import external
from config.celery import IMPORTS_QUEUE, app
from config.embedded import StartError, data_dir, layout, locks, users
from config.embedded.process import MARK, Child, end_orphans, say, spawn, stop_all, undisturbed
from tenants.models import User
from vault.startup import WrongMasterKey, check_master_keys

TICK = 0.2  # seconds
LOGINS = (
    "owner@saigon-gadgets.example",
    "operator@saigon-gadgets.example",
    "owner@harbour-homes.example",
    "root@backroom.example",
)


CELERY = (
    sys.executable,
    "-W",
    "ignore:You're running the worker with superuser",
    "-m",
    "celery",
    "-q",
    "-A",
    "config.celery",
)


class Stopped(Exception):
    """Ctrl-C, SIGTERM, or the terminal went away."""


@dataclass
class Supervisor:
    """One run of `manage.py up`."""

    host: str
    port: int
    demo: bool
    children: list[Child] = field(default_factory=list)
    loading: subprocess.Popen[bytes] | None = None
    """The demo on its way in. Whoever waits for the web may log in at once, so the demo comes first."""

    def run(self) -> None:
        """Run until stopped. Raises StartError when there is something to mend first."""
        layout.prepare_data_dir()
        try:
            with stoppable(), only_one(f"http://{self.host}:{self.port}/"):
                end_orphans(data_dir())
                with listening(self.host, self.port) as listener, users.servers(linger=5) as keeper:
                    self._run(listener, keeper)
        except Stopped:
            say("stopped")
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise StartError(f"no space left on the disk of {data_dir()}") from error
            raise

    def _run(self, listener: socket.socket, keeper: subprocess.Popen[bytes] | None) -> None:
        servers = Child("the embedded servers", users.start_keeper, process=keeper, started_at=time.monotonic())
        try:
            self._prepare()
            self._load_demo()
            web, *background = self._services(listener)
            self.children = [*([servers] if users.needed() else []), web]
            self._watch(background)
        finally:
            listener.close()
            _end(self.loading)
            # The workers side by side: whoever waits for us to end has 15 s for all of it, the servers included.
            for names in ({"web"}, {"beat", "worker", "imports"}):
                stop_all([child for child in self.children if child.name in names], seconds=5)

    def _prepare(self) -> None:
        """Bring database and static files up to date."""
        layout.check_free_space()
        if os.environ.get("DATABASE_URL"):
            external.prepare()
        say("preparing the database…")
        _check_vault_keys()
        migrate = ["migrate", "--no-input", "--verbosity", "0", "--skip-checks"]
        self._commands(migrate, ["collectstatic", "--no-input", "--verbosity", "0"])
        _check_vault_keys()  # on the very first start there was nothing to check before

    def _load_demo(self) -> None:
        """Load the demo if it is wanted; a failure is told when all else runs, and stops nothing."""
        if not self.demo:
            return
        say("loading the demo…")
        with undisturbed():
            self.loading = self._start([sys.executable, "manage.py", "load_demo", "--verbosity", "0"])
        self.loading.wait()

    def _commands(self, *commands: Sequence[str]) -> None:
        """Run commands of ours side by side to their end. Raises StartError when one fails; it has said why."""
        running: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for words in commands:
                with undisturbed():
                    running[words[0]] = self._start([sys.executable, "manage.py", *words])
            for name, child in running.items():
                if child.wait() != 0:
                    raise StartError(f"`manage.py {name}` failed")
        finally:
            for child in running.values():
                _end(child)

    def _services(self, listener: socket.socket) -> list[Child]:
        """Web, the two workers and beat, not started yet."""
        schedule = data_dir() / "beat"
        schedule.mkdir(mode=0o700, exist_ok=True)
        beat: list[str | Path] = [*CELERY, "beat", "--schedule", schedule / "schedule", "--pidfile="]
        return [
            Child("web", lambda: self._start_web(listener)),
            Child("worker", lambda: self._start(worker("worker", app.conf.task_default_queue, concurrency=2))),
            Child("imports", lambda: self._start(worker("imports", IMPORTS_QUEUE, concurrency=1))),
            Child("beat", lambda: self._start(beat)),
        ]

    def _start_web(self, listener: socket.socket) -> subprocess.Popen[bytes]:
        """Start gunicorn on our socket, with an empty folder for the figures its processes share."""
        folder = data_dir() / "metrics"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        extra = {
            "BACKROOM_LISTENER": str(listener.fileno()),
            "DATABASE_POOL": "true",
            "PROMETHEUS_MULTIPROC_DIR": str(folder),
        }
        command = [sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn"]
        return self._start(command, extra, pass_fds=[listener.fileno()])

    def _start(
        self, command: Sequence[str | Path], extra: Mapping[str, str] | None = None, pass_fds: Sequence[int] = ()
    ) -> subprocess.Popen[bytes]:
        environment = self._environment() | dict(extra or {})
        return spawn(
            command, orphan_signal=signal.SIGTERM, environment=environment, folder=layout.CHECKOUT, pass_fds=pass_fds
        )

    def _environment(self) -> dict[str, str]:
        return os.environ | {MARK: str(data_dir()), "HOST": self.host, "PORT": str(self.port)}

    def _watch(self, background: Sequence[Child]) -> None:
        # The web first and alone: people wait for it, and starting costs a core.
        while not self._answers():
            self._tend()
        self.children += background
        self._announce()
        while True:
            self._tend()

    def _tend(self) -> None:
        for child in self.children:
            child.tend()
        time.sleep(TICK)

    @property
    def _address(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._address}/healthz", timeout=2) as answer:  # noqa: S310 - our own web
                return bool(answer.status == 200)
        except OSError:
            return False

    def _announce(self) -> None:
        lines = [f"Backroom is ready: {self._address}/admin/  (API: {self._address}/api/v1/docs/)"]
        if self.loading and self.loading.returncode:
            lines.append("The demo could not be loaded, see above; the next start tries again.")
        elif self.demo:
            lines += demo_lines()
            connection.close()
        sys.stdout.write("\n".join([*lines, "Ctrl-C stops everything.", ""]))
        sys.stdout.flush()


def _check_vault_keys() -> None:
    """Raise StartError when VAULT_KEYS is not what the data were encrypted with."""
    try:
        check_master_keys()
    except WrongMasterKey as error:
        raise StartError(str(error)) from error
    finally:
        connection.close()


def demo_lines() -> list[str]:
    """Say who can log in to the demo; the password only when it opens the door: the demo may be older than it."""
    password = str(settings.DEMO_PASSWORD)
    try:
        people = {person.email: person for person in User.objects.filter(email__in=LOGINS)}
        works = bool(people) and all(person.check_password(password) for person in people.values())
    except DatabaseError:
        works = False
    told = f"password {password} :" if works else "each with the password it was given (DEMO_PASSWORD is not that of all):"
    return [f"Demo logins, {told}", *(f"  {login}" for login in LOGINS)]


def worker(name: str, queue: str, *, concurrency: int) -> list[str]:
    """Return the command of a worker that serves one queue."""
    options = ["--hostname", f"{name}@%h", "--queues", queue, "--concurrency", str(concurrency)]
    return [*CELERY, "worker", "--pool", "prefork", *options, "--without-gossip", "--without-mingle"]


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process and process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)


@contextmanager
def stoppable() -> Iterator[None]:
    """Let the first Ctrl-C, SIGTERM or SIGHUP raise Stopped; the following ones are ignored while we stop."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(signum: int, _frame: object) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    for signum in signals:
        signal.signal(signum, stop)
    yield


@contextmanager
def only_one(address: str) -> Iterator[None]:
    """Hold this checkout's supervisor lock. Raises StartError when another one has it."""
    lock = locks.take("supervisor")
    if lock is None:
        raise StartError(f"it already runs for this data directory: {locks.read('supervisor')}")
    try:
        locks.write(lock, f"process {os.getpid()}, {address}")
        yield
    finally:
        os.close(lock)


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Listen on the address. Raises StartError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise StartError(f"port {port} is taken: stop what listens on it or choose another with --port") from error
        raise StartError(f"cannot listen on {host} port {port}: {error}") from error
    with listener:
        yield listener
