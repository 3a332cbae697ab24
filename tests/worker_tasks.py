"""Two tasks that only tests need, for the worker of ``test_worker`` to include."""

import os
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
