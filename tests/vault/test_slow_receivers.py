"""Receivers that do not answer hold up nobody else, and many workers send each event once."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models.functions import Now

from tenants.events import record_event
from tenants.models import Event
from tenants.queue import work
from tenants.scope import platform_scope
from tests.conftest import Business, in_tenant
from tests.outside import HttpServer, answer, listener
from tests.vault.test_events_out import destination, events_of, run, stored
from vault import deliveries
from vault.deliveries import deliver
from vault.events_out import create_destination, dispatch_events
from vault.models import EventDelivery

pytestmark = pytest.mark.django_db


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
