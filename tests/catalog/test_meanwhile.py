"""What happens to a customer or a variant while somebody else works on it, each with a connection of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from catalog.customers import identify_customer, merge_customers
from catalog.models import Customer, InventoryItem, Offering, SalesChannel
from runtime.models import Session
from tests.catalog.shop import a_thing, order
from tests.config.installation import wait_for
from tests.conftest import ApiClient, Business, in_tenant
from tests.rows import a_session

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.fixture
def shop(transactional_db: None, saigon: Business) -> Business:
    """A business that other connections see."""
    return saigon


def elsewhere(business: Business, work: Callable[[], Any]) -> Any:
    """Do the work with a connection of its own."""
    try:
        with in_tenant(business.tenant):
            return work()
    finally:
        connection.close()


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


def test_a_conversation_that_begins_during_a_merge_follows_the_customer(shop: Business) -> None:
    with in_tenant(shop.tenant):
        web, session = SalesChannel.objects.get(code="web"), a_session()
        mai = identify_customer(channel=web, external_id="w-1", name="Mai")
        twin = Customer.objects.create(name="Twin")
    with ThreadPoolExecutor(1) as pool, in_tenant(shop.tenant):
        with transaction.atomic():
            found = identify_customer(channel=web, external_id="w-1")
            merge = pool.submit(elsewhere, shop, lambda: merge_customers(source=mai, into=twin))
            wait_for(somebody_waits, 20, "the merge waits for the conversation")
            Session.objects.filter(pk=session.pk).update(customer=found)
        merge.result(30)
        assert Session.objects.get(pk=session.pk).customer == twin
        assert identify_customer(channel=web, external_id="w-1") == twin


def test_a_row_that_is_changed_locks_no_other(shop: Business) -> None:
    with in_tenant(shop.tenant):
        thing = a_thing("LAMP", 10)
        item = InventoryItem.objects.get()
    with in_tenant(shop.tenant), transaction.atomic(), ThreadPoolExecutor(1) as pool:
        Offering.objects.select_for_update(no_key=True).get(pk=thing.offering_id)  # as an import locks it
        client = ApiClient(shop.key)
        change = pool.submit(elsewhere, shop, lambda: client.patch(f"inventory-items/{item.pk}/", {"safety_stock": 2}))
        assert change.result(30).status_code == 200


def test_who_edits_a_variant_and_who_orders_it_do_not_wait_for_each_other(shop: Business) -> None:
    with in_tenant(shop.tenant):
        thing = a_thing("LAMP", 10)
    with in_tenant(shop.tenant), transaction.atomic(), ThreadPoolExecutor(1) as pool:
        order(thing)
        connection.check_constraints()  # the references to the variant, which lock its key, as at the end of the order
        client = ApiClient(shop.key)
        change = pool.submit(elsewhere, shop, lambda: client.patch(f"variants/{thing.pk}/", {"name": "New name"}))
        assert change.result(30).status_code == 200
