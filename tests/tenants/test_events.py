"""Events: what happens is told in the transaction in which it happens, once, to the tenant it happened to."""

from typing import Any

import pytest

from catalog.models import InventoryItem, StockMovement, VariantPrice
from runtime.turn import take_turn
from tenants.models import Event
from tests.conftest import Business, in_tenant
from tests.rows import a_bot_version, a_channel, a_job, a_movement, a_price, a_session

pytestmark = pytest.mark.django_db


def told(business: Business, kind: str) -> list[Event]:
    with in_tenant(business.tenant):
        return list(Event.objects.filter(kind=kind).order_by("id"))


def test_a_conversation_tells_its_beginning_each_turn_and_its_end(api: Any, saigon: Business, harbour: Business) -> None:
    with in_tenant(saigon.tenant):
        bot, channel = a_bot_version().bot, a_channel()
    client = api(saigon)
    session = client.post("sessions/", {"bot": bot.code, "channel": channel.code}).json()["id"]
    turn = client.post(f"sessions/{session}/turns/", {"message": "hello", "external_id": "1"}).json()
    client.post(f"sessions/{session}/turns/", {"message": "hello", "external_id": "1"})
    client.post(f"sessions/{session}/end/")
    found = client.get("events/").json()["results"]
    assert [(one["kind"], one["data"].get("speaker")) for one in reversed(found)] == [
        ("session.started", None),
        ("turn.created", "user"),
        ("turn.created", "assistant"),
        ("session.ended", None),
    ]
    assert [one["subject_id"] for one in reversed(found)][1:3] == [turn["turn"]["id"], turn["reply"]["id"]]
    assert "hello" not in str(found)
    assert api(harbour).get("events/").json()["results"] == []


def test_a_message_that_is_refused_tells_nothing(api: Any, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        session = a_session()
        take_turn(session_id=session.pk, message="hello")
    api(saigon).post(f"sessions/{session.pk}/end/")
    before = len(told(saigon, "turn.created"))
    assert api(saigon).post(f"sessions/{session.pk}/turns/", {"message": "again"}).status_code == 409
    assert len(told(saigon, "turn.created")) == before
    assert api(saigon).post(f"sessions/{session.pk}/end/").status_code == 409
    assert len(told(saigon, "session.ended")) == 1


def test_prices_are_told_by_the_statement_with_what_they_were(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        price = a_price()
        other = a_price()
        VariantPrice.objects.filter(pk__in=[price.pk, other.pk]).update(amount=150_000)
        VariantPrice.objects.filter(pk=price.pk).update(amount=150_000)
    *_, last = told(saigon, "price.changed")
    assert len(told(saigon, "price.changed")) == 3
    assert last.data["count"] == 2
    assert {(one["old_amount"], one["amount"]) for one in last.data["changes"]} == {("199000.00", "150000.00")}
    assert {one["sku"] for one in last.data["changes"]} == {price.variant.sku, other.variant.sku}
    assert {one["price_list_code"] for one in last.data["changes"]} == {price.price_list.code, other.price_list.code}


def test_stock_that_falls_to_its_safety_is_told_once(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        first = a_movement()
        where = {"variant": first.variant, "location": first.location}
        InventoryItem.objects.update(safety_stock=2)
        for quantity in (-2, -1, -1, 5):
            StockMovement.objects.create(**where, quantity=quantity, reason="sale")
    (event,) = told(saigon, "stock.low")
    assert (event.data["sku"], event.data["stock_qty"], event.data["safety_stock"]) == (first.variant.sku, 2, 2)


def test_an_import_tells_its_end(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        job = a_job()
        for status in ("applying", "completed", "completed"):
            type(job).objects.filter(pk=job.pk).update(status=status, summary={"rows": 3})
    (event,) = told(saigon, "import.finished")
    assert (event.subject_id, event.data) == (job.pk, {"status": "completed", "summary": {"rows": 3}})


@pytest.mark.parametrize("since", ["0328-11-10T07:30:34%2B17:47", "2026-11-10T07:30:34-23:59"])
def test_a_moment_of_an_odd_zone_is_a_moment(api: Any, saigon: Business, since: str) -> None:
    assert api(saigon).get(f"events/?since={since}").status_code == 200
    assert api(saigon).get("events/?since=0001-01-01T00:00:00%2B14:00").status_code == 400


def test_a_kind_of_event_that_there_is_not_is_malformed(api: Any, saigon: Business) -> None:
    refused = api(saigon).get("events/", {"kind": "nonsense"})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_choice")
    assert api(saigon).get("events/", {"kind": "order.created"}).status_code == 200
