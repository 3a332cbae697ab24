"""Tasks that only tests need, for the worker of ``test_worker`` to include."""

import os
import signal
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from celery import shared_task

from catalog.models import SearchVector
from tenants.queue import work
from tenants.scope import current_tenant_id
from tenants.tasks import TenantTask

LEASE = timedelta(seconds=4)


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
