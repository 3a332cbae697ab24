"""Deliveries of events: what is due is sent, side by side, and tried again for three days.

A delivery may arrive twice (a worker that died after the receiver had answered), always with the same ``webhook-id``.
"""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext_noop as _

from tenants.actor import Actor, ActorKind, acting
from tenants.errors import DomainError
from tenants.models import Tenant, new_ids
from tenants.notes import note
from tenants.queue import LEASE, WORK_SECONDS, QueueState, claim, due, fail, finish, postpone, sweep
from tenants.scope import current_tenant_id, platform_scope, tenant_scope
from vault import testing
from vault.models import Credential, EventDelivery, EventDestination
from vault.models.events_out import PING
from vault.outbound import Answer, DestinationForbidden, OutboundError, request
from vault.services import reveal
from vault.webhooks import is_secret, signed_headers

TENANTS_AT_ONCE = 10
DESTINATIONS_AT_ONCE = 4
"""Of each tenant."""
DELIVERIES_AT_ONCE = 6
"""To each destination: all are sent side by side, and the next ones when all have ended."""
LOOK_AGAIN = 1.0
"""Seconds after which a free place is offered to destinations that had nothing due before."""
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

now = time.time
"""The clock of signatures."""


@dataclass(frozen=True)
class Outcome:
    """How one attempt ended; ``error`` is a note (``tenants/notes.py``), empty when the receiver took the message."""

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
    seconds: float
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class _Attempt:
    """A claimed delivery with what is to be sent, or why nothing can be."""

    tenant_id: UUID
    row: EventDelivery
    place: EventDestination
    message: _Message | Outcome

    def send(self) -> Outcome:
        """Send it, if it can be."""
        with translation.override("en"):
            return self.message if isinstance(self.message, Outcome) else _send(self.message)


def deliver_due() -> int:
    """Send every delivery that is due, in all tenants; returns how many were tried.

    Some tenants at a time, some destinations of each, side by side, each with a batch of its own: who waits for a slow
    receiver waits alone, also within a tenant. And one worker at a time: it waits for strangers, and the others must
    stay free for everything else.
    """
    if _somebody_delivers():
        return 0
    sweep(EventDelivery)
    places = TENANTS_AT_ONCE * DESTINATIONS_AT_ONCE * DELIVERIES_AT_ONCE  # so that nothing claimed waits for a thread
    with acting(Actor(ActorKind.TASK)), ThreadPoolExecutor(places) as threads:
        return _deliver_due(threads)


def _deliver_due(threads: ThreadPoolExecutor) -> int:
    """Claim for whoever has a free place, note what comes in, until nothing is due or the time is over."""
    tried, enough, sent = 0, time.monotonic() + WORK_SECONDS, dict["Future[Outcome]", _Attempt]()
    while True:
        for tenant_id, destination_id in _free_places(sent.values()) if time.monotonic() < enough else []:
            attempts = _claim(tenant_id, destination_id)
            sent |= {threads.submit(one.send): one for one in attempts}
            tried += len(attempts)
        if not sent:
            return tried
        _note_until_a_destination_is_through(sent)


def _note_until_a_destination_is_through(sent: dict["Future[Outcome]", "_Attempt"]) -> None:
    """Note outcomes as they come in and take them out of ``sent``; returns after ``LOOK_AGAIN`` at the latest."""
    busy, look_again = len(_busy(sent.values())), time.monotonic() + LOOK_AGAIN
    while len(_busy(sent.values())) == busy and (left := look_again - time.monotonic()) > 0:
        for future in wait(sent, timeout=left, return_when=FIRST_COMPLETED).done:
            _note_sent(sent.pop(future), future.result())


def _busy(attempts: Iterable["_Attempt"]) -> dict[UUID, UUID]:
    """Return the destinations that are being sent to, each with its tenant."""
    return {one.place.pk: one.tenant_id for one in attempts}


def _free_places(under_way: Iterable["_Attempt"]) -> list[tuple[UUID, UUID]]:
    """Return (tenant, destination) of due deliveries in random turn, as far as there are places for them now.

    By chance and not by age: the backlog of slow receivers is always older than what is new for the others.
    """
    busy = _busy(under_way)
    taken, chosen = Counter(busy.values()), []
    for tenant_id, destination_id in _due_destinations():
        is_new_tenant = tenant_id not in taken
        if destination_id in busy or (is_new_tenant and len(taken) >= TENANTS_AT_ONCE):
            continue
        if taken[tenant_id] < DESTINATIONS_AT_ONCE:
            taken[tenant_id] += 1
            chosen.append((tenant_id, destination_id))
    return chosen


def _due_destinations() -> list[tuple[UUID, UUID]]:
    with platform_scope(reason="name the destinations with due deliveries"):
        pairs = due(EventDelivery.objects.all()).values_list("tenant_id", "destination_id").distinct().order_by()
        found = list(pairs)
    random.shuffle(found)
    return found


def _somebody_delivers() -> bool:
    """Whether a worker holds deliveries now; one that died holds them until its lease ends.

    Tests are not counted: they are sent by the web, and a tenant that tests must not stop everybody's messages.
    """
    with platform_scope(reason="is another worker at it"):
        return EventDelivery.objects.exclude(kind=PING).filter(state=QueueState.RUNNING, due_at__gt=Now()).exists()


def _claim(tenant_id: UUID, destination_id: UUID) -> list["_Attempt"]:
    with tenant_scope(tenant_id):
        return _attempts(claim(EventDelivery, limit=DELIVERIES_AT_ONCE, destination_id=destination_id))


def deliver(rows: Sequence[EventDelivery]) -> None:
    """Send claimed deliveries of the scope's tenant side by side, and note what came of each."""
    _make(_attempts(rows))


def _attempts(rows: Sequence[EventDelivery]) -> list["_Attempt"]:
    """Make rows ready to be sent, all that is read from the database; a destination deleted meanwhile took its rows.

    Whether the tenant is still active is asked last, so right before they are sent: if not, they are put back.
    """
    found = EventDestination.objects.filter(pk__in={row.destination_id for row in rows})
    places = {place.pk: place for place in found.select_related("secret", "previous_secret")}
    keys: dict[UUID, tuple[str, ...]] = {}
    here = [(row, places[row.destination_id]) for row in rows if row.destination_id in places]
    with translation.override("en"):  # what goes wrong is told later, to somebody else
        ready = [_Attempt(current_tenant_id(), row, place, _prepare(row, place, keys)) for row, place in here]
    return ready if _may_send(rows) else []


def _may_send(rows: Sequence[EventDelivery]) -> bool:
    """Whether the tenant is active; what was claimed of a suspended one is put back as if nobody had taken it."""
    is_active = Tenant.objects.filter(pk=current_tenant_id(), status=Tenant.Status.ACTIVE).exists()
    if not is_active:
        for row in rows:
            postpone(row, row.last_error, delay=timedelta(0))
    return is_active


def _make(attempts: Sequence["_Attempt"]) -> None:
    """Send side by side, without the database, and note each outcome as it comes in."""
    if not attempts:
        return
    with ThreadPoolExecutor(len(attempts)) as threads:
        sent = {threads.submit(one.send): one for one in attempts}
        for future in as_completed(sent):
            _note_sent(sent[future], future.result())


def _note_sent(attempt: "_Attempt", outcome: Outcome) -> None:
    with tenant_scope(attempt.tenant_id):
        _note(attempt.row, attempt.place, outcome)


def _prepare(row: EventDelivery, place: EventDestination, keys: dict[UUID, tuple[str, ...]]) -> _Message | Outcome:
    if not place.is_active and row.kind != PING:
        return Outcome(error=_("The destination is switched off."))
    try:
        if place.pk not in keys:
            keys[place.pk] = _live_secrets(place)
    except DomainError as error:
        return Outcome(error=error.message)
    seconds = testing.SECONDS if row.kind == PING else SECONDS
    return _Message(row.event_id, place.url, row.body.encode(), seconds, keys[place.pk])


def _live_secrets(place: EventDestination) -> tuple[str, ...]:
    """Return what signs now, the newest first. One that cannot sign is passed over as long as another can."""
    live = [place.secret, place.previous_secret] if place.overlaps() else [place.secret]
    secrets, problem = [], DomainError("no_secret", _("There is no signing secret."))
    for credential in live:
        try:
            secrets.append(_signing_secret(credential, place.url))
        except DomainError as error:  # somebody has replaced, switched off or damaged the credential
            problem = error
    if not secrets:
        raise problem
    return tuple(secrets)


def _signing_secret(credential: Credential, url: str) -> str:
    secret: str = reveal(credential, why=_("sign events out"), to=url)["api_key"]
    if not is_secret(secret):
        raise DomainError("bad_secret", _("The signing secret is not “whsec_” with base64 of 24 to 64 bytes."))
    return secret


def _send(message: _Message) -> Outcome:
    """Send one message, outside any transaction."""
    timestamp = int(now())
    headers = signed_headers(message.secrets, message_id=str(message.id), timestamp=timestamp, body=message.body)
    headers |= {"Content-Type": "application/json"}
    began = time.monotonic()
    try:
        answer = request(
            "POST", message.url, headers=headers, content=message.body, timeout=message.seconds, max_bytes=ANSWER_BYTES
        )
    except DestinationForbidden as error:
        return Outcome(error=error.message, kind="forbidden")
    except OutboundError as error:
        if error.status is None:
            return Outcome(error=note(error.in_words(), detail=str(error)), kind=error.kind, latency_ms=_since(began))
        answer = Answer(error.status, {}, b"")  # the status has told all that matters
    return Outcome(
        error="" if 200 <= answer.status < 300 else note(_("The receiver answered %(status)s."), status=answer.status),
        status_code=answer.status,
        latency_ms=_since(began),
        answer=_excerpt(answer.body, (*message.secrets, headers["webhook-signature"])),
        retry_after=_seconds(answer.headers.get("retry-after", "")) if answer.status in (429, 503) else 0.0,
    )


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


def send_test(*, destination: EventDestination) -> EventDelivery:
    """Send a ``ping`` here and now, once, and return how it went; never inside a transaction. Raises ``InProgress``."""
    with testing.only_test():
        row = _new_ping(destination)
        deliver([row])
    row.refresh_from_db()
    return row


def _new_ping(destination: EventDestination) -> EventDelivery:
    tenant = Tenant.objects.get(pk=current_tenant_id())
    body: dict[str, Any] = {
        "type": PING,
        "timestamp": f"{timezone.now().astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
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
    row.refresh_from_db()
    return row
