"""Narrowing a search over HTTP: by the price that counts, by what is there, and by how it is described."""

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.facts import offering_facts
from catalog.models import (
    InventoryLocation,
    Offering,
    PriceList,
    SalesChannel,
    StockAllocation,
    StockReservation,
    Variant,
    VariantPrice,
)
from catalog.search import Filters, priced_between
from tests.catalog.test_facts import Shop
from tests.conftest import ApiClient, Business, in_tenant
from tests.rows import an_offering

pytestmark = pytest.mark.django_db
Api = Callable[..., ApiClient]


@pytest.fixture
def shop(api: Api, saigon: Business) -> Shop:
    return Shop(api(saigon, saigon.operator))


def found(shop: Shop, q: str = "lamp", **params: str) -> list[dict[str, Any]]:
    answer = shop.client.get("offerings/search/", {"q": q, "limit": "100", **params})
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def codes(shop: Shop, q: str = "lamp", **params: str) -> list[str]:
    return sorted(one["code"] for one in found(shop, q, **params))


def test_available_is_what_facts_call_sellable(shop: Shop) -> None:
    shop.offering("uncounted-lamp")
    for code, policy in (("full-lamp", "deny"), ("empty-lamp", "deny"), ("endless-lamp", "continue")):
        shop.offering(code, variants=[{"sku": code.upper(), "inventory_policy": policy}])
        shop.move(3, sku=code.upper())
    shop.move(-3, sku="EMPTY-LAMP", reason="sale")
    shop.move(-9, sku="ENDLESS-LAMP", reason="sale")
    assert codes(shop, available="true") == ["endless-lamp", "full-lamp", "uncounted-lamp"]
    assert codes(shop, available="false") == ["empty-lamp"]
    assert {one["code"]: one["sellable"] for one in found(shop)}["empty-lamp"] is False
    item = next(
        one for one in shop.client.get("inventory-items/").json()["results"] if one["stock_qty"] == 3
    )  # safety stock is not for sale
    shop.client.patch(f"inventory-items/{item['id']}/", {"safety_stock": 3})
    assert codes(shop, available="false") == ["empty-lamp", "full-lamp"]


def test_price_availability_and_option_are_asked_of_one_variant(shop: Shop) -> None:
    variants = [{"sku": color.upper(), "name": color, "attributes": {"Color": color}} for color in ("red", "blue")]
    shop.offering(variants=variants)
    shop.price("100", sku="RED")
    shop.price("900", sku="BLUE")
    for sku in ("RED", "BLUE"):
        shop.move(1, sku=sku)
    shop.move(-1, sku="RED", reason="sale")
    assert codes(shop, **{"attr.color": "red", "max_price": "200"}) == ["lamp"]
    assert codes(shop, **{"attr.color": "blue", "max_price": "200"}) == []
    assert codes(shop, available="true", max_price="200") == []
    assert codes(shop, available="true", **{"attr.color": "blue", "min_price": "200"}) == ["lamp"]


def test_prices_shown_are_within_the_bounds(shop: Shop) -> None:
    shop.offering(variants=[{"sku": sku} for sku in ("S", "M", "L")])
    for sku, amount in (("S", "100"), ("M", "500"), ("L", "900")):
        shop.price(amount, sku=sku)
    (one,) = found(shop, min_price="200", max_price="600")
    assert (one["price_from"]["amount"], one["price_to"]["amount"]) == ("500.00", "500.00")
    (one,) = found(shop, min_price="200")
    assert (one["price_from"]["amount"], one["price_to"]["amount"]) == ("500.00", "900.00")


def test_an_inactive_channels_list_is_not_asked(shop: Shop) -> None:
    shop.offering()
    zalo = shop.client.post("sales-channels/", {"code": "zalo"}).json()
    shop.list("zalo-only", channel="zalo")
    shop.price("100", price_list="zalo-only")
    assert codes(shop, channel="zalo", max_price="200") == ["lamp"]
    assert codes(shop, channel="web", max_price="200") == []
    shop.client.patch(f"sales-channels/{zalo['id']}/", {"is_active": False})
    assert codes(shop, channel="zalo", max_price="200") == []


def test_the_filter_and_the_resolver_agree_on_the_price_of_random_catalogues(saigon: Business) -> None:
    chance = random.Random(4)
    with in_tenant(saigon.tenant):
        web, zalo = SalesChannel.objects.get(code="web"), SalesChannel.objects.create(code="zalo")
        now = timezone.now()
        past, future = [None, now - timedelta(days=2), now - timedelta(days=1)], [None, now + timedelta(days=2)]
        lists = [
            PriceList.objects.create(
                code=f"list-{number}",
                priority=number // 2 + 1,
                channel=[None, web, None, zalo][number % 4],
                valid_from=chance.choice([*past, now + timedelta(days=1)]),
                valid_to=chance.choice(future) if number % 3 else None,
            )
            for number in range(8)
        ]
        lists.append(
            PriceList.objects.create(code="over", priority=99, valid_from=past[1], valid_to=now - timedelta(hours=1))
        )
        for number in range(40):
            variant = Variant.objects.create(offering=an_offering(), sku=f"SKU-{number}")
            VariantPrice.objects.bulk_create(
                VariantPrice(variant=variant, price_list=one, currency=currency, amount=Decimal(chance.randrange(10)) * 100)
                for one in lists
                for currency in ("VND", "USD")
                if chance.random() < 0.4
            )
        ids = list(Offering.objects.values_list("id", flat=True))
        for channel in (None, "web", "zalo"):
            for currency in ("VND", "USD"):
                facts = offering_facts(ids, channel=channel, currency=currency)
                won = {one.id: one.lowest_price.amount for one in facts if one.lowest_price}
                assert len(won) > 10
                for low, high in ((0, 900), (200, 500), (300, 300), (None, 400), (600, None)):
                    only = priced_between(low, high, currency=currency, channel=channel)
                    with connection.cursor() as cursor:
                        cursor.execute(only.sql, only.params)
                        mine = {row[0] for row in cursor.fetchall()}
                    fit = {one for one, amount in won.items() if (low or 0) <= amount <= (high or 900)}
                    assert mine == fit, (channel, currency, low, high)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"attr.ram": "16"}, ["big", "option"]),
        ({"attr.ram": "16.0"}, ["big", "option"]),
        ({"attr.ram": "16 gb"}, ["option"]),
        ({"attr.RAM": "16GB"}, ["option"]),
        ({"attr.ram.min": "8"}, ["big", "option", "small"]),
        ({"attr.ram.min": "9", "attr.ram.max": "16"}, ["big", "option"]),
        ({"attr.ram.max": "8"}, ["small"]),
        ({"attr.ram.min": "17"}, []),
        ({"attr.mau sac": "DO"}, ["big"]),
        ({"attr.Màu sắc": "Đỏ"}, ["big"]),
        ({"attr.mau sac": "xanh"}, ["small"]),
        ({"attr.mau sac.min": "1"}, []),
        ({"attr.wireless": "true"}, ["big"]),
        ({"attr.wireless": "false"}, ["small"]),
        ({"attr.ports": "hdmi"}, ["big"]),
        ({"attr.none": "x"}, []),
    ],
)
def test_attributes_are_compared_as_words_numbers_and_yes_or_no(
    shop: Shop, saigon: Business, params: dict[str, str], expected: list[str]
) -> None:
    options = {
        "big": {"ram": 16, "Màu sắc": "Đỏ", "wireless": True, "ports": ["USB", "HDMI"]},
        "small": {"ram": 8, "Màu sắc": "Xanh", "wireless": False},
        "option": {"RAM": "16 GB", "metadata": {"ram": 99}},
    }
    for code, attributes in options.items():
        shop.offering(code, name=f"Lamp {code}", variants=[{"sku": code.upper(), "attributes": attributes}])
    assert codes(shop, **params) == expected


@pytest.mark.parametrize("spelled", ["٣٤", "３４", "34²", "³⁴", "३४", "+34 cm", "1" * 400, "34e400", "-", ".", "3 4"])
def test_an_attribute_that_is_nearly_a_number_does_no_harm(shop: Shop, spelled: str) -> None:
    shop.offering("odd", name="Lamp", variants=[{"sku": "ODD", "attributes": {"size": spelled}}])
    shop.offering("plain", name="Lamp", variants=[{"sku": "PLAIN", "attributes": {"size": "34"}}])
    assert "plain" in codes(shop, **{"attr.size": "34"})
    assert "plain" in codes(shop, **{"attr.size.min": "30", "attr.size.max": "40"})


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"q": "a" * 10_000}, 400),
        ({"q": "a\x00b"}, 400),
        ({"q": "🛋️👍"}, 200),
        ({"q": "và của là"}, 200),
        ({"q": "the of and"}, 200),
        ({"q": "' | & ! ( ) : * <-> \\"}, 200),
        ({"q": "%s %(tenant)s"}, 200),
        ({"q": "lamp", "attr.a\x00b": "1"}, 400),
        ({"q": "lamp", "attr.size": "1\x00"}, 400),
        ({"q": "lamp", "attr.size.min": "NaN"}, 400),
        ({"q": "lamp", "attr.size.min": "1e400"}, 400),
        ({"q": "lamp", "attr.%s%(x)s": "%s"}, 200),
        ({"q": "lamp", "category": "%s", "tag": "{conditions}"}, 200),
        ({"q": "lamp", "min_price": "-1e9999"}, 400),
    ],
)
def test_no_question_is_too_odd(shop: Shop, params: dict[str, str], status: int) -> None:
    shop.offering("lamp", name="Lamp")
    assert shop.client.get("offerings/search/", params).status_code == status


def test_category_tag_type_and_domain_narrow(shop: Shop) -> None:
    shop.offering("one", name="Lamp", category="Đèn bàn", tags=["Mùa hè"], domain="electronics", attributes={"brand": "X"})
    shop.offering("two", name="Lamp", offering_type="service")
    assert codes(shop, category="den BAN") == codes(shop, tag="mua he") == codes(shop, domain="electronics") == ["one"]
    assert codes(shop, offering_type="service") == ["two"]
    assert codes(shop, category="den ban", offering_type="service") == []


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"available": "maybe"}, 400),
        ({"attr.ram.min": "much"}, 400),
        ({"attr.ram.between": "1"}, 400),
        ({"attr.": "1"}, 400),
        ({"attr.ram": ""}, 400),
        ({"offering_type": "thing"}, 400),
        ({"in_stock": "true"}, 400),
        ({"domain": "nowhere"}, 422),
        ({"channel": "nowhere"}, 422),
    ],
)
def test_what_cannot_be_asked_is_refused(shop: Shop, params: dict[str, str], status: int) -> None:
    assert shop.client.get("offerings/search/", {"q": "lamp", **params}).status_code == status


def test_filters_are_applied_before_the_limit_in_the_statement_of_the_search(shop: Shop, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        for _number in range(70):  # nearer to the question than those that fit
            an_offering("Lamp")
        for number in range(60):
            an_offering(f"Lamp for the home number {number}", category="Fitting")
    with CaptureQueriesContext(connection) as queries:
        assert len(found(shop, category="fitting")) == 60
    assert sum("search_candidates" in query["sql"] and "text_fold(o.category)" in query["sql"] for query in queries) == 1


def test_other_tenants_rows_do_not_narrow(shop: Shop, api: Api, harbour: Business, saigon: Business) -> None:
    other = Shop(api(harbour, harbour.owner))
    other.offering("lamp", category="Theirs")
    shop.offering("lamp", category="Ours")
    assert codes(shop, category="theirs") == []
    with in_tenant(saigon.tenant):
        assert Filters(category="ours").only is not None
        assert Filters().only is None


def test_what_is_held_for_somebody_or_lies_elsewhere_is_not_available(shop: Shop, saigon: Business) -> None:
    web = {"channel": "web"}
    shop.client.post("sales-channels/", {"code": "zalo"})
    shop.client.post("inventory-locations/", {"code": "zalo-shelf"})
    shop.offering("lamp")
    shop.offering("shelf-lamp")
    shop.move(2)
    shop.move(2, sku="SHELF-LAMP", location="zalo-shelf")
    with in_tenant(saigon.tenant):
        InventoryLocation.objects.filter(code="zalo-shelf").update(channel=SalesChannel.objects.get(code="zalo"))
    assert codes(shop, available="true", **web) == ["lamp"]
    assert codes(shop, available="true", channel="zalo") == codes(shop, available="true") == ["lamp", "shelf-lamp"]
    with in_tenant(saigon.tenant):
        variant = Variant.objects.get(sku="LAMP")
        held = StockReservation.objects.create(variant=variant, quantity=2, expires_at=timezone.now() + timedelta(hours=1))
        location = variant.inventory_items.get().location
        StockAllocation.objects.create(reservation=held, location=location, quantity=2)
    assert codes(shop, available="true", **web) == []
    assert codes(shop, available="false", **web) == ["lamp", "shelf-lamp"]
    with in_tenant(saigon.tenant):
        StockReservation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert codes(shop, available="true", **web) == ["lamp"]
