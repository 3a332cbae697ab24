"""The embedded servers' files, secrets and processes, without starting a server."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from config import embedded
from config.embedded import account, layout, locks, postgres, process
from manage import needs_servers


@pytest.fixture(autouse=True)
def own_data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "kho dữ liệu"))
    return tmp_path / "kho dữ liệu"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "60"])
    yield child
    child.kill()
    child.wait()


def test_a_secret_is_made_once_and_readable_by_its_owner_only(own_data_dir: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        values = set(pool.map(lambda _: embedded.secret("SECRET_KEY"), range(32)))
    assert len(values) == 1
    assert len(values.pop()) >= 50
    assert stat.S_IMODE((own_data_dir / "secrets" / "SECRET_KEY").stat().st_mode) == 0o600
    assert [path.name for path in (own_data_dir / "secrets").iterdir()] == ["SECRET_KEY"]


def test_the_first_vault_key_has_32_bytes() -> None:
    name, _, value = embedded.secret("VAULT_KEYS").partition(":")
    assert name == "k1"
    assert len(value) == 44


def test_a_secret_that_cannot_be_stored_is_one_clear_line(own_data_dir: Path) -> None:
    own_data_dir.write_text("a file where the folder should be")
    with pytest.raises(embedded.StartError, match=r"not writable|cannot read or make"):
        embedded.secret("SECRET_KEY")


def test_a_relative_data_dir_counts_from_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "elsewhere")
    assert embedded.data_dir() == layout.CHECKOUT / "elsewhere"
    monkeypatch.delenv("DATA_DIR")
    assert embedded.data_dir() == layout.CHECKOUT / ".data"


def test_the_socket_path_is_short_however_deep_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    first = embedded.database()["HOST"]
    monkeypatch.setenv("DATA_DIR", "/srv/" + "sâu thẳm/" * 40)
    second = embedded.database()["HOST"]
    assert first != second
    assert len(f"{second}/.s.PGSQL.5432.lock") < 107
    assert embedded.redis_url(3) == f"unix://{second}/redis.sock?db=3"


def test_a_full_disk_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    layout.prepare_data_dir()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 5, 5))
    with pytest.raises(embedded.StartError, match="full"):
        layout.check_free_space()


def test_a_socket_folder_that_somebody_else_prepared_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trap").mkdir()
    (tmp_path / "sockets").symlink_to(tmp_path / "trap")
    with pytest.raises(embedded.StartError, match="not a private folder"):
        account.make_private(tmp_path / "sockets", None)
    (tmp_path / "open").mkdir(mode=0o777)
    with pytest.raises(embedded.StartError, match="not a private folder"):
        account.make_private(tmp_path / "open", None)


def test_a_copied_checkout_does_not_take_the_first_ones_cluster(tmp_path: Path, own_data_dir: Path) -> None:
    first, home = tmp_path / "first", tmp_path / "home"
    for folder in (first, home, own_data_dir):
        folder.mkdir()
        (folder / "cluster").write_text(str(home))
    (home / "data-dir").write_text(str(first))
    assert account._is_a_copy(layout.cluster_home())
    shutil.rmtree(first)  # moved, not copied
    assert not account._is_a_copy(layout.cluster_home())


def test_a_lock_is_free_again_when_its_holder_is_gone() -> None:
    layout.prepare_data_dir()
    lock = locks.take("keeper")
    assert lock is not None
    assert locks.is_held("keeper")
    assert locks.take("keeper") is None
    os.close(lock)
    assert not locks.is_held("keeper")


def test_a_pid_file_that_names_a_stranger_is_removed(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    pid_file = tmp_path / "postmaster.pid"
    pid_file.write_text(f"{sleeper.pid}\n{tmp_path}\n")
    postgres._end_orphan(tmp_path, tmp_path)
    assert not pid_file.exists()
    assert sleeper.poll() is None


def test_a_child_that_keeps_dying_is_started_at_growing_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(process.time, "monotonic", lambda: now[0])
    starts: list[float] = []

    def start() -> subprocess.Popen[bytes]:
        starts.append(now[0])
        child = subprocess.Popen(["false"], start_new_session=True)
        child.wait()
        return child

    child = process.Child("false", start)
    while len(starts) < 10:
        child.tend()
        now[0] += 0.25
    pauses = [round(later - earlier) for earlier, later in pairwise(starts)]
    assert pauses == sorted(pauses)
    assert pauses[0] <= 1
    assert max(pauses) in (30, 31)


def test_orphans_of_an_earlier_supervisor_are_ended(own_data_dir: Path, sleeper: subprocess.Popen[bytes]) -> None:
    orphan = subprocess.Popen(["sleep", "60"], env={**os.environ, process.MARK: str(own_data_dir)})
    stubborn = subprocess.Popen(
        [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"],
        env={**os.environ, process.MARK: str(own_data_dir)},
        stdout=subprocess.PIPE,
    )
    assert stubborn.stdout
    stubborn.stdout.readline()
    process.end_orphans(own_data_dir, seconds=0.3)
    assert (orphan.wait(1), stubborn.wait(1)) == (-15, -9)
    assert sleeper.poll() is None


def test_a_spawned_process_dies_with_its_parent() -> None:
    script = (
        "import signal, time; from config.embedded.process import spawn\n"
        "print(spawn(['sleep', '60'], orphan_signal=signal.SIGTERM).pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=layout.CHECKOUT, stdout=subprocess.PIPE)
    assert parent.stdout
    child = Path("/proc", parent.stdout.readline().decode().strip())
    assert b"sleep" in (child / "cmdline").read_bytes()
    parent.kill()
    parent.wait()
    for _ in range(50):
        if not child.exists() or not (child / "cmdline").read_bytes():
            return
        time.sleep(0.1)
    pytest.fail("it lives on")


def test_a_signal_during_a_fork_is_not_lost_and_neither_is_the_process() -> None:
    script = (
        "import os, signal; from config.embedded.process import Child, spawn\n"
        "class Stopped(Exception): pass\n"
        "def stop(*_): raise Stopped\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))\n"
        "child = Child('sleep', lambda: spawn(['sleep', '60'], orphan_signal=signal.SIGTERM))\n"
        "try: child.tend()\n"
        "except Stopped: child.stop(5); print('stopped', child.process.returncode)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=layout.CHECKOUT, capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.stderr) == ("stopped -15\n", "")


def test_a_spawned_process_can_be_asked_to_end() -> None:
    child = process.spawn(["sleep", "60"], orphan_signal=signal.SIGKILL)
    child.terminate()
    assert child.wait(5) == -signal.SIGTERM


@pytest.mark.parametrize(
    ("words", "needs"),
    [
        (["migrate"], True),
        (["create_tenant", "shop"], True),
        (["create_tenant", "--help"], False),
        (["makemigrations", "--check"], False),
        (["up"], False),
        (["--version"], False),
        ([], False),
    ],
)
def test_only_commands_that_may_use_the_database_get_servers(words: list[str], needs: bool) -> None:
    assert needs_servers(["manage.py", *words]) is needs


# --- as root: the servers' user and the folders it cannot enter


@pytest.fixture
def open_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that every user may enter, with a package in it, and a place of our own for copies."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        monkeypatch.setattr(layout, "SHARED_HOME", place / "shared")
        (place / "home" / "package" / "bin").mkdir(parents=True)
        (place / "home" / "package" / "bin" / "server").write_text("program")
        yield place


SERVERS_USER = account.Account(65534, 65534)


def found_program(place: Path) -> Path:
    return account.usable_copy(place / "home" / "package", (), "package-1", "bin", SERVERS_USER)


def test_programs_in_a_private_folder_are_used_from_a_copy_that_every_user_can_reach(open_place: Path) -> None:
    for folder in ("home", "home/package", "home/package/bin"):
        (open_place / folder).chmod(0o700)  # as installed under a strict umask
    before = os.umask(0o077)
    try:
        found = found_program(open_place)
    finally:
        os.umask(before)
    assert found == open_place / "shared" / "package-1" / "package" / "bin"
    assert account.reachable(found)
    assert stat.S_IMODE((found / "server").stat().st_mode) & 0o044 == 0o044


def test_programs_behind_a_link_in_a_private_folder_are_used_from_where_they_are(open_place: Path) -> None:
    (open_place / "private").mkdir(mode=0o700)
    (open_place / "private" / "link").symlink_to(open_place / "home" / "package")
    found = account.usable_copy(open_place / "private" / "link", (), "package-1", "bin", SERVERS_USER)
    assert found == open_place / "home" / "package" / "bin"
    assert account.usable_copy(open_place / "private" / "link", (), "package-1", "bin", None).parent.name == "link"


def test_a_folder_that_the_servers_user_cannot_enter_is_named(open_place: Path) -> None:
    (open_place / "home").chmod(0o700)
    found_program(open_place)
    open_place.chmod(0o700)
    with pytest.raises(layout.StartError, match=f"cannot enter {open_place}: run `chmod"):
        found_program(open_place)
