"""What reads mailboxes, tells people, counts days, sweeps, exports and deletes, interrupted before every step.

Nothing that was accepted is lost, and nothing is done twice; a row of what has been done elsewhere is as if it were done once.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.files.storage import default_storage
from django.db import connections
from django.db.models.functions import Now

from catalog.models import Offering
from reports.distribution import distribute_insights
from reports.mailboxes import save_mailbox
from reports.models import (
    DailyMetric,
    EmailDelivery,
    EmailMessage,
    Insight,
    InsightDelivery,
    InsightSubscription,
    Mailbox,
    MailFolder,
    MailMessage,
    MailSync,
    MetricMark,
    Report,
)
from reports.rollups import count_all
from runtime.models import KnowledgeGap
from tenants.deleting import delete_tenant, emptied_in_order
from tenants.export_orders import order_export
from tenants.models import (
    PLATFORM_ID,
    Event,
    IdempotencyKey,
    RetentionSweep,
    StoredFile,
    Tenant,
    TenantDeletion,
    TenantExport,
)
from tenants.scope import platform_scope
from tenants.services import create_tenant
from tenants.storage import path_of, store_file
from tests.conftest import Business, in_tenant, platform_again
from tests.imap_server import imap_server
from tests.rows import a_gap, an_event, an_insight, an_offering, make_row
from vault.services import store_credential

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback_allowed")]


def test_insights_that_people_are_told_of(at_every_step: Any, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        for channel in ("email", "in_app"):
            InsightSubscription.objects.create(recipient_type="person", user=saigon.owner, channel=channel, min_score=0)

    def add(step: int) -> None:
        for _number in range(2):
            an_insight()
        Report.objects.update(state="done")

    def check(when: str) -> None:
        assert not Insight.objects.filter(distributed_at=None).exists(), when
        assert set(InsightDelivery.objects.values_list("state", flat=True)) == {"done"}, when
        for channel in ("email", "in_app"):
            rows = InsightDelivery.objects.filter(channel=channel)
            told = Counter(one for row in rows for one in row.insights)
            assert (set(told), set(told.values())) == (set(Insight.objects.values_list("pk", flat=True)), {1}), when
        mails = InsightDelivery.objects.filter(channel="email").values_list("email", flat=True)
        assert set(mails) == set(EmailMessage.objects.values_list("pk", flat=True)), when
        assert EmailDelivery.objects.count() == EmailMessage.objects.count() == len(mails), when
        EmailDelivery.objects.update(state="done", sent_at=Now())  # by another queue

    at_every_step("reports.deliver_insights", add, check, every=11)


def test_mailboxes(at_every_step: Any, saigon: Business) -> None:
    with imap_server() as server, in_tenant(saigon.tenant):
        secret = store_credential(provider="imap", kind="basic", label="Mail", secret=server.secret())
        save_mailbox(Mailbox(name="Shop", address="shop@example.com", imap=secret))

        def add(step: int) -> None:
            server.inbox.add(f"Subject: {step}\r\n\r\nHello".encode())
            MailSync.objects.update(due_at=Now() - timedelta(seconds=1))

        def check(when: str) -> None:
            there = sorted(uid for uid in server.inbox.messages)
            assert list(MailMessage.objects.order_by("uid").values_list("uid", flat=True)) == there, when
            assert MailFolder.objects.get().message_count == len(there), when
            assert MailSync.objects.get().last_error == "", when

        at_every_step("reports.sync_mailboxes", add, check, every=7)


def test_daily_figures(at_every_step: Any, saigon: Business) -> None:
    def add(step: int) -> None:
        at = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=step % 300)
        KnowledgeGap.objects.filter(pk=a_gap().pk).update(created_at=at)
        MetricMark.objects.update(due_at=Now() - timedelta(seconds=1))

    def check(when: str) -> None:
        def figures() -> list[Any]:
            return sorted(DailyMetric.objects.filter(bot_id=None).values_list("day", "metric", "value"))

        MetricMark.objects.update(due_at=Now() - timedelta(seconds=1))
        gaps = Counter(KnowledgeGap.objects.values_list("created_at__date", flat=True))
        kept = DailyMetric.objects.filter(metric="knowledge_gaps").values_list("day", "value")
        counted: Counter[date] = Counter()
        for day, value in kept:
            counted[day] += int(value)
        assert counted == gaps, when
        before = figures()
        count_all()
        assert figures() == before, when

    at_every_step("reports.roll_up", add, check, every=7)


def test_nightly_sweeps(at_every_step: Any, saigon: Business) -> None:
    def add(step: int) -> None:
        for _number in range(2):
            old, _new = an_event(), an_event()
            past = Now() - timedelta(days=900)
            Event.objects.update(dispatched_at=Now())
            Event.objects.filter(pk=old.pk).update(created_at=past)
            IdempotencyKey.objects.filter(pk=make_row(IdempotencyKey).pk).update(created_at=past)
        RetentionSweep.objects.create(night=date(2020, 1, 1) + timedelta(days=step))

    def check(when: str) -> None:
        assert not IdempotencyKey.objects.exists(), when
        assert not Event.objects.filter(created_at__lt=Now() - timedelta(days=365)).exists(), when
        new = Event.objects.filter(kind="import.finished").count()
        assert new >= 2 * RetentionSweep.objects.filter(night__lt="2025-01-01").count(), when
        assert set(RetentionSweep.objects.values_list("state", flat=True)) == {"done"}, when

    at_every_step("tenants.forget_old", add, check, every=11)


def test_exports_of_tenants(at_every_step: Any, saigon: Business) -> None:
    platform_again()
    with in_tenant(saigon.tenant):
        an_offering()

    def add(_step: int) -> None:
        order_export(tenant=saigon.tenant)

    def check(when: str) -> None:
        with in_tenant(PLATFORM_ID):
            row = TenantExport.objects.select_related("file").latest("id")
            assert (row.state, row.last_error) == ("done", ""), when
            assert row.file is not None
            with ZipFile(path_of(row.file)) as archive:
                assert archive.testzip() is None, when
                assert len(archive.read("tables/catalog.offering.jsonl").splitlines()) == 1, when
            assert Event.objects.filter(kind="export.finished", subject_id=row.pk).count() == 1, when
            assert StoredFile.objects.count() == TenantExport.objects.exclude(file=None).count(), when

    at_every_step("tenants.export_tenants", add, check, every=97)


def test_deletions_of_tenants(at_every_step: Any, saigon: Business) -> None:
    platform_again()
    with in_tenant(saigon.tenant):
        an_offering()
    gone: list[Any] = []

    def add(step: int) -> None:
        tenant = create_tenant(slug=f"gone-{step}", name="Gone", owner_email=f"owner-{step}@gone.example").tenant
        gone.append(tenant.pk)
        with in_tenant(tenant):
            an_offering()
            store_file([b"x"], name="a.txt", media_type="text/plain", limit=9)
        delete_tenant(tenant=tenant, typed=tenant.slug)

    def check(when: str) -> None:
        with platform_scope(reason="test"):
            assert not Tenant.objects.filter(pk__in=gone).exists(), when
            left = [model for model in emptied_in_order() if model._default_manager.filter(tenant_id__in=gone).exists()]
            assert left == [], when
        with in_tenant(PLATFORM_ID):
            assert set(TenantDeletion.objects.values_list("state", flat=True)) == {"done"}, when
        assert not [pk for pk in gone if Path(default_storage.path(str(pk))).exists()], when
        assert Offering.objects.count() == 1, when

    at_every_step("tenants.delete_tenants", add, check, every=197)


def test_three_workers_that_tell_of_insights_at_once_tell_each_person_once(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        for frequency in ("at_once", "daily"):
            for channel, address in (("email", "an@x.example"), ("email", "binh@x.example")):
                kind = {"recipient_type": "address", "address": f"{frequency}-{address}", "channel": channel}
                InsightSubscription.objects.create(**kind, frequency=frequency, min_score=0)

    def fan_out(_number: int) -> int:
        try:
            return distribute_insights()
        finally:
            connections.close_all()

    seen = 0
    for _round in range(6):
        with in_tenant(saigon.tenant):
            for _number in range(5):
                an_insight()
        with ThreadPoolExecutor(3) as workers:
            seen += sum(workers.map(fan_out, range(3)))
    with in_tenant(saigon.tenant):
        ids = set(Insight.objects.values_list("pk", flat=True))
        told: dict[str, Counter[Any]] = {}
        for row in InsightDelivery.objects.all():
            told.setdefault(row.address, Counter()).update(row.insights)
    assert seen == len(ids) == 30
    assert len(told) == 4
    assert all((set(one), set(one.values())) == (ids, {1}) for one in told.values())
