"""Why this price: ``prices/explain/`` tells what became of every price of a variant, at any instant."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Offering, PriceList, SalesChannel, Variant, VariantPrice
from catalog.pricing import explain_price
from tests.conftest import ApiClient, Business, in_tenant


@pytest.fixture
def client(api: Callable[..., ApiClient], saigon: Business) -> ApiClient:
    return api(saigon, saigon.operator)


@pytest.fixture
def lamp(saigon: Business) -> Variant:
    """A lamp with a price in nine lists, each of which loses for another reason, and one in another currency."""
    now = timezone.now()
    lists: dict[str, dict[str, Any]] = {
        "own": {"channel": "web", "priority": 5},
        "for-all": {"priority": 5},
        "base": {"priority": -1},
        "zalo-only": {"channel": "zalo", "priority": 9},
        "closed": {"channel": "shop", "priority": 9},
        "coming": {"priority": 9, "valid_from": now + timedelta(days=1)},
        "past": {"priority": 9, "valid_to": now - timedelta(days=1)},
    }
    with in_tenant(saigon.tenant):
        variant = Variant.objects.create(offering=Offering.objects.create(code="lamp", status="active"), sku="LAMP")
        SalesChannel.objects.create(code="zalo")
        SalesChannel.objects.create(code="shop", is_active=False)
        for number, (code, terms) in enumerate(lists.items()):
            channel = SalesChannel.objects.filter(code=terms.pop("channel", "")).first()
            price_list = PriceList.objects.create(code=code, channel=channel, **terms)
            VariantPrice.objects.create(variant=variant, price_list=price_list, currency="VND", amount=100 + number)
        VariantPrice.objects.create(variant=variant, price_list=price_list, currency="USD", amount=1)
        dollars = PriceList.objects.get(code="own")
        VariantPrice.objects.create(variant=variant, price_list=dollars, currency="USD", amount=4)
    return variant


def verdicts(answer: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(one["price_list"], one["currency"]): one["verdict"] for one in answer["candidates"]}


def test_every_price_is_told_with_what_became_of_it(client: ApiClient, lamp: Variant) -> None:
    answer = client.get("prices/explain/", {"sku": "LAMP", "channel": "web"}).json()
    assert (answer["sku"], answer["price"]["amount"], answer["price"]["price_list"]) == ("LAMP", "100.00", "own")
    assert answer["text"] == answer["price"]["explanation"]
    assert verdicts(answer) == {
        ("own", "VND"): "won",
        ("own", "USD"): "other_currency",
        ("for-all", "VND"): "gives_way",
        ("base", "VND"): "lower_priority",
        ("zalo-only", "VND"): "other_channel",
        ("closed", "VND"): "other_channel",
        ("coming", "VND"): "not_yet",
        ("past", "VND"): "over",
        ("past", "USD"): "over",
    }
    assert answer["candidates"][0]["verdict"] == "won"
    reasons = {one["price_list"]: one["reason"] for one in answer["candidates"] if one["currency"] == "VND"}
    assert reasons["base"] == "its priority -1 is lower"
    assert reasons["zalo-only"] == "it is for channel zalo only"
    assert reasons["for-all"] == "its priority is the same, and the channel's own list comes first"
    assert re.fullmatch(r"it begins on \d+ [A-Z][a-z]{2} \d{4}, \d\d:\d\d \+0000", reasons["coming"])


def test_a_list_of_a_channel_that_is_closed_does_not_count(client: ApiClient, lamp: Variant) -> None:
    answer = client.get("prices/explain/", {"sku": "LAMP", "channel": "shop"}).json()
    assert answer["price"]["price_list"] == "for-all"
    closed = next(one for one in answer["candidates"] if one["price_list"] == "closed")
    assert (closed["verdict"], closed["reason"]) == ("closed_channel", "its channel shop is not active")


def test_without_a_channel_a_list_of_one_is_for_others_only(client: ApiClient, lamp: Variant) -> None:
    answer = client.get("prices/explain/", {"sku": "LAMP", "currency": "VND"}).json()
    assert answer["price"]["price_list"] == "for-all"
    told = verdicts(answer)
    assert {told[code, "VND"] for code in ("own", "zalo-only", "closed")} == {"other_channel"}
    assert told["base", "VND"] == "lower_priority"


def test_it_is_told_why_there_is_no_price(client: ApiClient, lamp: Variant, saigon: Business) -> None:
    answer = client.get("prices/explain/", {"sku": "LAMP", "currency": "EUR"}).json()
    assert (answer["price"], answer["text"]) == (None, "None of its prices counts.")
    assert "won" not in verdicts(answer).values()
    with in_tenant(saigon.tenant):
        VariantPrice.objects.all().delete()
    answer = client.get("prices/explain/", {"sku": "LAMP"}).json()
    assert (answer["candidates"], answer["text"]) == ([], "The variant has no price in any list.")
    assert client.get("prices/explain/", {"sku": "NONE"}).json()["errors"][0]["code"] == "unknown_reference"


def test_an_instant_of_the_past_is_told_by_the_terms_the_lists_had_then(
    client: ApiClient, lamp: Variant, saigon: Business
) -> None:
    with in_tenant(saigon.tenant):
        before = timezone.now()
        PriceList.objects.filter(code="own").update(priority=-7)
        PriceList.objects.filter(code="for-all").update(valid_to=timezone.now() - timedelta(hours=1))
        PriceList.objects.filter(code="base").update(channel=SalesChannel.objects.get(code="zalo"))
        SalesChannel.objects.filter(code="web").update(is_active=False)
        SalesChannel.objects.filter(code="shop").update(is_active=True)
    now = client.get("prices/explain/", {"sku": "LAMP", "channel": "web"}).json()
    assert now["price"] is None
    then = client.get("prices/explain/", {"sku": "LAMP", "channel": "web", "at": before.isoformat()}).json()
    assert (then["price"]["price_list"], then["candidates"][0]["priority"]) == ("own", 5)
    assert verdicts(then)["for-all", "VND"] == "gives_way"
    assert verdicts(then)["base", "VND"] == "lower_priority"
    shop = client.get("prices/explain/", {"sku": "LAMP", "channel": "shop", "at": before.isoformat()}).json()
    assert verdicts(shop)["closed", "VND"] == "closed_channel"


def test_a_list_that_ever_had_a_price_stays_for_the_sake_of_its_past(client: ApiClient, lamp: Variant) -> None:
    (own,) = client.get("price-lists/", {"code": "own"}).json()["results"]
    for price in client.get("prices/", {"price_list": "own"}).json()["results"]:
        assert client.delete(f"prices/{price['id']}/").status_code == 204
    answer = client.delete(f"price-lists/{own['id']}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")


def test_it_is_one_query(lamp: Variant, saigon: Business) -> None:
    with in_tenant(saigon.tenant), CaptureQueriesContext(connection) as queries:
        assert len(explain_price(lamp.pk, channel="web").candidates) == 9
    assert len(queries) == 1
