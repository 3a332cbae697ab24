"""Schedules: what is due is written once and run once, whoever ticks and whoever dies."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from bots.models import KnowledgeDocument
from runtime.models import Schedule, ScheduleOccurrence, Session
from runtime.tasks import dispatch_schedules, run_occurrences
from tenants.models import TaskRun, Tenant
from tenants.scope import platform_scope
from tests.conftest import Business, in_tenant
from tests.rows import a_collection

pytestmark = pytest.mark.django_db

NIGHTLY = {"name": "Tidy", "cron": "0 3 * * *", "time_zone": "Asia/Ho_Chi_Minh", "target": {"kind": "end_idle_sessions"}}


def tick() -> None:
    """Let beat tick and a worker work."""
    dispatch_schedules()
    run_occurrences()


def due_since(business: Business, how_long: timedelta, **fields: Any) -> None:
    """Let the business's schedules have been due for so long, as they are when nobody has ticked."""
    with in_tenant(business.tenant):
        Schedule.objects.update(next_run=timezone.now() - how_long, **fields)


def occurrences(business: Business) -> list[ScheduleOccurrence]:
    with in_tenant(business.tenant):
        return list(ScheduleOccurrence.objects.order_by("scheduled_for"))


@pytest.fixture
def nightly(api, saigon) -> dict[str, Any]:
    answer = api(saigon).post("schedules/", NIGHTLY)
    assert answer.status_code == 201, answer.content
    return answer.json()


# --- saving


def test_a_schedule_tells_when_it_runs_next(api, saigon, nightly):
    assert {**nightly, **NIGHTLY, "misfire": "once", "active": True, "last_run": None} == nightly
    due = datetime.fromisoformat(nightly["next_run"])
    assert (due.astimezone(UTC).hour, due.minute) == (20, 0)  # 3:00 in Vietnam
    assert timedelta(0) < due - timezone.now() <= timedelta(days=1)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("cron", "* * * * * *", "too_often"),
        ("cron", "0 0 30 2 *", "never_fires"),
        ("cron", "61 * * * *", "invalid_cron"),
        ("cron", "every day", "invalid_cron"),
        ("time_zone", "Mars/Olympus", None),
        ("target.kind", {"kind": "workflow"}, "unknown_kind"),
        ("target.kind", {}, "unknown_kind"),
        ("target.idle_minutes", {"kind": "end_idle_sessions", "idle_minutes": 0}, None),
        ("target.more", {"kind": "end_idle_sessions", "more": 1}, None),
        ("target.url", {"kind": "http"}, None),
        ("target.url", {"kind": "http", "url": "file:///etc/passwd"}, None),
        ("target.url", {"kind": "http", "url": "http://127.0.0.1:9/"}, None),
        ("target.headers", {"kind": "http", "url": "https://a.example/", "headers": {"Authorization": "Bearer x"}}, None),
        ("target.credential", {"kind": "http", "url": "https://a.example/", "credential": str(uuid4())}, None),
        ("target.currency", {"kind": "import_catalog", "url": "https://a.example/x.csv", "currency": "XXY"}, None),
        ("target.collection", {"kind": "reindex", "collection": "nothing"}, "unknown_reference"),
    ],
)
def test_what_could_never_run_is_refused_at_its_field(api, saigon, field, value, code):
    answer = api(saigon).post("schedules/", {**NIGHTLY, field.split(".")[0]: value})
    assert answer.status_code == 422, answer.content
    problem = answer.json()["errors"][0]
    assert problem["field"] == field
    assert code in (None, problem["code"])
    assert problem["message"]
    with in_tenant(saigon.tenant):
        assert not Schedule.objects.exists()


def test_changing_the_time_plans_anew_and_changing_the_rest_does_not(api, saigon, nightly):
    due_since(saigon, timedelta(hours=-1))
    address = f"schedules/{nightly['id']}/"
    before = api(saigon).get(address).json()["next_run"]
    assert api(saigon).patch(address, {"name": "Other"}).json()["next_run"] == before
    assert api(saigon).patch(address, {"cron": "5 4 * * *"}).json()["next_run"] != before
    assert api(saigon).patch(address, {"active": False}).json()["next_run"] is None
    tick()
    assert occurrences(saigon) == []


def test_the_next_five_times_are_told_without_saving_anything(api, saigon):
    asked = {"cron": "30 2 * * *", "time_zone": "Europe/Berlin"}
    times = api(saigon, saigon.analyst).post("schedules/preview/", asked).json()["next"]
    assert len(times) == 5
    assert all("T02:30:00+0" in at or "T03:00:00+02:00" in at for at in times)
    assert api(saigon).post("schedules/preview/", {**asked, "cron": "0 0 31 4 *"}).json()["errors"][0]["field"] == "cron"


# --- the tick


def test_a_due_schedule_runs_once_however_often_beat_ticks_and_leaves_a_task_run(api, saigon, nightly):
    due_since(saigon, timedelta(seconds=2))
    for _ in range(3):
        tick()
    (row,) = api(saigon).get(f"schedules/{nightly['id']}/occurrences/").json()["results"]
    assert (row["state"], row["reason"], row["origin"], row["attempt"]) == ("done", "", "clock", 1)
    after = api(saigon).get(f"schedules/{nightly['id']}/").json()
    assert after["last_run"] == row["due_at"]
    assert after["next_run"] > row["due_at"]
    (run,) = api(saigon).get("task-runs/", {"row_id": row["id"]}).json()["results"]
    assert (run["task_type"], run["status"], run["input"], run["output"]) == (
        *("end_idle_sessions", "done", NIGHTLY["target"], {"ended": 0}),
    )
    assert run["finished_at"] >= run["started_at"]


@pytest.mark.parametrize(
    ("misfire", "states"),
    [
        ("skip", ["skipped"] * 4),
        ("once", ["skipped"] * 3 + ["done"]),
        ("all", ["done"] * 4),
    ],
)
def test_what_was_missed_is_made_up_for_as_the_schedule_says(api, saigon, misfire, states):
    hourly = {**NIGHTLY, "cron": f"{(timezone.now() - timedelta(minutes=30)).minute} * * * *", "misfire": misfire}
    made = api(saigon).post("schedules/", {**hourly, "time_zone": "UTC"}).json()
    first = datetime.fromisoformat(made["next_run"]) - timedelta(hours=4)
    with in_tenant(saigon.tenant):
        Schedule.objects.update(next_run=first)
    tick()
    rows = occurrences(saigon)
    assert [row.scheduled_for for row in rows] == [first + timedelta(hours=hours) for hours in range(4)]
    assert [row.state for row in rows] == states
    assert all(row.reason for row in rows if row.state == "skipped")
    assert api(saigon).get(f"schedules/{made['id']}/").json()["next_run"] == made["next_run"]


def test_after_a_year_the_last_hundred_times_are_listed_and_the_rest_is_told_in_one_row(api, saigon):
    made = api(saigon).post("schedules/", {**NIGHTLY, "cron": "* * * * *", "misfire": "all"}).json()
    with in_tenant(saigon.tenant):
        Schedule.objects.update(next_run=datetime.fromisoformat(made["next_run"]) - timedelta(days=365))
    dispatch_schedules()
    rows = occurrences(saigon)
    assert [row.state for row in rows] == ["skipped"] + ["pending"] * 100
    assert "too many" in rows[0].reason


def test_the_schedules_of_a_suspended_business_wait(api, saigon, harbour, nightly):
    api(harbour).post("schedules/", NIGHTLY)
    for business in (saigon, harbour):
        due_since(business, timedelta(seconds=1))
    set_status(saigon, Tenant.Status.SUSPENDED)
    tick()
    assert ([row.state for row in occurrences(saigon)], [row.state for row in occurrences(harbour)]) == ([], ["done"])
    set_status(saigon, Tenant.Status.ACTIVE)
    tick()
    assert [row.state for row in occurrences(saigon)] == ["done"]


def set_status(business: Business, status: str) -> None:
    with platform_scope(reason="test"):
        Tenant.objects.filter(pk=business.tenant.pk).update(status=status)


def test_a_schedule_that_cannot_be_read_any_more_keeps_no_other_from_running(api, saigon, nightly):
    with in_tenant(saigon.tenant):
        Schedule.objects.create(cron="0 3 * * *", time_zone="Gone/Zone", target=NIGHTLY["target"])
    due_since(saigon, timedelta(seconds=1))
    tick()
    assert [(str(row.schedule_id), row.state) for row in occurrences(saigon)] == [(nightly["id"], "done")]
    with in_tenant(saigon.tenant):
        assert Schedule.objects.get(time_zone="Gone/Zone").next_run is None


# --- by hand


def test_a_person_runs_a_paused_schedule_now_and_what_has_ended_again(api, saigon, nightly):
    api(saigon).patch(f"schedules/{nightly['id']}/", {"active": False})
    made = api(saigon).post(f"schedules/{nightly['id']}/run/")
    assert (made.status_code, made.json()["origin"], made.json()["state"]) == (201, "person", "pending")
    assert api(saigon).get(f"schedules/{nightly['id']}/").json()["last_run"] == made.json()["due_at"]
    own = f"schedules/{nightly['id']}/occurrences/{made.json()['id']}/"
    assert api(saigon).post(f"{own}replay/").status_code == 409
    run_occurrences()
    again = api(saigon).post(f"{own}replay/")
    assert (again.status_code, again.json()["origin"]) == (201, "replay")
    assert again.json()["reason"].startswith("Repeats the run of")
    assert api(saigon).post(f"{own}retry/").json()["code"] == "not_stuck"
    run_occurrences()
    assert [row.state for row in occurrences(saigon)] == ["done", "done"]


# --- what is done


def test_idle_conversations_are_ended(api, saigon, begin):
    session = begin()
    with in_tenant(saigon.tenant):
        Session.objects.filter(pk=session["id"]).update(state_updated_at=timezone.now() - timedelta(minutes=11))
    target = {"kind": "end_idle_sessions", "idle_minutes": 10}
    made = api(saigon).post("schedules/", {**NIGHTLY, "target": target, "bot": "shop"}).json()
    api(saigon).post(f"schedules/{made['id']}/run/")
    run_occurrences()
    assert api(saigon).get(f"sessions/{session['id']}/").json()["ended_at"]
    with in_tenant(saigon.tenant):
        assert TaskRun.objects.get().output == {"ended": 1}


def test_web_pages_are_read_again(api, saigon):
    with in_tenant(saigon.tenant):
        page = KnowledgeDocument.objects.create(
            collection=a_collection(), name="Page", source="url", url="https://a.example/", state="done", status="indexed"
        )
    made = api(saigon).post("schedules/", {**NIGHTLY, "target": {"kind": "reindex"}}).json()
    api(saigon).post(f"schedules/{made['id']}/run/")
    run_occurrences()
    with in_tenant(saigon.tenant):
        page.refresh_from_db()
        assert (page.state, page.status) == ("pending", "pending")
        assert TaskRun.objects.get().output == {"documents": 1}
