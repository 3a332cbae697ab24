"""The page of jobs: how every queue stands, and what is stuck put back or given up by one click."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from bots.models import KnowledgeDocument
from runtime.models import ScheduleOccurrence
from tenants.models import TaskRun
from tenants.queue import queues
from tests.conftest import Business, in_tenant
from tests.rows import a_delivery, a_document, an_event, an_occurrence
from tests.tenants.admin_pages import browser, page, text_of
from vault.models import EventDelivery

pytestmark = pytest.mark.django_db

JOBS = "tenants_taskrun_jobs"


def press(person: Any, step: str) -> Any:
    return person.post(page(JOBS), {"step": step, "sure": "1"}, follow=True)


@pytest.fixture
def stuck(saigon: Business) -> None:
    """A run that failed, one that is unclear, one that waits for ten minutes, and a document that failed."""
    with in_tenant(saigon.tenant):
        an_occurrence()
        for state in ("unknown", "pending"):
            row = an_occurrence()
            ScheduleOccurrence.objects.filter(pk=row.pk).update(state=state, due_at=Now() - timedelta(minutes=10))
        KnowledgeDocument.objects.filter(pk=a_document().pk).update(state="failed", status="failed")


def test_every_queue_stands_there_and_an_idle_business_has_nothing_to_decide(saigon):
    told = text_of(browser(saigon.analyst).get(page(JOBS)))
    for model in queues():
        assert str(model._meta.verbose_name_plural).capitalize() in told
    assert "Nothing waits for a decision." in told
    assert "Try again" not in told


def test_queues_are_counted_with_the_age_of_the_oldest(saigon, harbour, stuck):
    found = browser(saigon.operator).get(page(JOBS)).context["queues"]
    counts = {queue.key: queue for queue, _address, _may in found}
    runs = counts["runtime.scheduleoccurrence"]
    assert (runs.waiting, runs.running, runs.failed, runs.unclear) == (1, 0, 1, 1)
    assert "10\xa0minutes" in browser(saigon.operator).get(page(JOBS), {"part": ""}).content.decode()
    assert counts["bots.knowledgedocument"].failed == 1
    assert [queue.key for queue, *_ in found[:2]] == ["bots.knowledgedocument", "runtime.scheduleoccurrence"]
    theirs = browser(harbour.operator).get(page(JOBS)).context["queues"]
    assert not any(queue.stuck or queue.waiting for queue, *_ in theirs)


def test_events_that_nobody_handed_on_yet_are_counted_too(saigon):
    with in_tenant(saigon.tenant):
        event = an_event()
        type(event).objects.update(dispatched_at=Now())
        type(event).objects.filter(pk=event.pk).update(dispatched_at=None, created_at=Now() - timedelta(minutes=7))
    counts = {queue.key: queue for queue, *_ in browser(saigon.analyst).get(page(JOBS)).context["queues"]}
    assert counts["tenants.event"].waiting == 1
    assert counts["tenants.event"].oldest_due_at is not None


def test_platform_staff_see_the_whole_installation_and_no_row_of_anybody(saigon, harbour, root, stuck):
    with in_tenant(harbour.tenant):
        an_occurrence()
    person = browser(root)
    counts = {queue.key: queue for queue, *_ in person.get(page(JOBS)).context["queues"]}
    assert counts["runtime.scheduleoccurrence"].failed == 2
    assert "tenants.logintoken" in counts
    assert person.get(page("tenants_taskrun_changelist"))["Location"] == "/admin/"


def test_what_failed_in_a_queue_is_put_back_or_given_up_after_a_question_and_what_is_unclear_stays(saigon, stuck):
    person = browser(saigon.operator)
    asked = text_of(person.post(page(JOBS), {"step": "retry:runtime.scheduleoccurrence"}))
    assert "1 failed entry is tried again" in asked
    assert "1 unclear entry stays" in asked
    with in_tenant(saigon.tenant):
        assert ScheduleOccurrence.objects.filter(state="failed").count() == 1
    assert "1 entry is tried again." in text_of(press(person, "retry:runtime.scheduleoccurrence"))
    assert "1 entry is given up." in text_of(press(person, "give_up:bots.knowledgedocument"))
    with in_tenant(saigon.tenant):
        assert sorted(ScheduleOccurrence.objects.values_list("state", flat=True)) == ["pending", "pending", "unknown"]
        assert KnowledgeDocument.objects.get().state == "cancelled"


def test_the_numbers_lead_to_the_rows_that_wait_for_a_person_and_each_is_decided_on_its_page(saigon, stuck):
    person = browser(saigon.operator)
    address = page("runtime_scheduleoccurrence_changelist")
    assert f"{address}?state__exact=unknown" in person.get(page(JOBS)).content.decode()
    assert "state__exact=failed" in person.get(page(JOBS)).content.decode()
    assert person.get(page("bots_knowledgedocument_changelist"), {"state__exact": "failed"}).status_code == 200
    (row,) = person.get(address, {"state__exact": "unknown"}).context["cl"].result_list
    again = page("runtime_scheduleoccurrence_put_one_back", row.pk)
    assert again in person.get(page("runtime_scheduleoccurrence_change", row.pk)).content.decode()
    assert "it may be done twice" in text_of(person.get(again))
    person.post(again)
    with in_tenant(saigon.tenant):
        row.refresh_from_db()
        assert row.state == "pending"


@pytest.mark.parametrize("step", ["retry:vault.eventdelivery", "give_up:vault.eventdelivery", "retry:tenants.tenant", "x:y"])
def test_who_may_not_change_a_queues_rows_changes_nothing(saigon, step):
    with in_tenant(saigon.tenant):
        a_delivery()
    press(browser(saigon.operator), step)
    with in_tenant(saigon.tenant):
        assert EventDelivery.objects.get().state == "failed"


def test_imports_are_gone_on_with_on_their_own_page(saigon):
    assert "own page" in text_of(press(browser(saigon.owner), "retry:catalog.importjob"))


def test_what_failed_is_tried_again_from_the_list_of_task_runs(saigon, stuck):
    with in_tenant(saigon.tenant):
        row = ScheduleOccurrence.objects.get(state="failed")
        run = TaskRun.objects.create(
            queue="runtime.scheduleoccurrence", row_id=row.pk, task_type="http", status="failed", error="No connection."
        )
    runs = browser(saigon.operator).get(page("tenants_taskrun_changelist"), {"task_type": "http"})
    assert text_of(runs).count("Call an address") >= 2  # in the list, and to narrow it by
    form = {"action": "retry", "_selected_action": [str(run.pk)]}
    assert "1 entry is tried again." in text_of(
        browser(saigon.operator).post(page("tenants_taskrun_changelist"), form, follow=True)
    )
    with in_tenant(saigon.tenant):
        row.refresh_from_db()
        assert row.state == "pending"
