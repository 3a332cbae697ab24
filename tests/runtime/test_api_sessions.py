"""Beginning, reading and ending conversations, and what bots log in them, through the API."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bots.models import Bot
from bots.services import activate_version, create_version
from catalog.models import Customer, SalesChannel
from runtime.models import ActionExecution, ContextSlot, DecisionEvent, Session, Turn
from tenants.services import issue_api_key
from tests.conftest import in_tenant
from tests.runtime.conftest import open_shop

NOWHERE = "01a1fbb1-0d34-7b1d-bd02-3ddd061c72fb"


def codes(answer: Any) -> set[tuple[str, str]]:
    return {(one["field"], one["code"]) for one in answer.json()["errors"]}


def test_a_conversation_begins_with_the_active_version_and_shows_its_token_once(api, saigon, begin):
    made = begin(flow_context={"page": "/phones"})
    assert made["token"].startswith("brs_")
    shown = api(saigon).get(f"sessions/{made['id']}/")
    assert shown.json() == {name: made[name] for name in made if name not in ("token", "greeting")}
    assert shown.headers["ETag"]
    expected = {"bot": "shop", "bot_version": 1, "channel": "web", "flow_step": "greeting", "owner": "bot"}
    assert shown.json().items() >= {**expected, "flow_context": {"page": "/phones"}, "ended_at": None}.items()


def test_a_repeated_beginning_makes_one_conversation_and_keeps_the_token_to_itself(api, saigon, shop):
    body, key = {"bot": "shop", "channel": "web"}, {"Idempotency_Key": "one"}
    first, again = (api(saigon).post("sessions/", body, **key) for _ in range(2))
    assert again.status_code == 201
    assert again.json() == {name: value for name, value in first.json().items() if name != "token"}
    with in_tenant(saigon.tenant):
        assert Session.objects.count() == 1


def test_a_customer_is_recognised_by_the_id_of_the_channel(api, saigon, begin):
    first = begin(customer={"external_id": "fb-1", "name": "Trần Lan"})
    second = begin(customer={"external_id": "fb-1"})
    other = begin(customer={"external_id": "fb-2"})
    assert first["customer"] == second["customer"] != other["customer"]
    with in_tenant(saigon.tenant):
        assert Customer.objects.get(pk=first["customer"]).name == "Trần Lan"


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"bot": "nobody"}, ("bot", "unknown_reference")),
        ({"channel": "nowhere"}, ("channel", "unknown_reference")),
        ({"collections": ["a"]}, ("collections.0", "unknown_reference")),
        ({"tools": ["a"]}, ("tools.0", "unknown_reference")),
        ({"owner": "person"}, ("owner", "unknown_field")),
        ({"tenant": "harbour"}, ("tenant", "unknown_field")),
        ({"flow_context": []}, ("flow_context", "not_an_object")),
        ({"customer": {"name": "Lan"}}, ("customer.external_id", "required")),
        ({"customer": {"external_id": "1", "channel": "nowhere"}}, ("customer.channel", "unknown_reference")),
        ({"customer": {"external_id": "x" * 256}}, ("customer.external_id", "max_length")),
    ],
)
def test_a_wrong_beginning_is_told_on_its_field_and_begins_nothing(api, saigon, shop, more, error):
    answer = api(saigon).post("sessions/", {"bot": "shop", "channel": "web", **more})
    assert (answer.status_code, codes(answer)) == (422, {error})
    with in_tenant(saigon.tenant):
        assert not Session.objects.exists()
        assert not Customer.objects.exists()


def test_the_bot_of_another_tenant_is_unknown(api, saigon, harbour):
    open_shop(harbour, "homes")
    answer = api(saigon).post("sessions/", {"bot": "homes", "channel": "web"})
    assert (answer.status_code, codes(answer)) == (422, {("bot", "unknown_reference")})


def test_a_bot_without_an_active_version_does_not_begin(api, saigon, shop):
    with in_tenant(saigon.tenant):
        Bot.objects.create(code="draft", name="Draft")
    answer = api(saigon).post("sessions/", {"bot": "draft", "channel": "web"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_active_version")


def test_a_channel_switched_off_takes_no_conversation(api, saigon, shop):
    with in_tenant(saigon.tenant):
        SalesChannel.objects.update(is_active=False)
    answer = api(saigon).post("sessions/", {"bot": "shop", "channel": "web"})
    assert (answer.status_code, codes(answer)) == (422, {("channel", "inactive_channel")})


def test_conversations_are_listed_by_bot_channel_and_whether_they_are_open(api, saigon, begin):
    ended, running = begin(), begin()
    api(saigon).post(f"sessions/{ended['id']}/end/")
    listed = lambda **params: {row["id"] for row in api(saigon).get("sessions/", params).json()["results"]}  # noqa: E731
    assert listed(bot="shop", channel="web") == {ended["id"], running["id"]}
    assert listed(open="true") == {running["id"]}
    assert listed(open="false") == {ended["id"]}
    assert api(saigon).get("sessions/", {"open": "maybe"}).status_code == 400
    assert api(saigon).get("sessions/", {"customer_name": "Lan"}).status_code == 400
    assert codes(api(saigon).get("sessions/", {"bot": "nobody"})) == {("bot", "unknown_reference")}


def test_a_conversation_ends_once(api, saigon, begin):
    session = begin()
    ended = api(saigon).post(f"sessions/{session['id']}/end/")
    assert (ended.status_code, bool(ended.json()["ended_at"])) == (200, True)
    again = api(saigon).post(f"sessions/{session['id']}/end/")
    assert (again.status_code, again.json()["code"]) == (409, "session_ended")
    for part, body in (
        ("turns", {"message": "hello"}),
        ("slots", {"slot_key": "size", "slot_value": "M"}),
        ("decisions", {}),
        ("actions", {"action_name": "crm"}),
    ):
        answer = api(saigon).post(f"sessions/{session['id']}/{part}/", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "session_ended")


def test_an_analyst_reads_and_begins_nothing(api, saigon, begin):
    session = begin()
    analyst = api(saigon, saigon.analyst)
    for part in ("", "turns/", "slots/", "decisions/", "actions/"):
        assert analyst.get(f"sessions/{session['id']}/{part}").status_code == 200
    for path in ("", f"{session['id']}/end/", f"{session['id']}/turns/", f"{session['id']}/slots/"):
        assert analyst.post(f"sessions/{path}", {"message": "x"}).status_code == 403
    with in_tenant(saigon.tenant):
        assert Session.objects.filter(ended_at=None, turn_number=0).count() == 1


@pytest.mark.parametrize("part", ["", "turns/", "slots/", "decisions/", "actions/"])
def test_a_conversation_of_another_tenant_is_not_there(api, harbour, begin, part):
    session = begin()
    for odd in (session["id"], NOWHERE, "nonsense", "%00"):
        answer = api(harbour).get(f"sessions/{odd}/{part}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    if part:
        body = {"message": "x"} if part == "turns/" else {"slot_key": "a", "slot_value": "b"}
        assert api(harbour).post(f"sessions/{session['id']}/{part}", body).status_code == 404
    assert api(harbour).get("sessions/").json()["results"] == []


def test_a_key_bound_to_a_bot_sees_and_begins_conversations_of_that_bot_only(api, saigon, begin):
    theirs = begin()
    mine = open_second_bot(saigon)
    with in_tenant(saigon.tenant):
        _row, key = issue_api_key(name="bound", bot_id=mine.pk)
    bound = api(key)
    own = bound.post("sessions/", {"bot": "second", "channel": "web"}).json()
    assert bound.post(f"sessions/{own['id']}/turns/", {"message": "hello"}).status_code == 201
    assert [row["id"] for row in bound.get("sessions/").json()["results"]] == [own["id"]]
    refused = bound.post("sessions/", {"bot": "shop", "channel": "web"})
    assert (refused.status_code, refused.json()["code"]) == (403, "wrong_principal")
    for part in ("", "turns/", "slots/", "decisions/", "actions/"):
        assert bound.get(f"sessions/{theirs['id']}/{part}").status_code == 404
    for part in ("end/", "turns/"):
        assert bound.post(f"sessions/{theirs['id']}/{part}", {"message": "x"}).status_code == 404
    assert api(saigon).get(f"sessions/{theirs['id']}/turns/").json()["results"] == []


def open_second_bot(saigon: Any) -> Bot:
    with in_tenant(saigon.tenant):
        bot = Bot.objects.create(code="second", name="Second")
        activate_version(version=create_version(bot=bot))
        return bot


# --- slots, decisions, actions


def test_a_slot_written_again_is_replaced(api, saigon, begin):
    path = f"sessions/{begin()['id']}/slots/"
    first = api(saigon).post(path, {"slot_key": "size", "slot_value": "M", "confidence": 0.5})
    again = api(saigon).post(path, {"slot_key": "size", "slot_value": "L"})
    assert (first.status_code, first.json()["confidence"]) == (201, 0.5)
    assert (again.json()["slot_value"], again.json()["confidence"]) == ("L", None)
    assert api(saigon).get(path).json()["results"] == [again.json()]


def test_an_expired_slot_counts_no_more(api, saigon, begin):
    path, past = f"sessions/{begin()['id']}/slots/", timezone.now() - timedelta(minutes=1)
    api(saigon).post(path, {"slot_key": "size", "slot_value": "M", "expires_at": past.isoformat()})
    assert api(saigon).get(path).json()["results"] == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"slot_key": "a b", "slot_value": "M"}, ("slot_key", "invalid")),
        ({"slot_key": "size", "slot_value": ""}, ("slot_value", "blank")),
        ({"slot_key": "size", "slot_value": "M", "confidence": 1.01}, ("confidence", "max_value")),
        (
            {"slot_key": "size", "slot_value": "M", "extracted_from_turn": NOWHERE},
            ("extracted_from_turn", "unknown_reference"),
        ),
        ({"slot_key": "size", "slot_value": "M", "session": NOWHERE}, ("session", "unknown_field")),
    ],
)
def test_a_wrong_slot_is_refused(api, saigon, begin, body, error):
    answer = api(saigon).post(f"sessions/{begin()['id']}/slots/", body)
    assert (answer.status_code, codes(answer)) == (422, {error})
    with in_tenant(saigon.tenant):
        assert not ContextSlot.objects.exists()


def test_a_bot_logs_its_own_decisions_and_tool_calls(api, saigon, begin):
    session = f"sessions/{begin()['id']}"
    turn = api(saigon).post(f"{session}/turns/", {"message": "hello"}).json()["turn"]["id"]
    decision = api(saigon).post(
        f"{session}/decisions/",
        {"input_turn": turn, "decision_metadata": {"rule": "vip"}, "estimated_cost_usd": "0.0012", "confidence": 0.75},
    )
    assert decision.status_code == 201
    assert decision.json().items() >= {"event_type": "custom", "estimated_cost_usd": "0.001200", "bot_version": 1}.items()
    action = api(saigon).post(
        f"{session}/actions/", {"turn": turn, "action_name": "crm", "input_params": {"a": 1}, "status": "error"}
    )
    assert (action.status_code, action.json()["status"]) == (201, "error")
    listed = api(saigon).get(f"{session}/decisions/").json()["results"]
    assert [row["event_type"] for row in listed] == ["tier_selection", "custom"]
    assert listed[-1] == decision.json()
    assert api(saigon).get(f"{session}/actions/{action.json()['id']}/").json() == action.json()


def test_a_turn_of_another_conversation_is_unknown(api, saigon, begin):
    turn = api(saigon).post(f"sessions/{begin()['id']}/turns/", {"message": "hello"}).json()["turn"]["id"]
    other = f"sessions/{begin()['id']}"
    refused = api(saigon).post(f"{other}/decisions/", {"input_turn": turn})
    assert codes(refused) == {("input_turn", "unknown_reference")}
    refused = api(saigon).post(f"{other}/actions/", {"turn": turn, "action_name": "crm"})
    assert codes(refused) == {("turn", "unknown_reference")}
    with in_tenant(saigon.tenant):
        assert not ActionExecution.objects.exists()
        assert not DecisionEvent.objects.filter(event_type="custom").exists()


def test_the_tier_of_a_turn_is_chosen_once(api, saigon, begin):
    session = f"sessions/{begin()['id']}"
    turn = api(saigon).post(f"{session}/turns/", {"message": "hello"}).json()["turn"]["id"]
    refused = api(saigon).post(f"{session}/decisions/", {"input_turn": turn, "event_type": "tier_selection", "tier": "faq"})
    assert refused.status_code == 422
    assert len(api(saigon).get(f"{session}/decisions/").json()["results"]) == 1


def test_the_tier_of_a_message_that_is_still_to_be_answered_is_not_logged(api, saigon, begin):
    session = begin()
    with in_tenant(saigon.tenant):
        waits = Turn.objects.create(session_id=session["id"], speaker="user", message="hello", external_id="m-1")
    body = {"input_turn": str(waits.pk), "event_type": "tier_selection", "tier": "faq"}
    refused = api(saigon).post(f"sessions/{session['id']}/decisions/", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "undecided")
    with in_tenant(saigon.tenant):
        assert not DecisionEvent.objects.exists()
