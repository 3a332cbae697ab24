"""What bots remember: set and read, for one customer or for all, until it expires."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bots import memories
from bots.functions import FUNCTIONS, Caller
from bots.memories import forget_expired, recall, remember
from bots.models import Bot, BotMemory, Tool
from bots.tasks import forget_memories
from bots.tools import call_tool
from catalog.models import Customer
from tenants.errors import Conflict
from tenants.services import issue_api_key
from tests.conftest import Business, in_tenant
from tests.rows import a_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(api: Any, saigon: Business) -> Any:
    client = api(saigon)
    client.post("bots/", {"code": "shop", "name": "Shop"})
    return client


@pytest.fixture
def bot(shop: Any, saigon: Business) -> Bot:
    with in_tenant(saigon.tenant):
        found: Bot = Bot.objects.get()
        return found


@pytest.fixture
def customer(saigon: Business) -> Customer:
    with in_tenant(saigon.tenant):
        return a_customer()


def test_a_memory_is_set_replaced_read_and_forgotten(shop: Any) -> None:
    first = shop.post("bots/shop/memories/", {"key": "hours", "value": "9-21"})
    assert (first.status_code, first.json()["value"], first.json()["customer"]) == (201, "9-21", None)
    again = shop.post("bots/shop/memories/", {"key": "hours", "value": "9-18"})
    assert (again.status_code, again.json()["id"], again.json()["value"]) == (200, first.json()["id"], "9-18")
    pk = first.json()["id"]
    assert shop.patch(f"bots/shop/memories/{pk}/", {"value": "10-18"}).json()["value"] == "10-18"
    assert shop.patch(f"bots/shop/memories/{pk}/", {"key": "other"}).status_code == 422
    assert [one["value"] for one in shop.get("bots/shop/memories/", {"key": "hours"}).json()["results"]] == ["10-18"]
    assert shop.delete(f"bots/shop/memories/{pk}/").status_code == 204
    assert shop.get("bots/shop/memories/").json()["results"] == []


def test_a_customers_own_memory_comes_before_everybodys(shop: Any, saigon: Business, bot: Bot, customer: Customer) -> None:
    shop.post("bots/shop/memories/", {"key": "colour", "value": "any"})
    shop.post("bots/shop/memories/", {"key": "colour", "value": "red", "customer": str(customer.pk)})
    with in_tenant(saigon.tenant):
        other = a_customer()
        assert recall(bot_id=bot.pk, keys=["colour", "x"], customer_id=customer.pk) == {"colour": "red"}
        assert recall(bot_id=bot.pk, keys=["colour"], customer_id=other.pk) == {"colour": "any"}
        assert recall(bot_id=bot.pk, keys=["colour"]) == {"colour": "any"}
    of_customer = shop.get("bots/shop/memories/", {"customer": str(customer.pk)}).json()["results"]
    assert [one["value"] for one in of_customer] == ["red"]


def test_what_has_expired_is_not_answered_and_is_swept(shop: Any, saigon: Business, bot: Bot) -> None:
    soon = (timezone.now() + timedelta(hours=1)).isoformat()
    pk = shop.post("bots/shop/memories/", {"key": "offer", "value": "10 %", "expires_at": soon}).json()["id"]
    shop.post("bots/shop/memories/", {"key": "hours", "value": "9-21"})
    assert forget_expired() == 0
    with in_tenant(saigon.tenant):
        BotMemory.objects.filter(pk=pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        assert recall(bot_id=bot.pk, keys=["offer"]) == {}
    assert shop.get(f"bots/shop/memories/{pk}/").status_code == 404
    assert [one["key"] for one in shop.get("bots/shop/memories/").json()["results"]] == ["hours"]
    forget_memories()
    with in_tenant(saigon.tenant):
        assert list(BotMemory.objects.values_list("key", flat=True)) == ["hours"]


def test_what_has_expired_and_was_not_swept_yet_makes_room_for_another(shop: Any, saigon: Business) -> None:
    pk = shop.post("bots/shop/memories/", {"key": "offer", "value": "10 %"}).json()["id"]
    with in_tenant(saigon.tenant):
        BotMemory.objects.filter(pk=pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    again = shop.post("bots/shop/memories/", {"key": "offer", "value": "20 %"})
    assert (again.status_code, again.json()["value"], again.json()["expires_at"]) == (201, "20 %", None)


REFUSED = [
    {"key": "a b", "value": "x"},
    {"key": "a" * 101, "value": "x"},
    {"key": "a", "value": "x" * 10_001},
    {"key": "a", "value": "x", "expires_at": "2020-01-01T00:00:00Z"},
    {"key": "a", "value": "x", "customer": "0190a6f0-0000-7000-8000-000000000000"},
    {"key": "a", "value": 7},
    {"key": "a"},
    {"key": "a", "value": "\x00"},
]


def test_what_cannot_be_remembered_is_refused(shop: Any, saigon: Business) -> None:
    for body in REFUSED:
        assert shop.post("bots/shop/memories/", body).status_code in (400, 422), body
    with in_tenant(saigon.tenant):
        assert not BotMemory.objects.exists()


def test_a_bot_remembers_so_much_and_no_more(
    saigon: Business, bot: Bot, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memories, "MOST_OF_CUSTOMER", 2)
    with in_tenant(saigon.tenant):
        for key in ("a", "b", "a"):
            remember(bot=bot, key=key, value="x", customer=customer)
        with pytest.raises(Conflict):
            remember(bot=bot, key="c", value="x", customer=customer)
        remember(bot=bot, key="c", value="x")
        assert BotMemory.objects.count() == 3


def test_memories_are_one_tenants_and_a_bots_key_has_its_own(
    shop: Any, api: Any, saigon: Business, harbour: Business, bot: Bot
) -> None:
    shop.post("bots/", {"code": "other", "name": "Other"})
    pk = shop.post("bots/other/memories/", {"key": "a", "value": "x"}).json()["id"]
    assert api(harbour).get("bots/shop/memories/").status_code == 404
    with in_tenant(saigon.tenant):
        bound = api(issue_api_key(name="shop", bot_id=bot.pk)[1])
    assert bound.post("bots/shop/memories/", {"key": "a", "value": "y"}).status_code == 201
    assert bound.get(f"bots/other/memories/{pk}/").status_code == 404
    assert bound.post("bots/other/memories/", {"key": "a", "value": "z"}).status_code == 404
    assert api(saigon, saigon.analyst).post("bots/shop/memories/", {"key": "b", "value": "y"}).status_code == 403
    with in_tenant(saigon.tenant):
        assert sorted(BotMemory.objects.values_list("value", flat=True)) == ["x", "y"]


def test_a_bot_remembers_and_recalls_by_its_tools(saigon: Business, bot: Bot, customer: Customer) -> None:
    who = Caller(bot_id=bot.pk, customer_id=customer.pk)
    with in_tenant(saigon.tenant):
        tools = {
            name: Tool.objects.create(
                code=name, name=name, kind="function", function=name, parameters=FUNCTIONS[name].parameters
            )
            for name in ("memory_get", "memory_set")
        }
        said = {"key": "colour", "value": "red", "days": 30}
        assert call_tool(tool=tools["memory_set"], arguments=said, caller=who).outcome == "done"
        found = call_tool(tool=tools["memory_get"], arguments={"key": "colour"}, caller=who)
        nobody = call_tool(tool=tools["memory_set"], arguments=said, caller=Caller(bot_id=bot.pk))
        assert BotMemory.objects.get().customer_id == customer.pk
    assert found.output == {"value": "red"}
    assert (nobody.outcome, nobody.code) == ("failed", "no_customer")
