"""What runs beside the web, and what the person at the terminal reads."""

import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.celery import app
from config.supervisor import LOGINS, Supervisor, demo_lines
from tenants.models import User

COMPOSE = Path(__file__).resolve().parent.parent.parent / "compose.yaml"
TASKS = [entry["task"] for entry in app.conf.beat_schedule.values()]


def queue_of(task: str) -> str:
    return str(app.amqp.router.route({}, task)["queue"].name)


def queues_served(commands: Sequence[Sequence[str]]) -> list[str]:
    return sorted(words[words.index("--queues") + 1] for words in commands if "worker" in words)


def test_imports_wait_in_a_queue_of_their_own() -> None:
    """Reading files and writing large ones takes long, and keeps nothing else waiting."""
    assert {task for task in TASKS if queue_of(task) == "imports"} == {
        *("catalog.run_imports", "bots.read_documents", "tenants.export_tenants"),
    }
    assert {queue_of(task) for task in TASKS} == {"imports", "celery"}


def test_every_queue_has_a_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    started: list[Sequence[str]] = []

    def start(_self: Any, command: Sequence[str], *_more: Any, **_options: Any) -> subprocess.Popen[bytes]:
        started.append([str(word) for word in command])
        return subprocess.Popen(["true"])

    monkeypatch.setattr(Supervisor, "_start", start)
    with socket.socket() as listener:
        for child in Supervisor(host="127.0.0.1", port=1, demo=False)._services(listener):
            child.start().wait()
    assert queues_served(started) == sorted({queue_of(task) for task in TASKS})


@pytest.mark.parametrize("exit_code", [0, 1])
def test_the_demo_is_in_before_the_web_starts_and_its_failure_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], exit_code: int
) -> None:
    started: list[str] = []

    def start(_self: Any, command: Sequence[str], *_more: Any, **_options: Any) -> subprocess.Popen[bytes]:
        started.append(str(command[2]))
        return subprocess.Popen(["sh", "-c", f"sleep 0.2; exit {exit_code if command[2] == 'load_demo' else 0}"])

    def watch(supervisor: Supervisor, _background: Any) -> None:
        assert supervisor.loading
        assert supervisor.loading.returncode == exit_code
        supervisor._announce()

    monkeypatch.setattr(Supervisor, "_start", start)
    monkeypatch.setattr(Supervisor, "_watch", watch)
    monkeypatch.setattr("config.supervisor.demo_lines", lambda: ["Demo logins"])
    monkeypatch.setattr("config.external.prepare", lambda: None)
    monkeypatch.setattr("config.supervisor.check_master_keys", lambda: None)
    with socket.socket() as listener:
        Supervisor(host="127.0.0.1", port=1, demo=True)._run(listener, None)
    printed, said = capfd.readouterr()
    assert started == ["migrate", "collectstatic", "load_demo"]
    assert said.index("preparing the database") < said.index("loading the demo")
    assert ("could not be loaded" in printed, "Demo logins" in printed) == (exit_code == 1, exit_code == 0)


def test_every_queue_has_a_worker_in_containers() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    commands = [service["command"] for service in services.values() if "command" in service]
    assert queues_served(commands) == sorted({queue_of(task) for task in TASKS})


@pytest.mark.django_db
def test_the_password_of_the_demo_is_told_only_when_it_works(settings: Any) -> None:
    settings.DEMO_PASSWORD = "the one of today"
    for email in LOGINS:
        User.objects.create_user(email, password="the one of today")
    assert demo_lines()[0] == "Demo logins, password the one of today :"
    settings.DEMO_PASSWORD = "the one of tomorrow"
    lines = demo_lines()
    assert "the one of" not in "".join(lines)
    assert "DEMO_PASSWORD" in lines[0]
    assert len(lines) == 1 + len(LOGINS)
