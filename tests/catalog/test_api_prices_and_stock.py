"""Price lists, prices, the ledger, stock and customers over HTTP."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from catalog.models import Customer, InventoryItem, StockMovement, VariantPrice
from tests.conftest import ApiClient, Business, in_tenant

Api = Callable[..., ApiClient]


@pytest.fixture
def client(api: Api, saigon: Business) -> ApiClient:
    """A client of a business with one lamp."""
    client = api(saigon, saigon.operator)
    made = client.post("offerings/", {"code": "lamp", "name": "Lamp", "variants": [{"sku": "LAMP"}, {"sku": "BULB"}]})
    assert made.status_code == 201, made.content
    return client


PRICE = {"price_list": "standard", "variant": "LAMP", "currency": "VND", "amount": "199000"}


def move(client: ApiClient, quantity: int, reason: str = "receipt", **more: Any) -> Any:
    return client.post(
        "stock-movements/", {"variant": "LAMP", "location": "main", "quantity": quantity, "reason": reason, **more}
    )


def problems(response: Any) -> set[tuple[str, str]]:
    return {(one["field"], one["code"]) for one in response.json()["errors"]}


def test_a_new_business_can_sell_at_once(client: ApiClient) -> None:
    (channel,) = client.get("sales-channels/").json()["results"]
    (price_list,) = client.get("price-lists/").json()["results"]
    (location,) = client.get("inventory-locations/").json()["results"]
    assert (channel["code"], location["code"]) == ("web", "main")
    assert (price_list["code"], price_list["channel"], price_list["priority"]) == ("standard", None, 0)
    assert (price_list["valid_from"], price_list["valid_to"]) == (None, None)


def test_a_new_price_list_comes_before_all_others_unless_it_says(client: ApiClient) -> None:
    assert client.post("price-lists/", {"code": "sale"}).json()["priority"] == 1
    assert client.post("price-lists/", {"code": "base", "priority": -5, "channel": "web"}).json()["priority"] == -5
    assert client.post("price-lists/", {"code": "vip"}).json()["priority"] == 2
    window = {"valid_from": "2026-02-01T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z"}
    assert client.post("price-lists/", {"code": "odd", **window}).status_code == 422


def test_prices_are_made_changed_and_ended_and_the_ledger_tells(client: ApiClient) -> None:
    made = client.post("prices/", PRICE)
    assert made.status_code == 201, made.content
    assert (made.json()["amount"], made.json()["sku"]) == ("199000.00", "LAMP")
    address = f"prices/{made.json()['id']}/"
    assert client.patch(address, {"amount": "150000", "compare_at": "199000"}).json()["amount"] == "150000.00"
    assert client.delete(address).status_code == 204
    ledger = client.get("price-changes/", {"sku": "LAMP"}).json()["results"]
    assert [(one["old_amount"], one["new_amount"]) for one in ledger] == [
        ("150000.00", None),
        ("199000.00", "150000.00"),
        (None, "199000.00"),
    ]
    assert client.post("price-changes/", {}).status_code in (403, 405)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": "-0.01"}, "amount"),
        ({"amount": "199000.5"}, "amount"),
        ({"compare_at": "199000.5"}, "compare_at"),
        ({"amount": "1e-9"}, "amount"),
        ({"amount": "10,5"}, "amount"),
        ({"amount": "9" * 16}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": None}, "amount"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": "vnd"}, "currency"),
        ({"variant": "NOBODY"}, "variant"),
        ({"price_list": "nowhere"}, "price_list"),
        ({"id": "0199b2f4-6a7e-7c33-9a55-0d1b5f0e7a10"}, "id"),
    ],
)
def test_a_price_that_cannot_be_is_refused(client: ApiClient, saigon: Business, change: dict[str, Any], field: str) -> None:
    response = client.post("prices/", {**PRICE, **change})
    assert response.status_code == 422
    assert {name for name, _code in problems(response)} == {field}
    with in_tenant(saigon.tenant):
        assert not VariantPrice.objects.exists()


def test_a_variant_has_one_price_in_a_list_and_currency(client: ApiClient) -> None:
    assert client.post("prices/", PRICE).status_code == 201
    assert client.post("prices/", {**PRICE, "amount": "5"}).status_code == 422
    assert client.post("prices/", {**PRICE, "currency": "USD", "amount": "5"}).status_code == 201


def test_a_list_with_history_is_kept(client: ApiClient) -> None:
    made = client.post("price-lists/", {"code": "sale"}).json()
    client.post("prices/", {**PRICE, "price_list": "sale"})
    refused = client.delete(f"price-lists/{made['id']}/")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    empty = client.post("price-lists/", {"code": "empty"}).json()
    assert client.delete(f"price-lists/{empty['id']}/").status_code == 204


def test_the_first_movement_makes_the_item_and_the_sum_is_the_stock(client: ApiClient) -> None:
    assert client.get("inventory-items/").json()["results"] == []
    assert move(client, 10, note="First delivery").status_code == 201
    assert move(client, -3, "sale").json()["quantity"] == -3
    (item,) = client.get("inventory-items/", {"sku": "LAMP"}).json()["results"]
    assert (item["stock_qty"], item["location"], item["safety_stock"]) == (7, "main", 0)
    assert [one["quantity"] for one in client.get("stock-movements/").json()["results"]] == [-3, 10]


def test_more_than_there_is_cannot_leave(client: ApiClient, saigon: Business) -> None:
    move(client, 2)
    refused = move(client, -3, "sale")
    assert (refused.status_code, refused.json()["code"], refused.json()["sku"]) == (409, "insufficient_stock", "LAMP")
    with in_tenant(saigon.tenant):
        assert InventoryItem.objects.get().stock_qty == 2
        assert StockMovement.objects.count() == 1


@pytest.mark.parametrize("quantity", [0, 2**63, "many", None, 1.5])
def test_a_quantity_that_cannot_be_is_refused(client: ApiClient, quantity: Any) -> None:
    assert problems(move(client, quantity)) & {("quantity", code) for code in ("invalid", "max_value", "null")}
    assert client.get("stock-movements/").json()["results"] == []


def test_a_quantity_beyond_what_can_be_counted_is_refused(client: ApiClient) -> None:
    assert move(client, 2**31 - 1).status_code == 201
    assert move(client, 1).status_code == 422
    assert client.get("inventory-items/").json()["results"][0]["stock_qty"] == 2**31 - 1


def test_stock_is_never_set(client: ApiClient, saigon: Business) -> None:
    made = client.post("inventory-items/", {"variant": "LAMP", "location": "main", "stock_qty": 5, "safety_stock": 1})
    assert made.status_code == 201, made.content
    assert (made.json()["stock_qty"], made.json()["safety_stock"]) == (5, 1)
    address = f"inventory-items/{made.json()['id']}/"
    assert problems(client.patch(address, {"stock_qty": 50})) == {("stock_qty", "unknown_field")}
    assert client.patch(address, {"safety_stock": 2}).json()["stock_qty"] == 5
    assert client.delete(address).status_code == 405
    (movement,) = client.get("stock-movements/").json()["results"]
    assert (movement["quantity"], movement["reason"]) == (5, "correction")
    with in_tenant(saigon.tenant):
        for forbidden in (
            lambda: InventoryItem.objects.update(stock_qty=9),
            lambda: StockMovement.objects.update(quantity=9),
        ):
            with pytest.raises((IntegrityError, ProgrammingError)), transaction.atomic():
                forbidden()
        assert InventoryItem.objects.get().stock_qty == 5


def test_a_safety_stock_saved_late_does_not_undo_a_sale(client: ApiClient, saigon: Business) -> None:
    move(client, 5)
    with in_tenant(saigon.tenant):
        stale = InventoryItem.objects.get()
        move(client, -2, "sale")
        stale.safety_stock = 1
        stale.save(update_fields=["safety_stock", "updated_at"])
        assert InventoryItem.objects.get().stock_qty == 3


def test_a_customer_has_names_on_channels(client: ApiClient, saigon: Business) -> None:
    identity = {"channel": "web", "external_id": "visitor-1"}
    made = client.post("customers/", {"name": "Lan", "phone": "+84 901", "tags": ["vip"], "identities": [identity]})
    assert made.status_code == 201, made.content
    assert made.json()["identities"] == [identity]
    taken = client.post("customers/", {"name": "Minh", "identities": [identity]})
    assert (taken.status_code, taken.json()["code"]) == (409, "identity_taken")
    address = f"customers/{made.json()['id']}/"
    changed = client.patch(address, {"note": "Likes lamps", "identities": [identity, {**identity, "external_id": "v2"}]})
    assert [one["external_id"] for one in changed.json()["identities"]] == ["v2", "visitor-1"]
    found = client.get("customers/", {"channel": "web", "external_id": "v2"}).json()["results"]
    assert [one["name"] for one in found] == ["Lan"]
    assert client.get("customers/", {"search": "lan"}).json()["results"] == found
    with in_tenant(saigon.tenant):
        assert Customer.objects.count() == 1


def test_another_business_reads_no_price_stock_or_customer(client: ApiClient, api: Api, harbour: Business) -> None:
    price = client.post("prices/", PRICE).json()
    movement = move(client, 1).json()
    customer = client.post("customers/", {"name": "Lan"}).json()
    foreign = api(harbour)
    for path in (f"prices/{price['id']}/", f"stock-movements/{movement['id']}/", f"customers/{customer['id']}/"):
        assert foreign.get(path).status_code == 404
    assert foreign.patch(f"prices/{price['id']}/", {"amount": "1"}).status_code == 404
    assert foreign.delete(f"prices/{price['id']}/").status_code == 404
    assert problems(foreign.post("prices/", PRICE)) == {("variant", "unknown_reference")}
    assert client.get(f"prices/{price['id']}/").json() == price


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": "-0.01"}, "amount"),
        ({"amount": "1e-9"}, "amount"),
        ({"amount": "10,5"}, "amount"),
        ({"amount": "9999999999999999.99"}, "amount"),
        ({"amount": "0.5"}, "amount"),
        ({"compare_at": "-1"}, "compare_at"),
        ({"compare_at": "200000.5"}, "compare_at"),
        ({"compare_at": "1e9"}, "compare_at"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": "vnd"}, "currency"),
    ],
)
def test_a_price_that_is_none_is_refused_at_its_field(client: ApiClient, wrong: dict[str, Any], field: str) -> None:
    made = client.post("prices/", PRICE).json()
    for answer in (client.post("prices/", {**PRICE, **wrong}), client.patch(f"prices/{made['id']}/", wrong)):
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field])
    (kept,) = client.get("prices/").json()["results"]
    assert (kept["amount"], kept["compare_at"], kept["currency"]) == ("199000.00", None, "VND")


@pytest.mark.parametrize(
    "wrong", [{"amount": Decimal("0.5")}, {"compare_at": Decimal("0.5")}, {"currency": "XXX"}, {"amount": -1}]
)
def test_the_database_refuses_it_as_well(client: ApiClient, saigon: Business, wrong: dict[str, Any]) -> None:
    client.post("prices/", PRICE)
    with in_tenant(saigon.tenant):
        with pytest.raises(IntegrityError), transaction.atomic():
            VariantPrice.objects.update(**wrong)
        assert (VariantPrice.objects.get().amount, VariantPrice.objects.get().currency) == (199_000, "VND")


def test_a_price_before_the_sale_may_be_lower(client: ApiClient) -> None:
    """Shops export such; it says nothing, and refusing it would refuse the whole price."""
    assert client.post("prices/", {**PRICE, "compare_at": "1"}).status_code == 201


@pytest.mark.parametrize(
    "path", ["prices/", "price-changes/", "inventory-items/", "stock-movements/", "stock-reservations/"]
)
def test_a_list_is_narrowed_by_the_sku_of_a_variant_or_its_id(client: ApiClient, path: str) -> None:
    for sku in ("LAMP", "BULB"):
        assert client.post("prices/", {**PRICE, "variant": sku}).status_code == 201
        assert move(client, 5, variant=sku).status_code == 201
        assert client.post("stock-reservations/", {"variant": sku, "quantity": 1, "expires_in": 60}).status_code == 201
    (found,) = client.get(path, {"variant": "LAMP"}).json()["results"]
    assert found["sku"] == "LAMP"
    assert client.get(path, {"variant": found["variant"]}).json()["results"] == [found]
    unknown = client.get(path, {"variant": "NOBODY"})
    assert (unknown.status_code, problems(unknown)) == (422, {("variant", "unknown_reference")})


@pytest.mark.parametrize(
    ("path", "asked"),
    [("facts/", {"sku": "LAMP"}), ("offerings/search/", {"q": "lamp"}), ("prices/explain/", {"sku": "LAMP"})],
)
def test_a_currency_that_no_country_has_is_refused(client: ApiClient, path: str, asked: dict[str, str]) -> None:
    refused = client.get(path, {**asked, "currency": "XXX"})
    assert problems(refused) == {("currency", "unknown_currency")}
    assert refused.status_code in (400, 422)


def test_a_customer_is_somebody(client: ApiClient, saigon: Business) -> None:
    def refused(answer: Any) -> list[tuple[str, str]]:
        assert answer.status_code == 422
        return [(one["field"], one["code"]) for one in answer.json()["errors"]]

    assert refused(client.post("customers/", {"note": "Rang twice"})) == [("name", "required")]
    [(_field, code)] = refused(client.post("customers/", {"name": "Lan", "phone": "abc"}))
    assert code == "invalid"
    with in_tenant(saigon.tenant):
        assert not Customer.objects.exists()
        with pytest.raises(IntegrityError, match="customer_phone_digits"), transaction.atomic():
            Customer.objects.create(name="Lan", phone="abc")
    for body in ({"phone": "0901"}, {"email": "lan@example.com"}, {"identities": [{"channel": "web", "external_id": "v9"}]}):
        made = client.post("customers/", body)
        assert made.status_code == 201, made.content
    assert refused(client.patch(f"customers/{made.json()['id']}/", {"identities": []})) == [("name", "required")]
    assert len(client.get(f"customers/{made.json()['id']}/").json()["identities"]) == 1
