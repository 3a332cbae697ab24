"""What one customer may use of a bot: messages a minute, questions to the model a day, and what the bot itself may show."""

from decimal import Decimal
from typing import Any

import pytest

from bots.models import Bot
from catalog.models import Offering
from runtime.model.answering import Outcome
from runtime.models import ContextSlot, Session, Turn
from runtime.services import set_slot
from runtime.transcript import read_transcript
from runtime.turn import take_turn
from tenants.models import Setting
from tests.conftest import in_tenant
from tests.runtime.conftest import PRODUCT, QUESTION
from vault.prices import Tokens
from vault.providers.metering import Spent

pytestmark = pytest.mark.django_db


def test_a_conversation_may_send_so_many_messages_a_minute(api, saigon, begin):
    with in_tenant(saigon.tenant):
        Setting.put("session_turns_per_minute", 2)
    flooded, other = begin(), begin()
    say = lambda session, token: api(token).post(f"sessions/{session['id']}/turns/", {"message": QUESTION})  # noqa: E731
    said = [say(flooded, flooded["token"]) for _number in range(4)]
    # a minute may begin in between
    assert [answer.status_code for answer in said].count(201) in (2, 3, 4)
    refused = say(flooded, saigon.key)
    if 429 in [answer.status_code for answer in said]:
        assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
        assert 0 < int(refused["Retry-After"]) <= 60
    assert say(other, other["token"]).status_code == 201
    with in_tenant(saigon.tenant):
        kept = Turn.objects.filter(session=flooded["id"], speaker="user").count()
        assert kept == [answer.status_code for answer in [*said, refused]].count(201)


def test_an_offering_of_another_bot_is_not_told_whatever_a_slot_names(api, saigon, shop, begin):
    session = begin()
    with in_tenant(saigon.tenant):
        offering = Offering.objects.get()
        set_slot(session=_session(session), slot_key="offering", slot_value=str(offering.pk))
        assert take_turn(session_id=session["id"], message="How much is it?").decision["tier"] == "catalog"
        Offering.objects.update(bot=Bot.objects.create(code="other", name="Other"))
        recorded = take_turn(session_id=session["id"], message="How much is it?")
        assert recorded.reply["message"].startswith("Which product")
        assert PRODUCT not in recorded.reply["message"]
        assert recorded.reply["ui_metadata"].get("cards") is None
        Offering.objects.update(bot=shop)
        assert take_turn(session_id=session["id"], message="How much is it?").decision["tier"] == "catalog"


def _session(session: dict[str, Any]) -> Session:
    return Session.objects.get(pk=session["id"])


def test_a_budget_is_told_as_money_and_never_breaks_the_page(saigon, shop, begin):
    session = begin()
    with in_tenant(saigon.tenant):
        row = _session(session)
        set_slot(session=row, slot_key="budget", slot_value='{"min": null, "max": "500000", "currency": "VND"}')
        assert dict(read_transcript(row).known)["budget"] == "at most 500,000\u00a0₫"
        for odd in ("{}", "[]", "x", '{"max": "NaN", "currency": "VND"}', '{"max": "1", "currency": "?"}', "[" * 3000):
            ContextSlot.objects.filter(slot_key="budget").update(slot_value=odd)
            assert "budget" in dict(read_transcript(row).known)


def test_amounts_of_models_are_summed_by_currency():
    spent = [
        Spent("m", Decimal(amount), code, Tokens(0), 1) for amount, code in (("1.5", "USD"), ("2", "VND"), ("0.5", "USD"))
    ]
    outcome = Outcome(spent=spent)
    assert outcome.costs == {"USD": Decimal(2), "VND": Decimal(2)}
    assert outcome.cost_usd == Decimal(2)
