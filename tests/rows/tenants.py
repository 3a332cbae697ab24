"""Rows of ``tenants``: who is here, and what was done."""

import uuid
from datetime import timedelta

from django.utils import timezone

from tenants.audit import seal_batch
from tenants.events import record_event
from tenants.models import ApiKey, AuditEntry, AuditSeal, Event, IdempotencyKey, Membership, TaskRun, User
from tests.rows.catalog import a_job, a_location
from tests.rows.names import code


def a_member() -> Membership:
    user = User.objects.create_user(f"{code('secret')}@example.com")
    return Membership.objects.create(user=user, role="analyst")


def an_api_key() -> ApiKey:
    key = ApiKey(name="Secret key")
    key.make_key()
    key.save()
    return key


def an_idempotency_key() -> IdempotencyKey:
    return IdempotencyKey.objects.create(
        principal="test", key=code(), route="POST /", body_hash=b"0" * 32, lease_until=timezone.now() + timedelta(seconds=30)
    )


def an_audit_entry() -> AuditEntry:
    return AuditEntry.objects.about(a_location()).get()


def an_audit_seal() -> AuditSeal:
    an_audit_entry()
    seal_batch()
    return AuditSeal.objects.latest("id")


def an_event() -> Event:
    record_event("import.finished", subject=a_job(), data={"file": "secret.csv"})
    return Event.objects.latest("id")


def a_task_run() -> TaskRun:
    return TaskRun.objects.create(
        queue="runtime.scheduleoccurrence", row_id=uuid.uuid4(), task_type="reindex", name=code("Secret run"), status="done"
    )
