"""A worker that is killed, or stopped for longer than its lease, before every single step of a task."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from django.db import connection, transaction
from django.utils import timezone
from redis import Redis

from reports.models import EmailDelivery
from tenants.models import PLATFORM_ID
from tenants.queue import OPEN, QueueState, queues
from tests.conftest import Business, in_tenant
from tests.outside import HttpServer, http_server
from tests.smtp_sink import Sink, smtp_sink

ROOT = Path(__file__).resolve().parents[2]
MOST_STEPS = 4_000
KILL, STOP = "KILL", "STOP"


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Return the mail server that the worker sends by."""
    with smtp_sink() as sink:
        yield sink


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """Return what the worker calls."""
    with http_server() as server:
        yield server


@dataclass
class Worker:
    """The process of ``dying_worker.py``."""

    process: "subprocess.Popen[str]"

    def work(self, tasks: str, *, signal: str = KILL, step: int = 0) -> str:
        """Have a worker run tasks, which gets a signal before a step; returns how it ended."""
        return self._ask(f"{signal} {step} {tasks}")

    def go_on(self) -> str:
        """Let the worker go on that was stopped; returns how it ended."""
        return self._ask("CONT")

    def _ask(self, line: str) -> str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@pytest.fixture
def worker(sink: Sink, tmp_path: Path) -> Iterator[Worker]:
    """Return a worker on the test's database, and on its broker, which is empty before and after."""
    command = [
        sys.executable,
        "-m",
        "tests.step_boundaries.dying_worker",
        str(connection.settings_dict["NAME"]),
        str(sink.port),
    ]
    # What another holds is not waited for as long as by users: it is let go only afterwards.
    own = {"DJANGO_SETTINGS_MODULE": "config.settings", "BACKROOM_TEST_FOLDER": str(tmp_path)}
    environment = {**os.environ, **own, "PGOPTIONS": "-c lock_timeout=300ms"}
    pipe = subprocess.PIPE
    redis = Redis.from_url(os.environ["REDIS_URL"])
    redis.flushdb()
    with redis, subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield Worker(process)
        process.stdin.close()
        redis.flushdb()


@pytest.fixture(params=[KILL, STOP])
def at_every_step(request: pytest.FixtureRequest, saigon: Business, worker: Worker) -> Callable[..., int]:
    """Return what adds work and has it done by a worker that is interrupted before its first step, its second one, …

    One that was killed leaves the rest to another; one that was stopped goes on when its leases are over and another has
    been at work. It ends with the first worker that had no more steps, and returns how many were interrupted. ``every``
    leaves steps out where there are hundreds alike, other ones each time.
    """

    def through(tasks: str, add: Callable[[int], None], check: Callable[[str], None], *, every: int = 1) -> int:
        for number, step in enumerate(range(Random().randint(1, every), MOST_STEPS, every)):
            with in_tenant(saigon.tenant):
                add(step)
            ended = worker.work(tasks, signal=request.param, step=step)
            assert ended in ("killed", "stopped", "done"), step
            if ended == "stopped":
                end_leases(saigon)
                worker.work(tasks)  # which may fail at what the other one has locked
                assert worker.go_on() in ("done", "failed"), step
            do_the_rest(saigon, worker, tasks)
            with in_tenant(saigon.tenant):
                check(f"{request.param} before step {step}")
            if ended == "done":
                return number
        raise AssertionError("it never ended")

    return through


def do_the_rest(business: Business, worker: Worker, tasks: str) -> None:
    """Have what waits done by workers that nothing happens to."""
    for _ in range(5):
        end_leases(business)
        assert worker.work(tasks) == "done"
        left = waiting(business)
        if not left or (set(left) == {"EmailDelivery"} and "send_emails" not in tasks):  # another queue's
            return


def end_leases(business: Business) -> None:
    """Let all leases be over, and whatever rests or is tried again later be due; but for what somebody has locked."""
    past = timezone.now() - timedelta(minutes=5)
    for tenant_id in (business.tenant.pk, PLATFORM_ID):
        with in_tenant(tenant_id), transaction.atomic():
            for queue in queues():
                free = queue._default_manager.filter(state__in=OPEN).select_for_update(skip_locked=True, of=("self",))
                queue._default_manager.filter(pk__in=list(free.values_list("pk", flat=True))).update(due_at=past)
            EmailDelivery.objects.filter(state=QueueState.UNKNOWN).update(begun_at=past)


def waiting(business: Business) -> dict[str, int]:
    """Return how much is not ended, by queue, in the business and on the platform."""
    counts: Counter[str] = Counter()
    for tenant_id in (business.tenant.pk, PLATFORM_ID):
        with in_tenant(tenant_id):
            counts.update({queue.__name__: queue._default_manager.filter(state__in=OPEN).count() for queue in queues()})
    return {name: count for name, count in counts.items() if count}
