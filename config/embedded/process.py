"""Child processes that die with their parent and are started again, with back-off, when they die alone."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from config.embedded.account import Account

FIRST_PAUSE, LONGEST_PAUSE, HEALTHY_AFTER = 0.5, 30.0, 60.0  # seconds
MARK = "BACKROOM_SUPERVISED"  # environment variable that names the data directory a process works for

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals whose handlers, here and in the supervisor, raise an exception."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)  # loaded before any fork


def die_with_parent(signum: int) -> None:
    """Ask the kernel to send this process the signal when the thread that started it ends, however it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)


def say(line: str) -> None:
    """One line for the person who started us; a closed terminal is no reason to fail."""
    with suppress(OSError):
        sys.stderr.write(f"backroom: {line}\n")
        sys.stderr.flush()


def spawn(
    command: Sequence[str | Path],
    *,
    orphan_signal: int,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | str = "/",
    log: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own (Ctrl-C reaches only us), which gets `orphan_signal` when we die.

    Call it from the main thread: the kernel ties the signal to the thread.
    """
    with log.open("ab") if log else nullcontext() as output, undisturbed():
        return subprocess.Popen(  # noqa: S603 - our own programs
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=dict(environment) if environment is not None else None,
            start_new_session=True,
            preexec_fn=partial(_bind_to, os.getpid(), orphan_signal),
            pass_fds=tuple(pass_fds),
            **_identity(account),
        )


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold signals back while a process is started and noted: what their handlers raise is swallowed during a fork."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _bind_to(parent: int, orphan_signal: int) -> None:
    """Tie the process to its parent, between fork and exec."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    die_with_parent(orphan_signal)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _identity(account: Account | None) -> dict[str, Any]:
    """Whom the process runs as: the account, else ourselves."""
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


@dataclass
class Child:
    """One process that has to run as long as we do."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    stop_signal: int = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    pause: float = field(default=FIRST_PAUSE)

    def tend(self) -> None:
        """Start the process when it is due; when it has died, say so and set the time of the next start."""
        if self.process is None:
            if time.monotonic() >= self.due_at:
                with undisturbed():  # else a signal now would leave a process that nobody stops
                    self.process, self.started_at = self.start(), time.monotonic()
        elif self.process.poll() is not None:
            self._schedule_restart(self.process.returncode)

    def _schedule_restart(self, code: int) -> None:
        if time.monotonic() - self.started_at > HEALTHY_AFTER:
            self.pause = FIRST_PAUSE
        if self.process:
            _signal_group(self.process.pid, signal.SIGTERM)  # its own children, if it left any
        say(f"{self.name} ended ({_reason(code)}), starting it again in {self.pause:g} s")
        self.process, self.due_at = None, time.monotonic() + self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)

    def stop(self, seconds: float) -> None:
        """Ask the process to end and wait; after so many seconds, force it."""
        self.ask_to_end()
        self.end(seconds)

    def ask_to_end(self) -> None:
        """Ask the process to end, if there is one."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def end(self, seconds: float) -> None:
        """Wait for the end of the process that was asked to; after so many seconds, force it."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0, seconds))
        except subprocess.TimeoutExpired:
            say(f"{self.name} did not stop in time, killing it")
            _signal_group(self.process.pid, signal.SIGKILL)
            self.process.wait()


def stop_all(children: Sequence[Child], *, seconds: float) -> None:
    """Stop processes side by side: within so many seconds, or by force."""
    deadline = time.monotonic() + seconds
    for child in children:
        child.ask_to_end()
    for child in children:
        child.end(deadline - time.monotonic())


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def end_orphans(data_dir: Path, seconds: float = 5.0) -> None:
    """End every process an earlier supervisor of this data directory left behind: ask first, then force."""
    deadline = time.monotonic() + seconds
    signum = signal.SIGTERM
    while pids := list(_marked(data_dir)):
        for pid in pids:
            _signal(pid, signum)
        time.sleep(0.1)
        if time.monotonic() > deadline:
            signum = signal.SIGKILL


def _marked(data_dir: Path) -> Iterator[int]:
    """Processes, ourselves excepted, whose environment says that they work for this data directory."""
    mark = f"{MARK}={data_dir}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int(entry.name) != os.getpid() and mark in (entry / "environ").read_bytes().split(b"\0"):
                yield int(entry.name)
        except OSError:  # gone meanwhile, or another user's
            continue


def _signal(pid: int, signum: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signum)


def _signal_group(leader: int, signum: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, signum)
