"""A conversation stands in a step of its version's flow: turns, programs and silence move it, along the flow only."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bots.models import Guardrail, Intent, IntentExample
from bots.services import activate_version, create_version
from catalog.models import SalesChannel
from runtime.models import DecisionEvent, Session, Turn
from runtime.services import start_session
from runtime.tasks import end_idle
from tenants.models import Event, Tenant
from tests.conftest import in_tenant
from tests.runtime.conftest import PRODUCT, QUESTION, messages_to_database, open_shop
from tests.tenants.admin_pages import browser

pytestmark = pytest.mark.django_db

FLOW: dict[str, Any] = {
    "default_state": "idle",
    "steps": {
        "idle": {"next": ["browsing", "leaving"]},
        "browsing": {"on": ["tier:catalog"], "next": ["paying", "idle"], "timeout_minutes": 10, "on_timeout": "idle"},
        "paying": {"next": [], "timeout_minutes": 5},
        "leaving": {"on": ["intent:goodbye"]},
        "ended": {"on": ["person_asked"]},
    },
    "idle_minutes": 60,
}
PRICE = f"How much is {PRODUCT}?"


@pytest.fixture
def walk(saigon: Any, shop: Any, begin: Any) -> dict[str, Any]:
    """A conversation in that flow."""
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(bot=shop, flow_config=FLOW))
    session: dict[str, Any] = begin()
    return session


def moves(business: Any) -> list[tuple[str, str, str]]:
    """The moves as decisions; each is told as an event as well."""
    with in_tenant(business.tenant):
        kept = DecisionEvent.objects.filter(event_type="flow_step").order_by("pk")
        told = Event.objects.filter(kind="session.moved").order_by("pk")
        said = [
            [tuple(data[name] for name in ("from", "to", "by")) for data in rows]
            for rows in ([one.decision_metadata for one in kept], [one.data for one in told])
        ]
        assert said[0] == said[1]
        return said[0]  # type: ignore[return-value]


def step(business: Any) -> str:
    with in_tenant(business.tenant):
        found: str = Session.objects.get().flow_step
        return found


def silent_for(business: Any, minutes: int) -> None:
    with in_tenant(business.tenant):
        ago = timezone.now() - timedelta(minutes=minutes)
        Session.objects.update(state_updated_at=ago, step_since=ago)


# --- turns


def test_a_turn_moves_on_where_the_flow_says_what_leads_there(api, saigon, walk):
    say = lambda text: api(walk["token"]).post(f"sessions/{walk['id']}/turns/", {"message": text}).json()["session"]  # noqa: E731
    assert walk["flow_step"] == "idle"
    assert say(QUESTION)["flow_step"] == "idle"
    assert say(PRICE)["flow_step"] == "browsing"
    assert say(QUESTION)["flow_step"] == "browsing"
    assert (step(saigon), moves(saigon)) == ("browsing", [("idle", "browsing", "turn")])
    listed = api(saigon).get(f"sessions/{walk['id']}/decisions/").json()["results"]
    assert [row["decision_metadata"]["to"] for row in listed if row["event_type"] == "flow_step"] == ["browsing"]


def test_an_intent_leads_to_a_step_too(api, saigon, walk):
    with in_tenant(saigon.tenant):
        intent = Intent.objects.create(code="goodbye", name="Goodbye")
        IntentExample.objects.create(intent=intent, text="Goodbye, see you next time", language="en")
    answer = api(walk["token"]).post(f"sessions/{walk['id']}/turns/", {"message": "Goodbye, see you next time"}).json()
    assert answer["session"]["flow_step"] == "leaving"


def test_what_does_not_follow_the_step_is_not_entered(api, saigon, walk):
    with in_tenant(saigon.tenant):
        Session.objects.update(flow_step="paying")
    answer = api(walk["token"]).post(f"sessions/{walk['id']}/turns/", {"message": PRICE}).json()
    assert (answer["decision"]["tier"], answer["session"]["flow_step"]) == ("catalog", "paying")
    assert (step(saigon), moves(saigon)) == ("paying", [])


def test_a_turn_that_leads_to_the_end_is_answered_and_ends_the_conversation(api, saigon, walk):
    with in_tenant(saigon.tenant):
        Guardrail.objects.create(
            code="law", name="Law", condition_expression="message.folded.contains('lawyer')", violation_action="handoff"
        )
    own = f"sessions/{walk['id']}/turns/"
    answer = api(walk["token"]).post(own, {"message": "I will call my lawyer"})
    assert (answer.status_code, answer.json()["session"]["flow_step"]) == (201, "ended")
    assert answer.json()["reply"]["message"]
    assert api(walk["token"]).post(own, {"message": "Hello?"}).json()["code"] == "session_ended"
    with in_tenant(saigon.tenant):
        assert Event.objects.get(kind="session.ended").data["reason"] == "flow"
    assert moves(saigon) == [("idle", "ended", "turn")]


def test_in_a_flow_without_steps_a_choice_of_goods_is_browsing_and_no_move_is_kept(api, saigon, begin):
    session = begin()
    answer = api(session["token"]).post(f"sessions/{session['id']}/turns/", {"message": PRICE}).json()
    assert (answer["session"]["flow_step"], step(saigon), moves(saigon)) == ("browsing", "browsing", [])


def test_a_turn_that_moves_costs_no_more_messages(api, saigon, walk):
    client = api(walk["token"])
    client.post(f"sessions/{walk['id']}/turns/", {"message": QUESTION})
    with messages_to_database() as sent:
        client.post(f"sessions/{walk['id']}/turns/", {"message": PRICE})
    assert step(saigon) == "browsing"
    assert len(sent) <= 5  # one of them asks who sends the token


# --- programs and colleagues


def test_a_program_moves_it_along_the_flow(api, saigon, walk):
    own = f"sessions/{walk['id']}/"
    changed = api(saigon).patch(own, {"flow_step": "browsing", "flow_context": {"cart": "c-1"}})
    assert (changed.status_code, changed.json()["flow_step"], changed.json()["flow_context"]) == (
        200,
        "browsing",
        {"cart": "c-1"},
    )
    assert api(saigon, saigon.operator).patch(own, {"flow_step": "paying"}).status_code == 200
    assert moves(saigon) == [("idle", "browsing", "program"), ("browsing", "paying", "person")]


def test_an_impossible_step_is_refused_and_nothing_changes(api, saigon, walk):
    own = f"sessions/{walk['id']}/"
    skipped = api(saigon).patch(own, {"flow_step": "paying", "flow_context": {"a": 1}})
    assert (skipped.status_code, skipped.json()["code"]) == (409, "step_not_allowed")
    assert "browsing, leaving, ended" in skipped.json()["detail"]
    unknown = api(saigon).patch(own, {"flow_step": "flying"})
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "flow_step")
    assert api(saigon).patch(own, {"flow_step": "a b"}).status_code == 422
    assert api(saigon).patch(own, {"owner": "person"}).status_code == 422
    with in_tenant(saigon.tenant):
        assert (Session.objects.get().flow_step, Session.objects.get().flow_context) == ("idle", {})
    assert moves(saigon) == []


def test_a_browser_and_strangers_move_nothing_and_an_old_copy_neither(api, saigon, harbour, walk):
    own = f"sessions/{walk['id']}/"
    assert api(walk["token"]).patch(own, {"flow_step": "browsing"}).status_code == 403
    assert api(harbour).patch(own, {"flow_step": "browsing"}).status_code == 404
    assert api(saigon).patch(own, {"flow_step": "browsing"}, If_Match='"old"').status_code == 412
    assert step(saigon) == "idle"


def test_moved_to_the_end_it_ends(api, saigon, walk):
    ended = api(saigon).patch(f"sessions/{walk['id']}/", {"flow_step": "ended"})
    assert (ended.status_code, ended.json()["flow_step"]) == (200, "ended")
    assert ended.json()["ended_at"]
    assert api(saigon).patch(f"sessions/{walk['id']}/", {"flow_step": "idle"}).json()["code"] == "session_ended"


def test_a_running_conversation_stays_on_the_flow_it_began_with(api, saigon, shop, walk):
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(bot=shop, flow_config={"steps": {"open": {}}}))
    assert api(saigon).patch(f"sessions/{walk['id']}/", {"flow_step": "browsing"}).status_code == 200
    assert api(saigon).patch(f"sessions/{walk['id']}/", {"flow_step": "open"}).status_code == 422


# --- silence


def test_silence_leads_on_and_at_last_to_the_end(api, saigon, walk):
    api(saigon).patch(f"sessions/{walk['id']}/", {"flow_step": "browsing"})
    silent_for(saigon, 9)
    end_idle()
    assert step(saigon) == "browsing"
    silent_for(saigon, 11)
    end_idle()
    assert moves(saigon)[-1] == ("browsing", "idle", "timeout")
    with in_tenant(saigon.tenant):
        Session.objects.update(flow_step="paying")
    end_idle()
    assert step(saigon) == "paying"  # its five minutes begin when it is entered
    silent_for(saigon, 6)
    end_idle()
    with in_tenant(saigon.tenant):
        assert Session.objects.get().ended_at
        assert Event.objects.get(kind="session.ended").data["reason"] == "timeout"


def test_a_move_by_silence_does_not_put_off_the_end_of_an_idle_conversation(saigon, walk):
    with in_tenant(saigon.tenant):
        ago = timezone.now() - timedelta(minutes=61)
        Session.objects.update(flow_step="browsing", state_updated_at=ago, step_since=ago)
    end_idle()
    with in_tenant(saigon.tenant):
        assert Event.objects.get(kind="session.ended").data["reason"] == "idle"
    assert moves(saigon)[0] == ("browsing", "idle", "timeout")


def test_what_a_turn_led_to_the_end_and_a_dead_worker_left_open_is_ended(saigon, walk):
    with in_tenant(saigon.tenant):
        Session.objects.update(flow_step="ended")
    silent_for(saigon, 2)
    end_idle()
    with in_tenant(saigon.tenant):
        assert Session.objects.get().ended_at


# --- the greeting


def test_the_bot_speaks_first_in_the_language_that_is_asked_for(api, saigon, shop, begin):
    flow = {"greeting": {"vi": "Chào bạn!", "en": "Hello!"}, "quick_replies": ["Giao hàng"]}
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(bot=shop, flow_config=flow))
        Tenant.objects.filter(pk=saigon.tenant.pk).update(locale="vi")
    usual, english = begin(), begin(language="en")
    buttons = {"quick_replies": [{"title": "Giao hàng", "action": "say"}]}
    assert (usual["greeting"]["message"], usual["greeting"]["ui_metadata"]) == ("Chào bạn!", buttons)
    assert english["greeting"]["message"] == "Hello!"
    (first,) = api(usual["token"]).get(f"sessions/{usual['id']}/turns/").json()["results"]
    assert (first["id"], first["speaker"]) == (usual["greeting"]["id"], "assistant")
    with in_tenant(saigon.tenant):
        assert Event.objects.filter(kind="turn.created", subject_id=first["id"]).exists()


def test_without_a_greeting_nothing_is_said_and_gone_on_with_it_is_not_said_again(api, saigon, shop, begin):
    assert begin()["greeting"] is None
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(bot=shop, flow_config={"greeting": "Hi"}))
    customer = {"external_id": "fb-7"}
    begun = begin(customer=customer, resume=True)
    again = api(saigon).post("sessions/", {"bot": "shop", "channel": "web", "customer": customer, "resume": True}).json()
    assert (begun["greeting"]["message"], again["id"], again["greeting"]) == ("Hi", begun["id"], None)
    with in_tenant(saigon.tenant):
        assert Turn.objects.filter(session=begun["id"]).count() == 1


@pytest.mark.parametrize(("language", "offered"), [("vi", ["Giá"]), ("en", ["Price"])])
def test_what_is_offered_to_tap_is_in_the_language_of_the_greeting(saigon, shop, language, offered):
    with in_tenant(saigon.tenant):
        flow = {"quick_replies": {"vi": ["Giá"], "en": ["Price"]}}
        activate_version(version=create_version(bot=shop, flow_config=flow))
        session, _token = start_session(bot=shop, channel=SalesChannel.objects.get(code="web"), language=language)
        shown = Turn.objects.get(session=session).ui_metadata["quick_replies"]
        assert [one["title"] for one in shown] == offered


def test_the_greeting_is_each_businesss_own(api, harbour, saigon, shop):
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(bot=shop, flow_config={"greeting": "Saigon greets"}))
    open_shop(harbour, "homes")
    assert api(harbour).post("sessions/", {"bot": "homes", "channel": "web"}).json()["greeting"] is None


def test_the_way_through_the_flow_stands_on_the_page_of_the_conversation(api, saigon, walk):
    api(saigon).patch(f"sessions/{walk['id']}/", {"flow_step": "browsing"})
    silent_for(saigon, 11)
    end_idle()
    page = browser(saigon.operator, saigon.tenant).get(f"/admin/runtime/session/{walk['id']}/change/").content.decode()
    assert page.index("by a program") < page.index("by silence")
