"""`manage.py up` as a user lives with it: started, killed, stopped, misconfigured."""

import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded.account import reachable
from tests.config.installation import WORDS, Installation, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder, with a space and Vietnamese letters in its name, that every user may pass through."""
    with tempfile.TemporaryDirectory(prefix="backroom bán hàng ") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="module")
def running(place: Path) -> Iterator[Installation]:
    installation = Installation(place / "one").start()
    yield installation
    if installation.supervisor and installation.supervisor.poll() is None:
        installation.stop()


@pytest.fixture
def fresh(place: Path) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(dir=place) as name:
        Path(name).chmod(0o755)
        yield Installation(Path(name) / "checkout")


def one_line(command: subprocess.Popen[str]) -> str:
    """The only line that a refused start prints."""
    output, _ = command.communicate(timeout=180)
    assert command.returncode == 1, output
    assert "Traceback" not in output
    assert output.startswith("backroom: ")
    assert len(output.strip().splitlines()) == 1, output
    return output


def usable_by_all(program: str) -> bool:
    """Whether every user may run the program."""
    path = Path(program).resolve()
    return path.exists() and reachable(path)


@pytest.mark.parametrize("name", WORDS)
def test_a_killed_process_comes_back(running: Installation, name: str) -> None:
    wait_for(lambda: running.status("/readyz") == 200, 180, "readyz")
    victim = running.leader(name)
    assert victim
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: running.leader(name) not in (None, victim), 20, f"a new {name}")
    wait_for(lambda: running.status("/readyz") == 200, 180, f"readyz with the new {name}")


def test_commands_work_beside_it_two_at_once(running: Installation) -> None:
    commands = [running.run("migrate", "--check") for _ in range(2)]
    for command in commands:
        output, _ = command.communicate(timeout=180)
        assert command.returncode == 0, output


def test_whoever_waits_for_healthz_can_log_in_to_the_demo(fresh: Installation) -> None:
    password = "correct horse battery"
    with (fresh.folder / "up.log").open("a") as log:
        fresh.supervisor = fresh.run("up", "--port", str(fresh.port), output=log, DEMO_PASSWORD=password)
    try:
        wait_for(lambda: fresh.status("/healthz") == 200, 180, "healthz")
        login = json.dumps({"email": "owner@saigon-gadgets.example", "password": password}).encode()
        address = f"http://127.0.0.1:{fresh.port}/api/v1/auth/token/"
        asked = urllib.request.Request(address, login, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert answer.status == 200
    finally:
        assert fresh.stop() == 0


def test_stopped_while_the_demo_is_loaded_it_leaves_nothing_behind(fresh: Installation) -> None:
    log = fresh.folder / "up.log"
    with log.open("a") as output:
        fresh.supervisor = fresh.run("up", "--port", str(fresh.port), output=output)
    wait_for(lambda: "loading the demo" in log.read_text(), 180, "the demo's line")
    assert fresh.stop() == 0
    wait_for(lambda: fresh.processes() == {}, 1, "no process")


def test_a_second_one_in_the_same_checkout_is_refused(running: Installation) -> None:
    assert "already runs" in one_line(running.run("up", "--no-demo"))
    assert running.status("/healthz") == 200


def test_after_kill_9_nothing_stays_and_a_new_one_starts(running: Installation) -> None:
    running.stop(signal.SIGKILL)
    running.start()
    wait_for(lambda: running.status("/readyz") == 200, 180, "readyz")


def test_two_checkouts_run_at_once(running: Installation, fresh: Installation) -> None:
    fresh.start()
    assert running.status("/healthz") == 200
    assert fresh.stop() == 0
    assert fresh.processes() == {}
    assert running.status("/healthz") == 200


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_stopping_leaves_nothing_behind(running: Installation, signum: int) -> None:
    if running.supervisor is None or running.supervisor.poll() is not None:
        running.start()
    started = time.monotonic()
    assert running.stop(signum) == 0
    assert time.monotonic() - started < 15
    wait_for(lambda: running.processes() == {}, 1, "no process")
    assert running.status("/healthz") == 0
    assert not [line for line in Path("/proc/net/unix").read_text().splitlines() if str(running.folder) in line]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_an_ordinary_user_can_run_it(place: Path) -> None:
    python = next((path for path in (sys.executable, "/usr/bin/python3.11") if usable_by_all(path)), None)
    if python is None:
        pytest.skip("no Python that another user can reach")
    installation = Installation(place / "ordinary", pwd.getpwnam("nobody").pw_uid, python).start()
    wait_for(lambda: installation.status("/readyz") == 200, 180, "readyz")
    assert installation.stop() == 0
    wait_for(lambda: installation.processes() == {}, 1, "no process")


def test_commands_start_the_servers_for_their_own_time(fresh: Installation) -> None:
    commands = [fresh.run("dbshell", "--", "-c", "SELECT 40 + 2") for _ in range(2)]
    for command in commands:
        output, _ = command.communicate(timeout=180)
        assert "42" in output
    wait_for(lambda: fresh.processes() == {}, 10, "no process")


def test_a_taken_port_is_one_line(fresh: Installation) -> None:
    with socket.create_server(("127.0.0.1", fresh.port)):
        assert f"port {fresh.port} is taken" in one_line(fresh.run("up", "--port", str(fresh.port)))


def test_an_unwritable_data_directory_is_one_line(fresh: Installation) -> None:
    (fresh.folder / "file").touch()
    assert "is not writable" in one_line(fresh.run("up", DATA_DIR="file/data"))
    assert "/proc/data is not writable" in one_line(fresh.run("up", DATA_DIR="/proc/data"))


@pytest.mark.parametrize(
    "url", ["postgres://backroom_app@127.0.0.1:1/backroom", "nonsense", "postgres://x@nowhere.invalid/x"]
)
def test_a_wrong_database_url_is_one_line(fresh: Installation, url: str) -> None:
    secrets = {"SECRET_KEY": "x" * 60, "VAULT_KEYS": "k1:" + "B" * 43 + "="}
    addresses = {"DATABASE_URL": url, "DATABASE_OWNER_URL": url}
    line = one_line(fresh.run("up", "--port", str(fresh.port), **addresses, **secrets))
    assert re.search(r"DATABASE_(OWNER_)?URL (does not work|is not an address)", line)


def test_the_data_of_an_older_postgresql_is_one_line_and_stays(fresh: Installation) -> None:
    old = fresh.folder / ".data" / "postgres" / "PG_VERSION"
    old.parent.mkdir(parents=True)
    old.write_text("16\n")
    assert "PostgreSQL 16" in one_line(fresh.run("up", "--port", str(fresh.port)))
    assert old.read_text() == "16\n"
