"""Asking for a person, claiming, answering and giving back, through the API."""

from typing import Any

import pytest

from runtime.models import Escalation, Session, Turn
from tenants.models import Event
from tenants.services import issue_api_key
from tests.conftest import in_tenant
from tests.runtime.conftest import ANSWER, QUESTION, open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(begin: Any) -> dict[str, Any]:
    made: dict[str, Any] = begin()
    return made


@pytest.fixture
def waiting(api, saigon, session) -> dict[str, Any]:
    answer = api(session["token"]).post(f"sessions/{session['id']}/escalate/", {"reason": "A discount"})
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def owner(api, saigon, session) -> str:
    return str(api(saigon).get(f"sessions/{session['id']}/").json()["owner"])


def test_the_customer_asks_for_a_person_and_the_bot_answers_until_one_comes(api, saigon, session, waiting):
    assert (waiting["state"], waiting["origin"], waiting["reason"]) == ("waiting", "customer", "A discount")
    again = api(session["token"]).post(f"sessions/{session['id']}/escalate/", {"reason": "Hello?"})
    assert (again.status_code, again.json()["id"]) == (200, waiting["id"])
    said = api(session["token"]).post(f"sessions/{session['id']}/turns/", {"message": QUESTION}).json()
    assert (said["reply"]["message"], said["session"]["owner"]) == (ANSWER, "bot")


def test_a_customer_is_not_told_what_colleagues_wrote_of_them(api, saigon, session):
    api(saigon).post(f"sessions/{session['id']}/escalate/", {"reason": "Rude, and a bad payer"})
    told = api(session["token"]).post(f"sessions/{session['id']}/escalate/", {"reason": "Hello?"})
    assert (told.status_code, told.json()["reason"]) == (200, "")
    assert b"Rude" not in told.content
    with in_tenant(saigon.tenant):
        assert Escalation.objects.get().reason == "Rude, and a bad payer"


def test_a_person_claims_answers_and_gives_back(api, saigon, session, waiting):
    lan, browser, own = api(saigon, saigon.operator), api(session["token"]), f"sessions/{session['id']}/"
    claimed = lan.post(f"escalations/{waiting['id']}/claim/")
    assert (claimed.status_code, claimed.json()["claimed_by"]) == (200, str(saigon.operator.pk))
    assert owner(api, saigon, session) == "person"
    said = browser.post(f"{own}turns/", {"message": QUESTION}).json()
    assert (said["reply"], said["decision"]["tier"], said["session"]["owner"]) == (None, "human", "person")
    reply = lan.post(f"escalations/{waiting['id']}/reply/", {"message": " Hello, this is Lan. "})
    assert (reply.status_code, reply.json()["speaker"], reply.json()["message"]) == (201, "agent", "Hello, this is Lan.")
    seen = browser.get(f"{own}turns/", {"after": said["turn"]["id"]}).json()["results"]
    assert [turn["message"] for turn in seen] == ["Hello, this is Lan."]
    done = lan.post(f"escalations/{waiting['id']}/resolve/", {"resolution": "5 % off"})
    assert (done.json()["state"], done.json()["resolution"]) == ("resolved", "5 % off")
    assert browser.post(f"{own}turns/", {"message": QUESTION}).json()["reply"]["message"] == ANSWER
    with in_tenant(saigon.tenant):
        kinds = Event.objects.filter(subject_id=waiting["id"]).order_by("id").values_list("kind", flat=True)
        assert list(kinds) == ["escalation.opened", "escalation.claimed", "escalation.resolved"]


def test_an_answer_sent_twice_is_said_once(api, saigon, session, waiting):
    lan = api(saigon, saigon.operator)
    lan.post(f"escalations/{waiting['id']}/claim/")
    sent = [lan.post(f"escalations/{waiting['id']}/reply/", {"message": "Hello", "external_id": "1"}) for _ in range(2)]
    assert sent[0].json()["id"] == sent[1].json()["id"]
    with in_tenant(saigon.tenant):
        assert Turn.objects.filter(speaker="agent").count() == 1


@pytest.mark.parametrize("first", ["customer", "person"])
def test_an_answer_and_a_message_of_the_customer_may_have_the_same_id(api, saigon, session, waiting, first):
    lan = api(saigon, saigon.operator)
    lan.post(f"escalations/{waiting['id']}/claim/")

    def ask():
        return api(session["token"]).post(f"sessions/{session['id']}/turns/", {"message": QUESTION, "external_id": "1"})

    def reply():
        return lan.post(f"escalations/{waiting['id']}/reply/", {"message": "Hello", "external_id": "1"})

    sent = [step() for step in ((ask, reply) if first == "customer" else (reply, ask)) for _time in range(2)]
    assert [answer.status_code for answer in sent] == [201] * 4, [answer.content for answer in sent]
    with in_tenant(saigon.tenant):
        assert sorted(Turn.objects.values_list("speaker", "message")) == [("agent", "Hello"), ("user", QUESTION)]


@pytest.mark.parametrize("step", ["claim", "reply", "put-back", "resolve"])
def test_what_a_colleague_has_claimed_is_a_conflict_and_stays_theirs(api, saigon, session, waiting, step):
    api(saigon, saigon.operator).post(f"escalations/{waiting['id']}/claim/")
    body = {"message": "Hi"} if step == "reply" else None
    answer = api(saigon, saigon.admin).post(f"escalations/{waiting['id']}/{step}/", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "claimed_by_another")
    with in_tenant(saigon.tenant):
        assert Escalation.objects.get().claimed_by == saigon.operator
        assert not Turn.objects.exists()


def test_an_answer_without_a_claim_is_a_conflict(api, saigon, waiting):
    answer = api(saigon, saigon.operator).post(f"escalations/{waiting['id']}/reply/", {"message": "Hi"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_claimed")


@pytest.mark.parametrize("body", [{}, {"message": ""}, {"message": "x" * 4001}, {"message": "Hi", "speaker": "user"}])
def test_a_wrong_answer_is_told_and_not_said(api, saigon, session, waiting, body):
    api(saigon, saigon.operator).post(f"escalations/{waiting['id']}/claim/")
    assert api(saigon, saigon.operator).post(f"escalations/{waiting['id']}/reply/", body).status_code == 422
    with in_tenant(saigon.tenant):
        assert not Turn.objects.exists()


def test_the_queue_is_narrowed_and_the_oldest_comes_first(api, saigon, begin, waiting):
    later = api(saigon).post(f"sessions/{begin()['id']}/escalate/").json()
    listed = lambda **asked: [row["id"] for row in api(saigon).get("escalations/", asked).json()["results"]]  # noqa: E731
    assert listed(state="waiting") == [waiting["id"], later["id"]]
    assert listed(bot="shop", channel="web", ordering="-created_at") == [later["id"], waiting["id"]]
    api(saigon, saigon.operator).post(f"escalations/{waiting['id']}/claim/")
    assert listed(state="waiting") == [later["id"]]
    assert later["origin"] == "program"


def test_nobody_of_another_tenant_finds_it(api, saigon, harbour, session, waiting):
    assert api(harbour).get("escalations/").json()["results"] == []
    for step in ("claim", "reply", "put-back", "resolve"):
        answer = api(harbour, harbour.owner).post(f"escalations/{waiting['id']}/{step}/", {"message": "Hi"})
        assert answer.status_code == 404
    assert api(harbour).post(f"sessions/{session['id']}/escalate/").status_code == 404
    with in_tenant(saigon.tenant):
        assert Escalation.objects.get().state == "waiting"
        assert Session.objects.get().owner == "bot"


def test_the_customer_and_the_bot_are_no_person(api, saigon, shop, session, waiting):
    with in_tenant(saigon.tenant):
        _row, bound = issue_api_key(name="bound", bot_id=shop.pk)
    for token in (session["token"], bound):
        assert api(token).post(f"escalations/{waiting['id']}/claim/").status_code == 403
    assert api(session["token"]).get("escalations/").status_code == 403
    assert owner(api, saigon, session) == "bot"


def test_a_key_bound_to_another_bot_sees_nothing(api, saigon, waiting):
    other = open_other(saigon)
    with in_tenant(saigon.tenant):
        _row, bound = issue_api_key(name="bound", bot_id=other.pk)
    assert api(bound).get("escalations/").json()["results"] == []
    assert api(bound).get(f"escalations/{waiting['id']}/").status_code == 404


def open_other(business: Any) -> Any:
    from bots.models import Bot

    with in_tenant(business.tenant):
        return Bot.objects.create(code="other", name="Other")


def test_an_ended_conversation_takes_no_escalation(api, saigon, session):
    api(saigon).post(f"sessions/{session['id']}/end/")
    for client in (api(saigon), api(session["token"])):
        answer = client.post(f"sessions/{session['id']}/escalate/", {"reason": "Hello?"})
        assert (answer.status_code, answer.json()["code"]) == (409, "session_ended")
    with in_tenant(saigon.tenant):
        assert not Escalation.objects.exists()


def test_another_conversations_token_asks_for_nobody(api, saigon, session, begin):
    assert api(begin()["token"]).post(f"sessions/{session['id']}/escalate/").status_code == 404
    with in_tenant(saigon.tenant):
        assert not Escalation.objects.exists()


def test_another_business_has_its_own_queue(api, saigon, harbour, waiting):
    open_shop(harbour, "homes")
    session = api(harbour).post("sessions/", {"bot": "homes", "channel": "web"}).json()
    own = api(harbour).post(f"sessions/{session['id']}/escalate/").json()
    assert [row["id"] for row in api(harbour).get("escalations/").json()["results"]] == [own["id"]]
