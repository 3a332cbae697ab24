"""How long things are kept: each tenant says so for each kind, and one sweep a night deletes what is older, in batches."""

import os
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from reports.emails import Attachment, queue_email, write_email
from reports.models import EmailDelivery, EmailMessage, InsightDelivery
from runtime.models import DecisionEvent, Escalation, KnowledgeGap, Rating, ScheduleOccurrence, Session, Turn
from tenants import retention
from tenants.models import PLATFORM_ID, Event, IdempotencyKey, RetentionSweep, Setting, StoredFile, TaskRun, Tenant
from tenants.retention import KINDS, begin_sweeps, run_sweeps
from tenants.scope import platform_scope
from tenants.storage import path_of, store_file
from tests.conftest import Business, in_tenant
from tests.rows import ROWS, make_row
from vault.models import CredentialUse, UsageEntry

pytestmark = pytest.mark.django_db

NIGHT = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
"""Half past three in Saigon on the 22nd, half past eight in the evening of the 21st in London."""


def age(model: type[Any], days: float) -> None:
    """Make every row of the model so old; one that nobody may change is written so old."""
    past = Now() - timedelta(days=days)
    if model is CredentialUse:
        model.objects.all().delete()
        model.objects.create(credential_id=uuid.uuid4(), label="Old", version=1, actor_kind="task", why="x", created_at=past)
        return
    also = {"dispatched_at": past} if model is Event else {"state_updated_at": past, "ended_at": past}
    model.objects.update(created_at=past, **(also if model in (Event, Session) else {}))


def sweep(business: Business) -> dict[str, Any]:
    """Sweep the business tonight, and return what the sweep tells."""
    with in_tenant(business.tenant):
        RetentionSweep.objects.all().delete()
        RetentionSweep.objects.create(night="2026-11-22")
    run_sweeps()
    with in_tenant(business.tenant):
        row = RetentionSweep.objects.get()
        assert row.state == "done", row.last_error
        return row.deleted


OLD = (InsightDelivery, Event, IdempotencyKey, TaskRun, Turn, Session, ScheduleOccurrence, CredentialUse, UsageEntry)


def test_every_kind_is_kept_as_long_as_the_tenant_says_and_the_other_tenant_keeps_its_own(saigon, harbour):
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            for model in OLD:
                make_row(model)
            for model in OLD:
                age(model, 10)
            InsightDelivery.objects.update(state="skipped")
    with in_tenant(saigon.tenant):
        for name in KINDS:
            Setting.put(retention.PREFIX + name, 9)
        age(UsageEntry, 63)  # never younger: budgets count them
        before = {model: model.objects.count() for model in OLD}
        assert all(before.values())
    told = sweep(saigon)
    with in_tenant(saigon.tenant):
        left = {model.__name__: model.objects.count() for model in OLD}
        assert left == {**dict.fromkeys(left, 0), "TaskRun": 1}  # the sweep's own
        assert told["turns"] >= 2
        assert told["usage"] == before[UsageEntry]
        run = TaskRun.objects.get(task_type="retention")
        assert (run.status, run.output) == ("done", told)
    with in_tenant(harbour.tenant):
        assert {model: model.objects.count() for model in OLD} == before


def test_what_is_younger_waits_for_somebody_or_still_goes_on_stays(saigon):
    with in_tenant(saigon.tenant):
        for name in KINDS:
            Setting.put(retention.PREFIX + name, 9)
        for model in OLD:
            make_row(model)
        Session.objects.update(ended_at=None, state_updated_at=Now() - timedelta(days=30))
        Event.objects.update(created_at=Now() - timedelta(days=30))  # handed to nobody yet
        ScheduleOccurrence.objects.update(created_at=Now() - timedelta(days=30), state="pending", due_at="2099-01-01T00:00Z")
        InsightDelivery.objects.update(created_at=Now() - timedelta(days=30), due_at="2099-01-01T00:00Z")
        UsageEntry.objects.update(created_at=Now() - timedelta(days=99), state="reserved", amount=None, settled_at=None)
        kept = {model: set(model.objects.values_list("pk", flat=True)) for model in OLD}
    assert sweep(saigon) == {}
    with in_tenant(saigon.tenant):
        assert all(kept[model] <= set(model.objects.values_list("pk", flat=True)) for model in OLD)


def test_a_conversation_goes_with_all_that_was_said_and_thought_in_it(saigon):
    with in_tenant(saigon.tenant):
        hung_on = [model for model in ROWS if any(f.related_model in (Session, Turn) for f in model._meta.concrete_fields)]
        for model in hung_on:
            make_row(model)
        age(Session, 731)
    assert sweep(saigon)["turns"]
    with in_tenant(saigon.tenant):
        assert {Turn, DecisionEvent, Escalation, Rating, KnowledgeGap} <= set(hung_on)
        assert not any(model.objects.exclude(session=None).exists() for model in hung_on if hasattr(model, "session"))
        assert KnowledgeGap.objects.get().turn is None


def test_a_mail_goes_with_its_deliveries_and_files_and_one_on_its_way_stays(saigon):
    with in_tenant(saigon.tenant):
        Setting.put("retention_days_email_deliveries", 9)
        attached = Attachment("a.txt", "text/plain", [b"bytes"])
        mails = [
            queue_email(email=write_email(subject=subject, body="x", to=["a@x.example"], attachments=[attached]))
            for subject in ("sent", "waits")
        ]
        EmailMessage.objects.update(queued_at=Now() - timedelta(days=10))
        EmailDelivery.objects.filter(email=mails[0]).update(state="done", sent_at=Now())
        path = path_of(mails[0].attachments.get().file)
    assert sweep(saigon) == {"email_deliveries": 1}
    with in_tenant(saigon.tenant):
        assert [mail.subject for mail in EmailMessage.objects.all()] == ["waits"]
        assert (EmailDelivery.objects.count(), StoredFile.objects.count()) == (1, 1)
    assert path.exists()  # the test's own transaction has not ended: bytes go with the commit


def test_0_days_keep_for_ever(saigon):
    with in_tenant(saigon.tenant):
        Setting.put("retention_days_turns", 0)
        make_row(Turn)
        age(Session, 9999)
        age(Turn, 9999)
    assert sweep(saigon) == {}


def test_a_sweep_that_was_killed_or_whose_turn_is_over_is_gone_on_with_where_it_stood(saigon, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 1)
    with in_tenant(saigon.tenant):
        for _ in range(3):
            make_row(IdempotencyKey)
        age(IdempotencyKey, 2)
        RetentionSweep.objects.create(night="2026-11-22")
        monkeypatch.setattr(retention, "forget_old", dying_after_one_batch)
        with pytest.raises(KeyboardInterrupt):
            run_sweeps()
        assert IdempotencyKey.objects.count() == 2
        RetentionSweep.objects.update(due_at=Now() - timedelta(seconds=1))  # its lease is over
    monkeypatch.undo()
    monkeypatch.setattr(retention, "BATCH", 1)
    monkeypatch.setattr(retention, "TURN_SECONDS", 0.0)
    run_sweeps()
    with in_tenant(saigon.tenant):
        row = RetentionSweep.objects.get(night="2026-11-22")
        assert (row.state, row.deleted) == ("done", {"idempotency_keys": 2})
        assert TaskRun.objects.filter(task_type="retention", status="done").count() == 1


def dying_after_one_batch(kind: Any) -> Any:
    if kind.name == "idempotency_keys":
        for rows in kind.old(1):
            retention._delete_batch(rows, kind.forget)
        raise KeyboardInterrupt
    return ()


def test_night_comes_by_the_tenants_own_clock_and_once(saigon, harbour):
    with platform_scope(reason="test"):
        Tenant.objects.filter(pk=harbour.tenant.pk).update(time_zone="Europe/London")
        Tenant.objects.filter(pk=PLATFORM_ID).update(time_zone="America/New_York")
    begin_sweeps(NIGHT)
    assert begin_sweeps(NIGHT + timedelta(minutes=10)) == 0
    nights = {}
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            nights[business.tenant.slug] = [str(night) for night in RetentionSweep.objects.values_list("night", flat=True)]
    assert nights == {"saigon": ["2026-11-22"], "harbour": ["2026-11-21"]}
    with platform_scope(reason="test"):
        Tenant.objects.filter(pk=harbour.tenant.pk).update(status="suspended")
    begin_sweeps(NIGHT + timedelta(days=1))
    with in_tenant(harbour.tenant):
        assert RetentionSweep.objects.count() == 1


def test_the_days_are_settings_with_bounds(api, saigon):
    client = api(saigon, saigon.owner)
    listed = {row["name"] for row in client.get("settings/", {"page_size": 200}).json()["results"]}
    assert {retention.PREFIX + name for name, kind in KINDS.items() if not kind.of_platform} <= listed
    assert "retention_days_health_samples" not in listed  # the installation's own
    assert client.patch("settings/retention_days_health_samples/", {"value": 1}).status_code == 404
    assert client.patch("settings/retention_days_turns/", {"value": 30}).status_code == 200
    assert client.patch("settings/retention_days_turns/", {"value": -1}).status_code == 422
    with in_tenant(saigon.tenant):
        assert Setting.objects.get(name="retention_days_turns").value == 30


def test_the_bytes_of_uploads_that_were_rolled_back_or_begun_go_after_a_day(saigon, harbour):
    with in_tenant(harbour.tenant):
        theirs = path_of(store_file([b"x"], name="a.txt", media_type="text/plain", limit=9))
    with in_tenant(saigon.tenant):
        mine = path_of(store_file([b"x"], name="a.txt", media_type="text/plain", limit=9))
    strays = [mine.parent / str(uuid.uuid4()), mine.parent / "part-abc"]
    new, other = mine.parent / str(uuid.uuid4()), mine.parent / "notes.txt"
    for path in (*strays, new, other):
        path.write_bytes(b"x")
    for path in (mine, theirs, *strays, other):
        os.utime(path, (0, 0))
    sweep(saigon)
    assert [path.exists() for path in (mine, theirs, new, other, *strays)] == [True, True, True, True, False, False]
    with in_tenant(saigon.tenant):
        assert RetentionSweep.objects.get().state == "done"
        assert TaskRun.objects.latest("id").output["stray_files"] == 2
