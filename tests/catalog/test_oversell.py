"""The last piece: many buyers at once, each with a connection of their own, and processes that are killed."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.db.models import Sum

from catalog.expiry import end_expired
from catalog.models import (
    Customer,
    InventoryItem,
    InventoryLocation,
    Order,
    OrderEntry,
    OrderLine,
    SalesChannel,
    StockAllocation,
    StockMovement,
    StockReservation,
    Variant,
)
from catalog.order_lines import NewLine
from catalog.orders import confirm_order, create_order, fulfil_order
from catalog.reservations import reserve_stock
from tenants.errors import DomainError
from tenants.models import Event
from tests.catalog.shop import HOUR, a_thing, order, receive
from tests.config.installation import wait_for
from tests.conftest import Business, in_tenant

pytestmark = pytest.mark.django_db(transaction=True)

CONNECTIONS = 60
"""Buyers that are in the database at the same time: the server has 100 connections for everybody."""


@pytest.fixture
def shop(transactional_db: None, saigon: Business) -> Business:
    """A business that other connections see."""
    return saigon


def together(business: Business, buy: Callable[[int], Any], buyers: int) -> Counter[str]:
    """Let all ``buyers`` go at the same moment; returns how often each outcome came (``ok``, or the code)."""
    at_once = min(buyers, CONNECTIONS)
    start = Barrier(at_once)

    def run(number: int) -> list[str]:
        start.wait(60)
        try:
            with in_tenant(business.tenant):
                return [outcome(buy, one) for one in range(number, buyers, at_once)]
        finally:
            connection.close()

    with ThreadPoolExecutor(at_once) as pool:
        return Counter(one for found in pool.map(run, range(at_once)) for one in found)


def outcome(buy: Callable[[int], Any], number: int) -> str:
    try:
        buy(number)
    except DomainError as error:
        return error.code
    return "ok"


def ledger_is_right() -> None:
    """Every quantity is the sum of its movements, and nobody holds more than lies there."""
    for item in InventoryItem.objects.all():
        here = {"variant": item.variant_id, "location": item.location_id}
        assert item.stock_qty == StockMovement.objects.filter(**here).aggregate(total=Sum("quantity"))["total"]
        held = StockAllocation.objects.filter(reservation__variant=item.variant_id, location=item.location_id).held()
        assert 0 <= held <= item.stock_qty


def race(shop: Business, buyers: int, rounds: int) -> None:
    """Sell one piece to many, again and again: exactly one gets it each time, and hands it over."""
    with in_tenant(shop.tenant):
        customers = [Customer.objects.create(name=f"Buyer {number}") for number in range(buyers)]
        for number in range(rounds):
            thing = a_thing(f"LAST-{number}", 1)
            bought = together(shop, lambda one, thing=thing: order(thing, customer=customers[one]), buyers)
            assert bought == {"ok": 1, "out_of_stock": buyers - 1}
            (sold,) = Order.objects.filter(lines__variant=thing)
            fulfil_order(order=confirm_order(order=sold))
            assert InventoryItem.objects.get(variant=thing).stock_qty == 0
        assert sorted(Order.objects.values_list("number", flat=True)) == list(range(1001, 1001 + rounds))
        ledger_is_right()


def test_of_twenty_buyers_of_the_last_piece_one_gets_it(shop: Business) -> None:
    race(shop, buyers=20, rounds=3)


@pytest.mark.slow
def test_of_two_hundred_buyers_of_the_last_piece_one_gets_it_a_hundred_times(shop: Business) -> None:
    race(shop, buyers=200, rounds=100)


def test_orders_reservations_and_sales_of_the_same_pieces_share_them_out(shop: Business) -> None:
    with in_tenant(shop.tenant):
        InventoryLocation.objects.create(code="shop")
        thing = a_thing("MUG", 5)
        receive(thing, 4, "shop")
    ways = (
        lambda: order(thing, 2),
        lambda: reserve_stock(variant=thing, quantity=2, expires_in=600),
        lambda: receive(thing, -1),
    )
    outcomes = together(shop, lambda number: ways[number % 3](), 18)
    assert set(outcomes) <= {"ok", "out_of_stock", "insufficient_stock"}
    with in_tenant(shop.tenant):
        held = StockReservation.objects.holding().aggregate(total=Sum("quantity"))["total"]
        left = InventoryItem.objects.aggregate(total=Sum("stock_qty"))["total"]
        assert 0 <= left - held <= 1  # one piece may be left over when two were wanted
        ledger_is_right()


def test_carts_of_the_same_things_in_any_order_never_wait_in_a_circle(shop: Business) -> None:
    with in_tenant(shop.tenant):
        things = [a_thing(f"T-{number}", 30) for number in range(4)]

    def cart(number: int) -> Order:
        lines = [NewLine(things[(number + place) % 4], 1) for place in range(4)]
        customer, channel = Customer.objects.create(name="Lan"), SalesChannel.objects.get(code="web")
        made = create_order(customer=customer, channel=channel, lines=lines[::-1] if number % 2 else lines, held_for=HOUR)
        return fulfil_order(order=confirm_order(order=made))

    assert together(shop, cart, 30) == {"ok": 30}
    with in_tenant(shop.tenant):
        assert set(InventoryItem.objects.values_list("stock_qty", flat=True)) == {0}
        ledger_is_right()


def test_the_sweep_and_the_one_who_confirms_do_not_both_win(shop: Business) -> None:
    with in_tenant(shop.tenant):
        thing = a_thing("VASE", 10)
        orders = [order(thing) for _number in range(10)]
        Order.objects.update(expires_at="2026-01-01T00:00:00Z")
        StockReservation.objects.update(expires_at="2026-01-01T00:00:00Z")

    def either(number: int) -> Any:
        return end_expired() if number % 2 else confirm_order(order=orders[number // 2])

    assert set(together(shop, either, 20)) <= {"ok", "invalid_transition"}
    end_expired()  # what somebody had in hand was left to this one
    with in_tenant(shop.tenant):
        assert set(Order.objects.values_list("status", "cancel_reason")) == {("cancelled", "expired")}
        assert Event.objects.filter(kind="order.cancelled").count() == 10
        assert not StockReservation.objects.holding().exists()


KILLED = """
import sys, time
from uuid import UUID
import django
from django.db import connections
connections.settings["default"]["NAME"] = sys.argv[1]
django.setup()
from catalog import orders
from catalog.models import Order, Variant
from tenants.scope import tenant_scope
from tests.catalog.shop import order
def stop(*args, **options):
    print("here", flush=True)
    time.sleep(600)
orders._tell = stop  # the last write of every step
with tenant_scope(UUID(sys.argv[2])):
    if sys.argv[3] == "ordering":
        order(Variant.objects.get(), 2)
    else:
        orders.fulfil_order(order=Order.objects.get())
"""


def written() -> tuple[Any, ...]:
    """Return what an order writes, without the rows of counters."""
    models = (Order, OrderLine, OrderEntry, StockMovement, StockReservation, StockAllocation, Event)
    return (*(model.objects.count() for model in models), list(Order.objects.values_list("status", flat=True)))


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["ordering", "fulfilling"])
def test_a_process_killed_in_the_middle_leaves_no_half_order(shop: Business, moment: str) -> None:
    with in_tenant(shop.tenant):
        thing = a_thing("LAMP", 5)
        if moment == "fulfilling":
            confirm_order(order=order(thing, 2))
        before = written()
    command = [sys.executable, "-c", KILLED, connection.settings_dict["NAME"], str(shop.tenant.pk), moment]
    victim = subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=settings.BASE_DIR, text=True, env=os.environ | ENVIRONMENT
    )
    assert victim.stdout is not None
    assert victim.stdout.readline() == "here\n"
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    with in_tenant(shop.tenant):
        assert written() == before
        wait_for(lambda: unlocked(thing), 20, "the dead one's locks are gone")
        made = Order.objects.first() or confirm_order(order=order(thing, 2))
        fulfil_order(order=made)
        assert InventoryItem.objects.get().stock_qty == 3
        ledger_is_right()
    connections.close_all()


ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "config.settings"}


def unlocked(thing: Variant) -> bool:
    rows = InventoryItem.objects.select_for_update(skip_locked=True).filter(variant=thing)
    with transaction.atomic():
        return bool(list(rows))
