"""Events out: every event once to each destination that wants it, as a signed message, for three days if need be.

``dispatch_events`` turns events into deliveries, one statement for each tenant and batch; ``deliver_due`` sends what is
due. A delivery may arrive twice (a worker that died after the receiver had answered), always with the same
``webhook-id``, and in any order.
"""

import json
import random
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from tenants.errors import DomainError
from tenants.models import Event, Tenant, User, new_ids
from tenants.queue import LEASE, WORK_SECONDS, QueueState, fail, finish, wake, work
from tenants.scope import current_tenant_id, platform_scope, tenant_scope
from vault.models import EventDelivery, EventDestination
from vault.models.events_out import DELIVER_TASK, OVERLAP, PING
from vault.outbound import Answer, DestinationForbidden, OutboundError, request
from vault.services import reveal, store_credential
from vault.webhooks import is_secret, new_secret, signed_headers

DISPATCH_TASK = "vault.dispatch_events"
EVENTS_AT_ONCE = 500
DELIVERIES_AT_ONCE = 10
"""Sent side by side: a batch lasts as long as its slowest receiver."""
SECONDS = 10.0
"""What a receiver has to answer in."""
PAUSES = [5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 72_000]
"""Seconds after the first attempt, the second …: 3 days in all."""
LONGEST_RETRY_AFTER = 3_600
ANSWER_BYTES = 65_536
EXCERPT = 500
NOBODY_THERE = frozenset({"timeout", "connection", "tls", "forbidden"})
PAUSE_OF_OTHERS = timedelta(seconds=60)
"""What waits for a receiver that is not there waits so long, and counts no attempt."""
KEPT = timedelta(days=30)

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


now = time.time
"""The clock of signatures."""


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


def deliver_due() -> int:
    """Send every delivery that is due, in all tenants; returns how many were tried.

    One worker at a time: it waits for strangers, and the others must stay free for everything else.
    """
    return 0 if _somebody_delivers() else work(EventDelivery, deliver, batch=DELIVERIES_AT_ONCE)


def _somebody_delivers() -> bool:
    """Whether a worker holds deliveries now; one that died holds them until its lease ends."""
    with platform_scope(reason="is another worker at it"):
        return EventDelivery.objects.filter(state=QueueState.RUNNING, due_at__gt=Now()).exists()


@dataclass(frozen=True)
class Outcome:
    """How one attempt ended; ``error`` is empty when the receiver took the message."""

    error: str = ""
    kind: str = ""
    status_code: int | None = None
    latency_ms: int | None = None
    answer: str = ""
    retry_after: float = 0.0


@dataclass(frozen=True)
class _Message:
    """All that one attempt needs, so that it can be sent without the database."""

    id: UUID
    url: str
    body: bytes
    secrets: tuple[str, ...]


def deliver(rows: Sequence[EventDelivery]) -> None:
    """Send a batch of one tenant side by side, and note what came of each."""
    ids = {row.destination_id for row in rows}
    places = {
        place.pk: place for place in EventDestination.objects.filter(pk__in=ids).select_related("secret", "previous_secret")
    }
    keys: dict[UUID, tuple[str, ...]] = {}
    ready = [(row, places[row.destination_id], _prepare(row, places[row.destination_id], keys)) for row in rows]
    with ThreadPoolExecutor(DELIVERIES_AT_ONCE) as threads:
        outcomes = threads.map(lambda one: one[2] if isinstance(one[2], Outcome) else _send(one[2]), ready)
        for (row, place, _message), outcome in zip(ready, outcomes, strict=True):
            _note(row, place, outcome)


def _prepare(row: EventDelivery, place: EventDestination, keys: dict[UUID, tuple[str, ...]]) -> _Message | Outcome:
    if not place.is_active and row.kind != PING:
        return Outcome(error=_("The destination is switched off."))
    try:
        if place.pk not in keys:
            keys[place.pk] = _live_secrets(place)
    except DomainError as error:
        return Outcome(error=error.message)
    return _Message(row.event_id, place.url, row.body.encode(), keys[place.pk])


def _live_secrets(place: EventDestination) -> tuple[str, ...]:
    """Return what signs now, the newest first."""
    live = [place.secret, place.previous_secret] if place.overlaps() else [place.secret]
    secrets = tuple(reveal(credential, why="sign events out")["api_key"] for credential in live)
    if not all(is_secret(secret) for secret in secrets):  # somebody has replaced the credential by hand
        raise DomainError("bad_secret", _("The signing secret is not “whsec_” with base64 of 24 to 64 bytes."))
    return secrets


def _send(message: _Message) -> Outcome:
    """Send one message, outside any transaction."""
    timestamp = int(now())
    headers = signed_headers(message.secrets, message_id=str(message.id), timestamp=timestamp, body=message.body)
    headers |= {"Content-Type": "application/json"}
    began = time.monotonic()
    try:
        answer = request("POST", message.url, headers=headers, content=message.body, timeout=SECONDS, max_bytes=ANSWER_BYTES)
    except DestinationForbidden as error:
        return Outcome(error=error.message, kind="forbidden")
    except OutboundError as error:
        if error.status is None:
            return Outcome(error=f"{_why(error)} ({error})", kind=error.kind, latency_ms=_since(began))
        answer = Answer(error.status, {}, b"")  # the status has told all that matters
    return Outcome(
        error="" if 200 <= answer.status < 300 else _("The receiver answered %(status)s.") % {"status": answer.status},
        status_code=answer.status,
        latency_ms=_since(began),
        answer=_excerpt(answer.body, (*message.secrets, headers["webhook-signature"])),
        retry_after=_seconds(answer.headers.get("retry-after", "")) if answer.status in (429, 503) else 0.0,
    )


def _why(error: OutboundError) -> str:
    """Return what happened in words; the error itself has the detail."""
    words = {
        "timeout": _("No answer in time."),
        "connection": _("No connection."),
        "tls": _("No secure connection: is the certificate valid?"),
        "too_large": _("The answer was too large."),
        "protocol": _("What answered does not speak HTTP."),
    }
    return words[error.kind]


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _excerpt(body: bytes, hidden: Sequence[str]) -> str:
    """Return the beginning of an answer without anything we signed with."""
    text = body.decode(errors="replace")
    for one in (part for secret in hidden for part in secret.split()):
        text = text.replace(one, "[…]")
    text = re.sub(r"whsec_[A-Za-z0-9+/=_-]+", "[…]", text)
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "�" for letter in text[:EXCERPT])


def _seconds(retry_after: str) -> float:
    """Return what ``Retry-After`` asks for (seconds or a date), between nothing and an hour."""
    try:
        wanted = float(retry_after) if re.fullmatch(r"-?\d{1,12}", retry_after.strip()) else _until(retry_after)
    except (ValueError, OverflowError):
        return 0.0
    return max(0.0, min(wanted, LONGEST_RETRY_AFTER))


def _until(date: str) -> float:
    found = parsedate_to_datetime(date)
    return (found.replace(tzinfo=found.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


def _note(row: EventDelivery, place: EventDestination, outcome: Outcome) -> None:
    """Write what came of an attempt, unless another worker has taken the delivery over."""
    values: dict[str, Any] = {
        "status_code": outcome.status_code,
        "latency_ms": outcome.latency_ms,
        "answer": outcome.answer,
        "tried_at": Now(),
    }
    this = EventDestination.objects.filter(pk=place.pk)
    if not outcome.error:
        if finish(row, **values):
            this.took_one()
        return
    gone = outcome.status_code == 410
    permanent = gone or row.kind == PING
    if not fail(row, outcome.error, permanent=permanent, delay=_pause(row.attempt, outcome.retry_after), **values):
        return
    if gone:
        this.switch_off(_("The receiver answered 410: it wants nothing more."))
    elif row.kind != PING and place.is_active:
        this.refused_one()
    if outcome.kind in NOBODY_THERE:
        _let_others_wait(place)


def _pause(attempt: int, retry_after: float) -> timedelta:
    """Return how long to wait after an attempt: by the table, with jitter, or longer if the receiver asks for it."""
    usual = PAUSES[min(attempt, len(PAUSES)) - 1] * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, no secret
    return timedelta(seconds=max(usual, retry_after))


def _let_others_wait(place: EventDestination) -> None:
    """Keep workers from waiting ten seconds for each of the thousands that go to a receiver that is not there."""
    waiting = EventDelivery.objects.filter(destination=place, state=QueueState.PENDING, due_at__lte=Now())
    waiting.update(due_at=Now() + PAUSE_OF_OTHERS)


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
    label = _("Signing secret of “%(name)s”") % {"name": destination.name}
    return store_credential(
        provider="custom", kind="api_key", label=label, secret={"api_key": secret}, created_by=created_by
    )


def remove_destination(*, destination: EventDestination) -> None:
    """Delete a destination with its deliveries and its secrets."""
    with transaction.atomic():
        secrets = [one for one in (destination.secret, destination.previous_secret) if one]
        destination.delete()
        for one in secrets:
            one.delete()


def send_test(*, destination: EventDestination) -> EventDelivery:
    """Send a ``ping`` here and now, once, and return how it went; never inside a transaction."""
    tenant = Tenant.objects.get(pk=current_tenant_id())
    body: dict[str, Any] = {
        "type": PING,
        "timestamp": timezone.now().isoformat(),
        "tenant": tenant.slug,
        "subject": None,
        "data": {},
    }
    row = EventDelivery.objects.create(
        destination=destination,
        event_id=new_ids(1)[0],
        kind=PING,
        body=json.dumps(body),
        # Born with a lease: no worker may take it while it is sent here.
        state=QueueState.RUNNING,
        attempt=1,
        lease_until=Now() + LEASE,
        due_at=Now() + LEASE,
    )
    deliver([row])
    row.refresh_from_db()
    return row


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def forget_deliveries() -> int:
    """Delete what was delivered more than ``KEPT`` ago; returns how many."""
    with platform_scope(reason="deliveries are kept for a month"):
        old = EventDelivery.objects.filter(state=QueueState.DONE, created_at__lt=Now() - KEPT)
        return old.delete()[0]
