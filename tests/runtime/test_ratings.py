"""Thumbs on answers, clicks, and the questions nobody answered."""

from typing import Any

import pytest

from bots.models import Bot, Faq
from runtime.gaps import count_gap, question_key
from runtime.models import KnowledgeGap, Rating, UiEvent
from tenants.services import issue_api_key
from tests.conftest import in_tenant
from tests.runtime.conftest import ANSWER, QUESTION, open_shop

pytestmark = pytest.mark.django_db

UNKNOWN = "What is the capital of Mongolia?"


@pytest.fixture
def session(begin: Any) -> dict[str, Any]:
    made: dict[str, Any] = begin()
    return made


def say(api: Any, session: dict[str, Any], message: str) -> dict[str, Any]:
    said: dict[str, Any] = api(session["token"]).post(f"sessions/{session['id']}/turns/", {"message": message}).json()
    return said


def gaps(business: Any) -> list[tuple[str, int, str, str]]:
    with in_tenant(business.tenant):
        found = KnowledgeGap.objects.order_by("id").values_list("question", "times_asked", "reason", "state")
        return [tuple(row) for row in found]


# --- ratings


def test_the_customer_rates_an_answer_and_thinks_again(api, saigon, session):
    reply = say(api, session, QUESTION)["reply"]
    browser = api(session["token"])
    first = browser.post(f"turns/{reply['id']}/rating/", {"vote": "down", "comment": "Too slow"})
    again = browser.post(f"turns/{reply['id']}/rating/", {"vote": "up"})
    assert (first.status_code, again.status_code, first.json()["id"]) == (201, 200, again.json()["id"])
    with in_tenant(saigon.tenant):
        rating = Rating.objects.get()
        assert (rating.vote, rating.rater, rating.comment, rating.created_by) == ("up", "customer", "Too slow", None)


def test_colleagues_rate_beside_the_customer_each_once(api, saigon, session):
    reply = say(api, session, QUESTION)["reply"]
    for client in (api(session["token"]), api(saigon), api(saigon, saigon.operator), api(saigon, saigon.admin)):
        client.post(f"turns/{reply['id']}/rating/", {"vote": "up"})
        client.post(f"turns/{reply['id']}/rating/", {"vote": "down"})
    with in_tenant(saigon.tenant):
        rated = {(rating.rater, rating.created_by_id): rating.vote for rating in Rating.objects.all()}
    assert rated == {
        ("customer", None): "down",
        ("staff", saigon.operator.pk): "down",
        ("staff", saigon.admin.pk): "down",
    }
    assert len(api(saigon).get("ratings/", {"vote": "down", "turn": reply["id"]}).json()["results"]) == 3


def test_a_token_rates_only_in_its_own_conversation_and_until_its_end(api, saigon, session, begin, harbour):
    said = say(api, session, QUESTION)
    path = f"turns/{said['reply']['id']}/rating/"
    for stranger in (api(begin()["token"]), api(harbour), api(harbour, harbour.owner)):
        assert stranger.post(path, {"vote": "down"}).status_code == 404
    own = api(session["token"]).post(f"turns/{said['turn']['id']}/rating/", {"vote": "down"})
    assert (own.status_code, own.json()["code"]) == (422, "not_an_answer")
    api(saigon).post(f"sessions/{session['id']}/end/")
    ended = api(session["token"]).post(path, {"vote": "down"})
    assert (ended.status_code, ended.json()["code"]) == (409, "session_ended")
    with in_tenant(saigon.tenant):
        assert not Rating.objects.exists()
        assert not KnowledgeGap.objects.exists()


@pytest.mark.parametrize("body", [{}, {"vote": "maybe"}, {"vote": 1}, {"vote": "up", "comment": "x" * 1001}])
def test_a_wrong_vote_is_told(api, saigon, session, body):
    reply = say(api, session, QUESTION)["reply"]
    assert api(session["token"]).post(f"turns/{reply['id']}/rating/", body).status_code == 422
    with in_tenant(saigon.tenant):
        assert not Rating.objects.exists()


def test_an_analyst_rates_nothing(api, saigon, session):
    reply = say(api, session, QUESTION)["reply"]
    assert api(saigon, saigon.analyst).post(f"turns/{reply['id']}/rating/", {"vote": "up"}).status_code == 403


# --- clicks


def test_a_click_is_kept(api, saigon, session, begin):
    browser, body = api(session["token"]), {"session": session["id"], "kind": "card-clicked", "data": {"sku": "SX-1"}}
    made = browser.post("ui-events/", body)
    assert made.status_code == 201
    assert [row["id"] for row in browser.get("ui-events/").json()["results"]] == [made.json()["id"]]
    assert browser.send("delete", f"ui-events/{made.json()['id']}/").status_code in (403, 405)
    assert api(begin()["token"]).get("ui-events/").json()["results"] == []
    with in_tenant(saigon.tenant):
        assert UiEvent.objects.get().data == {"sku": "SX-1"}


def test_a_click_comes_with_little(api, saigon, session):
    refused = api(session["token"]).post("ui-events/", {"session": session["id"], "kind": "x", "data": {"a": "x" * 10_240}})
    assert (refused.status_code, refused.json()["errors"][0]["field"], refused.json()["code"]) == (422, "data", "too_large")
    with in_tenant(saigon.tenant):
        assert not UiEvent.objects.exists()


def test_a_click_in_a_strange_conversation_or_turn_is_unknown(api, saigon, session, begin, harbour):
    turn = say(api, session, QUESTION)["turn"]["id"]
    other = begin()
    for client, body in (
        (api(other["token"]), {"session": session["id"], "kind": "x"}),
        (api(harbour), {"session": session["id"], "kind": "x"}),
        (api(other["token"]), {"session": other["id"], "kind": "x", "turn": turn}),
    ):
        answer = client.post("ui-events/", body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown_reference")
    with in_tenant(saigon.tenant):
        assert not UiEvent.objects.exists()


# --- knowledge gaps


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("How do I wash the jacket?", "how to wash the JACKET", True),
        ("Áo khoác này giặt thế nào?", "ao khoac nay giat the nao", True),
        ("Can I wash the jacket?", "Can I iron the jacket?", False),
        ("???", "!!!", False),
    ],
)
def test_questions_of_one_meaning_are_one(one, other, same):
    assert (question_key(one) == question_key(other)) is same


def test_an_unanswered_question_is_counted_however_it_is_put(api, saigon, session, begin):
    say(api, session, UNKNOWN)
    say(api, begin(), "the capital of Mongolia is what")
    say(api, session, QUESTION)
    for message in ("I want to talk to a person", "ok thanks", "không, cảm ơn", "Good morning"):
        say(api, session, message)
    assert gaps(saigon) == [("the capital of Mongolia is what", 2, "unanswered", "open")]


@pytest.mark.parametrize(
    ("first", "others", "lines"),
    [
        ("Bảo hành pin bao lâu?", ("Bao hanh pin bao lau", "pin bảo hành bao lâu thì hết", "bảo hành pin máy bao lâu"), 1),
        ("Is the blue tent waterproof?", ("is the blue camping tent waterproof", "waterproof: the blue tent, is it?"), 1),
        ("Is the blue tent waterproof?", ("Is the green kayak unsinkable?", "Is the tent heavy?"), 3),
        ("Bảo hành pin Dell bao lâu?", ("Bảo hành chuột Asus bao lâu?",), 2),
    ],
)
def test_questions_that_say_nearly_the_same_are_one_line_with_a_count(api, saigon, session, first, others, lines):
    for message in (first, *others):
        say(api, session, message)
    found = gaps(saigon)
    assert len(found) == lines
    assert sum(times for _question, times, _reason, _state in found) == 1 + len(others)


def test_a_gap_of_another_bot_or_business_takes_in_no_question(api, saigon, harbour, session):
    say(api, session, "Is the blue tent waterproof?")
    with in_tenant(saigon.tenant):
        other = Bot.objects.create(code="other", name="Other")
        count_gap(bot=other, question="Is the blue tent waterproof?", reason=KnowledgeGap.Reason.BADLY_RATED)
    assert [times for _question, times, _reason, _state in gaps(saigon)] == [1, 1]
    with in_tenant(harbour.tenant):
        theirs = Bot.objects.create(code="homes", name="Homes")
        count_gap(bot=theirs, question="is the blue tent waterproof", reason=KnowledgeGap.Reason.UNANSWERED)
        assert KnowledgeGap.objects.get().times_asked == 1


def test_a_badly_rated_answer_is_a_gap_once_and_an_unanswered_one_is_not_counted_twice(api, saigon, session):
    for message in (QUESTION, UNKNOWN):
        reply = say(api, session, message)["reply"]
        for vote in ("down", "down", "up", "down"):
            api(session["token"]).post(f"turns/{reply['id']}/rating/", {"vote": vote})
    assert gaps(saigon) == [(QUESTION, 1, "badly_rated", "open"), (UNKNOWN, 1, "unanswered", "open")]


def test_writing_the_faq_closes_the_gap_and_the_next_one_who_asks_is_answered(api, saigon, session):
    say(api, session, UNKNOWN)
    gap = api(saigon).get("knowledge-gaps/", {"state": "open", "bot": "shop"}).json()["results"][0]
    answered = api(saigon, saigon.operator).post(f"knowledge-gaps/{gap['id']}/answer/", {"answer": "Ulaanbaatar."})
    assert (answered.status_code, answered.json()["state"]) == (201, "answered")
    said = say(api, session, UNKNOWN)
    assert (said["reply"]["message"], said["decision"]["sources"][0]["id"]) == ("Ulaanbaatar.", answered.json()["faq"])
    again = api(saigon).post(f"knowledge-gaps/{gap['id']}/answer/", {"answer": "Paris."})
    assert (again.status_code, again.json()["code"]) == (409, "gap_answered")
    with in_tenant(saigon.tenant):
        assert Faq.objects.filter(question=UNKNOWN).count() == 1


def test_what_is_ignored_stays_so_and_what_was_answered_opens_again(api, saigon, session):
    say(api, session, UNKNOWN)
    gap = api(saigon).get("knowledge-gaps/").json()["results"][0]
    assert api(saigon).patch(f"knowledge-gaps/{gap['id']}/", {"state": "ignored"}).json()["state"] == "ignored"
    say(api, session, UNKNOWN)
    assert gaps(saigon) == [(UNKNOWN, 2, "unanswered", "ignored")]
    with in_tenant(saigon.tenant):
        KnowledgeGap.objects.update(state="answered")
    say(api, session, UNKNOWN)
    assert gaps(saigon) == [(UNKNOWN, 3, "unanswered", "open")]


def test_a_gap_is_called_answered_by_its_answer_only(api, saigon, session):
    say(api, session, UNKNOWN)
    gap = api(saigon).get("knowledge-gaps/").json()["results"][0]
    for body in ({"state": "answered"}, {"times_asked": 9}, {"question": "Other?"}):
        assert api(saigon).patch(f"knowledge-gaps/{gap['id']}/", body).status_code == 422
    assert gaps(saigon) == [(UNKNOWN, 1, "unanswered", "open")]


def test_a_bot_elsewhere_tells_what_it_could_not_answer(api, saigon, shop):
    for _time in range(2):
        made = api(saigon).post("knowledge-gaps/", {"bot": "shop", "question": "Giặt được không?"})
        assert made.status_code == 201
    assert gaps(saigon) == [("Giặt được không?", 2, "unanswered", "open")]


def test_who_may_not_add_faqs_writes_none_by_way_of_a_gap(api, saigon, session):
    say(api, session, UNKNOWN)
    with in_tenant(saigon.tenant):
        gap, before = KnowledgeGap.objects.get(), Faq.objects.count()
        narrow = api(issue_api_key(name="gaps", scopes=["knowledge-gaps:write"])[1])
        wide = api(issue_api_key(name="both", scopes=["knowledge-gaps:write", "faqs:write"])[1])
    refused = narrow.post(f"knowledge-gaps/{gap.pk}/answer/", {"answer": "Buy elsewhere."})
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    with in_tenant(saigon.tenant):
        assert (Faq.objects.count(), KnowledgeGap.objects.get().state) == (before, "open")
    assert wide.post(f"knowledge-gaps/{gap.pk}/answer/", {"answer": "Ulaanbaatar."}).status_code == 201


def test_gaps_of_another_tenant_are_not_there(api, saigon, harbour, session):
    open_shop(harbour, "shop")
    say(api, session, UNKNOWN)
    gap = api(saigon).get("knowledge-gaps/").json()["results"][0]
    other = api(harbour, harbour.owner)
    assert other.get("knowledge-gaps/").json()["results"] == []
    assert other.patch(f"knowledge-gaps/{gap['id']}/", {"state": "ignored"}).status_code == 404
    assert other.post(f"knowledge-gaps/{gap['id']}/answer/", {"answer": "Mine."}).status_code == 404
    assert gaps(saigon) == [(UNKNOWN, 1, "unanswered", "open")]
    with in_tenant(harbour.tenant):
        assert list(Faq.objects.values_list("answer", flat=True)) == [ANSWER]
