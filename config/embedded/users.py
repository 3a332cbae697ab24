"""Using the embedded servers: `with servers():` starts them when they do not run and lets them go afterwards."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from config.embedded import layout, locks
from config.embedded.layout import StartError

WAIT_SECONDS = 150  # longer than a recovery of PostgreSQL


def needed() -> bool:
    """Whether any server is ours to run."""
    return not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"))


@contextmanager
def servers(*, throw_away: bool = False, linger: float = 1) -> Iterator[subprocess.Popen[bytes] | None]:
    """Have the servers answer while the block runs; yields the keeper if we had to start one. Raises StartError.

    Afterwards wait for them to stop, at most `linger` seconds: other commands may still use them.
    """
    if not needed():
        yield None
        return
    layout.prepare_data_dir()
    keeper = None
    try:
        with locks.shared("users"):
            if not locks.is_held("keeper"):
                keeper = start_keeper(subprocess.PIPE, throw_away=throw_away)
            _wait_until_ready(keeper)
            yield keeper
    finally:
        if keeper:
            with suppress(subprocess.TimeoutExpired):
                keeper.wait(linger)


def start_keeper(report: int | None = None, *, throw_away: bool = False) -> subprocess.Popen[bytes]:
    """Start the process that runs the servers: in a session of its own, so that Ctrl-C does not reach it.

    `report` is where it writes why it failed: a pipe, else our own standard output.
    """
    command = [sys.executable, "-m", "config.embedded.keeper", *(["--throw-away"] if throw_away else [])]
    return subprocess.Popen(  # noqa: S603 - our own programs
        command,
        cwd=layout.CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=report,
        start_new_session=True,
    )


def _wait_until_ready(keeper: subprocess.Popen[bytes] | None) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_ready():
        if keeper is not None and keeper.poll() is not None:
            raise StartError(_last_words(keeper))
        if time.monotonic() > deadline:
            raise StartError(f"the embedded servers did not answer within {WAIT_SECONDS} s (see {layout.data_dir()}/logs)")
        if keeper is None and not locks.is_held("keeper"):  # it ended while we came
            keeper = start_keeper(subprocess.PIPE)
        time.sleep(0.05)


def is_ready() -> bool:
    """Whether a living keeper says that its servers answer."""
    pid = locks.read("keeper")
    return bool(pid) and locks.is_held("keeper") and os.path.exists(f"/proc/{pid}")


def _last_words(keeper: subprocess.Popen[bytes]) -> str:
    text = keeper.stdout.read().decode(errors="replace").strip() if keeper.stdout else ""
    return text or f"the embedded servers could not be started (exit code {keeper.returncode})"
