"""Events out: each event once to each destination that wants it, signed, for three days, whoever dies meanwhile."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.models.functions import Now
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tenants.events import record_event
from tenants.models import Event, Tenant
from tenants.queue import QueueState, claim, work
from tenants.scope import platform_scope
from tests.conftest import Business, in_tenant
from tests.outside import HttpServer, answer, http_server, listener
from vault import deliveries
from vault.deliveries import PAUSES, deliver, deliver_due, forget_deliveries, send_test
from vault.events_out import create_destination, dispatch_events, rotate_destination_secret
from vault.models import Credential, CredentialUse, EventDelivery, EventDestination
from vault.models.events_out import DISABLE_AFTER, OVERLAP
from vault.services import rotate_credential

pytestmark = pytest.mark.django_db

Make = Callable[..., tuple[EventDestination, str]]


@pytest.fixture
def server(loopback_allowed: None) -> Iterator[HttpServer]:
    with http_server() as found:
        yield found


@pytest.fixture
def here(saigon: Business) -> Iterator[Tenant]:
    with in_tenant(saigon.tenant):
        yield saigon.tenant


def destination(server: HttpServer, name: str = "Bookkeeping", **fields: Any) -> tuple[EventDestination, str]:
    return create_destination(name=name, url=server.url, **fields)


def run() -> int:
    """Do what the ticks do; returns how many deliveries were tried."""
    dispatch_events()
    return deliver_due()


def make_due() -> None:
    EventDelivery.objects.filter(state=QueueState.PENDING).update(due_at=Now() - timedelta(seconds=1))


def stored() -> EventDelivery:
    return EventDelivery.objects.get()


def events_of(how_many: int, kind: str = "order.created") -> None:
    for number in range(how_many):
        record_event(kind, data={"number": number})


class TestOneMessage:
    pytestmark = pytest.mark.usefixtures("here")

    def test_the_receiver_can_verify_it_with_its_own_library(self, here: Tenant, server: HttpServer) -> None:
        _place, secret = destination(server)
        record_event("order.created", subject=here, data={"code": "Đơn 1", "total": "199000.00"})
        assert run() == 1
        (got,) = server.received
        event = Event.objects.get()
        body = Webhook(secret).verify(got.body, got.headers)
        assert body == {
            "type": "order.created",
            "timestamp": event.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "tenant": here.slug,
            "subject": {"kind": "tenants.tenant", "id": str(here.pk)},
            "data": {"code": "Đơn 1", "total": "199000.00"},
        }
        assert (got.method, got.path, got.headers["content-type"]) == ("POST", "/hook", "application/json")
        assert got.headers["webhook-id"] == str(event.pk)
        assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 60

    def test_an_event_about_nothing_in_particular_says_so(self, server: HttpServer) -> None:
        destination(server)
        record_event("health.changed")
        run()
        assert json.loads(server.received[0].body)["subject"] is None

    def test_what_was_taken_is_on_record(self, server: HttpServer) -> None:
        destination(server)
        events_of(1)
        server.status, server.body = 202, b'{"thanks": true}'
        run()
        row = stored()
        assert (row.state, row.attempt, row.status_code, row.answer) == ("done", 1, 202, '{"thanks": true}')
        assert row.latency_ms is not None
        assert row.tried_at is not None
        assert (row.last_error, row.lease_until) == ("", None)
        assert Event.objects.get().dispatched_at is not None

    def test_it_is_sent_once_however_often_the_tick_comes(self, server: HttpServer) -> None:
        destination(server)
        events_of(3)
        assert [run(), run(), run()] == [3, 0, 0]
        assert len(server.received) == 3

    def test_the_secret_is_read_through_the_one_door(self, server: HttpServer) -> None:
        place, _secret = destination(server)
        events_of(1)
        run()
        use = CredentialUse.objects.get()
        assert (use.credential_id, use.why) == (place.secret_id, "sign events out")

    def test_no_transaction_is_open_while_the_receiver_is_called(self, server: HttpServer) -> None:
        destination(server)
        events_of(1)
        seen: list[bool] = []
        blocks = connection.atomic_blocks  # type: ignore[attr-defined] # not in the stubs
        server.before = lambda: seen.append(any(not block._from_testcase for block in blocks))
        run()
        assert seen == [False]

    @pytest.mark.parametrize("body", [b"x" * 100_000, b""])
    def test_the_status_decides_whatever_comes_after_it(self, server: HttpServer, body: bytes) -> None:
        destination(server)
        events_of(1)
        server.body, server.headers = body, {"Content-Encoding": "gzip"} if not body else {}
        run()
        assert (stored().state, stored().status_code) == ("done", 200)

    def test_an_answer_that_repeats_our_secret_is_kept_without_it(self, server: HttpServer) -> None:
        _place, secret = destination(server)
        events_of(1)

        def echo() -> None:
            signature = server.received[0].headers["webhook-signature"].encode()
            server.body = b"bad\x00 signature " + signature + b" for " + secret.encode() + b" or whsec_abc= " + b"y" * 5000

        server.before, server.status = echo, 400
        run()
        answer = stored().answer
        assert answer.startswith("bad\ufffd signature […] for […] or […] yyy")
        assert len(answer) == 500


class TestWhoGetsWhat:
    pytestmark = pytest.mark.usefixtures("here")

    def test_a_destination_gets_the_kinds_it_asked_for_and_one_without_kinds_all(self, server: HttpServer) -> None:
        destination(server, "Orders", kinds=["order.created", "order.cancelled"])
        destination(server, "All")
        record_event("order.created")
        record_event("price.changed")
        run()
        sent = EventDelivery.objects.values_list("destination__name", "kind")
        assert sorted(sent) == [("All", "order.created"), ("All", "price.changed"), ("Orders", "order.created")]

    def test_a_destination_that_is_switched_off_gets_nothing_and_nothing_waits_for_it(self, server: HttpServer) -> None:
        destination(server, is_active=False)
        events_of(2)
        assert run() == 0
        assert not EventDelivery.objects.exists()
        assert not Event.objects.filter(dispatched_at=None).exists()

    def test_events_before_the_first_destination_are_not_sent_later(self, server: HttpServer) -> None:
        events_of(2)
        run()
        destination(server)
        assert run() == 0
        assert server.received == []

    def test_a_pause_keeps_what_is_under_way_until_it_ends(self, server: HttpServer) -> None:
        place, _secret = destination(server)
        events_of(1)
        dispatch_events()
        EventDestination.objects.update(is_active=False)
        assert deliver_due() == 1
        assert (stored().state, stored().last_error) == ("pending", "The destination is switched off.")
        assert server.received == []
        place.save()
        make_due()
        deliver_due()
        assert stored().state == "done"


def test_tenants_get_their_own_events_only(saigon: Business, harbour: Business, server: HttpServer) -> None:
    secrets = {}
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            secrets[business.tenant.slug] = destination(server)[1]
            record_event("order.created", data={"whose": business.tenant.slug})
    assert run() == 2
    for got in server.received:
        body = json.loads(got.body)
        assert body["tenant"] == body["data"]["whose"]
        assert Webhook(secrets[body["tenant"]]).verify(got.body, got.headers) == body
        (other,) = set(secrets) - {body["tenant"]}
        with pytest.raises(WebhookVerificationError):
            Webhook(secrets[other]).verify(got.body, got.headers)


def set_status(business: Business, status: str) -> None:
    with platform_scope(reason="platform staff suspend a tenant"):
        Tenant.objects.filter(pk=business.tenant.pk).update(status=status)


def test_a_suspended_tenant_sends_nothing_and_loses_nothing(saigon: Business, server: HttpServer) -> None:
    with in_tenant(saigon.tenant):
        destination(server)
        events_of(1)
        dispatch_events()
        events_of(1)
    set_status(saigon, Tenant.Status.SUSPENDED)
    assert run() == 0
    assert server.received == []
    with in_tenant(saigon.tenant):
        assert Event.objects.filter(dispatched_at=None).count() == 1
        assert stored().state == "pending"
    set_status(saigon, Tenant.Status.ACTIVE)
    assert run() == 2
    assert len(server.received) == 2


def test_what_a_worker_holds_when_the_tenant_is_suspended_is_not_sent_and_goes_out_later(
    saigon: Business, harbour: Business, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            destination(server)
            events_of(3)
    dispatch_events()
    prepare = deliveries._prepare

    def suspended_meanwhile(*args: Any) -> Any:
        with platform_scope(reason="test"):
            Tenant.objects.filter(pk=saigon.tenant.pk).update(status="suspended")
        return prepare(*args)

    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "_prepare", suspended_meanwhile)
        assert deliver_due() == 3
    assert {json.loads(got.body)["tenant"] for got in server.received} == {"harbour"}
    with in_tenant(saigon.tenant):
        assert set(EventDelivery.objects.values_list("state", "attempt", "last_error", "tried_at")) == {
            ("pending", 0, "", None)
        }
        assert EventDestination.objects.get().state() == "active"
    set_status(saigon, "active")
    assert deliver_due() == 3
    assert len(server.received) == 6
    with in_tenant(saigon.tenant):
        assert set(EventDelivery.objects.values_list("state", "attempt")) == {("done", 1)}


def test_what_is_under_way_when_the_tenant_is_suspended_ends_and_nothing_follows_it(
    saigon: Business, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "DELIVERIES_AT_ONCE", 2)
    with in_tenant(saigon.tenant):
        destination(server)
        events_of(7)
        dispatch_events()
    note = deliveries._note_sent

    def suspend_first(*args: Any) -> None:
        set_status(saigon, "suspended")
        note(*args)

    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "_note_sent", suspend_first)
        assert deliver_due() == 2
    with in_tenant(saigon.tenant):
        assert Counter(EventDelivery.objects.values_list("state", "attempt")) == {("done", 1): 2, ("pending", 0): 5}
    set_status(saigon, "active")
    assert deliver_due() == 5
    assert len({got.headers["webhook-id"] for got in server.received}) == len(server.received) == 7


def told_of(place: EventDestination) -> list[dict[str, Any]]:
    """Return the data of the events that tell it was switched off."""
    return list(Event.objects.filter(kind="destination.disabled", subject_id=place.pk).values_list("data", flat=True))


class TestFailures:
    pytestmark = pytest.mark.usefixtures("here")

    @pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 429, 500, 503])
    def test_any_other_status_is_tried_again_and_redirects_are_not_followed(self, server: HttpServer, status: int) -> None:
        destination(server)
        events_of(1)
        server.status, server.headers = status, {"Location": server.url}
        run()
        row = stored()
        assert (row.state, row.attempt, row.status_code) == ("pending", 1, status)
        assert row.problem == f"The receiver answered {status}."
        assert len(server.received) == 1
        server.status = 200
        make_due()
        run()
        assert (stored().state, stored().attempt) == ("done", 2)

    def test_every_attempt_has_the_same_id_and_bytes_and_its_own_time(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _place, secret = destination(server)
        events_of(1)
        server.status = 500
        now = time.time()
        for passed in (0, 120):
            monkeypatch.setattr(deliveries, "now", lambda passed=passed: now + passed)
            make_due()
            run()
        first, second = server.received
        assert first.body == second.body
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 120
        Webhook(secret).verify(second.body, second.headers)

    def test_it_is_tried_for_three_days_with_longer_and_longer_pauses_and_then_kept_as_a_dead_letter(
        self, server: HttpServer
    ) -> None:
        destination(server)
        events_of(1)
        server.status = 500
        run()
        waits = []
        while (row := stored()).state == "pending":
            waits.append((row.due_at - timezone.now()).total_seconds())
            assert len(waits) == row.attempt <= 20
            assert deliver_due() == 0
            make_due()
            assert deliver_due() == 1
        assert row.state == "failed"
        assert row.attempt == EventDelivery.max_attempts == len(PAUSES) + 1
        assert len(server.received) == len(PAUSES) + 1
        for wait, pause in zip(waits, PAUSES, strict=True):
            assert pause * 0.9 - 5 < wait < pause * 1.1 + 1
        assert sum(PAUSES) / 86400 == pytest.approx(3, abs=0.1)
        make_due()
        assert deliver_due() == 0

    @pytest.mark.parametrize(
        ("asked", "seconds"),
        [
            ("120", 120),
            ("86400", 3600),
            ("-5", 5),
            ("nonsense", 5),
            ("9" * 50, 5),
            ("0", 5),
            ("Wed, 01 Jan 2020 00:00:00 GMT", 5),
        ],
    )
    def test_retry_after_is_honoured_within_bounds(self, server: HttpServer, asked: str, seconds: int) -> None:
        destination(server)
        events_of(1)
        server.status, server.headers = 503, {"Retry-After": asked}
        run()
        wait = (stored().due_at - timezone.now()).total_seconds()
        assert wait == pytest.approx(seconds, rel=0.11, abs=3)

    def test_retry_after_may_be_a_date(self, server: HttpServer) -> None:
        destination(server)
        events_of(1)
        date = (timezone.now() + timedelta(minutes=10)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        server.status, server.headers = 429, {"Retry-After": date}
        run()
        assert (stored().due_at - timezone.now()).total_seconds() == pytest.approx(600, abs=10)

    def test_410_switches_the_destination_off(self, server: HttpServer) -> None:
        place, _secret = destination(server)
        events_of(1)
        server.status = 410
        run()
        place.refresh_from_db()
        assert (place.is_active, place.state()) == (False, "disabled")
        assert "410" in place.disabled_reason
        assert told_of(place) == [{"name": "Bookkeeping", "reason": place.why_disabled}]
        assert stored().state == "failed"
        events_of(1)
        assert run() == 0

    def test_a_destination_that_takes_nothing_for_days_is_switched_off_and_can_be_switched_on_again(
        self, server: HttpServer
    ) -> None:
        place, _secret = destination(server)
        events_of(1)
        server.status = 500
        run()
        place.refresh_from_db()
        assert place.state() == "failing"
        EventDestination.objects.update(failing_since=Now() - DISABLE_AFTER - timedelta(minutes=1))
        make_due()
        run()
        place.refresh_from_db()
        assert (place.is_active, place.state()) == (False, "disabled")
        assert told_of(place) == [{"name": "Bookkeeping", "reason": "It has taken nothing for 5 days."}]
        place.is_active = True
        place.save()
        place.refresh_from_db()
        assert (place.state(), place.disabled_at, place.disabled_reason, place.failing_since) == ("active", None, "", None)

    def test_the_other_destinations_are_told_once_that_one_is_switched_off(
        self, loopback_allowed: None, server: HttpServer
    ) -> None:
        with http_server() as gone:
            gone.status = 410
            place, _secret = destination(gone, "Gone", kinds=["order.created"])
            destination(server, "Watching", kinds=["destination.disabled"])
            events_of(3)
            assert [run(), run(), run()] == [3, 1, 0]
        assert len(told_of(place)) == 1
        (got,) = server.received
        told = json.loads(got.body)
        assert (told["type"], told["subject"]["id"], told["data"]["name"]) == ("destination.disabled", str(place.pk), "Gone")

    def test_one_that_works_again_is_failing_no_more(self, server: HttpServer) -> None:
        place, _secret = destination(server)
        events_of(1)
        server.status = 500
        run()
        server.status = 200
        make_due()
        run()
        place.refresh_from_db()
        assert place.failing_since is None

    def test_a_receiver_that_is_not_there_is_asked_by_a_few_and_the_others_wait_without_counting(
        self, loopback_allowed: None
    ) -> None:
        with listener() as gone:
            pass
        create_destination(name="Gone", url=gone.url)
        events_of(60)
        began = time.monotonic()
        tried = run()
        assert tried < 60
        assert time.monotonic() - began < 10
        attempts = Counter(EventDelivery.objects.values_list("attempt", flat=True))
        assert attempts == {1: tried, 0: 60 - tried}
        assert set(EventDelivery.objects.values_list("state", flat=True)) == {"pending"}

    def test_a_secret_that_cannot_be_read_is_a_failure_that_says_so(self, server: HttpServer) -> None:
        destination(server)
        events_of(1)
        Credential.objects.update(is_active=False)
        run()
        assert (stored().state, stored().attempt) == ("pending", 1)
        assert stored().last_error
        assert server.received == []

    @pytest.mark.parametrize("secret", ["whsec_AAAA", "whsec_####", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "geheim"])
    def test_a_secret_replaced_by_something_else_is_a_failure_that_says_so(self, server: HttpServer, secret: str) -> None:
        place, _secret = destination(server)
        events_of(1)
        rotate_credential(place.secret, secret={"api_key": secret})
        run()
        assert (stored().state, stored().attempt) == ("pending", 1)
        assert stored().last_error.startswith("The signing secret is not")
        assert server.received == []

    def test_an_address_that_leads_inside_is_never_called(self, settings: Any, server: HttpServer) -> None:
        destination(server)
        events_of(1)
        settings.OUTBOUND_ALLOW = []
        run()
        assert (stored().state, stored().status_code) == ("pending", None)
        assert server.received == []


class TestSecrets:
    pytestmark = pytest.mark.usefixtures("here")

    def test_two_secrets_sign_while_a_receiver_changes_over(self, server: HttpServer) -> None:
        place, old = destination(server)
        new = rotate_destination_secret(destination=place)
        events_of(1)
        run()
        (got,) = server.received
        for secret in (new, old):
            Webhook(secret).verify(got.body, got.headers)

    def test_a_secret_that_cannot_sign_is_passed_over_while_another_can(self, server: HttpServer) -> None:
        place, _old = destination(server)
        new = rotate_destination_secret(destination=place)
        place.refresh_from_db()
        Credential.objects.filter(pk=place.previous_secret_id).update(is_active=False)
        events_of(1)
        run()
        (got,) = server.received
        Webhook(new).verify(got.body, got.headers)
        assert stored().state == "done"

    def test_after_the_overlap_the_new_one_signs_alone(self, server: HttpServer) -> None:
        place, old = destination(server)
        new = rotate_destination_secret(destination=place)
        EventDestination.objects.update(previous_secret_until=Now() - timedelta(seconds=1))
        events_of(1)
        run()
        (got,) = server.received
        assert got.headers["webhook-signature"].count("v1,") == 1
        Webhook(new).verify(got.body, got.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(old).verify(got.body, got.headers)

    def test_no_secret_stands_in_what_a_report_of_an_error_would_show(self, server: HttpServer) -> None:
        _place, secret = destination(server)
        events_of(1)
        dispatch_events()
        (attempt,) = deliveries._attempts(claim(EventDelivery, limit=1))
        assert "whsec_" not in repr(attempt)
        assert server.url in repr(attempt)
        assert attempt.send().error == ""
        Webhook(secret).verify(server.received[0].body, server.received[0].headers)

    def test_a_second_rotation_deletes_the_oldest_secret(self, server: HttpServer) -> None:
        place, first = destination(server)
        second = rotate_destination_secret(destination=place)
        third = rotate_destination_secret(destination=place)
        assert Credential.objects.count() == 2
        assert len(set(Credential.objects.values_list("label", flat=True))) == 2
        assert place.previous_secret_until is not None
        assert place.previous_secret_until - timezone.now() == pytest.approx(OVERLAP, abs=timedelta(minutes=1))
        events_of(1)
        run()
        (got,) = server.received
        for secret in (third, second):
            Webhook(secret).verify(got.body, got.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(first).verify(got.body, got.headers)


class TestPing:
    pytestmark = pytest.mark.usefixtures("here")

    def test_a_test_is_sent_at_once_even_to_a_destination_that_is_switched_off(self, server: HttpServer) -> None:
        place, secret = destination(server, is_active=False, kinds=["order.created"])
        sent = send_test(destination=place)
        assert (sent.state, sent.kind, sent.status_code) == ("done", "ping", 200)
        body = Webhook(secret).verify(server.received[0].body, server.received[0].headers)
        assert body["type"] == "ping"

    def test_a_test_that_fails_is_not_repeated_and_switches_nothing_off(self, server: HttpServer) -> None:
        place, _secret = destination(server)
        server.status = 500
        sent = send_test(destination=place)
        assert (sent.state, sent.problem) == ("failed", "The receiver answered 500.")
        place.refresh_from_db()
        assert place.state() == "active"
        make_due()
        assert deliver_due() == 0


@pytest.mark.usefixtures("here")
def test_a_worker_that_died_after_the_answer_sends_again_with_the_same_id(server: HttpServer) -> None:
    destination(server)
    events_of(1)
    dispatch_events()
    (taken,) = claim(EventDelivery, limit=5)
    deliveries._attempts([taken])[0].send()  # and dies here
    EventDelivery.objects.update(due_at=Now() - timedelta(seconds=1), lease_until=Now() - timedelta(seconds=1))
    assert deliver_due() == 1
    assert (stored().state, stored().attempt) == ("done", 2)
    first, second = server.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


@pytest.mark.usefixtures("here")
def test_a_worker_that_was_slow_does_not_write_over_the_next_one(server: HttpServer) -> None:
    place, _secret = destination(server)
    events_of(1)
    dispatch_events()
    (slow,) = claim(EventDelivery, limit=5)
    EventDelivery.objects.update(due_at=Now() - timedelta(seconds=1), lease_until=Now() - timedelta(seconds=1))
    deliver_due()
    before = EventDelivery.objects.values().get()
    server.status = 410
    deliver([slow])
    assert EventDelivery.objects.values().get() == before
    place.refresh_from_db()
    assert place.is_active


@pytest.mark.usefixtures("here")
def test_a_worker_that_was_slow_does_not_end_what_a_person_has_sent_again(server: HttpServer) -> None:
    destination(server)
    events_of(1)
    dispatch_events()
    (slow,) = claim(EventDelivery, limit=5)
    EventDelivery.objects.update(state=QueueState.FAILED)
    stored().resend()
    (again,) = claim(EventDelivery, limit=5)
    assert again.attempt == slow.attempt
    before = EventDelivery.objects.values().get()
    deliver([slow])
    assert EventDelivery.objects.values().get() == before
    deliver([again])
    assert stored().state == "done"


@pytest.mark.usefixtures("here")
def test_one_worker_at_a_time_waits_for_receivers_so_that_the_others_stay_free(server: HttpServer) -> None:
    destination(server)
    events_of(2)
    dispatch_events()
    (held,) = claim(EventDelivery, limit=1)
    assert deliver_due() == 0
    EventDelivery.objects.filter(pk=held.pk).update(due_at=Now() - timedelta(seconds=1))  # its worker died
    assert deliver_due() == 2


def test_a_test_under_way_stops_nobodys_messages(saigon: Business, harbour: Business, server: HttpServer) -> None:
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            place, _secret = destination(server)
            events_of(1)
    dispatch_events()
    with in_tenant(harbour.tenant):
        send_test(destination=place)
        EventDelivery.objects.filter(kind="ping").update(state=QueueState.RUNNING, due_at=Now() + timedelta(minutes=1))
    assert deliver_due() == 2


@pytest.mark.usefixtures("here")
def test_what_was_delivered_is_kept_for_a_month(server: HttpServer) -> None:
    destination(server)
    events_of(3)
    run()
    old, dead, _new = EventDelivery.objects.order_by("id")
    EventDelivery.objects.exclude(pk=_new.pk).update(created_at=Now() - timedelta(days=31))
    EventDelivery.objects.filter(pk=dead.pk).update(state="failed")
    assert forget_deliveries() == 1
    assert not EventDelivery.objects.filter(pk=old.pk).exists()


@pytest.mark.usefixtures("here")
def test_what_was_given_up_is_kept_for_three_months_and_what_waits_for_ever(server: HttpServer) -> None:
    destination(server)
    events_of(3)
    dispatch_events()
    given_up, younger, waiting = EventDelivery.objects.order_by("id")
    EventDelivery.objects.filter(pk__in=[given_up.pk, younger.pk]).update(state="failed")
    EventDelivery.objects.filter(pk__in=[given_up.pk, waiting.pk]).update(created_at=Now() - timedelta(days=91))
    EventDelivery.objects.filter(pk=younger.pk).update(created_at=Now() - timedelta(days=89))
    assert forget_deliveries() == 1
    assert set(EventDelivery.objects.all()) == {younger, waiting}


def test_receivers_that_do_not_answer_hold_up_no_other_tenant(
    business: Callable[[str], Business], server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "SECONDS", 1.5)
    with listener(lambda stream: time.sleep(4)) as silent:
        for number in range(5):
            with in_tenant(business(f"silent-{number}").tenant):
                create_destination(name="Silent", url=silent.url)
                events_of(3)
        with in_tenant(business("healthy").tenant):
            destination(server)
            events_of(3)
        began = time.monotonic()
        assert run() == 18
    assert time.monotonic() - began < 6  # one after the other they would take 7.5 seconds and more
    assert len(server.received) == 3


def test_a_slow_receiver_slows_its_own_tenant_only(saigon: Business, harbour: Business, server: HttpServer) -> None:
    healthy_by_then: list[int] = []

    def answer_after_three_seconds(stream: Any) -> None:
        late = time.monotonic() + 3
        while len(server.received) < 100 and time.monotonic() < late:
            time.sleep(0.02)
        healthy_by_then.append(len(server.received))
        answer("Content-Length: 0\r\n")(stream)

    with listener(answer_after_three_seconds) as slow:
        with in_tenant(saigon.tenant):
            create_destination(name="Slow", url=slow.url)
            events_of(1)
        with in_tenant(harbour.tenant):
            destination(server)
            events_of(100)
        assert run() == 101
    assert healthy_by_then == [100]
    assert len(server.received) == 100


@pytest.mark.usefixtures("here")
def test_a_slow_receiver_slows_no_other_destination_of_its_tenant(server: HttpServer) -> None:
    healthy_by_then: list[int] = []

    def answer_when_the_other_has_its_own(stream: Any) -> None:
        late = time.monotonic() + 5
        while len(server.received) < 30 and time.monotonic() < late:
            time.sleep(0.02)
        healthy_by_then.append(len(server.received))
        answer("Content-Length: 0\r\n")(stream)

    with listener(answer_when_the_other_has_its_own) as slow:
        create_destination(name="Slow", url=slow.url)
        destination(server)
        events_of(30)
        assert run() == 60
    assert healthy_by_then == [30] * 30
    assert set(EventDelivery.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.usefixtures("here")
def test_of_a_tenant_with_many_slow_receivers_some_wait_and_all_are_sent(server: HttpServer) -> None:
    at_once: list[int] = []
    under_way: list[object] = []

    def slow() -> None:
        under_way.append(here := object())
        at_once.append(len(under_way))
        time.sleep(0.2)
        under_way.remove(here)

    server.before = slow
    for number in range(8):
        destination(server, f"Slow {number}")
    events_of(6)
    assert run() == 48
    assert max(at_once) <= deliveries.DESTINATIONS_AT_ONCE * deliveries.DELIVERIES_AT_ONCE
    assert len(server.received) == 48


def test_a_tenant_with_something_new_does_not_wait_for_the_slow_receiver_of_another(
    saigon: Business, harbour: Business, server: HttpServer
) -> None:
    with in_tenant(harbour.tenant):
        destination(server)
        events_of(1)
        dispatch_events()
        EventDelivery.objects.update(due_at=Now() + timedelta(seconds=0.5))

    def answer_when_the_other_has_its_own(stream: Any) -> None:
        late = time.monotonic() + 4
        while not server.received and time.monotonic() < late:
            time.sleep(0.02)
        answer("Content-Length: 0\r\n", status="200 OK" if server.received else "500 Nobody")(stream)

    with listener(answer_when_the_other_has_its_own) as slow:
        with in_tenant(saigon.tenant):
            create_destination(name="Slow", url=slow.url)
            events_of(1)
        assert run() == 2
        with in_tenant(saigon.tenant):
            assert stored().status_code == 200


def in_threads(how_many: int, work: Callable[[], Any]) -> list[Any]:
    def alone(_number: int) -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(how_many) as threads:
        return list(threads.map(alone, range(how_many)))


@pytest.mark.django_db(transaction=True)
def test_four_workers_send_two_hundred_events_once_each(saigon: Business, server: HttpServer) -> None:
    with in_tenant(saigon.tenant):
        destination(server, "One")
        destination(server, "Two", kinds=["order.created"])
        for number in range(200):
            record_event(random.choice(["order.created", "stock.low"]), data={"number": number})
        orders = Event.objects.filter(kind="order.created").count()
    assert sum(in_threads(4, dispatch_events)) == 200 + orders
    assert sum(in_threads(4, lambda: work(EventDelivery, deliver, batch=10))) == 200 + orders
    with in_tenant(saigon.tenant):
        assert set(EventDelivery.objects.values_list("state", "attempt")) == {("done", 1)}
    assert len(server.received) == 200 + orders
    per_event = Counter(got.headers["webhook-id"] for got in server.received)
    assert len(per_event) == 200
    assert Counter(per_event.values()) == {1: 200 - orders, 2: orders}


@pytest.mark.django_db(transaction=True)
def test_an_event_whose_transaction_commits_late_is_found_late(saigon: Business, server: HttpServer) -> None:
    with in_tenant(saigon.tenant):
        destination(server)
        with transaction.atomic():
            record_event("order.created", data={"number": "late"})

            def another() -> int:
                with in_tenant(saigon.tenant):
                    record_event("order.created", data={"number": "early"})
                return run()

            assert in_threads(1, another) == [1]
        assert run() == 1
    assert [json.loads(got.body)["data"]["number"] for got in server.received] == ["early", "late"]


def test_the_events_of_many_tenants_without_destination_cost_one_statement(
    business: Callable[[str], Business], django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        with in_tenant(business(f"quiet-{number}").tenant):
            events_of(3)
    with django_assert_max_num_queries(2):
        assert dispatch_events() == 0
    with platform_scope(reason="test"):
        assert not Event.objects.filter(dispatched_at=None).exists()
