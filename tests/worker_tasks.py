"""Tasks that only tests need, for the workers of ``test_worker`` and ``step_boundaries`` to include."""

import json
import os
import signal
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from celery import current_app, shared_task
from celery.beat import PersistentScheduler
from celery.utils.iso8601 import parse_iso8601
from django.utils import timezone
from redis import Redis

from catalog.models import SearchVector
from tenants.queue import work
from tenants.scope import current_tenant_id
from tenants.tasks import TenantTask

LEASE = timedelta(seconds=4)
TICKED = {
    "schedules": {"task": "runtime.dispatch_schedules", "schedule": 0.2, "options": {"expires": 3}},
    "occurrences": {"task": "runtime.run_occurrences", "schedule": 0.2, "options": {"expires": 5}},
}
"""What of the beat's schedule a test of schedules needs, and as often as it has time for."""


@shared_task(base=TenantTask, name="tests.worker.whose")
def whose(sent_for: str) -> None:
    """Note for whom the task was sent and for whom it ran, in one write."""
    with (Path(os.environ["BACKROOM_TEST_FOLDER"]) / "whose").open("a") as file:
        file.write(f"{sent_for} {current_tenant_id()}\n")


@shared_task(name="tests.worker.slow_embeddings")
def slow_embeddings() -> None:
    """Claim what waits for an embedding, under a short lease, and take very long about it."""

    def dawdle(rows: Sequence[SearchVector]) -> None:
        time.sleep(600)

    work(SearchVector, dawdle, batch=64, lease=LEASE)


@shared_task(name="tests.worker.poison")
def poison() -> None:
    """Claim what waits for an embedding, and die of it."""

    def die(rows: Sequence[SearchVector]) -> None:
        with (Path(os.environ["BACKROOM_TEST_FOLDER"]) / "died").open("a") as file:
            file.write("died\n")
        os.kill(os.getpid(), signal.SIGKILL)

    work(SearchVector, die, batch=1, lease=timedelta(seconds=1))


@shared_task(name="tests.worker.beat")
def beat() -> None:
    """Be a beat for half a second, in which all is due twice; it keeps its times in a file as the real one does."""
    current_app.conf.beat_schedule = TICKED
    scheduler = PersistentScheduler(current_app, schedule_filename=os.environ["BACKROOM_TEST_FOLDER"] + "/beat")
    enough = time.monotonic() + 0.5
    while time.monotonic() < enough:
        time.sleep(max(0.0, scheduler.tick()))
    scheduler.close()


@shared_task(name="tests.worker.drain")
def drain() -> None:
    """Run what was sent to workers, one after the other, until nothing is there; what has expired is dropped."""
    with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        while message := redis.rpop("celery"):
            headers = json.loads(message)["headers"]
            if not headers["expires"] or parse_iso8601(headers["expires"]) > timezone.now():
                current_app.tasks[headers["task"]]()
