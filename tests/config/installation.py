"""A copy of this project in a folder of its own, run the way a user runs it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

CHECKOUT = Path(__file__).resolve().parent.parent.parent
PACKAGES = sysconfig.get_paths()["purelib"]
NOT_COPIED = shutil.ignore_patterns(".venv", ".data", ".git", ".*_cache", "__pycache__", ".env", ".hypothesis")
OURS = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_ADMIN_URL", "REDIS_URL", "DATA_DIR", "SECRET_KEY", "VAULT_KEYS")
OURS += ("PORT", "HOST")
WORDS = {
    "web": b"gunicorn",
    "worker": b"worker@%h",
    "imports": b"imports@%h",
    "beat": b"beat",
    "keeper": b"config.embedded.keeper",
    "postgres": b"-D",
    "valkey": b"unixsocket:",
}


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Return when the condition holds; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class Installation:
    """One checkout; `user` is the id it runs as, None for ours."""

    folder: Path
    user: int | None = None
    python: str = sys.executable
    port: int = field(default_factory=free_port)
    supervisor: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        shutil.copytree(CHECKOUT, self.folder, ignore=NOT_COPIED)
        if self.user is not None:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, self.user, self.user)

    def run(self, *words: str, output: IO[str] | int = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
        """Start a command of manage.py."""
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        identity = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        return subprocess.Popen(
            [self.python, "manage.py", *words],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": PACKAGES, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            **identity,
        )

    def start(self) -> "Installation":
        """Start everything and wait until it answers."""
        with (self.folder / "up.log").open("a") as log:
            self.supervisor = self.run("up", "--no-demo", "--port", str(self.port), output=log)
        wait_for(lambda: self.status("/healthz") == 200, 180, "healthz")
        return self

    def status(self, path: str) -> int:
        """The status of one answer of the web; 0 when there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Stop everything and return the exit code."""
        assert self.supervisor
        self.supervisor.send_signal(signum)
        return self.supervisor.wait(20)

    def processes(self) -> dict[int, bytes]:
        """Command lines of all processes that work inside the folder, by process id."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if (entry / "cwd").readlink().is_relative_to(self.folder):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes()
            except OSError:
                continue
        return found

    def leader(self, name: str) -> int | None:
        """The process id of one of the processes in WORDS; of several, the one whose parent is not among them."""
        family = {pid for pid, line in self.processes().items() if WORDS[name] in line.replace(b"\0", b" ").split()}
        family |= {pid for pid, line in self.processes().items() if WORDS[name] in line and name in ("web", "valkey")}
        return next((pid for pid in sorted(family) if _parent(pid) not in family), None)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0
