"""A worker is killed, or stopped for longer than its lease, before every single step of every queue.

Nothing that was accepted is lost, and nothing is done twice; of what may have been done somebody is told.
"""

from collections import Counter
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from django.utils import timezone

from bots.documents import Upload, create_document
from bots.models import KnowledgeChunk, KnowledgeDocument
from catalog.imports.jobs import create_job
from catalog.models import ImportJob, OfferingVersion, ScheduledActivation, SearchVector, StockMovement, Variant
from catalog.services import create_version
from catalog.versions import schedule_activation
from reports.addresses import MOST_RECIPIENTS
from reports.emails import queue_email, write_email
from reports.models import EmailDelivery, EmailMessage, Insight, Report, ReportRow
from reports.uploads import create_report
from runtime.models import Schedule, ScheduleOccurrence
from tenants.events import record_event
from tenants.models import Event
from tenants.queue import DIED_EACH_TIME, QueueState
from tests.catalog.imports.files import shopify, written
from tests.conftest import Business, in_tenant
from tests.outside import HttpServer
from tests.reports.files import days
from tests.rows import a_collection, an_offering
from tests.smtp_sink import Sink, many_emails
from tests.step_boundaries.conftest import Worker, waiting
from vault.events_out import create_destination
from vault.models import EventDelivery

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback_allowed")]


def test_mail(at_every_step: Any, saigon: Business, sink: Sink) -> None:
    def add(step: int) -> None:
        many_emails()
        queue_email(email=write_email(subject="Tin vui", body="…", to=[f"{name}-{step}@x.example" for name in "abc"]))

    def check(when: str) -> None:
        taken = Counter(recipient for recipient, _text in sink.taken)
        for address, state in EmailDelivery.objects.values_list("address", "state"):
            allowed = {"done": {1}, "unknown": {0, 1}}.get(state, set())
            assert taken[address] in allowed, (when, address, state, taken[address])

    interrupted = at_every_step("reports.send_emails", add, check)
    with in_tenant(saigon.tenant):
        assert EmailDelivery.objects.filter(state="unknown").count() <= interrupted
        assert EmailDelivery.objects.filter(state="done").count() >= 2 * interrupted


def test_ten_thousand_mails_through_a_hundred_killed_workers(saigon: Business, worker: Worker, sink: Sink) -> None:
    mails, kills, chance = 10_000, 100, Random(6)
    with in_tenant(saigon.tenant):
        many_emails()
        for part in range(mails // MOST_RECIPIENTS):
            to = [f"customer-{part}-{number}@x.example" for number in range(MOST_RECIPIENTS)]
            queue_email(email=write_email(subject="Tin vui", body="…", to=to))
    ended = []
    for _ in range(kills):
        ended.append(worker.work("reports.send_emails", step=chance.randrange(1, 1_000)))
        end_of_the_dead(saigon)
    while waiting(saigon):
        end_of_the_dead(saigon)
        assert worker.work("reports.send_emails") == "done"
    taken = Counter(recipient for recipient, _text in sink.taken)
    with in_tenant(saigon.tenant):
        states = dict(EmailDelivery.objects.values_list("address", "state"))
    unclear = [address for address, state in states.items() if state == "unknown"]
    assert Counter(ended) == {"killed": kills}
    assert set(states.values()) <= {"done", "unknown"}
    assert (len(states), max(taken.values())) == (mails, 1)
    assert all(taken[address] == 1 for address, state in states.items() if state == "done")
    assert len(unclear) <= kills


def test_a_mail_that_kills_each_worker_before_it_is_begun_is_parked_and_the_others_are_sent(
    saigon: Business, worker: Worker, sink: Sink
) -> None:
    with in_tenant(saigon.tenant):
        many_emails()
        for name in ("first", "poison", "last"):
            to = [f"{name}-{number}@x.example" for number in range(1 if name == "poison" else 20)]
            queue_email(email=write_email(subject="Tin vui", body="…", to=to))
    ended = []
    while waiting(saigon) and len(ended) < 10:
        ended.append(worker.work("reports.send_emails", signal="POISON"))
        end_of_the_dead(saigon)
    assert ended == ["killed", "killed", "killed", "done"]
    with in_tenant(saigon.tenant):
        states = dict(EmailDelivery.objects.values_list("address", "state"))
        assert EmailDelivery.objects.get(address="poison-0@x.example").last_error == DIED_EACH_TIME
    taken = Counter(recipient for recipient, _text in sink.taken)
    assert Counter(states.values()) == {"done": 39, "unknown": 1, "failed": 1}
    assert (states["poison-0@x.example"], states["first-19@x.example"]) == ("failed", "unknown")
    assert taken == {address: 1 for address in states if not address.startswith("poison")}


def end_of_the_dead(business: Business) -> None:
    """Let the leases of the dead be over, and no account rest."""
    past = timezone.now() - timedelta(minutes=5)
    with in_tenant(business.tenant):
        EmailDelivery.objects.filter(state=QueueState.RUNNING).update(due_at=past)
        EmailDelivery.objects.filter(state=QueueState.UNKNOWN).update(begun_at=past)
        EmailDelivery.objects.filter(is_held=True).update(due_at=past)


def test_events_out(at_every_step: Any, saigon: Business, server: HttpServer) -> None:
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

    interrupted = at_every_step("vault.dispatch_events vault.deliver_events", add, check)
    assert len(server.received) <= 2 * (interrupted + 1) + 2 * interrupted  # again only what was begun


def due_schedule(target: dict[str, Any]) -> None:
    moment = timezone.now() - timedelta(seconds=5)
    Schedule.objects.create(cron="0 3 1 1 *", time_zone="UTC", target=target, next_run=moment)


@pytest.mark.parametrize(
    ("tasks", "every"),
    [("runtime.dispatch_schedules runtime.run_occurrences", 1), ("tests.worker.beat tests.worker.drain", 5)],
    ids=["worker", "beat and worker"],
)
def test_schedules_that_call_what_must_not_be_called_twice(
    at_every_step: Any, saigon: Business, server: HttpServer, tasks: str, every: int
) -> None:
    def add(step: int) -> None:
        due_schedule({"kind": "http", "url": f"{server.url}/{step}", "timeout_seconds": 5})

    def check(when: str) -> None:
        called = Counter(one.path.rpartition("/")[2] for one in server.received)
        for row in ScheduleOccurrence.objects.select_related("schedule"):
            step = row.schedule.target["url"].rpartition("/")[2]
            allowed = {"done": {1}, "unknown": {0, 1}}.get(row.state, set())
            assert called[step] in allowed, (when, row.state, called[step])
        assert ScheduleOccurrence.objects.count() == Schedule.objects.count(), when

    at_every_step(tasks, add, check, every=every)


def test_schedules_that_write_a_mail(at_every_step: Any, saigon: Business, sink: Sink) -> None:
    def add(step: int) -> None:
        many_emails()
        due_schedule({"kind": "email", "to": ["owner@x.example"], "subject": f"Number {step}", "body": "…"})

    def check(when: str) -> None:
        assert set(ScheduleOccurrence.objects.values_list("state", flat=True)) == {"done"}, when
        subjects = Counter(EmailMessage.objects.values_list("subject", flat=True))
        assert subjects == {f"Number {row.target['subject'].split()[1]}": 1 for row in Schedule.objects.all()}, when
        assert EmailDelivery.objects.count() == len(subjects), when

    at_every_step("runtime.dispatch_schedules runtime.run_occurrences", add, check)


def test_reports(at_every_step: Any, saigon: Business) -> None:
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

    at_every_step("reports.read_reports", add, check)


def test_documents(at_every_step: Any, saigon: Business) -> None:
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

    at_every_step("bots.read_documents catalog.embed_texts", add, check)


def test_imports(at_every_step: Any, saigon: Business) -> None:
    def add(step: int) -> None:
        rows = [
            shopify(Handle=f"shirt-{step}", Option1_Value=str(size), Variant_SKU=f"LS-{step}-{size}") for size in range(2)
        ]
        create_job(chunks=[written(rows).getvalue()], name="shop.csv", currency="USD", auto_apply=True)

    def check(when: str) -> None:
        assert set(ImportJob.objects.values_list("state", "status")) == {("done", "completed")}, when
        jobs = ImportJob.objects.count()
        assert (Variant.objects.count(), StockMovement.objects.count()) == (2 * jobs, 2 * jobs), when

    at_every_step("catalog.run_imports", add, check)


def test_versions_that_go_on_sale_at_a_time(at_every_step: Any, saigon: Business) -> None:
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

    at_every_step("catalog.activate_versions", add, check)
