"""Guardrails through the API: what is kept, what is refused and where, and what trying them tells."""

from typing import Any

import pytest

from bots.models import Bot, Guardrail
from tests.conftest import ApiClient, Business, in_tenant

pytestmark = pytest.mark.django_db

CARD = "4111 1111 1111 1111"
RULE = {
    "code": "cards",
    "name": "No cards",
    "condition_expression": "size(message.card_numbers) > 0",
    "violation_action": "mask",
    "fallback_message": "",
    "priority": 5,
    "is_active": True,
}


@pytest.fixture
def client(api: Any, saigon: Business) -> ApiClient:
    return api(saigon, saigon.operator)


def test_a_rule_is_kept_as_it_was_sent_and_says_what_it_looks_at(client: ApiClient, saigon: Business) -> None:
    made = client.post("guardrails/", RULE)
    assert made.status_code == 201, made.content
    body = made.json()
    assert {name: body[name] for name in RULE} == RULE
    assert (body["applies_to"], body["bot"]) == ("message", None)
    changed = client.patch(f"guardrails/{body['id']}/", {"condition_expression": "size(reply.emails) > 0"}).json()
    assert changed["applies_to"] == "reply"
    with in_tenant(saigon.tenant):
        assert Guardrail.objects.get().created_by == saigon.operator


@pytest.mark.parametrize(
    ("source", "code", "line", "column"),
    [
        ("message.contains(", "expression_invalid", 1, 17),
        ("true &&\n  nobody == 'x'", "expression_invalid", 2, 3),
        ("message.txt == ''", "expression_invalid", 1, 9),
        ("slots.quantity > 3", "expression_invalid", 1, 16),
        ("message", "expression_invalid", 1, 1),
        ("9**9**9", "expression_too_costly", 1, 2),
        ("'a'*10^10", "expression_too_costly", 1, 4),
        ("(" * 1000 + "true" + ")" * 990, "expression_too_costly", 1, 9),
        ("message.matches('(a+)+$')", "expression_too_costly", 1, 17),
        ("true" + " " * 2000 + "&& true", "expression_too_costly", 1, 2001),
    ],
)
def test_a_bad_condition_is_refused_with_its_place(
    client: ApiClient, saigon: Business, source: str, code: str, line: int, column: int
) -> None:
    answer = client.post("guardrails/", {**RULE, "condition_expression": source})
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, code), body
    assert (body["position"]["line"], body["position"]["column"]) == (line, column)
    assert body["errors"][0]["field"] == "condition_expression"
    assert f"Line {line}, column {column}" in body["errors"][0]["message"]
    with in_tenant(saigon.tenant):
        assert not Guardrail.objects.exists()


def test_a_turn_has_at_most_a_hundred_rules_to_ask(client: ApiClient, saigon: Business, harbour: Business) -> None:
    for business, number in ((harbour, 1), (saigon, 100)):
        with in_tenant(business.tenant):
            Guardrail.objects.bulk_create(Guardrail(code=f"r{one}", condition_expression="true") for one in range(number))
    answer = client.post("guardrails/", RULE)
    assert (answer.status_code, answer.json()["code"], answer.json()["errors"][0]["field"]) == (422, "too_many", "is_active")
    assert client.post("guardrails/", {**RULE, "is_active": False}).status_code == 201
    with in_tenant(saigon.tenant):
        assert Guardrail.objects.filter(is_active=True).count() == 100
        changed = Guardrail.objects.get(code="r0")
    assert client.patch(f"guardrails/{changed.pk}/", {"name": "still one of them"}).status_code == 200


def test_a_change_to_a_bad_condition_changes_nothing(client: ApiClient, saigon: Business) -> None:
    made = client.post("guardrails/", RULE).json()
    assert client.patch(f"guardrails/{made['id']}/", {"condition_expression": "nobody"}).status_code == 422
    with in_tenant(saigon.tenant):
        assert Guardrail.objects.get().condition_expression == RULE["condition_expression"]


def test_a_mask_must_look_for_something(client: ApiClient) -> None:
    answer = client.post("guardrails/", {**RULE, "condition_expression": "message.length > 10"})
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_to_mask")


def test_codes_are_unique_and_actions_known(client: ApiClient) -> None:
    assert client.post("guardrails/", RULE).status_code == 201
    assert client.post("guardrails/", RULE).json()["errors"][0] == {
        "field": "code",
        "code": "unique",
        "message": "A guardrail with this code exists already.",
    }
    assert client.post("guardrails/", {**RULE, "code": "x", "violation_action": "shout"}).status_code == 422


def test_trying_tells_of_every_rule_in_order_whether_it_fires_and_why(client: ApiClient, saigon: Business) -> None:
    client.post("guardrails/", RULE)
    stop = {"condition_expression": "has(slots.vip)", "violation_action": "block", "name": "Stop"}
    client.post("guardrails/", {**RULE, **stop, "code": "stop", "priority": 3})
    client.post("guardrails/", {**RULE, **stop, "code": "fails", "condition_expression": "slots.size == 'L'", "priority": 4})
    dear = {"condition_expression": "price > 1000", "violation_action": "warn"}
    client.post("guardrails/", {**RULE, **dear, "code": "dear", "priority": 9})
    body = client.post(
        "guardrails/try/", {"message": f"my card is {CARD}", "reply": "It costs 20.000 ₫.", "slots": {"vip": "yes"}}
    ).json()
    assert [(one["code"], one["fires"], one["asked"]) for one in body["rules"]] == [
        ("cards", True, True),
        ("fails", False, True),
        ("stop", True, True),
        ("dear", True, False),
    ]
    cards, fails, _stop, dear_one = body["rules"]
    assert cards["values"] == {"message.card_numbers": [CARD]}
    assert fails["error"]["code"] == "no_such_key"
    assert dear_one["values"] == {"price": 20000.0}
    assert (body["message"], body["stopped_by"]) == ("my card is •••• •••• •••• ••••", "stop")
    with in_tenant(saigon.tenant):
        assert Guardrail.objects.count() == 4


def test_what_is_said_instead_is_kept_by_language_and_checked(client: ApiClient, saigon: Business) -> None:
    texts = {"vi": "Không.", "en": "No."}
    assert client.post("guardrails/", {**RULE, "fallback_messages": texts}).json()["fallback_messages"] == texts
    for wrong in ({"vi": "x" * 2001}, {"vi": {"a": 1}}, ["x"], {"Vietnamese": "Không."}):
        refused = client.post("guardrails/", {**RULE, "code": "x", "fallback_messages": wrong})
        assert (refused.status_code, refused.json()["errors"][0]["field"].split(".")[0]) == (422, "fallback_messages")
    with in_tenant(saigon.tenant):
        assert Guardrail.objects.count() == 1


def test_the_intent_is_told_from_the_message_unless_it_is_given(client: ApiClient, saigon: Business) -> None:
    client.post("bots/", {"code": "shop", "name": "Shop"})
    client.post("intents/", {"code": "complaint", "name": "Complaint", "bot": "shop", "examples": ["tôi muốn khiếu nại"]})
    rule = {"condition_expression": "intent == 'complaint'"}

    def fires(**situation: Any) -> bool:
        answer: bool = client.post("guardrails/try/", {**rule, **situation}).json()["rules"][0]["fires"]
        return answer

    assert fires(message="toi muon khieu nai", bot="shop")
    assert not fires(message="toi muon khieu nai")  # without a bot, only what every bot knows
    assert not fires(message="giá bao nhiêu", bot="shop")
    assert fires(message="giá bao nhiêu", bot="shop", intent="complaint")


def test_a_condition_is_tried_before_it_is_a_rule(client: ApiClient) -> None:
    tried = {"message": "HOÀN TIỀN!", "condition_expression": "message.folded.contains('hoan tien')"}
    body = client.post("guardrails/try/", tried).json()
    assert [(one["code"], one["fires"]) for one in body["rules"]] == [("unsaved", True)]
    bad = client.post("guardrails/try/", {"message": "x", "condition_expression": "nobody"}).json()
    assert bad["rules"][0]["error"]["position"] == {"offset": 0, "line": 1, "column": 1}


def test_the_rules_of_a_bot_are_everybodys_and_its_own(client: ApiClient, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        for code in ("shop", "other"):
            Bot.objects.create(code=code, name=code)
    for number, bot in enumerate((None, "shop", "other")):
        client.post("guardrails/", {**RULE, "code": f"rule-{number}", "bot": bot})
    body = client.post("guardrails/try/", {"message": "hello", "bot": "shop"}).json()
    assert [one["code"] for one in body["rules"]] == ["rule-0", "rule-1"]


def test_naughty_strings_are_answered_as_conditions_and_as_messages(client: ApiClient) -> None:
    naughty = ["\u202etrue", "a\x07b", "{{7*7}}", "<script>alert(1)</script>", "'; DROP TABLE x; --", "𝕏" * 1500, "​", "%s%n"]
    for text in naughty:
        said = client.post("guardrails/try/", {"message": text, "reply": text})
        assert said.status_code == 200, text
        assert client.post("guardrails/", {**RULE, "condition_expression": text}).status_code == 422, text
    assert client.post("guardrails/try/", {"message": "a" * 1_000_000}).status_code == 422
    assert client.post("guardrails/", {**RULE, "condition_expression": "a" * 1_000_000}).status_code == 422
