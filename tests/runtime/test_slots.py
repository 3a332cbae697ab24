"""What a customer said is kept with its source and its end, and counts in later turns."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from catalog.models import PriceList, Variant, VariantPrice
from runtime.models import ContextSlot, Session
from runtime.services import MOST_SLOTS
from tests.conftest import Business, in_tenant
from tests.rows import an_offering

pytestmark = pytest.mark.django_db


@pytest.fixture
def say(api: Any, saigon: Business, begin: Callable[..., dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    """Say something in one conversation and return the answer."""
    session = begin()["id"]

    def said(message: str) -> dict[str, Any]:
        answer = api(saigon).post(f"sessions/{session}/turns/", {"message": message})
        assert answer.status_code == 201, answer.content
        body: dict[str, Any] = answer.json()
        return body

    return said


@pytest.fixture
def shirts(saigon: Business) -> None:
    """A shirt in two colours and sizes, and a dear one."""
    with in_tenant(saigon.tenant):
        for name, amount in (("Áo thun Gió Biển", 200_000), ("Áo thun Mây Trắng", 900_000)):
            offering = an_offering(name, category="áo thun")
            for colour, size in (("đỏ", "M"), ("xanh", "L")):
                options = {"colour": colour, "size": size}
                variant = Variant.objects.create(offering=offering, sku=f"{name[-4:]}-{size}", attributes=options)
                price_list = PriceList.objects.get(code="standard")
                VariantPrice.objects.create(
                    variant=variant, price_list=price_list, currency="VND", amount=Decimal(amount) + (size == "L") * 10_000
                )


def test_slots_are_kept_with_their_turn_their_confidence_and_their_end(
    say: Callable[[str], dict[str, Any]], saigon: Business
) -> None:
    body = say("Em tên Lan, sđt 0901 234 567, tìm áo màu đỏ size M dưới 300k")
    assert {slot["slot_key"] for slot in body["slots"]} >= {"name", "phone", "colour", "size", "budget"}
    with in_tenant(saigon.tenant):
        slots = {slot.slot_key: slot for slot in ContextSlot.objects.all()}
    assert {key: slots[key].slot_value for key in ("name", "phone", "colour", "size")} == {
        "name": "Lan",
        "phone": "0901234567",
        "colour": "đỏ",
        "size": "M",
    }
    assert {str(slot.extracted_from_turn_id) for slot in slots.values() if slot.slot_key != "offering"} == {
        body["turn"]["id"]
    }
    days = {key: (slots[key].expires_at - timezone.now()).days for key in ("colour", "phone")}
    assert days == {"colour": 0, "phone": 29}


def test_a_budget_named_before_still_holds_for_the_next_choice(say: Callable[[str], dict[str, Any]], shirts: None) -> None:
    say("mình chỉ có ngân sách 300k")
    reply = say("shop có những áo thun nào")["reply"]["message"]
    assert "Gió Biển" in reply
    assert "Mây Trắng" not in reply


def test_the_size_named_before_is_the_one_whose_price_is_told(say: Callable[[str], dict[str, Any]], shirts: None) -> None:
    say("mình mặc size L")
    assert "210.000" in say("áo thun Gió Biển giá bao nhiêu")["reply"]["message"]
    assert "200.000" in say("áo thun Gió Biển size M giá bao nhiêu")["reply"]["message"]


@pytest.mark.parametrize(
    "written",
    [
        *("{", "[]", "null", '{"max": "much"}', '{"min": {}, "currency": "VND"}', "x" * 500),
        *('{"min": 5, "currency": "\\ud800"}', '{"min": 5, "currency": "\\u0000"}', '{"min": 5, "currency": ["VND"]}'),
        *('{"min": "NaN", "currency": "VND"}', '{"max": "-Infinity", "currency": "VND"}', '{"min": 5, "currency": "???"}'),
    ],
)
def test_a_budget_that_a_front_end_wrote_wrongly_disturbs_nothing(
    say: Callable[[str], dict[str, Any]], api: Any, saigon: Business, shirts: None, written: str
) -> None:
    with in_tenant(saigon.tenant):
        session_id = Session.objects.get().pk
    assert (
        api(saigon).post(f"sessions/{session_id}/slots/", {"slot_key": "budget", "slot_value": written}).status_code == 201
    )
    assert "Gió Biển" in say("shop có những áo thun nào")["reply"]["message"]


def test_a_browser_writes_no_more_slots_than_a_turn_can_read(begin: Any, api: Any, saigon: Business) -> None:
    session = begin()
    with in_tenant(saigon.tenant):
        rows = [ContextSlot(session_id=session["id"], slot_key=f"k{n}", slot_value="x") for n in range(MOST_SLOTS)]
        ContextSlot.objects.bulk_create(rows)
    browser, address = api(session["token"]), f"sessions/{session['id']}/slots/"
    refused = browser.post(address, {"slot_key": "one-more", "slot_value": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many")
    assert browser.post(address, {"slot_key": "k1", "slot_value": "y"}).status_code == 201
    with in_tenant(saigon.tenant):
        assert ContextSlot.objects.count() == MOST_SLOTS
