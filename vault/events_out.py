"""Events out: every event becomes one delivery for each destination that wants it; and the destinations' secrets.

``dispatch_events`` does so with one statement for each tenant and batch; ``vault/deliveries.py`` sends them.
"""

import random
import time
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from tenants.models import Event, Tenant, User
from tenants.queue import WORK_SECONDS, wake
from tenants.scope import platform_scope, tenant_scope
from vault.models import EventDestination
from vault.models.events_out import DELIVER_TASK, OVERLAP
from vault.services import store_credential
from vault.webhooks import new_secret

DISPATCH_TASK = "vault.dispatch_events"
EVENTS_AT_ONCE = 500
FAN_OUT = """
WITH due AS (
    SELECT id, kind, subject_kind, subject_id, data, created_at FROM tenants_event
    WHERE tenant_id = %(tenant)s AND dispatched_at IS NULL
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), made AS (
    INSERT INTO vault_eventdelivery (tenant_id, destination_id, event_id, kind, body)
    SELECT %(tenant)s, wanted.id, due.id, due.kind, jsonb_build_object(
        'type', due.kind,
        'timestamp', to_char(due.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'tenant', %(slug)s::text,
        'subject', CASE WHEN due.subject_kind <> '' THEN
            jsonb_build_object('kind', due.subject_kind, 'id', due.subject_id) END,
        'data', due.data
    )::text
    FROM due JOIN vault_eventdestination wanted ON wanted.tenant_id = %(tenant)s AND wanted.is_active
        AND (wanted.kinds = '{}' OR due.kind = ANY (wanted.kinds))
    ON CONFLICT (tenant_id, destination_id, event_id) DO NOTHING
    RETURNING 1
), told AS (
    UPDATE tenants_event SET dispatched_at = %(now)s FROM due
    WHERE tenants_event.tenant_id = %(tenant)s AND tenants_event.id = due.id
    RETURNING 1
)
SELECT (SELECT count(*) FROM told), (SELECT count(*) FROM made)
"""

UNWANTED = """
UPDATE tenants_event SET dispatched_at = now() WHERE id IN (
    SELECT id FROM tenants_event AS event WHERE dispatched_at IS NULL AND NOT EXISTS (
        SELECT FROM vault_eventdestination AS wanted WHERE wanted.tenant_id = event.tenant_id AND wanted.is_active
    ) LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


def dispatch_events() -> int:
    """Turn the events nobody has dispatched into deliveries; returns how many deliveries were made.

    What decides is a mark on each event, never its time or id: one whose transaction commits late is found late.
    Several workers may do this at once, and a suspended tenant's events wait until it is back.
    """
    _mark_unwanted()
    made, enough = 0, time.monotonic() + WORK_SECONDS
    while time.monotonic() < enough and (tenants := _tenants_with_events()):
        results = [_fan_out(tenant_id, slug) for tenant_id, slug in tenants]
        made += sum(deliveries for _events, deliveries in results)
        if not any(events for events, _deliveries in results):  # others hold what there is
            break
    if made:
        wake(DELIVER_TASK)
    return made


def _mark_unwanted() -> None:
    """Mark the events of tenants that have no destination, all at once."""
    with platform_scope(reason="events nobody wants"), connection.cursor() as cursor:
        cursor.execute(UNWANTED, [EVENTS_AT_ONCE * 20])


def _tenants_with_events() -> list[tuple[UUID, str]]:
    with platform_scope(reason="name the tenants with new events"):
        waiting = Event.objects.filter(dispatched_at=None, tenant__status=Tenant.Status.ACTIVE)
        tenants = list(waiting.values_list("tenant_id", "tenant__slug").distinct().order_by())
    random.shuffle(tenants)
    return tenants


def _fan_out(tenant_id: UUID, slug: str) -> tuple[int, int]:
    values: dict[str, Any] = {"tenant": tenant_id, "slug": slug, "limit": EVENTS_AT_ONCE, "now": timezone.now()}
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        cursor.execute(FAN_OUT, values)
        return tuple(cursor.fetchone())


def create_destination(*, created_by: User | None = None, **values: Any) -> tuple[EventDestination, str]:
    """Make a destination with a signing secret of its own; returns it with the secret, which is shown only now.

    ``values`` are ``name``, ``url``, ``kinds`` and ``is_active``. Raises Django's ``ValidationError``.
    """
    destination, secret = EventDestination(**values), new_secret()
    destination.full_clean(exclude=["secret"])
    with transaction.atomic():
        destination.secret = _stored(destination, secret, created_by)
        destination.save()
    return destination, secret


def rotate_destination_secret(*, destination: EventDestination, created_by: User | None = None) -> str:
    """Give a destination a new secret and return it; the one before signs beside it for ``OVERLAP``."""
    secret = new_secret()
    with transaction.atomic():
        stored = EventDestination.objects.select_for_update(of=("self",)).get(pk=destination.pk)
        oldest = stored.previous_secret
        stored.previous_secret, stored.previous_secret_until = stored.secret, timezone.now() + OVERLAP
        stored.secret = _stored(stored, secret, created_by)
        stored.save()
        if oldest:
            oldest.delete()
    destination.refresh_from_db()
    return secret


def _stored(destination: EventDestination, secret: str, created_by: User | None) -> Any:
    """Store a secret under the destination's name; what it is for is told where it is shown, to each in their language."""
    return store_credential(
        provider="custom", kind="api_key", label=destination.name, secret={"api_key": secret}, created_by=created_by
    )


def remove_destination(*, destination: EventDestination) -> None:
    """Delete a destination with its deliveries and its secrets."""
    with transaction.atomic():
        secrets = [one for one in (destination.secret, destination.previous_secret) if one]
        destination.delete()
        for one in secrets:
            one.delete()
