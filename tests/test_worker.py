"""A real Celery worker on the test's own database and broker: whatever dies, the work is done in the end."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from redis import Redis

from catalog.models import SearchVector
from catalog.tasks import embed_texts
from config.celery import app
from runtime.models import Schedule, ScheduleOccurrence
from runtime.tasks import run_occurrences
from tenants.models import TaskRun
from tenants.queue import DIED_EACH_TIME, QueueState
from tests.config.installation import wait_for
from tests.conftest import Business, in_tenant
from tests.outside import listener
from tests.rows import an_offering
from tests.worker_tasks import poison, slow_embeddings, whose

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parent.parent
IDLE = {"kind": "end_idle_sessions"}
OPTIONS = "--concurrency 2 --without-gossip --without-mingle --include tests.worker_tasks"


@pytest.fixture
def broker() -> Iterator[Redis]:
    """Return the broker, empty before and after."""
    with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        redis.flushdb()
        yield redis
        redis.flushdb()


@pytest.fixture
def start_worker(broker: Redis, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Return what starts a worker of two processes on the test's database."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, *f"-m celery -q -A config.celery worker --pool prefork {OPTIONS}".split()],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": database_url(), "BACKROOM_TEST_FOLDER": str(tmp_path)},
            start_new_session=True,
            stdout=(tmp_path / "log").open("ab"),
            stderr=subprocess.STDOUT,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        kill(process)


def database_url() -> str:
    """Return the address of the database that the tests write to."""
    given = settings.DATABASES["default"]
    return f"postgres://{given['USER']}@/{connection.settings_dict['NAME']}?host={given['HOST']}"


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the worker and its children without a word."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def offerings(business: Business, how_many: int) -> None:
    with in_tenant(business.tenant):
        for number in range(how_many):
            an_offering(f"Lamp {number}")


def states(business: Business) -> list[tuple[Any, ...]]:
    with in_tenant(business.tenant):
        return list(SearchVector.objects.values_list("state", "attempt"))


def all_done(business: Business) -> bool:
    with in_tenant(business.tenant):
        return not SearchVector.objects.exclude(state=QueueState.DONE, embedding__isnull=False).exists()


def tick() -> None:
    """Do what beat does every few seconds."""
    app.send_task(embed_texts.name)


def test_tasks_run_in_the_tenant_they_were_sent_from(
    saigon: Business, harbour: Business, start_worker: Any, tmp_path: Path
) -> None:
    start_worker()
    for business in (saigon, harbour) * 50:
        with in_tenant(business.tenant):
            whose.delay(str(business.tenant.id))
    app.send_task(whose.name, ["nobody"])
    noted = tmp_path / "whose"
    wait_for(lambda: noted.exists() and len(noted.read_text().splitlines()) >= 100, 60, "100 tasks")
    time.sleep(1)  # a task too many would come now
    pairs = [line.split() for line in noted.read_text().splitlines()]
    assert len(pairs) == 100
    assert all(sent == ran for sent, ran in pairs)


def test_an_emptied_broker_delays_work_and_loses_none(saigon: Business, broker: Redis, start_worker: Any) -> None:
    offerings(saigon, 5)
    tick()
    broker.flushdb()
    start_worker()
    time.sleep(3)
    assert not all_done(saigon)
    wait_for(lambda: tick() or all_done(saigon), 60, "embeddings after the tick")


def test_work_of_a_killed_worker_is_finished_by_another_when_the_lease_ends(
    saigon: Business, start_worker: Any, tmp_path: Path
) -> None:
    offerings(saigon, 3)
    first = start_worker()
    app.send_task(slow_embeddings.name)
    wait_for(lambda: QueueState.RUNNING in dict(states(saigon)), 60, "the first worker to begin")
    kill(first)
    assert not all_done(saigon)
    start_worker()
    wait_for(lambda: tick() or all_done(saigon), 90, "the second worker to finish")
    assert {attempt for _state, attempt in states(saigon)} == {3}  # a death counts twice


def test_what_kills_each_worker_that_takes_it_is_parked_after_three(
    saigon: Business, start_worker: Any, tmp_path: Path
) -> None:
    offerings(saigon, 1)
    start_worker()
    wait_for(lambda: app.send_task(poison.name) and states(saigon) == [("failed", 5)], 90, "it to be parked")
    time.sleep(5)  # what was sent meanwhile finds nothing
    assert (tmp_path / "died").read_text().splitlines() == ["died"] * 3
    with in_tenant(saigon.tenant):
        assert SearchVector.objects.get().last_error == DIED_EACH_TIME


def occurrence(business: Business) -> ScheduleOccurrence:
    with in_tenant(business.tenant):
        found: ScheduleOccurrence = ScheduleOccurrence.objects.get()
        return found


def test_a_call_whose_worker_was_killed_is_unclear_and_not_made_again(
    saigon: Business, start_worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTBOUND_ALLOW", "127.0.0.0/8")
    with listener(lambda _stream: time.sleep(60)) as deaf:
        with in_tenant(saigon.tenant):
            target = {"kind": "http", "url": deaf.url, "timeout_seconds": 30}
            schedule = Schedule.objects.create(cron="0 3 * * *", time_zone="UTC", target=target)
            ScheduleOccurrence.objects.create(schedule=schedule, scheduled_for=timezone.now())
        first = start_worker()
        app.send_task(run_occurrences.name)
        wait_for(lambda: deaf.connects == 1, 60, "the call")
        kill(first)
        assert occurrence(saigon).state == QueueState.RUNNING
        with in_tenant(saigon.tenant):  # its lease ends
            ScheduleOccurrence.objects.update(due_at=Now())
        start_worker()
        again = run_occurrences.name
        wait_for(lambda: app.send_task(again) and occurrence(saigon).state == QueueState.UNKNOWN, 60, "somebody to see it")
        assert deaf.connects == 1
    with in_tenant(saigon.tenant):
        assert list(TaskRun.objects.order_by("id").values_list("status", flat=True)) == ["failed", "unknown"]


@pytest.fixture
def start_beat(broker: Redis, tmp_path: Path) -> Iterator[Callable[[int], subprocess.Popen[bytes]]]:
    """Return what starts a beat, which keeps its times in a file of its own."""
    started: list[subprocess.Popen[bytes]] = []

    def start(number: int) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, *f"-m celery -q -A config.celery beat --pidfile= -s {tmp_path}/beat-{number}".split()],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": database_url()},
            start_new_session=True,
            stdout=(tmp_path / "beats").open("ab"),
            stderr=subprocess.STDOUT,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        kill(process)


def test_a_beat_that_was_stopped_past_due_times_fires_each_once_when_it_goes_on(
    saigon: Business, start_worker: Any, start_beat: Any
) -> None:
    start_worker()
    beat, minute = start_beat(0), timezone.now().replace(second=0, microsecond=0)

    def schedule(next_run: datetime, **values: Any) -> None:
        Schedule.objects.create(time_zone="UTC", target=IDLE, next_run=next_run, **{"cron": "0 3 1 1 *", **values})

    def states() -> Counter[str]:
        with in_tenant(saigon.tenant):
            return Counter(ScheduleOccurrence.objects.values_list("state", flat=True))

    with in_tenant(saigon.tenant):
        schedule(timezone.now())
    wait_for(lambda: states() == {"done": 1}, 60, "the first one")
    os.kill(beat.pid, signal.SIGSTOP)
    time.sleep(2)  # what it had sent is done by now
    with in_tenant(saigon.tenant):
        for seconds in range(4):
            schedule(timezone.now() + timedelta(seconds=seconds))
        for misfire in ("all", "once", "skip"):  # every minute of an hour ago, and no other
            past = minute - timedelta(hours=1)
            schedule(past.replace(minute=0), cron=f"0-3 {past.hour} {past.day} {past.month} *", misfire=misfire)
    time.sleep(8)
    assert states() == {"done": 1}
    os.kill(beat.pid, signal.SIGCONT)
    ended = {"done": 1 + 4 + 4 + 1, "skipped": 3 + 4}
    wait_for(lambda: states() == ended, 60, "what was due meanwhile")
    time.sleep(7)  # one too many would come now
    assert states() == ended


def test_three_beats_that_are_killed_again_and_again_fire_each_time_once(
    saigon: Business, start_worker: Any, start_beat: Any
) -> None:
    start_worker()
    chance, schedules = Random(8), 0
    for _round in range(5):
        beats = [start_beat(number) for number in range(3)]
        with in_tenant(saigon.tenant):
            for _number in range(4):
                due = timezone.now() + timedelta(seconds=chance.uniform(0, 6))
                Schedule.objects.create(cron="0 3 1 1 *", time_zone="UTC", target=IDLE, next_run=due)
                schedules += 1
        time.sleep(chance.uniform(1, 8))
        for beat in beats:
            kill(beat)
    start_beat(0)

    def ended() -> bool:
        with in_tenant(saigon.tenant):
            return ScheduleOccurrence.objects.filter(state=QueueState.DONE).count() >= schedules

    wait_for(ended, 60, "every schedule")
    time.sleep(4)  # one too many would come now
    with in_tenant(saigon.tenant):
        fired = Counter(ScheduleOccurrence.objects.values_list("schedule", flat=True))
        assert (len(fired), set(fired.values())) == (schedules, {1})
        assert set(ScheduleOccurrence.objects.values_list("state", flat=True)) == {QueueState.DONE}
