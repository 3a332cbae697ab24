"""A conversation's own token: opens that conversation to the customer's browser, and nothing else."""

from typing import Any

import pytest

from runtime.models import ContextSlot, Session, Turn
from tenants.models import Tenant
from tenants.scope import platform_scope
from tests.conftest import in_tenant
from tests.runtime.conftest import QUESTION, messages_to_database


@pytest.fixture
def session(begin: Any) -> dict[str, Any]:
    made: dict[str, Any] = begin()
    return made


@pytest.fixture
def browser(api: Any, session: dict[str, Any]) -> Any:
    return api(session["token"])


def test_the_browser_talks_and_reads_its_own_conversation(browser, session):
    own = f"sessions/{session['id']}/"
    said = browser.post(f"{own}turns/", {"message": QUESTION})
    assert said.json()["decision"]["tier"] == "faq"
    assert len(browser.get(f"{own}turns/").json()["results"]) == 2
    assert browser.get(f"{own}turns/{said.json()['turn']['id']}/").status_code == 200
    assert browser.get(own).json()["turn_number"] == 1
    assert browser.post(f"{own}slots/", {"slot_key": "size", "slot_value": "M"}).status_code == 201
    assert [slot["slot_key"] for slot in browser.get(f"{own}slots/").json()["results"]] == ["size"]


def test_another_conversation_of_the_same_bot_is_not_there(browser, begin, saigon):
    other = f"sessions/{begin()['id']}/"
    for path in (other, f"{other}turns/", f"{other}slots/"):
        assert browser.get(path).status_code == 404
    assert browser.post(f"{other}turns/", {"message": "hello"}).status_code == 404
    assert browser.post(f"{other}slots/", {"slot_key": "a", "slot_value": "b"}).status_code == 404
    with in_tenant(saigon.tenant):
        assert not Turn.objects.exists()
        assert not ContextSlot.objects.exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "sessions/"),
        ("post", "sessions/"),
        ("post", "sessions/{id}/end/"),
        ("get", "sessions/{id}/decisions/"),
        ("post", "sessions/{id}/decisions/"),
        ("get", "sessions/{id}/actions/"),
        ("post", "sessions/{id}/actions/"),
        ("get", "faqs/"),
        ("get", "bots/"),
        ("get", "bots/shop/search/"),
        ("get", "members/"),
        ("get", "api-keys/"),
        ("post", "api-keys/"),
        ("get", "tenant/"),
        ("get", "me/"),
    ],
)
def test_every_other_route_is_closed(browser, session, saigon, method, path):
    answer = getattr(browser, method)(path.format(**session))
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_principal")
    with in_tenant(saigon.tenant):
        assert Session.objects.get().ended_at is None


def test_the_token_ends_with_the_conversation(browser, session, api, saigon):
    own = f"sessions/{session['id']}/"
    api(saigon).post(f"{own}end/")
    for path in (own, f"{own}turns/", f"{own}slots/"):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="backroom"')
    for path, body in (("turns/", {"message": "hello"}), ("slots/", {"slot_key": "a", "slot_value": "b"})):
        answer = browser.post(f"{own}{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "session_ended")
    with in_tenant(saigon.tenant):
        assert not Turn.objects.exists()


def test_an_unknown_token_opens_nothing(api, session):
    for token in ("brs_", "brs_nonsense", session["token"][:-1], session["token"] + "x", "brs_\u00e9"):
        assert api(token).get(f"sessions/{session['id']}/").status_code == 401


def test_a_suspended_business_has_no_conversations(browser, session, saigon):
    with platform_scope(reason="test"):
        Tenant.objects.filter(pk=saigon.tenant.pk).update(status="suspended")
    assert browser.get(f"sessions/{session['id']}/").status_code == 401


def test_the_token_is_stored_as_a_hash_only(session, saigon):
    with in_tenant(saigon.tenant):
        stored = Session.objects.get()
    assert session["token"].encode() not in bytes(stored.token_hash)
    assert len(stored.token_hash) == 32


def test_a_turn_of_the_browser_asks_the_database_as_little_as_promised(browser, session):
    path = f"sessions/{session['id']}/turns/"
    browser.post(path, {"message": QUESTION})
    with messages_to_database() as sent:
        assert browser.post(path, {"message": QUESTION}).status_code == 201
    assert len(sent) <= 5, sent
