"""Waking a worker: after the commit, and at no cost when Redis is away."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from catalog.models import ImportJob
from config.celery import app
from config.embedded.valkey import Valkey
from tenants.queue import (
    wake,
    work,
)
from tests.conftest import Business, in_tenant
from tests.tenants.test_queue import finish_all, jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Valkey of the test's own, to be frozen and killed, and let Celery send there."""
    server = Valkey(folder=tmp_path / "valkey", sockets=tmp_path, log=tmp_path / "log")
    server.create()
    process = server.start()
    server.wait(process)
    app.set_default()
    with app.connection_for_write(f"redis+socket://{tmp_path}/redis.sock") as own:
        monkeypatch.setattr(app, "connection_for_write", partial(connect, app.connection_for_write, own.as_uri()))
        yield process
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait()


def connect(original: Callable[..., Any], address: str, **options: Any) -> Any:
    return original(address, **options)


def freeze(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGSTOP)


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("harm", [freeze, end])
def test_a_dead_or_frozen_redis_costs_half_a_second_and_no_row(
    saigon: Business, broker: subprocess.Popen[bytes], harm: Callable[[Any], None]
) -> None:
    harm(broker)
    with in_tenant(saigon.tenant):
        started = time.perf_counter()
        with transaction.atomic():
            jobs(1)
            wake("catalog.run_imports")
        assert time.perf_counter() - started <= 0.5
    assert work(ImportJob, finish_all, batch=5) == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_after_the_commit_and_not_by_a_roll_back(
    saigon: Business, broker: subprocess.Popen[bytes]
) -> None:
    with in_tenant(saigon.tenant):
        with transaction.atomic():
            jobs(1)
            wake("catalog.run_imports")
            assert waiting() == 0
        assert waiting() == 1
        with transaction.atomic():
            wake("catalog.run_imports")
            transaction.set_rollback(True)
        assert waiting() == 1


def waiting() -> int:
    """Return the number of messages in the broker."""
    with app.connection_for_write() as broker_connection:
        return int(broker_connection.default_channel.client.llen("imports"))
