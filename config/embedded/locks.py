"""Locks that the kernel drops when their holder dies, so that none is ever stale.

`users` is shared by every command that needs the servers; `keeper` belongs to the process that runs them;
`supervisor` to `manage.py up`.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from config.embedded import layout


def _open(name: str) -> int:
    return os.open(layout.data_dir() / "locks" / name, os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def shared(name: str) -> Iterator[None]:
    """Hold the lock together with others; waits while somebody holds it alone."""
    descriptor = _open(name)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def take(name: str) -> int | None:
    """Take the lock alone and return its descriptor, to be kept open; None when somebody has it."""
    descriptor = _open(name)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_held(name: str) -> bool:
    """Whether somebody holds the lock alone at this moment."""
    descriptor = _open(name)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def write(descriptor: int, text: str) -> None:
    """Replace what the lock's file says about its holder."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def read(name: str) -> str:
    """What the holder of the lock wrote; empty when nothing."""
    with suppress(FileNotFoundError):
        return Path(layout.data_dir() / "locks" / name).read_text()
    return ""
