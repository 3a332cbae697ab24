"""Events out: each event once to each destination that wants it, signed, for three days, whoever dies meanwhile."""

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tenants.events import record_event
from tenants.models import Event, Tenant
from tenants.queue import QueueState, claim
from tenants.scope import platform_scope
from tests.conftest import Business, in_tenant
from tests.outside import HttpServer
from vault import deliveries
from vault.deliveries import deliver_due, send_test
from vault.events_out import create_destination, dispatch_events, rotate_destination_secret
from vault.models import Credential, CredentialUse, EventDelivery, EventDestination
from vault.models.events_out import OVERLAP

pytestmark = pytest.mark.django_db

Make = Callable[..., tuple[EventDestination, str]]


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
        signing = Credential.objects.with_signing().order_by("-signs").values_list("label", "signs", "signed")
        assert list(signing) == [(place.name, True, False), (place.name, False, True)]
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
