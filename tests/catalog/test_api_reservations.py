"""Holding stock, channels with stock of their own, transfers, and customers who are one person, over HTTP."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from catalog.expiry import end_expired
from catalog.models import Customer, StockMovement, StockReservation
from runtime.models import Session
from tenants.models import AuditEntry, Event
from tests.catalog.shop import open_shop
from tests.catalog.test_orders import available, problems, receive
from tests.conftest import ApiClient, Business, in_tenant
from tests.rows import a_session

Api = Callable[..., ApiClient]


@pytest.fixture
def client(api: Api, saigon: Business) -> ApiClient:
    """A shop with ten lamps at its main location, and a second location for Zalo only."""
    with in_tenant(saigon.tenant):
        open_shop()
    client = api(saigon, saigon.operator)
    client.post("sales-channels/", {"code": "zalo", "name": "Zalo"})
    made = client.post("inventory-locations/", {"code": "zalo-shop", "name": "Zalo shop", "channel": "zalo"})
    assert made.json()["channel"] == "zalo"
    return client


def reserve(client: ApiClient, quantity: int, sku: str = "LAMP", **more: Any) -> Any:
    return client.post("stock-reservations/", {"variant": sku, "quantity": quantity, "expires_in": 600, **more})


def test_what_is_held_is_not_available_until_it_is_given_back(client: ApiClient) -> None:
    made = reserve(client, 4)
    assert made.status_code == 201, made.content
    held = made.json()
    assert (held["sku"], held["quantity"], held["state"], held["order"]) == ("LAMP", 4, "open", None)
    assert held["allocations"] == [{"location": "main", "quantity": 4}]
    assert available(client) == 6
    refused = reserve(client, 7)
    assert (refused.status_code, refused.json()["code"], refused.json()["sku"]) == (409, "out_of_stock", "LAMP")
    for _time in range(2):
        assert client.post(f"stock-reservations/{held['id']}/release/").json()["state"] == "released"
    assert available(client) == 10


def test_a_reservation_that_ran_out_holds_nothing_before_the_sweep_and_after_it(client: ApiClient, saigon: Business) -> None:
    made = reserve(client, 10)
    assert available(client) == 0
    with in_tenant(saigon.tenant):
        StockReservation.objects.update(expires_at=Now() - timedelta(seconds=1))
    assert available(client) == 10
    assert reserve(client, 10).status_code == 201
    assert end_expired() == 1
    assert client.get(f"stock-reservations/{made.json()['id']}/").json()["state"] == "released"
    assert available(client) == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": -1}, "quantity"),
        ({"quantity": 2**63}, "quantity"),
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": 10**9}, "expires_in"),
        ({"variant": "NOBODY"}, "variant"),
        ({"location": "nowhere"}, "location"),
        ({"state": "consumed"}, "state"),
    ],
)
def test_a_reservation_that_cannot_be_is_refused(client: ApiClient, saigon: Business, change: Any, field: str) -> None:
    refused = client.post("stock-reservations/", {"variant": "LAMP", "quantity": 1, "expires_in": 600, **change})
    assert (refused.status_code, {name for name, _code in problems(refused)}) == (422, {field})
    with in_tenant(saigon.tenant):
        assert not StockReservation.objects.exists()


def test_what_is_not_counted_or_sells_on_can_always_be_held(client: ApiClient) -> None:
    assert reserve(client, 50, "BULB").json()["allocations"] == []
    assert available(client, "BULB") is None
    assert reserve(client, 50, "RUG").json()["allocations"] == [{"location": "main", "quantity": 50}]
    assert available(client, "RUG") == 0


def test_a_location_of_a_channel_serves_that_channel_only(client: ApiClient) -> None:
    receive(client, "LAMP", 5, "zalo-shop")
    assert (available(client), available(client, channel="web"), available(client, channel="zalo")) == (15, 10, 15)
    customer = client.post("customers/", {"name": "Mai"}).json()["id"]
    body = {"customer": customer, "lines": [{"sku": "LAMP", "quantity": 12}]}
    assert client.post("orders/", {**body, "channel": "web"}).status_code == 409
    ordered = client.post("orders/", {**body, "channel": "zalo"})
    assert ordered.status_code == 201
    assert (available(client), available(client, channel="web"), available(client, channel="zalo")) == (3, 0, 3)


def test_safety_stock_is_counted_over_all_locations(client: ApiClient) -> None:
    (item,) = client.get("inventory-items/", {"sku": "LAMP"}).json()["results"]
    client.patch(f"inventory-items/{item['id']}/", {"safety_stock": 12})
    receive(client, "LAMP", 5, "zalo-shop")
    assert available(client) == 3
    assert reserve(client, 4).status_code == 409
    assert reserve(client, 3).status_code == 201
    assert available(client) == 0


def test_goods_are_transferred_as_one(client: ApiClient, saigon: Business) -> None:
    body = {"variant": "LAMP", "from_location": "main", "to_location": "zalo-shop", "quantity": 4}
    made = client.post("stock-movements/transfer/", body)
    assert made.status_code == 201, made.content
    assert [(one["location"], one["quantity"]) for one in made.json()["movements"]] == [("main", -4), ("zalo-shop", 4)]
    assert available(client) == 10
    reserve(client, 6, location="main")
    with in_tenant(saigon.tenant):
        before = StockMovement.objects.count()
    held = client.post("stock-movements/transfer/", {**body, "quantity": 1})
    assert (held.status_code, held.json()["code"]) == (409, "insufficient_stock")
    same = client.post("stock-movements/transfer/", {**body, "to_location": "main"})
    assert problems(same) == {("to_location", "same_location")}
    with in_tenant(saigon.tenant):
        assert StockMovement.objects.count() == before


def test_low_stock_is_told_once_by_what_is_held_and_then_sold(client: ApiClient, saigon: Business) -> None:
    customer = client.post("customers/", {"name": "Mai"}).json()["id"]
    body = {"customer": customer, "channel": "web", "lines": [{"sku": "LAMP", "quantity": 10}]}
    order = client.post("orders/", body).json()["id"]
    for step in ("confirm", "fulfil"):
        assert client.post(f"orders/{order}/{step}/").status_code == 200
    with in_tenant(saigon.tenant):
        (event,) = Event.objects.filter(kind="stock.low")
        assert (event.data["sku"], event.data["stock_qty"], event.data["reserved"]) == ("LAMP", 10, 10)


def two_of_one(client: ApiClient) -> tuple[str, str]:
    """Make two customers who are one person; the first has an order."""
    identity = [{"channel": "web", "external_id": "w-1"}]
    mai = client.post("customers/", {"name": "Mai", "phone": "0901234567", "tags": ["vip"], "identities": identity})
    twin = client.post(
        "customers/",
        {"name": "", "email": "mai@example.com", "identities": [{"channel": "zalo", "external_id": "z-1"}], "tags": ["new"]},
    )
    ordered = {"customer": mai.json()["id"], "channel": "web", "lines": [{"sku": "LAMP", "quantity": 1}]}
    assert client.post("orders/", ordered).status_code == 201
    return mai.json()["id"], twin.json()["id"]


def test_two_customers_become_one_with_everything_that_was_theirs(client: ApiClient, saigon: Business) -> None:
    mai, twin = two_of_one(client)
    with in_tenant(saigon.tenant):
        session = a_session()
        Session.objects.filter(pk=session.pk).update(customer=mai)
    for _time in range(2):
        merged = client.post(f"customers/{mai}/merge/", {"into": twin})
        assert merged.status_code == 200, merged.content
        kept = merged.json()
        assert (kept["id"], kept["name"], kept["phone"], kept["email"]) == (twin, "Mai", "0901234567", "mai@example.com")
        assert kept["tags"] == ["new", "vip"]
        assert {one["external_id"] for one in kept["identities"]} == {"w-1", "z-1"}
    assert [one["number"] for one in client.get("orders/", {"customer": twin}).json()["results"]] == [1001]
    assert [one["id"] for one in client.get("customers/").json()["results"]] == [twin]
    assert client.get(f"customers/{mai}/").json()["merged_into"] == twin
    history = client.get(f"customers/{twin}/history/").json()["results"]
    assert sorted(one["kind"] for one in history) == ["identity", "identity", "merge", "order"]
    with in_tenant(saigon.tenant):
        assert str(Session.objects.get(pk=session.pk).customer_id) == twin
        assert AuditEntry.objects.filter(subject_kind="catalog.customermerge", verb="insert").count() == 1
    late = client.post("orders/", {"customer": mai, "channel": "web", "lines": [{"sku": "LAMP", "quantity": 1}]})
    assert late.json()["customer"] == twin
    assert client.patch(f"customers/{mai}/", {"name": "X"}).status_code == 409


def test_a_customer_is_not_merged_into_itself_in_a_circle_or_abroad(
    client: ApiClient, saigon: Business, api: Api, harbour: Business
) -> None:
    mai, twin = two_of_one(client)
    third = client.post("customers/", {"name": "Third"}).json()["id"]
    foreign = api(harbour, harbour.operator).post("customers/", {"name": "Theirs"}).json()["id"]
    itself = client.post(f"customers/{mai}/merge/", {"into": mai})
    assert (itself.status_code, problems(itself)) == (422, {("into", "same_customer")})
    assert problems(client.post(f"customers/{mai}/merge/", {"into": foreign})) == {("into", "unknown_reference")}
    assert client.post(f"customers/{foreign}/merge/", {"into": mai}).status_code == 404
    with in_tenant(saigon.tenant):
        assert not Customer.objects.exclude(merged_into=None).exists()
    assert client.post(f"customers/{mai}/merge/", {"into": twin}).status_code == 200
    for source, into in ((twin, mai), (third, mai), (mai, third)):
        refused = client.post(f"customers/{source}/merge/", {"into": into})
        assert (refused.status_code, refused.json()["code"]) == (409, "merged_already")
    assert client.post(f"customers/{twin}/merge/", {"into": third}).status_code == 200
    with in_tenant(saigon.tenant):
        assert {str(one) for one in Customer.objects.exclude(merged_into=None).values_list("merged_into", flat=True)} == {
            third
        }


@pytest.mark.parametrize("phone", ["+84 901 234 567", "0084901234567", "84-901-234-567", "0901.234.567"])
def test_phone_numbers_are_one_however_they_are_written(client: ApiClient, saigon: Business, phone: str) -> None:
    client.post("customers/", {"name": "Mai", "phone": "0901234567"})
    client.post("customers/", {"name": "Abroad", "phone": "+1 901 234 567"})
    other = client.post("customers/", {"name": "Twin", "phone": phone}).json()["id"]
    with in_tenant(saigon.tenant):
        assert [one.name for one in Customer.objects.like(Customer.objects.get(pk=other))] == ["Mai"]
