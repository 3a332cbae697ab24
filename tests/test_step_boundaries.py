"""A worker is killed before every single step of every queue: nothing that was accepted is lost, and nothing done twice."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from bots.documents import Upload, create_document
from bots.models import KnowledgeChunk, KnowledgeDocument
from catalog.imports.jobs import create_job
from catalog.models import ImportJob, OfferingVersion, ScheduledActivation, SearchVector, StockMovement, Variant
from catalog.services import create_version
from catalog.versions import schedule_activation
from reports.emails import queue_email, write_email
from reports.models import EmailDelivery, EmailMessage, Insight, Report, ReportRow
from reports.uploads import create_report
from runtime.models import Schedule, ScheduleOccurrence
from tenants.events import record_event
from tenants.models import Event, Setting
from tenants.queue import OPEN, QueueState, queues
from tests.catalog.imports.files import shopify, written
from tests.conftest import Business, in_tenant
from tests.outside import HttpServer, http_server
from tests.reports.files import days
from tests.rows import a_collection, an_offering
from tests.smtp_sink import Sink, smtp_sink
from vault.events_out import create_destination
from vault.models import EventDelivery

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback_allowed")]

ROOT = Path(__file__).resolve().parent.parent
MOST_STEPS = 400
Run = Callable[[int, str], str]


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


@pytest.fixture
def run(sink: Sink) -> Iterator[Run]:
    """Return what has a worker run tasks and die before a step; it says whether it did."""
    command = [sys.executable, "-m", "tests.dying_worker", str(connection.settings_dict["NAME"]), str(sink.port)]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as worker:
        assert worker.stdin
        assert worker.stdout
        assert worker.stdout.readline() == "ready\n"

        def ask(step: int, tasks: str) -> str:
            worker.stdin.write(f"{step} {tasks}\n")
            worker.stdin.flush()
            return worker.stdout.readline().strip()

        yield ask
        worker.stdin.close()


def at_every_step(business: Business, run: Run, tasks: str, add: Callable[[int], None], check: Callable[[str], None]) -> int:
    """Add work, have it done by a worker that dies before its first step, its second one, … and let another go on.

    Ends with the first worker that had no more steps to die at; returns how many died.
    """
    for step in range(1, MOST_STEPS):
        with in_tenant(business.tenant):
            add(step)
        ended = run(step, tasks)
        assert ended in ("killed", "done"), step
        for _ in range(5):
            end_leases(business)
            assert run(0, tasks) == "done"
            if not waiting(business):
                break
        with in_tenant(business.tenant):
            check(f"killed before step {step}")
        if ended == "done":
            return step - 1
    raise AssertionError("it never ended")


def end_leases(business: Business) -> None:
    """Let the leases of the dead be over, and whatever rests or is tried again later be due."""
    past = timezone.now() - timedelta(minutes=5)
    with in_tenant(business.tenant):
        for queue in queues():
            queue._default_manager.filter(state__in=OPEN).update(due_at=past)
        EmailDelivery.objects.filter(state=QueueState.UNKNOWN).update(begun_at=past)


def waiting(business: Business) -> dict[str, int]:
    """Return how much is not ended, by queue."""
    with in_tenant(business.tenant):
        counts = {queue.__name__: queue._default_manager.filter(state__in=OPEN).count() for queue in queues()}
    return {name: count for name, count in counts.items() if count}


def test_mail(saigon: Business, run: Run, sink: Sink) -> None:
    def add(step: int) -> None:
        Setting.put("emails_per_minute", 100_000)
        queue_email(email=write_email(subject="Tin vui", body="…", to=[f"{name}-{step}@x.example" for name in "abc"]))

    def check(when: str) -> None:
        taken = Counter(recipient for recipient, _text in sink.taken)
        for address, state in EmailDelivery.objects.values_list("address", "state"):
            allowed = {"done": {1}, "unknown": {0, 1}}.get(state, set())
            assert taken[address] in allowed, (when, address, state, taken[address])

    killed = at_every_step(saigon, run, "reports.send_emails", add, check)
    with in_tenant(saigon.tenant):
        assert EmailDelivery.objects.filter(state="unknown").count() <= killed
        assert EmailDelivery.objects.filter(state="done").count() >= 2 * killed


def test_events_out(saigon: Business, run: Run, server: HttpServer) -> None:
    with in_tenant(saigon.tenant):
        create_destination(name="Bookkeeping", url=server.url, kinds=["order.created"])

    def add(step: int) -> None:
        for number in range(2):
            record_event("order.created", data={"step": step, "number": number})

    def check(when: str) -> None:
        bodies: dict[str, set[bytes]] = {}
        for one in server.received:
            if len(one.body) == int(one.headers["content-length"]):  # of some only the head was sent
                bodies.setdefault(one.headers["webhook-id"], set()).add(one.body)
        assert set(bodies) == {str(pk) for pk in Event.objects.filter(kind="order.created").values_list("pk", flat=True)}, (
            when
        )
        assert all(len(same) == 1 for same in bodies.values()), when
        assert set(EventDelivery.objects.values_list("state", flat=True)) == {"done"}, when
        assert EventDelivery.objects.count() == len(bodies), when

    killed = at_every_step(saigon, run, "vault.dispatch_events vault.deliver_events", add, check)
    assert len(server.received) <= 2 * (killed + 1) + 2 * killed  # again only what a dead one had begun


def due_schedule(target: dict[str, Any]) -> None:
    moment = timezone.now() - timedelta(seconds=5)
    Schedule.objects.create(cron="0 3 1 1 *", time_zone="UTC", target=target, next_run=moment)


def test_schedules_that_call_what_must_not_be_called_twice(saigon: Business, run: Run, server: HttpServer) -> None:
    def add(step: int) -> None:
        due_schedule({"kind": "http", "url": f"{server.url}/{step}", "timeout_seconds": 5})

    def check(when: str) -> None:
        called = Counter(one.path.rpartition("/")[2] for one in server.received)
        for row in ScheduleOccurrence.objects.select_related("schedule"):
            step = row.schedule.target["url"].rpartition("/")[2]
            allowed = {"done": {1}, "unknown": {0, 1}}.get(row.state, set())
            assert called[step] in allowed, (when, row.state, called[step])
        assert ScheduleOccurrence.objects.count() == Schedule.objects.count(), when

    at_every_step(saigon, run, "runtime.dispatch_schedules runtime.run_occurrences", add, check)


def test_schedules_that_write_a_mail(saigon: Business, run: Run, sink: Sink) -> None:
    def add(step: int) -> None:
        Setting.put("emails_per_minute", 100_000)
        due_schedule({"kind": "email", "to": ["owner@x.example"], "subject": f"Number {step}", "body": "…"})

    def check(when: str) -> None:
        assert set(ScheduleOccurrence.objects.values_list("state", flat=True)) == {"done"}, when
        subjects = Counter(EmailMessage.objects.values_list("subject", flat=True))
        assert subjects == {f"Number {row.target['subject'].split()[1]}": 1 for row in Schedule.objects.all()}, when
        assert EmailDelivery.objects.count() == len(subjects), when

    at_every_step(saigon, run, "runtime.dispatch_schedules runtime.run_occurrences", add, check)


def test_reports(saigon: Business, run: Run) -> None:
    def add(step: int) -> None:
        about = {"vendor": f"North {step}", "report_type": "sales", "report_date": date(2026, 11, 20)}
        table = days().replace("sold", f"sold {step}")  # the same file would be the same report
        create_report(chunks=[table.encode()], name="daily.csv", media_type="text/csv", **about)

    def check(when: str) -> None:
        for report in Report.objects.all():
            assert (report.state, report.status) == ("done", "processed"), (when, report.failure)
            assert ReportRow.objects.filter(report=report).count() == 60, when
            keys = Insight.objects.filter(report=report).values_list("key", flat=True)
            assert (len(keys) > 0, len(keys)) == (True, len(set(keys))), when

    at_every_step(saigon, run, "reports.read_reports", add, check)


def test_documents(saigon: Business, run: Run) -> None:
    with in_tenant(saigon.tenant):
        collection = a_collection()

    def add(step: int) -> None:
        text = f"# Returns {step}\n\nGoods may be returned within 30 days.\n\n## Refunds\n\nMoney comes within {step} weeks."
        create_document(collection=collection, name=f"Policy {step}", upload=Upload([text.encode()], "policy.md"))

    def check(when: str) -> None:
        for document in KnowledgeDocument.objects.all():
            assert (document.state, document.status) == ("done", "indexed"), when
            assert KnowledgeChunk.objects.filter(document=document).count() == 2, when
        assert not SearchVector.objects.filter(embedding=None).exists(), when
        assert SearchVector.objects.count() == KnowledgeChunk.objects.count(), when

    at_every_step(saigon, run, "bots.read_documents catalog.embed_texts", add, check)


def test_imports(saigon: Business, run: Run) -> None:
    def add(step: int) -> None:
        rows = [
            shopify(Handle=f"shirt-{step}", Option1_Value=str(size), Variant_SKU=f"LS-{step}-{size}") for size in range(2)
        ]
        create_job(chunks=[written(rows).getvalue()], name="shop.csv", currency="USD", auto_apply=True)

    def check(when: str) -> None:
        assert set(ImportJob.objects.values_list("state", "status")) == {("done", "completed")}, when
        jobs = ImportJob.objects.count()
        assert (Variant.objects.count(), StockMovement.objects.count()) == (2 * jobs, 2 * jobs), when

    at_every_step(saigon, run, "catalog.run_imports", add, check)


def test_versions_that_go_on_sale_at_a_time(saigon: Business, run: Run) -> None:
    def add(step: int) -> None:
        version = create_version(offering=an_offering(f"Lamp {step}"))
        plan = schedule_activation(version=version, at=timezone.now() + timedelta(hours=1))
        ScheduledActivation.objects.filter(pk=plan.pk).update(due_at=timezone.now() - timedelta(seconds=1))

    def check(when: str) -> None:
        assert set(ScheduledActivation.objects.values_list("state", flat=True)) == {"done"}, when
        active = OfferingVersion.objects.filter(status="active").values_list("version", flat=True)
        assert (set(active), len(active)) == ({2}, ScheduledActivation.objects.count()), when
        told = Counter(Event.objects.filter(kind__contains="activated").values_list("subject_id", flat=True))
        assert set(told.values()) <= {1}, when

    at_every_step(saigon, run, "catalog.activate_versions", add, check)
