"""Facts over HTTP: what a bot may say about price and stock, and for how long."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.facts import offering_facts
from catalog.models import Offering, OfferingTranslation, OfferingVersion
from tests.conftest import ApiClient, Business, in_tenant

Api = Callable[..., ApiClient]


@dataclass
class Shop:
    """A client, and what is written through it."""

    client: ApiClient

    def offering(self, code: str = "lamp", **fields: Any) -> dict[str, Any]:
        """Make an active offering with the SKU of its code in capitals."""
        body = {"code": code, "name": code.title(), "variants": [{"sku": code.upper()}], **fields}
        made = self.client.post("offerings/", {"offering_type": "physical", **body})
        assert made.status_code == 201, made.content
        self.client.post(f"offerings/{made.json()['id']}/versions/1/activate/")
        return made.json()

    def price(self, amount: str, sku: str = "LAMP", price_list: str = "standard", currency: str = "VND", **more: Any) -> Any:
        body = {"price_list": price_list, "variant": sku, "currency": currency, "amount": amount, **more}
        return self.client.post("prices/", body)

    def list(self, code: str, **fields: Any) -> Any:
        return self.client.post("price-lists/", {"code": code, **fields})

    def move(self, quantity: int, sku: str = "LAMP", location: str = "main", reason: str = "receipt") -> Any:
        body = {"variant": sku, "location": location, "quantity": quantity, "reason": reason}
        return self.client.post("stock-movements/", body)

    def facts(self, sku: str = "LAMP", **params: str) -> dict[str, Any]:
        answer = self.client.get("facts/", {"sku": sku, **params})
        assert answer.status_code == 200, answer.content
        return answer.json()


@pytest.fixture
def shop(api: Api, saigon: Business) -> Shop:
    return Shop(api(saigon, saigon.operator))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_facts_answer_price_stock_and_attributes(shop: Shop) -> None:
    variants = [{"sku": "LAMP", "name": "White", "attributes": {"color": "white"}}]
    made = shop.offering(domain="electronics", attributes={"brand": "Lumora"}, variants=variants)
    assert shop.price("199000.00", compare_at="250000").status_code == 201
    shop.move(7)
    found = shop.facts()
    assert found["price"] == {
        "amount": "199000.00",
        "currency": "VND",
        "compare_at": "250000.00",
        "price_list": "standard",
        "explanation": "Price list standard (every channel, priority 0) is the only one that applies.",
    }
    assert (found["sku"], found["offering"], found["name"], found["available"]) == ("LAMP", made["id"], "Lamp", 7)
    assert found["attributes"] == {"brand": "Lumora", "color": "white"}
    assert abs(moment(found["as_of"]) - timezone.now()) < timedelta(seconds=10)
    assert moment(found["expires_at"]) - moment(found["as_of"]) == timedelta(seconds=60)


def test_available_is_the_sum_over_locations_minus_safety_stock_and_never_below_zero(shop: Shop) -> None:
    shop.offering()
    assert (shop.facts()["available"], shop.facts()["sellable"]) == (None, True)  # not counted
    shop.client.post("inventory-locations/", {"code": "store", "type": "store"})
    shop.move(5)
    shop.move(4, location="store")
    assert shop.facts()["available"] == 9
    for item in shop.client.get("inventory-items/").json()["results"]:
        shop.client.patch(f"inventory-items/{item['id']}/", {"safety_stock": 3})
    assert shop.facts()["available"] == 3
    shop.move(-5, reason="sale")
    assert (shop.facts()["available"], shop.facts()["sellable"]) == (0, False)


def test_a_variant_that_keeps_selling_is_sellable_at_zero(shop: Shop) -> None:
    shop.offering(variants=[{"sku": "LAMP", "inventory_policy": "continue"}])
    assert shop.move(-2, reason="sale").status_code == 201
    found = shop.facts()
    assert (found["available"], found["sellable"]) == (0, True)


def test_a_channel_has_its_own_prices_and_shares_the_others(shop: Shop) -> None:
    shop.offering()
    shop.client.post("sales-channels/", {"code": "zalo"})
    assert shop.list("zalo-only", channel="zalo").json()["priority"] == 1
    shop.price("200")
    shop.price("150", price_list="zalo-only")
    assert [shop.facts(**params)["price"]["amount"] for params in ({}, {"channel": "web"}, {"channel": "zalo"})] == [
        "200.00",
        "200.00",
        "150.00",
    ]
    unknown = shop.client.get("facts/", {"sku": "LAMP", "channel": "nowhere"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_reference")


def test_a_fact_expires_when_the_next_window_opens_or_closes(shop: Shop) -> None:
    shop.offering()
    edge = timezone.now() + timedelta(seconds=30)
    shop.list("sale", valid_from=edge.isoformat())
    shop.price("200")
    shop.price("150", price_list="sale")
    found = shop.facts()
    assert (found["price"]["amount"], moment(found["expires_at"])) == ("200.00", edge)
    later = shop.facts(at=(edge + timedelta(seconds=1)).isoformat())
    assert later["price"]["amount"] == "150.00"


def test_the_price_and_stock_of_a_past_instant_are_known(shop: Shop) -> None:
    shop.offering()
    before = timezone.now()
    price = shop.price("200").json()
    shop.move(5)
    between = timezone.now()
    shop.client.patch(f"prices/{price['id']}/", {"amount": "100"})
    assert shop.facts(at=before.isoformat())["price"] is None
    past, now = shop.facts(at=between.isoformat()), shop.facts()
    assert (past["price"]["amount"], now["price"]["amount"]) == ("200.00", "100.00")
    assert moment(past["as_of"]) == between


def test_without_a_currency_it_is_the_tenants_else_the_only_one_else_it_is_asked_for(shop: Shop) -> None:
    shop.offering()
    shop.price("10", currency="USD")
    assert shop.facts()["price"]["currency"] == "USD"
    shop.price("9", currency="EUR")
    refused = shop.client.get("facts/", {"sku": "LAMP"})
    assert (refused.status_code, refused.json()["code"]) == (422, "currency_required")
    assert "EUR, USD" in refused.json()["detail"]
    assert shop.facts(currency="EUR")["price"]["amount"] == "9.00"
    assert shop.facts(currency="GBP")["price"] is None
    shop.price("200000")
    assert shop.facts()["price"]["currency"] == "VND"


def test_only_what_is_on_sale_has_facts(shop: Shop, api: Api, harbour: Business) -> None:
    made = shop.offering()
    client = shop.client
    assert api(harbour).get("facts/", {"sku": "LAMP"}).status_code == 404
    assert client.get("facts/", {"sku": "lamp"}).status_code == 404
    client.patch(f"variants/{made['variants'][0]['id']}/", {"status": "archived"})
    assert client.get("facts/", {"sku": "LAMP"}).status_code == 404
    client.patch(f"variants/{made['variants'][0]['id']}/", {"status": "active"})
    client.post(f"offerings/{made['id']}/archive/")
    assert client.get("facts/", {"sku": "LAMP"}).status_code == 404


@pytest.mark.parametrize(
    "params",
    [{}, {"sku": ""}, {"sku": "A", "at": "yesterday"}, {"sku": "A", "currency": "vnd"}, {"sku": "A", "when": "now"}],
)
def test_a_query_that_cannot_be_is_refused(shop: Shop, params: dict[str, str]) -> None:
    assert shop.client.get("facts/", params).status_code == 400


def test_the_facts_of_many_offerings_are_one_round_trip(shop: Shop, saigon: Business) -> None:
    for number in range(5):
        variants = [{"sku": f"{number}-{size}"} for size in range(3)]
        images = [{"url": f"https://img.example/{number}-{one}.jpg"} for one in range(2)]
        shop.offering(f"item-{number}", variants=variants, images=images)
        for size in range(3):
            shop.price(str(100 * number + size), sku=f"{number}-{size}")
    shop.move(4, sku="3-0")
    with in_tenant(saigon.tenant):
        ids = list(Offering.objects.order_by("-code").values_list("id", flat=True))
        with CaptureQueriesContext(connection) as queries:
            found = offering_facts(ids)
    assert len(queries) == 1
    assert [one.code for one in found] == [f"item-{number}" for number in (4, 3, 2, 1, 0)]
    card = found[1]
    assert (card.lowest_price.amount, card.highest_price.amount) == (300, 302)  # type: ignore[union-attr]
    assert (card.image_url, card.available, card.sellable) == ("https://img.example/3-0.jpg", None, True)
    assert [one.available for one in card.variants] == [4, None, None]


def test_search_finds_by_words_price_and_attributes(shop: Shop) -> None:
    electronics = {"domain": "electronics", "attributes": {"brand": "Lumora"}}
    shop.offering("lamp", name="Đèn bàn học", **electronics)
    shop.offering("clip", name="Đèn kẹp bàn", variants=[{"sku": "CLIP", "attributes": {"Color": "Red"}}])
    shop.price("500000")
    shop.price("90000", sku="CLIP")

    def codes(**params: str) -> list[str]:
        answer = shop.client.get("offerings/search/", {"q": "den ban", **params})
        assert answer.status_code == 200, answer.content
        return [one["code"] for one in answer.json()["results"]]

    assert sorted(codes()) == ["clip", "lamp"]
    assert codes(max_price="100000") == ["clip"]
    assert codes(min_price="100000") == codes(min_price="500000", max_price="500000") == ["lamp"]
    assert codes(**{"attr.color": "red"}) == ["clip"]
    assert codes(**{"attr.brand": "lumora", "max_price": "600000"}) == ["lamp"]
    assert codes(**{"attr.brand": "lumora", "max_price": "100000"}) == []
    assert len(codes(limit="1")) == 1
    assert shop.client.get("offerings/search/", {"q": "x", "colour": "red"}).status_code == 400


def test_a_search_result_carries_score_parts_and_card(shop: Shop) -> None:
    shop.offering("lamp", name="Desk lamp", images=[{"url": "https://img.example/lamp.jpg"}])
    shop.price("500000")
    (found,) = shop.client.get("offerings/search/", {"q": "desk lamp"}).json()["results"]
    assert 0 < found["score"] <= 1
    assert {"vector", "text"} <= found["parts"].keys()
    assert (found["price_from"]["amount"], found["available"], found["image"]) == (
        "500000.00",
        None,
        "https://img.example/lamp.jpg",
    )


def test_far_ends_of_time_are_answered(shop: Shop) -> None:
    shop.offering()
    shop.price("200")
    for year, status in ((1, 404), (9999, 200)):
        at = datetime(year, 6, 1, tzinfo=UTC).isoformat()
        assert shop.client.get("facts/", {"sku": "LAMP", "at": at}).status_code == status


def test_what_was_not_there_yet_has_no_facts(shop: Shop, saigon: Business) -> None:
    before = timezone.now()
    made = shop.offering()
    between = timezone.now()
    shop.client.post("variants/", {"offering": made["id"], "sku": "LAMP-XL"})

    def status(sku: str, at: datetime) -> int:
        return shop.client.get("facts/", {"sku": sku, "at": at.isoformat()}).status_code

    assert (status("LAMP", before), status("LAMP", between)) == (404, 200)
    assert (status("LAMP-XL", between), status("LAMP-XL", timezone.now())) == (404, 200)
    with in_tenant(saigon.tenant):
        (then,) = offering_facts([UUID(made["id"])], at=between)
    assert [variant.sku for variant in then.variants] == ["LAMP"]


def test_search_shows_as_many_as_asked_although_a_price_that_was_found_does_not_count(shop: Shop) -> None:
    shop.list("sale")
    for number in range(6):  # the first three fit in the standard list, and are dear in the one that comes before it
        shop.offering(f"lamp-{number}", name="Desk lamp" if number < 3 else "Good desk lamp for the home")
        shop.price("100", sku=f"LAMP-{number}")
        shop.price("900" if number < 3 else "90", sku=f"LAMP-{number}", price_list="sale")
    asked = {"q": "desk lamp", "max_price": "200"}
    with CaptureQueriesContext(connection) as queries:
        found = shop.client.get("offerings/search/", {**asked, "limit": "3"}).json()["results"]
    assert {one["code"] for one in found} == {"lamp-3", "lamp-4", "lamp-5"}
    assert sum("search_candidates" in query["sql"] or "outranked" in query["sql"] for query in queries) == 2
    assert len(shop.client.get("offerings/search/", {**asked, "limit": "2"}).json()["results"]) == 2


@pytest.mark.parametrize(
    "at",
    [
        "yesterday",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "",
        "1e99",
    ],
)
def test_an_instant_that_is_none_is_refused_at_its_field(shop: Shop, at: str) -> None:
    shop.offering()
    answer = shop.client.get("facts/", {"sku": "LAMP", "at": at})
    assert answer.status_code == 400, answer.content
    assert [one["field"] for one in answer.json()["errors"]] == ["at"]


@pytest.mark.parametrize("at", ["2999-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_an_instant_to_come_is_told_as_things_stand_now(shop: Shop, at: str) -> None:
    shop.offering()
    shop.price("100")
    shop.list("later", valid_from="2900-01-01T00:00:00Z")
    shop.price("90", price_list="later")
    facts = shop.facts(at=at)
    assert (facts["price"]["amount"], facts["as_of"]) == ("90.00", at)
    assert facts["expires_at"] >= at
    assert shop.facts()["price"]["amount"] == "100.00"


def test_facts_name_the_rows_they_were_read_from(shop: Shop, saigon: Business) -> None:
    shop.offering()
    price = shop.price("100").json()
    shop.move(3)
    now, then = shop.facts(), shop.facts(at=timezone.now().isoformat())
    (item,) = shop.client.get("inventory-items/").json()["results"]
    (price_list,) = shop.client.get("price-lists/").json()["results"]
    (change,) = shop.client.get("price-changes/").json()["results"]
    assert now["sources"]["price"] == {"kind": "catalog.variantprice", "id": price["id"]}
    assert then["sources"]["price"] == {"kind": "catalog.pricechange", "id": change["id"]}
    for facts in (now, then):
        assert (facts["sources"]["price_list"], facts["sources"]["inventory_items"]) == (price_list["id"], [item["id"]])
        assert facts["sources"]["version"]["number"] == 1


def test_the_name_is_told_in_the_language_asked_for_where_it_is_translated(shop: Shop, saigon: Business) -> None:
    shop.offering()
    with in_tenant(saigon.tenant):
        OfferingTranslation.objects.create(offering_version=OfferingVersion.objects.get(), language="vi", name="Đèn")
    assert [shop.facts(**asked)["name"] for asked in ({}, {"language": "vi"}, {"language": "en"})] == ["Lamp", "Đèn", "Lamp"]
    headers: list[dict[str, str]] = [{}, {"Accept_Language": "vi"}, {"Accept_Language": "en"}]
    for path, asked in (("facts/", {"sku": "LAMP"}), ("offerings/search/", {"q": "lamp"})):
        told = [shop.client.get(path, asked, **header).json() for header in headers]
        assert [one.get("results", [one])[0]["name"] for one in told] == ["Lamp", "Đèn", "Lamp"], path
    both = shop.client.get("offerings/search/", {"q": "lamp", "language": "vi"}, Accept_Language="en")
    assert both.json()["results"][0]["name"] == "Đèn"
    refused = shop.client.get("facts/", {"sku": "LAMP", "language": "xx"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "language")
