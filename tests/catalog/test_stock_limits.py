"""The largest numbers of pieces: told as too many, and nothing else stops working because of them."""

from collections.abc import Callable
from typing import Any

import pytest

from catalog.models import InventoryItem, InventoryLocation, StockMovement, Variant
from tests.catalog.shop import open_shop
from tests.catalog.test_orders import problems, receive
from tests.conftest import ApiClient, Business, in_tenant
from tests.tenants.admin_pages import browser, page, text_of

Api = Callable[..., ApiClient]
MOST = 2**31 - 1


@pytest.fixture
def client(api: Api, saigon: Business) -> ApiClient:
    """A shop with ten lamps, and a rug that sells beyond its stock."""
    with in_tenant(saigon.tenant):
        open_shop()
    return api(saigon, saigon.operator)


def stored(business: Business) -> Any:
    with in_tenant(business.tenant):
        return StockMovement.objects.count(), sorted(InventoryItem.objects.values_list("stock_qty", flat=True))


def test_more_pieces_than_can_be_counted_are_refused(client: ApiClient, saigon: Business) -> None:
    before = stored(saigon)
    refused = receive(client, "LAMP", MOST)
    assert (refused.status_code, problems(refused)) == (422, {("quantity", "out_of_range")})
    with in_tenant(saigon.tenant):
        lamp, main = Variant.objects.get(sku="LAMP"), InventoryLocation.objects.get(code="main")
    form = {"variant": lamp.pk, "location": main.pk, "quantity": MOST, "reason": "receipt", "note": ""}
    told = browser(saigon.operator).post(page("catalog_stockmovement_add"), form)
    assert (told.status_code, "So many pieces cannot be counted." in text_of(told)) == (200, True)
    assert stored(saigon) == before


def test_the_largest_safety_stock_below_zero_stops_nothing(client: ApiClient, saigon: Business) -> None:
    assert receive(client, "RUG", -7, reason="correction").status_code == 201
    (item,) = client.get("inventory-items/", {"sku": "RUG"}).json()["results"]
    assert client.patch(f"inventory-items/{item['id']}/", {"safety_stock": MOST}).status_code == 200
    facts = client.get("facts/", {"sku": "RUG", "channel": "web"}).json()
    assert (facts["available"], facts["sellable"]) == (0, True)
    found = client.get("offerings/search/", {"q": "rug", "available": "true"})
    assert [one["code"] for one in found.json()["results"]] == ["rug"]
    customer = client.post("customers/", {"name": "Mai"}).json()["id"]
    order = {"customer": customer, "channel": "web", "lines": [{"sku": "RUG", "quantity": 1}]}
    assert client.post("orders/", order).status_code == 201
    staff = browser(saigon.operator)
    with in_tenant(saigon.tenant):
        rug = Variant.objects.get(sku="RUG").offering_id
    for address in (
        page("index"),
        page("catalog_inventoryitem_changelist") + "?low=yes",
        page("catalog_offering_changelist") + "?lacks=stock",
        page("catalog_offering_change", rug),
    ):
        assert staff.get(address).status_code == 200, address
