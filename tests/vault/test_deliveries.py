"""Deliveries that fail, are tried again, given up and forgotten, whoever dies meanwhile."""

import json
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from tenants.models import Event
from tenants.queue import QueueState, claim
from tenants.retention import KINDS, forget_old
from tests.conftest import Business, in_tenant
from tests.outside import HttpServer, http_server, listener
from tests.vault.test_events_out import destination, events_of, make_due, run, stored
from vault import deliveries
from vault.deliveries import PAUSES, deliver, deliver_due, send_test
from vault.events_out import create_destination, dispatch_events
from vault.models import Credential, EventDelivery, EventDestination
from vault.models.events_out import DISABLE_AFTER
from vault.services import rotate_credential

pytestmark = pytest.mark.django_db


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


@pytest.mark.usefixtures("here")
def test_a_worker_that_died_after_the_answer_sends_again_with_the_same_id(server: HttpServer) -> None:
    destination(server)
    events_of(1)
    dispatch_events()
    (taken,) = claim(EventDelivery, limit=5)
    deliveries._attempts([taken])[0].send()  # and dies here
    EventDelivery.objects.update(due_at=Now() - timedelta(seconds=1), lease_until=Now() - timedelta(seconds=1))
    assert deliver_due() == 1
    assert (stored().state, stored().attempt) == ("done", 3)
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
    stored().send_again()
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
    assert sum(forget_old(KINDS["event_deliveries"])) == 1
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
    assert sum(forget_old(KINDS["event_deliveries"])) == 1
    assert set(EventDelivery.objects.all()) == {younger, waiting}
