"""The process that runs the embedded servers for as long as any command uses them.

`manage.py up` and every other command that needs the servers hold the shared lock `users`. The first of them starts
a keeper; the keeper ends, and stops the servers, when it can take that lock alone. So any number of commands work
at once, in any order, and a killed command leaves nothing running. A second keeper waits behind the first.
"""

import errno
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from config.embedded import layout, locks
from config.embedded.account import make_private, server_account, settle_cluster_home
from config.embedded.layout import StartError
from config.embedded.postgres import Postgres
from config.embedded.process import Child
from config.embedded.valkey import Valkey

TICK = 0.1  # seconds
LOG_LIMIT = 10 * 1024 * 1024


class Stopped(Exception):
    """A signal arrived."""


def main(*, throw_away: bool) -> int:
    """Run the servers; return the exit code."""
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, _stop)
    children: list[Child] = []
    lock = None
    try:
        lock = _wait_for_turn()
        if lock is not None:
            _start(children, throw_away=throw_away)
            locks.write(lock, str(os.getpid()))  # tells the users: ready
            _tend(children)
    except Stopped:
        pass
    except (StartError, OSError) as error:
        return _report(error)
    finally:
        if lock is not None:
            _stop_all(children)
        if throw_away and lock is not None:
            _delete()
    return 0


def _stop(signum: int, _frame: object) -> None:
    signal.signal(signum, signal.SIG_IGN)
    raise Stopped


def _wait_for_turn() -> int | None:
    """The keeper's lock, once no other keeper has it; None when nobody needs the servers any more."""
    while (lock := locks.take("keeper")) is None:
        if _unused():
            return None
        time.sleep(TICK)
    locks.write(lock, "")
    return lock


def _unused() -> bool:
    """Whether no command uses the servers. If so the lock stays taken: who comes next waits until we have ended."""
    return locks.take("users") is not None


def _start(children: list[Child], *, throw_away: bool) -> None:
    account = server_account()
    home, sockets = settle_cluster_home(account), layout.socket_dir()
    layout.check_free_space()
    sockets.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    make_private(sockets, account)
    if not os.environ.get("DATABASE_URL"):
        postgres = Postgres(home / "postgres", sockets, _log("postgres"), account, throw_away)
        _launch(children, "postgres", postgres, signal.SIGINT)
        postgres.prepare()
    if not os.environ.get("REDIS_URL"):
        _launch(children, "valkey", Valkey(home / "valkey", sockets, _log("valkey"), account), signal.SIGTERM)


def _log(name: str) -> Path:
    """The server's log file, emptied when it has grown too long."""
    path = layout.data_dir() / "logs" / f"{name}.log"
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.write_bytes(b"")
    return path


def _launch(children: list[Child], name: str, server: Postgres | Valkey, stop_signal: int) -> None:
    server.create()
    child = Child(name, server.start, stop_signal)
    children.append(child)
    child.tend()
    if child.process:
        server.wait(child.process)


def _tend(children: list[Child]) -> None:
    while not _unused():
        for child in children:
            child.tend()
        time.sleep(TICK)


def _stop_all(children: list[Child]) -> None:
    for child in reversed(children):
        child.stop(seconds=5)
    with suppress(OSError):  # another keeper's, or not empty after a crash
        layout.socket_dir().rmdir()


def _report(error: StartError | OSError) -> int:
    """Print the one line that our starter shows, and return the exit code."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        error = StartError(f"no space left on the disk of {layout.data_dir()}")
    sys.stdout.write(f"{error}\n")
    sys.stdout.flush()
    return 1


def _delete() -> None:
    """Remove every trace of a throw-away installation."""
    for folder in {layout.cluster_home(), layout.socket_dir(), layout.data_dir()}:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(throw_away="--throw-away" in sys.argv[1:]))
