"""Talking to a bot through the API."""

import json
from typing import Any

import pytest

from runtime.models import Session, Turn
from tests.conftest import in_tenant
from tests.runtime.conftest import ANSWER, PRODUCT, QUESTION, messages_to_database


@pytest.fixture
def talk(api: Any, saigon: Any, begin: Any) -> Any:
    """Return what says something in one conversation."""
    path = f"sessions/{begin()['id']}/turns/"
    return lambda body, **headers: api(saigon).post(path, body, **headers)


def codes(answer: Any) -> set[tuple[str, str]]:
    return {(one["field"], one["code"]) for one in answer.json()["errors"]}


def test_a_known_question_is_answered_with_the_decision_behind_it(talk):
    answer = talk({"message": QUESTION})
    assert answer.status_code == 201
    body = answer.json()
    assert list(body) == ["turn", "reply", "decision", "slots", "session"]
    assert body["turn"]["message"] == QUESTION
    assert list(body["reply"]) == ["id", "speaker", "message", "ui_metadata"]
    assert (body["reply"]["speaker"], body["reply"]["message"]) == ("assistant", ANSWER)
    assert list(body["decision"]["sources"][0]) == ["kind", "id", "score"]
    assert body["decision"].items() >= {"tier": "faq", "estimated_cost_usd": "0.000000"}.items()
    assert 0.5 < body["decision"]["confidence"] <= 1
    assert body["session"] == {"flow_step": "greeting", "owner": "bot"}


def test_a_price_comes_with_a_card(talk):
    body = talk({"message": f"{PRODUCT} giá bao nhiêu?"}).json()
    assert body["decision"]["tier"] == "catalog"
    [card] = body["reply"]["ui_metadata"]["cards"]
    assert (card["name"], card["price"]["amount"], card["available"]) == (PRODUCT, "1490000.00", 5)


def test_a_budget_is_learnt(talk):
    body = talk({"message": "headphones under 2 million"}).json()
    [slot] = body["slots"]
    assert list(slot) == ["slot_key", "slot_value", "confidence"]
    assert (slot["slot_key"], json.loads(slot["slot_value"])["max"]) == ("budget", "2000000")


def test_not_knowing_offers_a_person_and_leaves_the_bot_in_charge(talk):
    body = talk({"message": "What is the capital of Mongolia?"}).json()
    assert (body["decision"]["tier"], body["session"]["owner"]) == ("handoff", "bot")
    assert body["reply"]["ui_metadata"]["quick_replies"][0]["action"] == "escalate"


def test_an_event_without_words_is_kept_and_gets_no_reply(talk, saigon):
    body = talk({"ui_event": {"clicked": "card-1"}}).json()
    assert (body["reply"], body["decision"]["tier"]) == (None, "none")
    with in_tenant(saigon.tenant):
        assert Turn.objects.get().ui_metadata == {"ui_event": {"clicked": "card-1"}}


def test_a_message_sent_again_gets_the_stored_answer(talk, saigon):
    body = {"message": f"{PRODUCT} giá bao nhiêu?", "external_id": "mid.1"}
    first, again = talk(body), talk(body)
    assert (again.status_code, again.json()) == (201, first.json())
    with in_tenant(saigon.tenant):
        assert Turn.objects.count() == 2


def test_an_idempotency_key_does_the_same(talk, saigon):
    first, again = (talk({"message": QUESTION}, Idempotency_Key="a") for _ in range(2))
    assert (again.status_code, again.json()) == (201, first.json())
    assert talk({"message": "other"}, Idempotency_Key="a").json()["code"] == "key_reused"
    with in_tenant(saigon.tenant):
        assert Turn.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, ("message", "required")),
        ({"external_id": "1"}, ("message", "required")),
        ({"ui_event": {}}, ("message", "required")),
        ({"message": ""}, ("message", "blank")),
        ({"message": " \n\t "}, ("message", "blank")),
        ({"message": "\u200b\u2060\ufeff"}, ("message", "blank")),
        ({"message": None}, ("message", "null")),
        ({"message": 7}, ("message", "invalid")),
        ({"message": "x" * 4001}, ("message", "max_length")),
        ({"message": "x", "external_id": "x" * 256}, ("external_id", "max_length")),
        ({"message": "x", "ui_event": "click"}, ("ui_event", "not_an_object")),
        ({"message": "x", "speaker": "agent"}, ("speaker", "unknown_field")),
    ],
)
def test_a_message_that_is_none_is_refused_and_not_kept(talk, saigon, body, error):
    answer = talk(body)
    assert (answer.status_code, codes(answer)) == (422, {error})
    with in_tenant(saigon.tenant):
        assert not Turn.objects.exists()
        assert Session.objects.get().turn_number == 0


@pytest.mark.parametrize(
    "raw", [b'{"message": "a\\u0000b"}', b'{"message": "\\ud800"}', b'{"message": "\xff"}', b"[]x", b"{"]
)
def test_what_is_no_text_is_malformed(talk, raw):
    assert talk(raw).status_code == 400


def test_a_body_that_is_no_object_is_refused(talk):
    assert talk(b'["hello"]').status_code == 422


def test_the_longest_message_is_answered(talk):
    assert talk({"message": "giá " * 1000}).status_code == 201


@pytest.mark.parametrize("value", ["nonsense", "01a1fbb1-0d34-7b1d-bd02-3ddd061c72fb"])
def test_a_slot_that_names_no_offering_is_passed_over(talk, api, saigon, value):
    with in_tenant(saigon.tenant):
        path = f"sessions/{Session.objects.get().pk}/slots/"
    assert api(saigon).post(path, {"slot_key": "offering", "slot_value": value}).status_code == 201
    answer = talk({"message": "how much is it?"})
    assert (answer.status_code, answer.json()["decision"]["sources"]) == (201, [])


def test_turns_are_read_in_order_and_from_where_one_stopped(talk, api, saigon):
    first, second = talk({"message": QUESTION}).json(), talk({"message": "thanks"}).json()
    with in_tenant(saigon.tenant):
        path = f"sessions/{Session.objects.get().pk}/turns/"
    read = lambda **params: [row["id"] for row in api(saigon).get(path, params).json()["results"]]  # noqa: E731
    everything = [said["id"] for turn in (first, second) for said in (turn["turn"], turn["reply"])]
    assert read() == everything
    assert read(after=first["reply"]["id"]) == everything[2:]
    assert read(after=everything[-1]) == []
    for odd in ("nonsense", "01a1fbb1-0d34-7b1d-bd02-3ddd061c72fb"):
        answer = api(saigon).get(path, {"after": odd})
        assert (answer.status_code, codes(answer)) == (422, {("after", "unknown_reference")})


@pytest.mark.parametrize(
    ("headers", "most"), [({}, 5), ({"Idempotency_Key": "k"}, 7)], ids=["plain", "with Idempotency-Key"]
)
def test_a_turn_asks_the_database_as_little_as_promised(talk, headers, most):
    talk({"message": "warm up"})  # notes the use of the key, once a minute
    for number, message in enumerate((QUESTION, f"{PRODUCT} giá bao nhiêu?", "What is the capital of Mongolia?")):
        key = {name: f"{value}{number}" for name, value in headers.items()}
        with messages_to_database() as sent:
            assert talk({"message": message}, **key).status_code == 201
        assert len(sent) <= most, sent
