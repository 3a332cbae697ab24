"""Dispatch of 1,000 schedules that are due at once: a few statements for all, against one Celery task for each.

20 tenants with 50 schedules each. The floor does what schedulers do that send a task for each due job: a message through the
broker, and in the task the schedule read and locked, its occurrence written and its next run planned, by the ORM.
"""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from celery import current_app
from django.db import transaction
from django.utils import timezone

from bench.database import settle
from bench.result import Result, compared
from runtime.cron import next_after
from runtime.models import Schedule, ScheduleOccurrence
from runtime.schedules import dispatch_due
from tenants.models import Tenant
from tenants.scope import platform_scope, tenant_scope
from tenants.services import create_tenant

TENANTS, EACH, ROUNDS = 20, 50, 2
ONE_EACH = "bench.dispatch_one"


def run() -> list[Result]:
    """Dispatch the same schedules both ways in turn; the best of two rounds of each."""
    tenants = [
        create_tenant(slug=f"clock-{number}", name="Clock", owner_email=f"owner@clock-{number}.example").tenant
        for number in range(TENANTS)
    ]
    for tenant in tenants:
        with tenant_scope(tenant):
            Schedule.objects.bulk_create(
                Schedule(cron="*/5 * * * *", time_zone="Asia/Ho_Chi_Minh", target={"kind": "end_idle_sessions"})
                for _ in range(EACH)
            )
    settle()
    worker = _worker()
    try:
        pairs = [(_seconds(tenants, dispatch_due), _seconds(tenants, lambda: _send_each(tenants))) for _ in range(ROUNDS)]
    finally:
        worker.terminate()
        worker.wait()
    ours, floor = (min(column) for column in zip(*pairs, strict=True))
    # Schedules a second, so that more is better.
    number = TENANTS * EACH
    return [compared("schedules: dispatched a second", ours=number / ours, floor=number / floor, limit=">= 20")]


def _seconds(tenants: list[Tenant], dispatch: object) -> float:
    """Return how long it takes until every schedule has its occurrence."""
    for tenant in tenants:
        with tenant_scope(tenant):
            ScheduleOccurrence.objects.all().delete()
            Schedule.objects.update(next_run=timezone.now() - timedelta(seconds=1))
    began = time.perf_counter()
    dispatch()  # type: ignore[operator]
    while _written() < TENANTS * EACH:
        time.sleep(0.005)
    return time.perf_counter() - began


def _written() -> int:
    with platform_scope(reason="a benchmark counts"):
        return ScheduleOccurrence.objects.count()


def _send_each(tenants: list[Tenant]) -> None:
    for tenant in tenants:
        with tenant_scope(tenant):
            ids = list(Schedule.objects.due().values_list("pk", flat=True))
        for schedule_id in ids:
            current_app.send_task(ONE_EACH, [str(tenant.pk), str(schedule_id)])


@transaction.atomic
def dispatch_one(schedule_id: str) -> None:
    """Do with one schedule what a tick does with all."""
    schedule = Schedule.objects.select_for_update(of=("self",)).get(pk=schedule_id)
    assert schedule.next_run is not None
    ScheduleOccurrence.objects.create(schedule=schedule, scheduled_for=schedule.next_run)
    schedule.last_run = schedule.next_run
    schedule.next_run = next_after(schedule.cron, schedule.time_zone, timezone.now())
    schedule.save(update_fields=["last_run", "next_run"])


def _worker() -> subprocess.Popen[bytes]:
    """Start a worker of two processes, and wait until it takes messages."""
    options = "worker --pool prefork --concurrency 2 --without-gossip --without-mingle --include bench.schedule_tasks"
    worker = subprocess.Popen(
        [sys.executable, *f"-m celery -q -A config.celery {options}".split()],
        cwd=Path(__file__).parent.parent,
        env={**os.environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not current_app.control.ping(timeout=1) and time.monotonic() < deadline:
        pass
    return worker
