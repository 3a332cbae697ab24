"""Stock, whatever happens to it: receipts, sales, transfers, holds, orders and time, in any order, beside a naive twin."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Sum
from django.db.models.functions import Now
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from hypothesis.strategies import booleans, integers, sampled_from

from catalog.expiry import end_expired
from catalog.facts import facts_of_sku
from catalog.models import (
    InventoryItem,
    InventoryLocation,
    Order,
    StockAllocation,
    StockMovement,
    StockReservation,
    Variant,
)
from catalog.orders import cancel_order, confirm_order, fulfil_order
from catalog.reservations import release, reserve_stock
from catalog.stock import transfer_stock
from tenants.errors import Conflict
from tenants.models import Tenant
from tests.catalog.shop import a_thing, order, receive
from tests.conftest import Business, in_tenant

pytestmark = pytest.mark.django_db

PLACES = ("main", "shop")
PIECES = integers(1, 8)


class Shelf(RuleBasedStateMachine):
    """One thing at two locations. The twin knows the pieces there are, the safety stock, and who holds how many."""

    tenant: Tenant
    number = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).number += 1
        with in_tenant(self.tenant):
            InventoryLocation.objects.get_or_create(code="shop")
            Order.objects.all().delete()
            StockReservation.objects.all().delete()
            self.thing: Variant = a_thing(f"THING-{self.number}", 6)
        self.stock, self.safety = 6, 0
        self.holds: dict[Any, int] = {}
        self.orders: list[Any] = []
        self.reservations: list[Any] = []

    @property
    def available(self) -> int:
        return max(0, self.stock - self.safety - sum(self.holds.values()))

    @rule(pieces=PIECES, place=sampled_from(PLACES))
    def goods_come(self, pieces: int, place: str) -> None:
        with in_tenant(self.tenant):
            receive(self.thing, pieces, place)
        self.stock += pieces

    @rule(pieces=PIECES, place=sampled_from(PLACES))
    def goods_are_sold_over_the_counter(self, pieces: int, place: str) -> None:
        with in_tenant(self.tenant):
            free = self.free(place)
            assert self.goes(lambda: receive(self.thing, -pieces, place)) is (pieces <= free)
        self.stock -= pieces if pieces <= free else 0

    @rule(pieces=PIECES, there=booleans())
    def goods_are_moved(self, pieces: int, there: bool) -> None:
        source, target = PLACES if there else PLACES[::-1]
        with in_tenant(self.tenant):
            free = self.free(source)
            places = {place.code: place for place in InventoryLocation.objects.all()}
            moved = self.goes(
                lambda: transfer_stock(variant=self.thing, source=places[source], target=places[target], quantity=pieces)
            )
            assert moved is (pieces <= free)

    @rule(pieces=integers(0, 3))
    def safety_stock_is_set(self, pieces: int) -> None:
        with in_tenant(self.tenant):
            InventoryItem.objects.filter(variant=self.thing, location__code="main").update(safety_stock=pieces)
        self.safety = pieces

    @rule(pieces=PIECES)
    def somebody_reserves(self, pieces: int) -> None:
        with in_tenant(self.tenant):
            may = pieces <= self.available
            made: list[StockReservation] = []
            assert self.goes(lambda: made.append(reserve_stock(variant=self.thing, quantity=pieces, expires_in=60))) is may
        for one in made:
            self.holds[one.pk] = pieces
            self.reservations.append(one)

    @rule(pieces=PIECES)
    def somebody_orders(self, pieces: int) -> None:
        with in_tenant(self.tenant):
            may = pieces <= self.available
            made: list[Order] = []
            assert self.goes(lambda: made.append(order(self.thing, pieces))) is may
        for one in made:
            self.holds[one.pk] = pieces
            self.orders.append(one)

    @precondition(lambda self: self.orders)
    @rule(which=integers(0, 99), step=sampled_from([confirm_order, fulfil_order, cancel_order]))
    def an_order_goes_on(self, which: int, step: Any) -> None:
        one = self.orders[which % len(self.orders)]
        with in_tenant(self.tenant):
            went = self.goes(lambda: step(order=one))
        pieces = self.holds.get(one.pk, 0)
        if went and step is fulfil_order:
            self.stock -= pieces
        if went and step is not confirm_order:
            self.holds.pop(one.pk, None)

    @precondition(lambda self: self.reservations)
    @rule(which=integers(0, 99))
    def somebody_gives_back(self, which: int) -> None:
        one = self.reservations[which % len(self.reservations)]
        with in_tenant(self.tenant):
            release(reservation=one)
        self.holds.pop(one.pk, None)

    @rule(sweep=booleans())
    def time_passes(self, sweep: bool) -> None:
        """Everything that can expire does; whether it is swept or not makes no difference."""
        past = Now() - timedelta(seconds=1)
        with in_tenant(self.tenant):
            Order.objects.filter(status="pending").update(expires_at=past)
            StockReservation.objects.filter(state="open").exclude(expires_at=None).update(expires_at=past)
            kept = set(Order.objects.filter(status="confirmed").values_list("pk", flat=True))
        if sweep:
            end_expired()
        self.holds = {key: pieces for key, pieces in self.holds.items() if key in kept}

    @invariant()
    def what_is_available_is_what_the_twin_says(self) -> None:
        with in_tenant(self.tenant):
            found = facts_of_sku(self.thing.sku)
        assert found is not None
        assert found[1].available == self.available

    @invariant()
    def the_ledger_adds_up_and_nobody_holds_what_is_not_there(self) -> None:
        with in_tenant(self.tenant):
            total = StockMovement.objects.filter(variant=self.thing).aggregate(total=Sum("quantity"))["total"]
            assert total == self.stock
            for item in InventoryItem.objects.filter(variant=self.thing).select_related("location"):
                assert item.stock_qty >= 0
                assert self.free(item.location.code) >= 0

    def free(self, place: str) -> int:
        """Return the pieces at a location that nobody holds."""
        here = {"variant": self.thing, "location__code": place}
        stock = StockMovement.objects.filter(**here).aggregate(total=Sum("quantity"))["total"] or 0
        return stock - StockAllocation.objects.filter(reservation__variant=self.thing, location__code=place).held()

    @staticmethod
    def goes(action: Any) -> bool:
        """Whether a service did it; False when it was refused."""
        try:
            action()
        except Conflict:
            return False
        return True


def run(business: Business, **options: Any) -> None:
    machine = type("ShelfOfSaigon", (Shelf,), {"tenant": business.tenant})
    quick = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None, **options)
    run_state_machine_as_test(machine, settings=quick)


def test_stock_is_never_oversold_whatever_happens(saigon: Business) -> None:
    run(saigon, max_examples=6, stateful_step_count=15)


@pytest.mark.slow
def test_stock_is_never_oversold_whatever_happens_for_long(saigon: Business) -> None:
    run(saigon, max_examples=100, stateful_step_count=40)
