"""Everybody locks in one order; who meets crosswise all the same is told so, in words that are true, and tries again."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from catalog.customers import merge_customers
from catalog.imports.jobs import import_file, request_undo, run_due_jobs
from catalog.models import (
    Customer,
    CustomerMerge,
    InventoryItem,
    InventoryLocation,
    Offering,
    SalesChannel,
    Variant,
    VariantPrice,
)
from catalog.reservations import lock_items, reserve_stock
from catalog.variants import StockCell, save_variant_row
from tests.catalog.imports.files import backroom, written
from tests.catalog.shop import a_thing, receive
from tests.catalog.test_same_instant import wait_for_waiter
from tests.conftest import ApiClient, Business, in_tenant
from tests.tenants.admin_pages import browser, form_of, page

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def beside(business: Business, act: Callable[[], Any]) -> Iterator[Callable[[], "Future[Any]"]]:
    """Open a transaction; what is yielded begins ``act`` beside it and returns when that waits for the transaction."""

    def other() -> Any:
        try:
            with in_tenant(business.tenant):
                return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:

        def begin() -> "Future[Any]":
            begun = pool.submit(other)
            wait_for_waiter()
            return begun

        with in_tenant(business.tenant), transaction.atomic():
            yield begin


def test_undoing_an_import_waits_for_the_page_of_an_offering_and_holds_nothing_meanwhile(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        first = written([backroom(stock_qty="5")]).getvalue()
        job = import_file(chunks=[first], name="shop.csv", currency="USD")
        request_undo(job=job)
    with beside(saigon, run_due_jobs) as begin:
        offering = Offering.objects.select_for_update(no_key=True).get(code="river-flat")
        undoing = begin()
        receive(offering.variants.get(), 3)  # the undo waits for the offering: the stock is free
        VariantPrice.objects.update(amount=7)
    undoing.result(30)
    with in_tenant(saigon.tenant):
        job.refresh_from_db()
        assert (job.status, InventoryItem.objects.get().stock_qty) == ("completed", 8)
        assert "changed or used" in job.error_log


def test_an_order_that_holds_the_stock_is_not_stopped_by_a_page_that_waits_for_it(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        lamp = a_thing("LAMP", pieces=5)
        main = InventoryLocation.objects.get()
    cell = StockCell(main, pieces=9, seen=5)
    with beside(saigon, lambda: save_variant_row(variant=lamp, values={"name": "Lamp"}, stock=cell)) as begin:
        lock_items([lamp.pk])
        saving = begin()
        reserve_stock(variant=lamp, quantity=2, expires_in=60)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as at the commit: the reservation names the variant
    saving.result(30)
    with in_tenant(saigon.tenant):
        assert (Variant.objects.get().name, InventoryItem.objects.get().stock_qty) == ("Lamp", 9)


def test_an_import_waits_for_a_price_that_is_being_changed_before_it_writes_any(saigon: Business) -> None:
    def priced(amount: str) -> bytes:
        return written([backroom(sku=sku, option__n=sku, price=amount) for sku in ("A", "B")]).getvalue()

    with in_tenant(saigon.tenant):
        import_file(chunks=[priced("5")], name="shop.csv", currency="USD")
        first, last = VariantPrice.objects.order_by("pk")
    with beside(saigon, lambda: import_file(chunks=[priced("6")], name="shop.csv", currency="USD")) as begin:
        VariantPrice.objects.filter(pk=first.pk).update(amount=1)
        importing = begin()
        VariantPrice.objects.filter(pk=last.pk).update(amount=2)
    assert importing.result(30).status == "completed"
    with in_tenant(saigon.tenant):
        assert {*VariantPrice.objects.values_list("amount", flat=True)} == {Decimal(6)}


def test_three_merges_in_a_circle_come_one_after_the_other(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        people = [Customer.objects.create(name=name) for name in ("Mai", "An", "Lan")]
    with beside(saigon, lambda: merge_customers(source=people[1], into=people[2])) as begin:
        merge_customers(source=people[0], into=people[1])
        merging = begin()
        Customer.objects.select_for_update().get(pk=people[2].pk)  # the other one holds none of them yet
    assert merging.result(30) == people[2]
    with in_tenant(saigon.tenant):
        assert Customer.objects.present().get() == people[2]
        assert CustomerMerge.objects.count() == 2


def crosswise(saigon: Business, act: Callable[[], Any]) -> Any:
    """Return the answer of ``act``, which holds one row and waits for another that is held by whom it makes wait."""
    with in_tenant(saigon.tenant):
        things = sorted([a_thing("LAMP", pieces=5), a_thing("VASE", pieces=5)], key=lambda one: one.pk)
    with beside(saigon, act) as begin:
        lock_items([things[1].pk])
        acting = begin()
        lock_items([things[0].pk])  # whoever has waited longer is rolled back
    return acting.result(30)


def test_the_api_says_that_a_deadlock_is_one_and_that_nothing_was_done(
    saigon: Business, api: Callable[..., ApiClient]
) -> None:
    client = api(saigon, saigon.operator)
    with in_tenant(saigon.tenant):
        mai = Customer.objects.create(name="Mai")
    lines = [{"sku": sku, "quantity": 1} for sku in ("LAMP", "VASE")]
    body = {"customer": str(mai.pk), "channel": "web", "lines": lines}
    refused = crosswise(saigon, lambda: client.post("orders/", body, Idempotency_Key="once"))
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert "nothing was done" in refused.json()["detail"]
    assert refused["Retry-After"] == "1"
    again = client.post("orders/", body, Idempotency_Key="once")
    assert (again.status_code, again.json()["number"]) == (201, 1001)


def test_a_page_of_the_admin_says_so_too_and_keeps_what_was_typed(saigon: Business) -> None:
    staff = browser(saigon.operator)
    with in_tenant(saigon.tenant):
        mai = Customer.objects.create(name="Mai")
        typed = {"customer": str(mai.pk), "channel": str(SalesChannel.objects.get().pk), "note": "Ring twice"}

    def order() -> Any:
        with in_tenant(saigon.tenant):
            variants = [str(pk) for pk in Variant.objects.values_list("pk", flat=True)]
        lines = {f"lines-{number}-variant": pk for number, pk in enumerate(variants)}
        pieces = {f"lines-{number}-quantity": "1" for number in range(2)}
        rows = {"lines-TOTAL_FORMS": "2", "lines-INITIAL_FORMS": "0", **lines, **pieces}
        return staff.post(page("catalog_order_add"), {**typed, **rows, "currency": "", "shipping_address": "", "_save": "1"})

    told = crosswise(saigon, order)
    assert told.status_code == 200
    assert "nothing was done" in told.content.decode()
    assert form_of(told)["note"] == "Ring twice"
    with in_tenant(saigon.tenant):
        assert mai.orders.count() == 0
