"""What becomes of conversations: gone on with, idle, forgotten by whoever claimed them, searched, taken home as a file."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from bots.services import activate_version, create_version
from catalog.models import SalesChannel
from runtime.escalations import Colleague, claim, escalate
from runtime.models import Escalation, Session, Turn
from runtime.services import start_session
from runtime.tasks import end_idle, put_claims_back
from tenants.models import Event, Setting, Tenant
from tenants.scope import platform_scope
from tests.conftest import in_tenant
from tests.runtime.conftest import ANSWER, QUESTION, open_shop

pytestmark = pytest.mark.django_db

LAN = {"external_id": "fb-1", "name": "Trần Lan"}


def quiet_for(session: dict[str, Any], business: Any, minutes: int) -> None:
    """Let nothing have happened in the conversation for so long."""
    with in_tenant(business.tenant):
        ago = timezone.now() - timedelta(minutes=minutes)
        Session.objects.filter(pk=session["id"]).update(state_updated_at=ago)


def is_open(session: dict[str, Any], business: Any) -> bool:
    with in_tenant(business.tenant):
        return Session.objects.get(pk=session["id"]).ended_at is None


# --- going on


def test_a_customer_goes_on_with_the_open_conversation_under_a_new_token(api, saigon, begin):
    first = begin(customer=LAN)
    api(first["token"]).post(f"sessions/{first['id']}/turns/", {"message": QUESTION})
    again = api(saigon).post("sessions/", {"bot": "shop", "channel": "web", "customer": LAN, "resume": True})
    assert (again.status_code, again.json()["id"], again.json()["turn_number"]) == (200, first["id"], 1)
    own = f"sessions/{first['id']}/turns/"
    assert len(api(again.json()["token"]).get(own).json()["results"]) == 2
    assert api(first["token"]).get(own).status_code == 401


def test_limits_named_when_going_on_take_the_place_of_those_before(api, saigon, begin):
    for code in ("policies", "prices"):
        assert api(saigon).post("collections/", {"code": code, "name": code}).status_code == 201
    first = begin(customer=LAN, collections=["policies"], tools=[])
    on = {"bot": "shop", "channel": "web", "customer": LAN, "resume": True}
    told = [api(saigon).post("sessions/", {**on, **named}).json() for named in ({"collections": ["prices"]}, {})]
    assert [(one["id"], one["collections"], one["tools"]) for one in told] == [(first["id"], ["prices"], [])] * 2
    api(saigon).post("bots/", {"code": "other", "name": "Other"})
    api(saigon).post("collections/", {"code": "theirs", "name": "Theirs", "bot": "other"})
    refused = api(saigon).post("sessions/", {**on, "collections": ["theirs"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "other_bot")
    assert api(saigon).get(f"sessions/{first['id']}/").json()["collections"] == ["prices"]


def test_without_an_open_conversation_of_the_same_place_a_new_one_begins(api, saigon, shop, begin):
    ended, elsewhere = begin(customer=LAN), begin(customer={"external_id": "fb-2"})
    api(saigon).post(f"sessions/{ended['id']}/end/")
    begun = api(saigon).post("sessions/", {"bot": "shop", "channel": "web", "customer": LAN, "resume": True})
    assert begun.status_code == 201
    assert begun.json()["id"] not in (ended["id"], elsewhere["id"])
    assert begin(customer=LAN)["id"] != begun.json()["id"]


def test_nobodys_conversation_cannot_be_gone_on_with(api, saigon, shop):
    answer = api(saigon).post("sessions/", {"bot": "shop", "channel": "web", "resume": True})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "customer")
    with in_tenant(saigon.tenant):
        assert not Session.objects.exists()


# --- idle


def test_idle_conversations_end_in_the_background_and_it_is_told(saigon, begin):
    idle, busy = begin(), begin()
    quiet_for(idle, saigon, 1441)
    quiet_for(busy, saigon, 1439)
    end_idle()
    assert (is_open(idle, saigon), is_open(busy, saigon)) == (False, True)
    with in_tenant(saigon.tenant):
        event = Event.objects.get(kind="session.ended")
        assert (str(event.subject_id), event.data) == (idle["id"], {"turns": 0, "reason": "idle"})


def test_the_business_and_the_flow_of_the_version_say_how_long_is_idle(saigon, shop, begin):
    usual = begin()
    with in_tenant(saigon.tenant):
        Setting.objects.create(name="session_idle_minutes", value=10)
        activate_version(version=create_version(bot=shop, flow_config={"idle_minutes": 12}))
    patient = begin()
    for session in (usual, patient):
        quiet_for(session, saigon, 11)
    end_idle()
    assert (is_open(usual, saigon), is_open(patient, saigon)) == (False, True)


def test_the_flow_of_the_version_says_how_long_a_claim_may_wait(saigon, shop, begin):
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(bot=shop, flow_config={"claim_minutes": 3}))
    session = begin()
    with in_tenant(saigon.tenant):
        row = escalate(session=Session.objects.get(pk=session["id"]), origin=Escalation.Origin.STAFF)[0]
        claim(escalation=row, by=Colleague(saigon.operator.pk, saigon.operator))
        Escalation.objects.update(claimed_at=timezone.now() - timedelta(minutes=4))
    put_claims_back()
    with in_tenant(saigon.tenant):
        assert Escalation.objects.get().state == "waiting"


def test_who_waits_for_a_person_is_not_sent_away_and_a_suspended_business_is_left_alone(saigon, harbour, begin):
    waiting = begin()
    with in_tenant(saigon.tenant):
        escalate(session=Session.objects.get(pk=waiting["id"]), origin=Escalation.Origin.STAFF)
    quiet_for(waiting, saigon, 100_000)
    end_idle()
    assert is_open(waiting, saigon)
    with in_tenant(saigon.tenant):
        Escalation.objects.update(state="resolved")
    with platform_scope(reason="test"):
        Tenant.objects.filter(pk=saigon.tenant.pk).update(status="suspended")
    end_idle()
    assert is_open(waiting, saigon)
    with platform_scope(reason="test"):
        Tenant.objects.filter(pk=saigon.tenant.pk).update(status="active")
    end_idle()
    assert not is_open(waiting, saigon)


def test_a_forgotten_claim_goes_back_to_the_queue_in_the_time_the_business_sets(api, saigon, begin):
    session = begin()
    with in_tenant(saigon.tenant):
        row = escalate(session=Session.objects.get(pk=session["id"]), origin=Escalation.Origin.STAFF)[0]
        claim(escalation=row, by=Colleague(saigon.operator.pk, saigon.operator))
        Escalation.objects.update(claimed_at=timezone.now() - timedelta(minutes=6))
    put_claims_back()
    with in_tenant(saigon.tenant):
        assert Escalation.objects.get().state == "claimed"
    assert api(saigon, saigon.owner).patch("settings/claim_minutes/", {"value": 5}).status_code == 200
    put_claims_back()
    with in_tenant(saigon.tenant):
        assert (Escalation.objects.get().state, Session.objects.get().owner) == ("waiting", "bot")


# --- searching and exporting


def test_conversations_are_found_by_what_was_said_in_them(api, saigon, begin):
    lan, other = begin(customer=LAN), begin()
    api(saigon).post(f"sessions/{lan['id']}/turns/", {"message": "Áo khoác này giặt thế nào?"})
    api(saigon).post(f"sessions/{other['id']}/turns/", {"message": QUESTION})
    found = lambda **asked: [row["id"] for row in api(saigon).get("sessions/", asked).json()["results"]]  # noqa: E731
    assert found(search="ao khoac nay GIAT") == [lan["id"]]
    assert found(search="working days") == [other["id"]]
    assert found(search="%") == []
    assert found(customer=lan["customer"], owner="bot") == [lan["id"]]


@pytest.fixture
def talked(api, saigon, begin) -> dict[str, Any]:
    session = begin(customer={"external_id": "fb-1", "name": "=HYPERLINK(1)"})
    said = api(session["token"]).post(f"sessions/{session['id']}/turns/", {"message": QUESTION}).json()
    api(session["token"]).post(f"turns/{said['reply']['id']}/rating/", {"vote": "up"})
    api(session["token"]).post(f"sessions/{session['id']}/turns/", {"message": "=1+1"})
    made: dict[str, Any] = session
    return made


def test_json_lines_hold_a_conversation_each_with_decision_and_rating(api, saigon, talked, begin):
    begin()
    answer = api(saigon).get("sessions/export/")
    assert answer["Content-Type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).decode().splitlines()]
    assert [len(line["turns"]) for line in lines] == [4, 0]
    assert (lines[0]["session"], lines[0]["bot"], lines[0]["customer"]) == (talked["id"], "shop", "=HYPERLINK(1)")
    asked, answered = lines[0]["turns"][:2]
    assert (asked["speaker"], asked["message"], asked["tier"]) == ("user", QUESTION, "")
    assert (answered["message"], answered["tier"], answered["rating"]) == (ANSWER, "faq", "up")


def test_a_spreadsheet_runs_nothing_of_what_customers_write(api, saigon, talked):
    answer = api(saigon).get("sessions/export/", {"format": "csv", "bot": "shop", "since": "2020-01-01T00:00:00Z"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert [row["speaker"] for row in rows] == ["user", "assistant", "user", "assistant"]
    assert (rows[2]["message"], rows[0]["customer"]) == ("'=1+1", "'=HYPERLINK(1)")
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+@" and cell]


def test_the_export_holds_the_callers_conversations_only(api, saigon, harbour, talked):
    open_shop(harbour, "homes")
    assert b"".join(api(harbour).get("sessions/export/").streaming_content) == b""
    assert api(talked["token"]).get("sessions/export/").status_code == 403
    later = api(saigon).get("sessions/export/", {"since": "2999-01-01T00:00:00Z"})
    assert b"".join(later.streaming_content) == b""


@pytest.mark.parametrize(
    ("asked", "status"), [({"format": "xls"}, 400), ({"bot": "nobody"}, 422), ({"since": "soon"}, 400), ({"x": "1"}, 400)]
)
def test_a_wrong_export_is_told(api, saigon, shop, asked, status):
    assert api(saigon).get("sessions/export/", asked).status_code == status


def test_what_was_said_is_found_by_an_index_and_in_the_own_tenant_alone(saigon, harbour):
    sessions = []
    for business in (saigon, harbour):
        bot = open_shop(business)
        with in_tenant(business.tenant):
            web = SalesChannel.objects.get(code="web")
            sessions.append(start_session(bot=bot, channel=web)[0])
            said = [Turn(session=sessions[-1], speaker="user", message=f"đơn số {n}, áo khoác\n dạ") for n in range(1000)]
            Turn.objects.bulk_create(said)
    with in_tenant(saigon.tenant), connection.cursor() as cursor:
        scans = lambda: cursor.execute("SELECT pg_stat_get_xact_numscans('turn_said'::regclass)").fetchone()[0]  # noqa: E731
        before = scans()
        assert Turn.objects.saying("DON SO 77,").count() == 1
        assert Turn.objects.saying("đơn số 1").count() == 111  # the last word may go on
        assert Turn.objects.saying("ao khoac da").count() == 1000
        assert scans() - before == 3
        assert not Turn.objects.saying("on so 77").exists()
        assert not Turn.objects.saying("77 don").exists()
        assert Session.objects.saying("so 77,").get() == sessions[0]
        assert Turn.objects.saying(", ").count() == 1000
        assert not Turn.objects.saying("w" * 200 + " ' | & !").exists()
