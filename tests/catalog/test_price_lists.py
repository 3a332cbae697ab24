"""Price lists keep out of each other's way, whoever writes them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from catalog.models import PriceList, SalesChannel
from tests.conftest import ApiClient, Business, in_tenant

JANUARY, FEBRUARY, MARCH = (f"2027-0{month}-01T00:00:00Z" for month in (1, 2, 3))


@pytest.fixture
def client(api: Callable[..., ApiClient], saigon: Business) -> ApiClient:
    client = api(saigon, saigon.operator)
    client.post("sales-channels/", {"code": "zalo"})
    return client


def make(client: ApiClient, code: str, **fields: Any) -> Any:
    return client.post("price-lists/", {"code": code, **fields})


def codes(client: ApiClient) -> set[str]:
    return {one["code"] for one in client.get("price-lists/").json()["results"]}


@pytest.mark.parametrize(
    ("first", "second", "may"),
    [
        ({"channel": "web"}, {"channel": "web"}, False),
        ({"channel": "web"}, {"channel": "zalo"}, True),
        ({"channel": "web"}, {"channel": "web", "priority": 8}, True),
        ({"channel": "web", "valid_to": FEBRUARY}, {"channel": "web", "valid_from": FEBRUARY}, True),
        ({"channel": "web", "valid_to": MARCH}, {"channel": "web", "valid_from": FEBRUARY}, False),
        ({"channel": "web", "valid_from": JANUARY, "valid_to": MARCH}, {"channel": "web", "valid_to": FEBRUARY}, False),
        # Those that serve every channel compete with each other ...
        ({}, {}, False),
        ({"valid_to": FEBRUARY}, {"valid_from": FEBRUARY}, True),
        # ... and give way to the channel's own, so there is no doubt which of the two counts.
        ({}, {"channel": "web"}, True),
    ],
)
def test_lists_of_equal_priority_do_not_overlap_on_one_channel(
    client: ApiClient, first: dict[str, Any], second: dict[str, Any], may: bool
) -> None:
    assert make(client, "first", priority=7, **first).status_code == 201
    answer = make(client, "second", **{"priority": 7, **second})
    if may:
        assert answer.status_code == 201, answer.content
        return
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == ("priority", "overlap")
    assert error["message"] == "first has priority 7 on the same channel at the same time: choose another one."
    assert codes(client) == {"standard", "first"}


def test_a_list_does_not_move_into_the_way_of_another(client: ApiClient) -> None:
    make(client, "first", channel="web", priority=7)
    second = make(client, "second", channel="web", priority=8).json()
    answer = client.patch(f"price-lists/{second['id']}/", {"priority": 7})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "priority")
    assert client.get(f"price-lists/{second['id']}/").json()["priority"] == 8
    assert client.patch(f"price-lists/{second['id']}/", {"name": "Still itself"}).status_code == 200


def test_a_window_ends_after_it_begins(client: ApiClient) -> None:
    answer = make(client, "odd", valid_from=FEBRUARY, valid_to=FEBRUARY)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "valid_to")
    assert codes(client) == {"standard"}


def test_the_database_refuses_what_passes_by_every_form(saigon: Business, harbour: Business) -> None:
    with in_tenant(saigon.tenant):
        web = SalesChannel.objects.get(code="web")
        first = PriceList.objects.create(code="first", channel=web, priority=2**31 - 1)
        for write in (
            lambda: PriceList.objects.create(code="second", channel=web, priority=2**31 - 1),
            lambda: PriceList.objects.update(channel=web, priority=3),
        ):
            with pytest.raises(IntegrityError, match="pricelist_no_overlap"), transaction.atomic():
                write()
        assert set(PriceList.objects.values_list("code", "priority")) == {("standard", 0), ("first", first.priority)}
    with in_tenant(harbour.tenant):
        PriceList.objects.create(code="first", channel=SalesChannel.objects.get(code="web"), priority=2**31 - 1)
