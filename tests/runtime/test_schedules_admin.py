"""The pages of schedules: a form that asks what the kind needs, the next times while one types, and the runs."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from runtime.models import Schedule, ScheduleOccurrence
from runtime.tasks import run_occurrences
from tests.conftest import Business, in_tenant
from tests.rows import a_collection, an_occurrence
from tests.tenants.admin_pages import browser, page, text_of

pytestmark = pytest.mark.django_db

FORM = {
    "name": "Sync",
    "bot": "",
    "cron": "30 7 * * MON-FRI",
    "time_zone": "Europe/Berlin",
    "misfire": "skip",
    "is_active": "on",
}
HTTP = {"kind": "http", "http__url": "https://erp.example/sync", "http__method": "POST", "http__timeout_seconds": "5"}


def stored(business: Business) -> Schedule:
    with in_tenant(business.tenant):
        found: Schedule = Schedule.objects.get()
        return found


def test_a_schedule_is_made_of_the_fields_of_its_kind_and_shown_again(saigon):
    person = browser(saigon.operator)
    assert 'value="Asia/Ho_Chi_Minh" selected' in person.get(page("runtime_schedule_add")).content.decode()
    made = person.post(page("runtime_schedule_add"), {**FORM, **HTTP, "http__body": '{"job": "sync"}'})
    assert made.status_code == 302, text_of(made)
    row = stored(saigon)
    asked = {
        "kind": "http",
        "url": "https://erp.example/sync",
        "method": "POST",
        "timeout_seconds": 5,
        "body": {"job": "sync"},
    }
    assert (row.target, row.misfire, row.created_by_id) == (asked, "skip", saigon.operator.pk)
    shown = person.get(page("runtime_schedule_change", row.pk)).content.decode()
    assert "https://erp.example/sync" in shown
    assert "&quot;job&quot;: &quot;sync&quot;" in shown
    listed = text_of(person.get(page("runtime_schedule_changelist")))
    assert "Call an address" in listed
    assert "30 7 * * MON-FRI" in listed


def test_addresses_are_typed_one_a_line_and_shown_so_again(saigon):
    person = browser(saigon.owner)
    shown = person.get(page("runtime_schedule_add")).content.decode()
    assert "Binh &lt;binh@example.com&gt;" in shown
    text = {"kind": "email", "email__subject": "Hi", "email__body": "Good morning"}
    made = person.post(
        page("runtime_schedule_add"), {**FORM, **text, "email__to": "an@example.com\r\n\r\nB <b@example.com>"}
    )
    assert made.status_code == 302, text_of(made)
    row = stored(saigon)
    assert row.target["to"] == ["an@example.com", "B <b@example.com>"]
    assert "an@example.com\nB &lt;b@example.com&gt;" in person.get(page("runtime_schedule_change", row.pk)).content.decode()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cron": "* * * * * *"}, "Leave the seconds out"),
        ({"cron": "0 0 30 2 *"}, "never comes"),
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice"),
        ({"http__url": ""}, "url"),
        ({"http__url": "http://10.0.0.1/"}, "does not lead to a place on the public internet"),
        ({"http__headers": '{"Authorization": "Bearer abc"}'}, "Keep what opens the server in a credential"),
        ({"http__body": "[1]"}, ""),
    ],
)
def test_what_could_not_run_is_told_on_the_form_and_nothing_is_saved(saigon, wrong, said):
    answer = browser(saigon.operator).post(page("runtime_schedule_add"), {**FORM, **HTTP, **wrong})
    assert answer.status_code == 200
    assert answer.context["errors"]
    assert said in text_of(answer)
    with in_tenant(saigon.tenant):
        assert not Schedule.objects.exists()


def test_rows_are_chosen_by_name_and_credentials_only_by_who_manages_them(saigon):
    with in_tenant(saigon.tenant):
        collection = a_collection()
    person = browser(saigon.operator)
    assert 'name="http__credential"' not in person.get(page("runtime_schedule_add")).content.decode()
    assert 'name="http__credential"' in browser(saigon.owner).get(page("runtime_schedule_add")).content.decode()
    person.post(page("runtime_schedule_add"), {**FORM, "kind": "reindex", "reindex__collection": collection.code})
    assert stored(saigon).target == {"kind": "reindex", "collection": collection.code}


def test_the_next_times_are_told_while_one_types(saigon, harbour):
    person = browser(saigon.analyst)
    told = text_of(person.get(page("runtime_schedule_preview"), {"cron": "0 3 * * *", "time_zone": "Asia/Ho_Chi_Minh"}))
    assert told.count("·") == 4
    wrong = text_of(person.get(page("runtime_schedule_preview"), {"cron": "<b> 3 * * *", "time_zone": "Asia/Ho_Chi_Minh"}))
    assert "cannot be" in wrong
    assert b"<b>" not in person.get(page("runtime_schedule_preview"), {"cron": "<b> 3 * * *", "time_zone": "UTC"}).content


def test_a_schedule_is_run_now_paused_and_gone_on_with(saigon):
    with in_tenant(saigon.tenant):
        row = Schedule.objects.create(
            cron="0 3 * * *",
            time_zone="UTC",
            target={"kind": "end_idle_sessions"},
            next_run=timezone.now() + timedelta(hours=1),
        )
    person = browser(saigon.operator)
    assert person.post(page("runtime_schedule_run", row.pk))["Location"].endswith(f"?schedule={row.pk}")
    person.post(page("runtime_schedule_pause", row.pk))
    assert (stored(saigon).is_active, stored(saigon).next_run) == (False, None)
    person.post(page("runtime_schedule_resume", row.pk))
    assert stored(saigon).next_run > timezone.now()
    run_occurrences()
    listed = text_of(person.get(page("runtime_scheduleoccurrence_changelist"), {"schedule": row.pk}))
    assert "Done" in listed
    assert "By hand" in listed


@pytest.mark.parametrize(
    ("action", "states"), [("put_back", ["pending"]), ("repeat", ["failed", "pending"]), ("give_up", ["cancelled"])]
)
def test_what_failed_is_tried_again_repeated_or_given_up(saigon, action, states):
    with in_tenant(saigon.tenant):
        row = an_occurrence()
    form: Any = {"action": action, "_selected_action": [str(row.pk)]}
    browser(saigon.operator).post(page("runtime_scheduleoccurrence_changelist"), form)
    with in_tenant(saigon.tenant):
        assert list(ScheduleOccurrence.objects.order_by("id").values_list("state", flat=True)) == states
