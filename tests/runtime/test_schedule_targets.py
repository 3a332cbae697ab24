"""What schedules do outside and to the catalogue: once, whoever dies; unclear where nobody knows."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from catalog.models import ImportJob, Variant
from catalog.tasks import run_imports
from runtime.models import Schedule, ScheduleOccurrence
from runtime.schedules import dispatch_due
from runtime.tasks import dispatch_schedules, run_occurrences
from tenants.models import TaskRun
from tenants.queue import QueueState, claim, due_tenants
from tests.conftest import Business, in_tenant
from tests.outside import HttpServer, http_server, listener
from vault.services import store_credential

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback_allowed")]

CSV = b"code,name,sku,price,currency\nlamp,Lamp,LAMP-1,100000,VND\n"


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server() as found:
        yield found


@pytest.fixture
def run_target(api, saigon) -> Callable[..., ScheduleOccurrence]:
    """Return what has a target run by the task and gives back the occurrence."""

    def run(target: dict[str, Any], **more: Any) -> ScheduleOccurrence:
        made = api(saigon, saigon.owner).post(
            "schedules/", {"name": "Job", "cron": "0 3 * * *", "time_zone": "UTC", "target": target, **more}
        )
        assert made.status_code == 201, made.content
        assert api(saigon).post(f"schedules/{made.json()['id']}/run/").status_code == 201
        run_occurrences()
        return newest(saigon)

    return run


def newest(business: Business) -> ScheduleOccurrence:
    with in_tenant(business.tenant):
        found: ScheduleOccurrence = ScheduleOccurrence.objects.select_related("schedule").latest("id")
        return found


def runs(business: Business) -> list[TaskRun]:
    with in_tenant(business.tenant):
        return list(TaskRun.objects.order_by("id"))


def lease_ends(business: Business) -> None:
    """Let the worker have died: nobody renews its lease."""
    with in_tenant(business.tenant):
        ScheduleOccurrence.objects.filter(state=QueueState.RUNNING).update(due_at=Now() - timedelta(seconds=1))


# --- HTTP


def test_an_address_is_called_with_the_secret_and_the_answer_is_kept_without_it(saigon, server, run_target):
    with in_tenant(saigon.tenant):
        secret = store_credential(provider="custom", kind="api_key", label="ERP", secret={"api_key": "sk-very-secret"})
    server.body, server.headers = (
        json.dumps({"ok": True, "key": "sk-very-secret"}).encode(),
        {"Content-Type": "application/json"},
    )
    row = run_target({"kind": "http", "url": server.url, "body": {"job": "sync"}, "credential": str(secret.pk)})
    (got,) = server.received
    assert (got.method, json.loads(got.body), got.headers["authorization"]) == (
        "POST",
        {"job": "sync"},
        "Bearer sk-very-secret",
    )
    (run,) = runs(saigon)
    assert (row.state, run.status, run.output["status"]) == ("done", "done", 200)
    assert "sk-very-secret" not in json.dumps([run.input, run.output])


def test_a_call_that_acts_and_ends_without_an_answer_is_unclear_and_never_made_again_by_itself(api, saigon, run_target):
    with listener() as deaf:  # takes the request, and closes
        row = run_target({"kind": "http", "url": deaf.url, "timeout_seconds": 2})
        run_occurrences()
        assert (row.state, deaf.connects) == ("unknown", 1)
        assert (runs(saigon)[0].status, bool(row.reason)) == ("unknown", True)
        api(saigon).post(f"schedules/{row.schedule_id}/occurrences/{row.pk}/retry/")
        run_occurrences()
        assert deaf.connects == 2


def test_a_repeatable_call_is_made_again_under_the_same_key(saigon, server, run_target):
    server.answers = [(503, {}, b""), (200, {}, b"{}")]
    row = run_target({"kind": "http", "url": server.url, "effect": "repeatable"})
    assert (row.state, row.attempt) == ("pending", 1)
    with in_tenant(saigon.tenant):
        ScheduleOccurrence.objects.update(due_at=Now())
    run_occurrences()
    assert newest(saigon).state == "done"
    assert {got.headers["idempotency-key"] for got in server.received} == {str(row.pk)}
    assert [(run.attempt, run.status) for run in runs(saigon)] == [(1, "failed"), (2, "done")]


@pytest.mark.parametrize(("status", "effect"), [(404, "repeatable"), (500, "acts")])
def test_what_will_not_get_better_is_not_tried_again(saigon, server, run_target, status, effect):
    server.status = status
    row = run_target({"kind": "http", "url": server.url, "effect": effect})
    assert (row.state, row.reason) == ("failed", f"The server answered {status}.")
    assert len(server.received) == 1


def test_a_worker_that_dies_during_a_call_that_acts_leaves_it_unclear(saigon, server, run_target):
    row = run_target({"kind": "http", "url": server.url})
    with in_tenant(saigon.tenant):  # as it stands when a worker was killed between the call and its end
        ScheduleOccurrence.objects.update(state="pending", due_at=Now(), attempt=0)
        claim(ScheduleOccurrence, limit=1)
        ScheduleOccurrence.objects.update(begun_at=Now())
    lease_ends(saigon)
    run_occurrences()
    assert (newest(saigon).state, len(server.received)) == ("unknown", 1)
    assert [run.status for run in runs(saigon)] == ["done", "failed", "unknown"]
    assert "worker died" in newest(saigon).reason
    assert row.pk == newest(saigon).pk


def test_a_worker_that_dies_before_the_call_leaves_it_to_another_one(saigon, server, run_target):
    run_target({"kind": "http", "url": server.url})
    server.received.clear()
    with in_tenant(saigon.tenant):
        ScheduleOccurrence.objects.update(state="pending", due_at=Now(), attempt=0)
        claim(ScheduleOccurrence, limit=1)
    lease_ends(saigon)
    run_occurrences()
    assert (newest(saigon).state, newest(saigon).attempt, len(server.received)) == ("done", 3, 1)


def test_what_kills_its_worker_each_time_is_parked_after_three_times(saigon, run_target):
    run_target({"kind": "end_idle_sessions"})
    with in_tenant(saigon.tenant):
        ScheduleOccurrence.objects.update(state="pending", due_at=Now(), attempt=0)
        TaskRun.objects.all().delete()
    for attempt in (1, 3, 5):
        with in_tenant(saigon.tenant):
            (row,) = claim(ScheduleOccurrence, limit=1)
        assert row.attempt == attempt
        lease_ends(saigon)
    run_occurrences()
    assert newest(saigon).state == "unknown"
    assert [(run.attempt, run.status, run.problem) for run in runs(saigon)] == [
        (attempt, "failed", "The worker died.") for attempt in (1, 3, 5)
    ]


def test_who_does_not_manage_credentials_sends_none_by_a_schedule(api, saigon, server):
    with in_tenant(saigon.tenant):
        secret = store_credential(provider="custom", kind="api_key", label="ERP", secret={"api_key": "sk-very-secret"})
    asked = {
        "cron": "0 3 * * *",
        "time_zone": "UTC",
        "target": {"kind": "http", "url": server.url, "credential": str(secret.pk)},
    }
    refused = api(saigon, saigon.operator).post("schedules/", asked)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (403, "target.credential")
    made = api(saigon, saigon.owner).post("schedules/", asked).json()
    elsewhere = {**asked["target"], "url": f"{server.url}/elsewhere"}
    assert api(saigon, saigon.operator).patch(f"schedules/{made['id']}/", {"target": elsewhere}).status_code == 403
    with in_tenant(saigon.tenant):
        assert Schedule.objects.get().target == asked["target"]


# --- imports


def test_a_catalogue_is_fetched_and_imported_once_however_often_it_is_run(saigon, server, run_target):
    server.body = CSV
    row = run_target({"kind": "import_catalog", "url": f"http://127.0.0.1:{server.port}/feeds/lamps.csv"})
    assert row.state == "done"
    with in_tenant(saigon.tenant):
        ScheduleOccurrence.objects.update(state="pending", due_at=Now())
    run_occurrences()
    run_imports()
    with in_tenant(saigon.tenant):
        job = ImportJob.objects.get()
        assert (job.pk, job.source_file.name, job.status) == (row.pk, "lamps.csv", "completed")
        assert Variant.objects.get().sku == "LAMP-1"
        imported = TaskRun.objects.get(queue="catalog.importjob")
    assert (imported.status, imported.output["rows"]) == ("done", 1)


def test_a_catalogue_that_is_not_there_is_tried_again_and_told(saigon, server, run_target):
    server.status = 404
    row = run_target({"kind": "import_catalog", "url": server.url})
    assert (row.state, "answered 404: there is nothing" in row.reason) == ("pending", True)
    with in_tenant(saigon.tenant):
        assert not ImportJob.objects.exists()


# --- many at once


@pytest.mark.django_db(transaction=True)
def test_three_beats_at_once_fire_each_schedule_once(api, saigon, harbour):
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            Schedule.objects.bulk_create(
                Schedule(
                    cron="* * * * *",
                    time_zone="UTC",
                    target={"kind": "end_idle_sessions"},
                    next_run=timezone.now() - timedelta(seconds=1),
                )
                for _ in range(40)
            )
    ready = threading.Barrier(3)

    def beat(_number: int) -> int:
        try:
            ready.wait()
            return dispatch_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as beats:
        assert sum(beats.map(beat, range(3))) == 80
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            assert ScheduleOccurrence.objects.count() == 40
            assert ScheduleOccurrence.objects.values("schedule").distinct().count() == 40


def test_ten_runs_of_one_business_do_not_wait_for_the_thousands_of_another(api, saigon, harbour, monkeypatch):
    made = {}
    for business, how_many in ((saigon, 3000), (harbour, 10)):
        with in_tenant(business.tenant):
            schedule = Schedule.objects.create(
                cron="0 3 * * *", time_zone="UTC", target={"kind": "counted"}, is_active=False
            )
            made[business.tenant.id] = how_many
            ScheduleOccurrence.objects.bulk_create(
                ScheduleOccurrence(schedule=schedule, scheduled_for=timezone.now() + timedelta(seconds=number))
                for number in range(how_many)
            )
    order: list[Any] = []

    def claimed(rows: Any) -> None:
        order.extend(row.tenant_id for row in rows)
        with_state = ScheduleOccurrence.objects.filter(pk__in=[row.pk for row in rows])
        with_state.update(state="done")
        if order.count(harbour.tenant.id) == 10:
            raise KeyboardInterrupt  # enough was seen

    monkeypatch.setattr("runtime.schedules.run_claimed", claimed)
    with pytest.raises(KeyboardInterrupt):
        run_occurrences()
    assert order.count(harbour.tenant.id) == 10
    assert order.count(saigon.tenant.id) <= 15


@pytest.mark.slow
def test_a_turn_of_each_business_costs_the_same_however_long_the_queue_of_one_is(saigon, harbour):
    with in_tenant(saigon.tenant), connection.cursor() as cursor:
        schedule = Schedule.objects.create(cron="0 3 * * *", time_zone="UTC", target={"kind": "x"}, is_active=False)
        cursor.execute(
            """INSERT INTO runtime_scheduleoccurrence (tenant_id, schedule_id, scheduled_for)
            SELECT %s, %s, now() + n * interval '1 second' FROM generate_series(1, 100000) AS n""",
            [saigon.tenant.pk, schedule.pk],
        )
        cursor.execute("ANALYZE runtime_scheduleoccurrence")
        began = time.perf_counter()
        assert len(claim(ScheduleOccurrence, limit=5)) == 5
        assert time.perf_counter() - began < 0.5
    with in_tenant(harbour.tenant):
        schedule = Schedule.objects.create(cron="0 3 * * *", time_zone="UTC", target={"kind": "x"}, is_active=False)
        ScheduleOccurrence.objects.create(schedule=schedule, scheduled_for=timezone.now())
    began = time.perf_counter()
    assert set(due_tenants(ScheduleOccurrence)) == {saigon.tenant.pk, harbour.tenant.pk}
    assert time.perf_counter() - began < 0.5


def test_a_tick_finds_what_an_emptied_broker_forgot(api, saigon, nightly_due):
    dispatch_schedules()  # its wake-up was lost
    with in_tenant(saigon.tenant):
        assert ScheduleOccurrence.objects.get().state == "pending"
    run_occurrences()  # beat's own tick
    with in_tenant(saigon.tenant):
        assert ScheduleOccurrence.objects.get().state == "done"


@pytest.fixture
def nightly_due(saigon: Business) -> Schedule:
    with in_tenant(saigon.tenant):
        made: Schedule = Schedule.objects.create(
            cron="0 3 * * *", time_zone="UTC", target={"kind": "end_idle_sessions"}, next_run=timezone.now()
        )
        return made
