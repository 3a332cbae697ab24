"""What comes back, beyond the usual: odd amounts, many lines, several people at once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.catalog.shop import open_shop
from tests.catalog.test_orders import problems, receive, step
from tests.conftest import ApiClient, Business, in_tenant

Api = Callable[..., ApiClient]


@pytest.fixture
def client(api: Api, saigon: Business) -> ApiClient:
    """A shop with three things to sell."""
    with in_tenant(saigon.tenant):
        open_shop()
    return api(saigon, saigon.operator)


def fulfilled(client: ApiClient, lines: dict[str, int], **more: str) -> Any:
    """Order, confirm and fulfil so many of each SKU."""
    customer = client.post("customers/", {"name": "Mai"}).json()["id"]
    named = [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()]
    made = client.post("orders/", {"customer": customer, "channel": "web", "lines": named, **more})
    assert made.status_code == 201, made.content
    step(client, made, "confirm")
    assert step(client, made, "fulfil").status_code == 200
    return made


def test_all_that_is_left_can_be_refunded_however_odd(client: ApiClient) -> None:
    client.post("prices/", {"price_list": "standard", "variant": "LAMP", "currency": "USD", "amount": "0.3355"})
    made = fulfilled(client, {"LAMP": 3}, currency="USD")
    one = {"lines": [{"sku": "LAMP", "quantity": 1}]}
    odd = step(client, made, "returns", {**one, "refund_amount": "0.3355"})
    assert problems(odd) == {("refund_amount", "too_many_decimals")}
    assert step(client, made, "returns", {**one, "refund_amount": "0.50"}).json()["refunded"] == "0.50"
    rest = step(client, made, "returns", {**one, "refund_amount": "0.5065"})
    assert (rest.status_code, rest.json()["refunded"]) == (201, made.json()["total"])


def test_a_line_is_named_by_its_variants_id_too(client: ApiClient) -> None:
    made = fulfilled(client, {"LAMP": 2})
    variant = made.json()["lines"][0]["variant"]
    back = step(client, made, "returns", {"lines": [{"sku": variant, "quantity": 1}]})
    assert (back.status_code, back.json()["lines"][0]["returned"]) == (201, 1)
    twice = [{"sku": variant, "quantity": 1}, {"sku": "LAMP", "quantity": 1}]
    assert problems(step(client, made, "returns", {"lines": twice})) == {("lines.1.quantity", "too_many")}


def test_a_return_takes_as_many_queries_for_one_line_as_for_three(client: ApiClient) -> None:
    receive(client, "BULB", 5)
    counted = []
    for skus in (("LAMP",), ("LAMP", "BULB", "RUG")):
        made = fulfilled(client, dict.fromkeys(skus, 1))
        with CaptureQueriesContext(connection) as queries:
            back = step(client, made, "returns", {"lines": [{"sku": sku, "quantity": 1} for sku in skus]})
        assert back.status_code == 201, back.content
        counted.append(len(queries))
    assert counted[0] == counted[1]
