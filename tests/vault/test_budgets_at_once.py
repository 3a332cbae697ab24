"""What a budget allows when many ask at the same instant: never more than fits."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models import Sum

from bots.models import Bot
from tenants.errors import Conflict
from tests.conftest import in_tenant
from tests.rows import make_row
from tests.vault.test_budgets import DOLLAR, a_budget, a_call, a_price, standing, warned
from vault.budgets import (
    BudgetExceeded,
    release,
    settle,
)
from vault.models import Budget, UsageEntry
from vault.prices import Tokens

pytestmark = pytest.mark.django_db


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_of_five_hundred_calls_in_flight_at_once_no_more_are_made_than_fit(saigon):
    """Each of 500 clients has asked, and none has ended, before the first ends; they share 40 connections."""
    calls, limit, places = 500, 50, threading.BoundedSemaphore(40)
    a_price()
    with in_tenant(saigon.tenant):
        budget = a_budget(limit)
    at_the_height: list[tuple[Decimal, Decimal]] = []

    def in_database(work):
        with places, in_tenant(saigon.tenant):
            try:
                return work()
            finally:
                connection.close()

    def ask(number):
        try:
            return a_call(key=f"call {number}")
        except BudgetExceeded:
            return None

    everybody = threading.Barrier(calls, action=lambda: at_the_height.append(in_database(lambda: standing(budget))))

    def one(number):
        held = in_database(lambda: ask(number))
        everybody.wait(timeout=240)
        if held:
            in_database(lambda: settle(held, usage=DOLLAR))
        return bool(held)

    with ThreadPoolExecutor(calls) as clients:
        made = sum(clients.map(one, range(calls)))
    assert at_the_height == [(0, limit)]
    with in_tenant(saigon.tenant):
        assert (made, standing(budget)) == (limit, (limit, 0))
        assert UsageEntry.objects.filter(state="settled").count() == limit


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("calls", [60, pytest.param(500, marks=pytest.mark.slow)])
def test_calls_at_the_edge_of_a_cap_never_spend_more_than_it(saigon, calls):
    """Each call may cost a dollar and costs between a tenth and all of it; two budgets apply, in either order."""
    a_price()
    with in_tenant(saigon.tenant):
        bot = make_row(Bot)
        budgets = [a_budget(calls // 10), a_budget(calls // 8, bot=bot), a_budget(calls, period="total")]
    seen: list[Decimal] = []
    begin = threading.Barrier(min(calls, 40))

    def one(number):
        try:
            if number < begin.parties:
                begin.wait(timeout=30)
            with in_tenant(saigon.tenant):
                held = a_call(key=f"call {number}", bot_id=bot.pk)
                seen.append(max(sum(standing(budget)) - budget.limit_amount for budget in budgets))
                if number % 10:
                    settle(held, usage=Tokens(0, 10_000 * (1 + number % 9)))
                else:
                    release(held)
                return 1
        except BudgetExceeded:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(40) as pool:
        made = sum(pool.map(one, range(calls)))
    with in_tenant(saigon.tenant):
        assert UsageEntry.objects.count() == made
        assert not UsageEntry.objects.filter(state="reserved").exists()
        with pytest.raises(BudgetExceeded):  # nothing of the limit is lost either: it is used until no call fits
            while True:
                settle(a_call(bot_id=bot.pk), usage=Tokens(0, 70_000))
        spent = UsageEntry.objects.aggregate(spent=Sum("amount"))["spent"]
        assert [standing(budget) for budget in budgets] == [(spent, 0)] * 3
        assert calls // 10 - 1 < spent <= calls // 10
        assert 0 < made < calls
    assert max(seen) <= 0


@pytest.mark.django_db(transaction=True)
def test_a_threshold_that_many_cross_at_once_is_told_once(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        a_budget(100, thresholds=[5, 10])
        held = [a_call() for _ in range(20)]

    def one(reservation):
        try:
            with in_tenant(saigon.tenant):
                settle(reservation, usage=DOLLAR)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(one, held))
    with in_tenant(saigon.tenant):
        assert sorted(warned()) == [5, 10]


@pytest.mark.django_db(transaction=True)
def test_a_key_used_by_many_at_once_holds_once(saigon):
    a_price()
    key = str(uuid4())

    def one(_number):
        try:
            with in_tenant(saigon.tenant):
                return a_call(key=key).id
        except Conflict as refused:
            return refused.code
        finally:
            connection.close()

    with in_tenant(saigon.tenant):
        budget = a_budget()
    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(one, range(20)))
    assert results.count("in_progress") == 19
    with in_tenant(saigon.tenant):
        assert UsageEntry.objects.get().pk in results
        assert standing(budget) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_a_budget_made_while_calls_are_reserved_misses_none_of_them(saigon):
    """The first call's transaction is held open, the second comes while the budget is being saved."""
    a_price()
    saving, done = threading.Event(), threading.Event()

    def hold_a_call_open():
        with in_tenant(saigon.tenant), transaction.atomic():
            transaction.get_connection().atomic_blocks[-1]._from_testcase = True
            a_call()
            saving.wait(timeout=10)
            time.sleep(0.3)

    def save_slowly():
        with in_tenant(saigon.tenant), transaction.atomic():
            saving.set()
            a_budget(10)
            done.wait(timeout=0.5)

    def call_meanwhile():
        saving.wait(timeout=10)
        time.sleep(0.4)
        with in_tenant(saigon.tenant):
            a_call()
        done.set()

    with ThreadPoolExecutor(3) as pool:
        for work in [pool.submit(_and_close, one) for one in (hold_a_call_open, save_slowly, call_meanwhile)]:
            work.result(timeout=20)
    with in_tenant(saigon.tenant):
        assert sum(standing(Budget.objects.get())) == 2


def _and_close(work):
    try:
        work()
    finally:
        connection.close()
