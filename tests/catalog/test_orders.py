"""Orders over HTTP: prices frozen, stock held, one status after the other, and what comes back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from catalog.expiry import end_expired
from catalog.models import InventoryItem, Order, OrderLine, StockMovement, StockReservation
from tenants.models import AuditEntry, Event, Setting
from tests.catalog.shop import open_shop
from tests.conftest import ApiClient, Business, in_tenant

Api = Callable[..., ApiClient]


def receive(client: ApiClient, sku: str, quantity: int, location: str = "main", reason: str = "receipt") -> Any:
    body = {"variant": sku, "location": location, "quantity": quantity, "reason": reason}
    return client.post("stock-movements/", body)


@pytest.fixture
def client(api: Api, saigon: Business) -> ApiClient:
    """A shop with three things to sell."""
    with in_tenant(saigon.tenant):
        open_shop()
    return api(saigon, saigon.operator)


@pytest.fixture
def customer(client: ApiClient) -> str:
    """Return the id of a customer."""
    return str(client.post("customers/", {"name": "Mai", "phone": "0901234567"}).json()["id"])


@pytest.fixture
def buy(client: ApiClient, customer: str) -> Callable[..., Any]:
    """Order so many of each SKU: ``buy(LAMP=2)``."""

    def order(client: ApiClient = client, *, headers: dict[str, str] | None = None, **quantities: int) -> Any:
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]
        return client.post("orders/", {"customer": customer, "channel": "web", "lines": lines}, **(headers or {}))

    return order


def available(client: ApiClient, sku: str = "LAMP", **more: str) -> Any:
    return client.get("facts/", {"sku": sku, **more}).json()["available"]


def step(client: ApiClient, order: Any, name: str, body: Any = None) -> Any:
    return client.post(f"orders/{order.json()['id']}/{name}/", body)


def problems(response: Any) -> set[tuple[str, str]]:
    return {(one["field"], one["code"]) for one in response.json()["errors"]}


def counts(business: Business) -> tuple[int, ...]:
    """Count what an order would write."""
    with in_tenant(business.tenant):
        return tuple(model.objects.count() for model in (Order, OrderLine, StockReservation, StockMovement, Event))


def test_an_order_freezes_prices_and_holds_the_stock(client: ApiClient, buy: Any, saigon: Business) -> None:
    made = buy(LAMP=2, BULB=1)
    assert made.status_code == 201, made.content
    order = made.json()
    assert (order["number"], order["status"], order["currency"], order["total"]) == (1001, "pending", "VND", "597000.00")
    lamp = order["lines"][0]
    assert (lamp["sku"], lamp["name"], lamp["quantity"], lamp["unit_price"]) == ("LAMP", "Lamp – White", 2, "199000.00")
    assert (lamp["total"], lamp["price_list"]) == ("398000.00", "standard")
    assert "standard" in lamp["explanation"]
    assert available(client) == 8
    assert available(client, "BULB") is None
    (price,) = client.get("prices/", {"sku": "LAMP"}).json()["results"]
    client.patch(f"prices/{price['id']}/", {"amount": "5000"})
    assert client.get(f"orders/{order['id']}/").json()["lines"][0]["unit_price"] == "199000.00"
    assert buy(LAMP=1).json()["number"] == 1002
    with in_tenant(saigon.tenant):
        event = Event.objects.filter(kind="order.created").earliest("id")
        assert (event.data["number"], event.data["total"]) == (1001, "597000.00")


def test_an_order_goes_from_pending_to_fulfilled_and_the_ledger_tells(client: ApiClient, buy: Any, saigon: Business) -> None:
    made = buy(LAMP=3)
    confirmed = step(client, made, "confirm")
    assert (confirmed.status_code, confirmed.json()["status"], confirmed.json()["expires_at"]) == (200, "confirmed", None)
    assert client.get("inventory-items/", {"sku": "LAMP"}).json()["results"][0]["stock_qty"] == 10
    done = step(client, made, "fulfil").json()
    assert done["status"] == "fulfilled"
    assert client.get("inventory-items/", {"sku": "LAMP"}).json()["results"][0]["stock_qty"] == 7
    assert available(client) == 7
    newest = client.get("stock-movements/").json()["results"][0]
    assert (newest["quantity"], newest["reason"], newest["note"]) == (-3, "sale", "Order #1001")
    assert [one["kind"] for one in done["timeline"]] == ["created", "confirmed", "fulfilled"]
    assert {one["created_by"] for one in done["timeline"]} == {str(saigon.operator.pk)}
    kinds = {one["kind"] for one in client.get("events/").json()["results"]}
    assert {"order.created", "order.confirmed", "order.fulfilled"} <= kinds


@pytest.mark.parametrize(
    ("before", "name"),
    [
        ((), "fulfil"),
        ((), "returns"),
        (("confirm",), "confirm"),
        (("confirm",), "returns"),
        (("confirm", "fulfil"), "confirm"),
        (("confirm", "fulfil"), "fulfil"),
        (("confirm", "fulfil"), "cancel"),
        (("cancel",), "confirm"),
        (("cancel",), "fulfil"),
        (("cancel",), "cancel"),
        (("cancel",), "returns"),
    ],
)
def test_a_step_that_does_not_follow_is_refused(
    client: ApiClient, buy: Any, saigon: Business, before: tuple[str, ...], name: str
) -> None:
    made = buy(LAMP=1)
    for one in before:
        assert step(client, made, one).status_code == 200
    was, rows = client.get(f"orders/{made.json()['id']}/").json(), counts(saigon)
    refused = step(client, made, name, {"lines": [{"sku": "LAMP", "quantity": 1}]} if name == "returns" else None)
    assert (refused.status_code, refused.json()["code"]) == (409, "invalid_transition")
    assert client.get(f"orders/{made.json()['id']}/").json() == was
    assert counts(saigon) == rows


@pytest.mark.parametrize("before", [(), ("confirm",)])
def test_cancelling_gives_the_stock_back(client: ApiClient, buy: Any, before: tuple[str, ...]) -> None:
    made = buy(LAMP=10)
    for one in before:
        step(client, made, one)
    assert available(client) == 0
    cancelled = step(client, made, "cancel", {"reason": "Changed her mind"}).json()
    assert (cancelled["status"], cancelled["cancel_reason"]) == ("cancelled", "Changed her mind")
    assert available(client) == 10


def test_what_is_short_is_named_and_nothing_is_written(client: ApiClient, buy: Any, saigon: Business) -> None:
    receive(client, "BULB", 2)
    before = counts(saigon)
    refused = buy(LAMP=11, RUG=50, BULB=3)
    assert (refused.status_code, refused.json()["code"]) == (409, "out_of_stock")
    assert (refused.json()["sku"], refused.json()["skus"]) == ("LAMP", ["LAMP", "BULB"])
    assert problems(refused) == {("lines.0.sku", "out_of_stock"), ("lines.2.sku", "out_of_stock")}
    assert counts(saigon) == before
    assert buy(LAMP=10, RUG=50, BULB=2).json()["number"] == 1001  # a refused order takes no number


@pytest.mark.parametrize(
    ("lines", "field", "code"),
    [
        ([], "lines", "min_length"),
        ([{"sku": "LAMP", "quantity": 0}], "lines.0.quantity", "min_value"),
        ([{"sku": "LAMP", "quantity": -1}], "lines.0.quantity", "min_value"),
        ([{"sku": "LAMP", "quantity": 2**63}], "lines.0.quantity", "max_value"),
        ([{"sku": "LAMP", "quantity": 1.5}], "lines.0.quantity", "invalid"),
        ([{"sku": "LAMP", "quantity": 1}, {"sku": "NOBODY", "quantity": 1}], "lines.1.sku", "unknown_reference"),
        ([{"sku": "LAMP", "quantity": 1}, {"sku": "LAMP", "quantity": 1}], "lines.1.sku", "duplicate_sku"),
        ([{"sku": "LAMP", "quantity": 1, "price": "1"}], "lines.0.price", "unknown_field"),
    ],
)
def test_lines_that_cannot_be_are_refused_by_their_place(
    client: ApiClient, customer: str, saigon: Business, lines: list[Any], field: str, code: str
) -> None:
    before = counts(saigon)
    refused = client.post("orders/", {"customer": customer, "channel": "web", "lines": lines})
    assert refused.status_code == 422, refused.content
    assert problems(refused) == {(field, code)}
    assert counts(saigon) == before


def test_too_many_lines_are_refused(client: ApiClient, customer: str, saigon: Business) -> None:
    lines = [{"sku": "LAMP", "quantity": 1}] * 1001
    refused = client.post("orders/", {"customer": customer, "channel": "web", "lines": lines})
    assert (refused.status_code, counts(saigon)[0]) == (422, 0)


def test_skus_and_customers_of_another_business_are_unknown(
    client: ApiClient, api: Api, harbour: Business, customer: str
) -> None:
    with in_tenant(harbour.tenant):
        open_shop()
    theirs = api(harbour, harbour.operator)
    theirs.post("offerings/", {"code": "boat", "name": "Boat", "variants": [{"sku": "BOAT"}]})
    body = {"customer": customer, "channel": "web", "lines": [{"sku": "BOAT", "quantity": 1}]}
    assert problems(client.post("orders/", body)) == {("lines.0.sku", "unknown_reference")}
    stolen = theirs.post("orders/", {**body, "lines": [{"sku": "LAMP", "quantity": 1}]})
    assert (stolen.status_code, problems(stolen)) == (422, {("customer", "unknown_reference")})


def test_only_what_is_on_sale_can_be_ordered(client: ApiClient, buy: Any, saigon: Business) -> None:
    draft = client.post("offerings/", {"code": "draft", "name": "Draft", "variants": [{"sku": "DRAFT"}]})
    assert draft.status_code == 201
    rug = client.get("offerings/", {"code": "rug"}).json()["results"][0]
    client.post(f"offerings/{rug['id']}/archive/")
    refused = buy(LAMP=1, DRAFT=1, RUG=1)
    assert problems(refused) == {("lines.1.sku", "not_for_sale"), ("lines.2.sku", "not_for_sale")}
    assert counts(saigon)[0] == 0


def test_the_currency_is_the_tenants_else_the_only_one_else_asked_for(client: ApiClient, buy: Any, customer: str) -> None:
    body = {"customer": customer, "channel": "web", "lines": [{"sku": "LAMP", "quantity": 2}]}
    no_price = client.post("orders/", {**body, "currency": "USD"})
    assert (no_price.status_code, problems(no_price)) == (422, {("lines.0.sku", "no_price")})
    no_such = client.post("orders/", {**body, "currency": "XXX"})
    assert (no_such.status_code, problems(no_such)) == (422, {("currency", "unknown_currency")})
    for currency, amount in (("USD", "9.99"), ("EUR", "8.5")):
        for sku in ("LAMP", "BULB"):
            price = {"price_list": "standard", "variant": sku, "currency": currency, "amount": amount}
            assert client.post("prices/", price).status_code == 201
    assert buy(LAMP=1).json()["currency"] == "VND"
    in_dollars = client.post("orders/", {**body, "currency": "USD"}).json()
    assert (in_dollars["currency"], in_dollars["total"]) == ("USD", "19.98")
    (dong,) = client.get("prices/", {"sku": "BULB", "currency": "VND"}).json()["results"]
    client.delete(f"prices/{dong['id']}/")
    unclear = buy(BULB=1)
    assert (unclear.status_code, problems(unclear)) == (422, {("currency", "currency_required")})
    mixed = buy(LAMP=1, BULB=1)
    assert problems(mixed) == {("currency", "currency_required")}


def test_the_same_key_orders_once(client: ApiClient, buy: Any, saigon: Business) -> None:
    key = {"Idempotency_Key": "cart-1"}
    first, again = buy(LAMP=1, headers=key), buy(LAMP=1, headers=key)
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    other = buy(LAMP=2, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert counts(saigon)[0] == 1
    assert available(client) == 9


def overdue(business: Business) -> None:
    """Let the time of everything that is held be over."""
    with in_tenant(business.tenant):
        past = Now() - timedelta(seconds=1)
        Order.objects.filter(status="pending").update(expires_at=past)
        StockReservation.objects.filter(state="open").exclude(expires_at=None).update(expires_at=past)


def test_an_order_nobody_confirms_in_time_is_cancelled(client: ApiClient, buy: Any, saigon: Business) -> None:
    made = buy(LAMP=4)
    kept = buy(LAMP=1)
    step(client, kept, "confirm")
    overdue(saigon)
    assert available(client) == 9  # before any sweep
    late = step(client, made, "confirm")
    assert (late.status_code, late.json()["code"]) == (409, "invalid_transition")
    assert end_expired() == 1
    order = client.get(f"orders/{made.json()['id']}/").json()
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "expired")
    assert order["timeline"][-1]["kind"] == "cancelled"
    assert client.get(f"orders/{kept.json()['id']}/").json()["status"] == "confirmed"
    assert available(client) == 9
    with in_tenant(saigon.tenant):
        assert Event.objects.get(kind="order.cancelled").data["expired"] is True
    assert end_expired() == 0


def test_how_long_an_order_is_held_can_be_set(client: ApiClient, buy: Any, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        Setting.put("order_hold_minutes", 5)
        Setting.explained("order_hold_minutes")  # other workers learn of it within a second
    expires = buy(LAMP=1).json()["expires_at"]
    left = timezone.datetime.fromisoformat(expires) - timezone.now()
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)


def test_what_comes_back_is_on_the_shelf_again_and_paid_back(client: ApiClient, buy: Any, saigon: Business) -> None:
    made = buy(LAMP=3, BULB=1)
    step(client, made, "confirm")
    step(client, made, "fulfil")
    body = {"lines": [{"sku": "LAMP", "quantity": 2}, {"sku": "BULB", "quantity": 1}], "note": "Broken"}
    back = step(client, made, "returns", body)
    assert back.status_code == 201, back.content
    (one,) = back.json()["returns"]
    assert (one["refund_amount"], back.json()["refunded"]) == ("597000.00", "597000.00")
    assert one["lines"] == [
        {"sku": "LAMP", "quantity": 2, "location": "main"},
        {"sku": "BULB", "quantity": 1, "location": None},
    ]
    assert available(client) == 9
    assert available(client, "BULB") is None
    assert [line["returned"] for line in back.json()["lines"]] == [2, 1]
    newest = client.get("stock-movements/").json()["results"][0]
    assert (newest["quantity"], newest["reason"]) == (2, "return")
    before = counts(saigon)
    more = step(client, made, "returns", {"lines": [{"sku": "LAMP", "quantity": 2}]})
    assert (more.status_code, problems(more)) == (422, {("lines.0.quantity", "too_many")})
    dear = step(client, made, "returns", {"lines": [{"sku": "LAMP", "quantity": 1}], "refund_amount": "199001"})
    assert problems(dear) == {("refund_amount", "refund_too_large")}
    assert "E+" not in dear.json()["detail"]
    assert "₫" in dear.json()["detail"]
    odd = step(client, made, "returns", {"lines": [{"sku": "LAMP", "quantity": 1}], "refund_amount": "0.5"})
    assert problems(odd) == {("refund_amount", "too_many_decimals")}
    assert counts(saigon) == before
    assert (
        step(client, made, "returns", {"lines": [{"sku": "LAMP", "quantity": 1}], "refund_amount": "0"}).status_code == 201
    )


def test_an_order_is_found_by_status_customer_channel_number_and_time(client: ApiClient, buy: Any, customer: str) -> None:
    first, second = buy(LAMP=1).json(), buy(LAMP=1).json()
    step(client, buy(LAMP=1), "cancel")

    def found(**params: str) -> list[int]:
        return [one["number"] for one in client.get("orders/", params).json()["results"]]

    assert found() == [1003, 1002, 1001]
    assert found(status="pending") == [1002, 1001]
    assert found(number="1002") == [1002]
    assert found(customer=customer, channel="web", status="cancelled") == [1003]
    assert found(since=second["created_at"]) == [1003, 1002]
    assert found(until=second["created_at"]) == [first["number"]]
    assert found(search="mai") == [1003, 1002, 1001]
    assert client.get("orders/", {"colour": "red"}).status_code == 400


def test_notes_and_address_can_be_changed_and_the_rest_cannot(client: ApiClient, buy: Any) -> None:
    made = buy(LAMP=1)
    address = f"orders/{made.json()['id']}/"
    changed = client.patch(address, {"shipping_address": "1 Hàng Bạc", "note": "Ring twice"})
    assert (changed.status_code, changed.json()["shipping_address"]) == (200, "1 Hàng Bạc")
    assert client.patch(address, {"status": "fulfilled", "total": "0"}).status_code == 422
    assert client.get(address).json()["total"] == "199000.00"
    noted = step(client, made, "notes", {"text": "Called, no answer"}).json()["timeline"][-1]
    assert (noted["kind"], noted["text"]) == ("note", "Called, no answer")


def test_the_audit_tells_of_orders_without_addresses(client: ApiClient, buy: Any, saigon: Business) -> None:
    made = buy(LAMP=1)
    client.patch(f"orders/{made.json()['id']}/", {"shipping_address": "1 Hàng Bạc"})
    with in_tenant(saigon.tenant):
        entries = AuditEntry.objects.filter(subject_kind="catalog.order").order_by("id")
        assert [entry.verb for entry in entries] == ["insert", "update"]
        assert "Hàng Bạc" not in str(list(entries.values()))


def test_a_correction_that_finds_less_stops_the_order(client: ApiClient, buy: Any, saigon: Business) -> None:
    made = buy(LAMP=10)
    step(client, made, "confirm")
    assert receive(client, "LAMP", -4, reason="sale").status_code == 409  # they are held
    assert receive(client, "LAMP", -4, reason="correction").status_code == 201
    before = counts(saigon)
    short = step(client, made, "fulfil")
    assert (short.status_code, short.json()["code"], short.json()["sku"]) == (409, "insufficient_stock", "LAMP")
    assert counts(saigon) == before
    with in_tenant(saigon.tenant):
        assert InventoryItem.objects.get(variant__sku="LAMP").stock_qty == 6
