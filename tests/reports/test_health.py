"""The installation looks after itself: every part is checked, a state changes only when it lasts, and is told of once."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as mail_outbox
from django.core.cache import cache
from django.db.models.functions import Now
from django.utils import timezone

from reports import health, health_checks, silence
from reports.health import run_due_checks, summary
from reports.health_checks import CHECKS, Check, Found
from reports.models import EmailDelivery, EmailMessage, HealthCheck, HealthSample, HealthState
from tenants.audit import seal_all
from tenants.models import PLATFORM_ID, Event, Setting, Tenant, User
from tenants.retention import KINDS, forget_old
from tenants.scope import platform_scope
from tenants.services import set_tenant_status
from tenants.tasks import WORKER_SEEN
from tests.conftest import in_tenant, platform_again
from tests.outside import http_server
from tests.rows import an_occurrence, make_row
from tests.tenants.admin_pages import browser, page, text_of

pytestmark = pytest.mark.django_db

OK, WARNING, ERROR, OFF = HealthState


def finding(*states: str) -> Check:
    """Return a check that finds these states, one after the other."""
    left = list(states)
    return Check("disk", "Disk", lambda: Found(HealthState(left.pop(0)), 42.0, "%"), timedelta(minutes=1))


def run(monkeypatch: Any, check: Check, times: int = 1) -> None:
    monkeypatch.setattr(health, "CHECKS", (check,))
    for _ in range(times):
        HealthCheck.objects.update(due_at=Now())
        assert run_due_checks() == 1


def told() -> list[tuple[str, str]]:
    with in_tenant(PLATFORM_ID):
        return [
            (event.data["from"], event.data["to"]) for event in Event.objects.filter(kind="health.changed").order_by("id")
        ]


def test_every_part_is_looked_after_and_what_is_not_set_up_is_off(saigon, root, settings):
    cache.set(WORKER_SEEN, time.time())
    settings.EMAIL_URL = settings.LLM_BASE_URL = ""
    assert run_due_checks() == len(CHECKS) - 1
    assert run_due_checks() == 0  # nothing is due again yet
    seal_all()
    assert run_due_checks(slow=True) == 1
    found = {check.name: check for check in HealthCheck.objects.all()}
    assert set(found) == {check.name for check in CHECKS}
    assert {name for name, check in found.items() if check.state == OFF} == {"smtp", "llm"}
    working = ("database", "redis", "beat", "queues", "embeddings", "disk", "audit")
    assert {name: found[name].state for name in working if found[name].state == ERROR} == {}
    assert found["worker"].state == ERROR  # no worker runs here
    assert found["database"].value is not None
    assert found["audit"].value > 0
    assert HealthSample.objects.count() == len(CHECKS)


def test_a_state_changes_when_it_lasts_and_what_flaps_is_not_told_of(root, monkeypatch):
    run(monkeypatch, finding(OK))
    flapping = finding(ERROR, OK, ERROR, OK, WARNING, OK)
    run(monkeypatch, flapping, 6)
    assert HealthCheck.objects.get().state == OK
    assert told() == []
    run(monkeypatch, finding(ERROR, ERROR, ERROR, OK, OK, ERROR, OK, OK, OK), 9)
    assert told() == [(OK, ERROR), (ERROR, OK)]
    assert HealthCheck.objects.get().since > timezone.now() - timedelta(seconds=30)
    assert HealthSample.objects.count() == 16
    with in_tenant(PLATFORM_ID):
        subjects = list(EmailMessage.objects.order_by("id").values_list("subject", flat=True))
        assert subjects == ["Backroom: Disk: Does not work", "Backroom: Disk: Works"]
        assert set(EmailDelivery.objects.values_list("address", flat=True)) == {root.email}


def test_what_is_broken_from_the_start_is_told_of_at_once_and_what_breaks_in_the_check_is_an_error(root, monkeypatch):
    run(monkeypatch, Check("disk", "Disk", lambda: 1 / 0))  # type: ignore[arg-type,return-value]
    row = HealthCheck.objects.get()
    assert (row.state, row.said) == (ERROR, "It does not answer (ZeroDivisionError).")
    assert told() == [(OFF, ERROR)]


def test_what_is_now_a_warning_and_now_an_error_is_told_of_as_a_warning_and_so_it_gets_better(root, monkeypatch):
    run(monkeypatch, finding(OK, ERROR, WARNING, ERROR, WARNING), 5)
    assert told() == [(OK, WARNING)]
    run(monkeypatch, finding(ERROR, ERROR, WARNING, OK, WARNING), 5)
    assert told() == [(OK, WARNING), (WARNING, ERROR), (ERROR, WARNING)]


def test_somebody_who_cannot_be_written_to_keeps_nobody_else_from_being_told(root, monkeypatch):
    User.objects.create_superuser("\u017f@backroom.example")
    run(monkeypatch, finding(ERROR))
    assert HealthCheck.objects.get().state == ERROR
    assert told() == [(OFF, ERROR)]
    with in_tenant(PLATFORM_ID):
        assert list(EmailDelivery.objects.values_list("address", flat=True)) == [root.email]


def test_two_workers_run_a_check_once_and_one_that_died_is_followed(monkeypatch):
    run(monkeypatch, finding(OK))
    HealthCheck.objects.update(due_at=Now(), lease_until=Now() + timedelta(seconds=60))
    assert run_due_checks() == 0
    HealthCheck.objects.update(lease_until=Now() - timedelta(seconds=1))
    monkeypatch.setattr(health, "CHECKS", (finding(OK),))
    assert run_due_checks() == 1


def test_when_nobody_looks_any_more_the_board_says_so(api, saigon, monkeypatch):
    run(monkeypatch, finding(OK))
    client = api(saigon, saigon.owner)
    assert client.get("health-checks/summary/").json() == {"total": 1, "healthy": 1, "warnings": 0, "errors": 0, "off": 0}
    HealthCheck.objects.update(due_at=Now() - timedelta(minutes=6))
    assert client.get("health-checks/summary/").json()["errors"] == 1
    (row,) = client.get("health-checks/").json()["results"]
    assert (row["name"], row["state"], row["value"], row["unit"]) == ("disk", "error", 42.0, "%")
    assert "beat or the worker does not run" in row["message"]


def test_a_row_that_waits_and_an_event_that_nobody_hands_on_make_the_queues_late(saigon):
    def age() -> Found:
        return health_checks.check_queues()

    with in_tenant(saigon.tenant):
        occurrence = an_occurrence()
        type(occurrence).objects.update(state="pending", due_at=Now() - timedelta(minutes=10))
    assert (age().state, age().value) == (WARNING, pytest.approx(600, abs=30))
    with in_tenant(saigon.tenant):
        make_row(Event)
        Event.objects.update(created_at=Now() - timedelta(hours=2), dispatched_at=None)
    assert age().state == ERROR
    assert "tenants.event" in age().message


def test_a_language_model_is_asked_what_costs_nothing_within_its_time(settings):
    def answer(status: int) -> Found:
        with http_server() as server:
            server.status = status
            settings.LLM_BASE_URL, settings.LLM_API_KEY = server.url.rstrip("/"), "sk-x"
            return health_checks.check_model()

    assert answer(200).state == OK
    assert answer(401).state == ERROR
    assert answer(503).state == WARNING
    settings.LLM_BASE_URL = "http://127.0.0.1:9/v1"
    assert health_checks.check_model().state == ERROR


def test_an_altered_audit_is_an_error_that_names_no_tenant(saigon, monkeypatch):
    seal_all()
    assert health_checks.check_audit().state == OK
    broken = health_checks.verify
    monkeypatch.setattr(health_checks, "verify", lambda: type(broken())(1, 0, "", "entry number 2 was altered"))
    found = health_checks.check_audit()
    assert found.state == ERROR
    assert saigon.tenant.slug not in found.message


def test_samples_are_kept_as_long_as_the_platform_says(saigon, monkeypatch):
    platform_again()
    run(monkeypatch, finding(OK, OK), 2)
    HealthSample.objects.filter(pk=HealthSample.objects.first().pk).update(created_at=Now() - timedelta(days=31))
    with in_tenant(PLATFORM_ID):
        assert sum(forget_old(KINDS["health_samples"])) == 1
    assert HealthSample.objects.count() == 1


def test_platform_staff_see_the_board_with_a_line_for_each_part(root, saigon, monkeypatch):
    run(monkeypatch, finding(OK, OK, OK), 3)
    HealthSample.objects.filter(pk=HealthSample.objects.first().pk).update(created_at=Now() - timedelta(hours=5), value=1)
    board = browser(root).get(page("reports_healthcheck_changelist"))
    assert "<polyline" in board.content.decode()
    assert "Disk" in text_of(board)
    assert browser(saigon.operator).get(page("reports_healthcheck_changelist")).status_code == 403


def test_the_summary_counts_each_state():
    rows = [HealthCheck(state=state, due_at=timezone.now()) for state in (OK, OK, WARNING, ERROR, OFF)]
    assert summary(rows) == {"total": 5, "healthy": 2, "warnings": 1, "errors": 1, "off": 1}
    with platform_scope(reason="test"):
        assert not HealthCheck.objects.exists()


def test_the_web_tells_once_that_the_worker_or_beat_is_gone_and_the_check_that_it_is_back(saigon, root, monkeypatch):
    answers = iter([False, True, True])
    monkeypatch.setattr(silence, "check_worker", lambda: Found(OK if next(answers) else ERROR))
    assert silence.notice_silence() == ""  # nothing was ever checked
    HealthCheck.objects.bulk_create(HealthCheck(name=one, state=OK, checked_at=timezone.now()) for one in ("worker", "beat"))
    assert silence.notice_silence() == ""
    HealthCheck.objects.update(checked_at=timezone.now() - timedelta(minutes=6))
    assert [silence.notice_silence() for _time in range(3)] == ["worker", "beat", ""]
    assert told() == [("ok", "error"), ("ok", "error")]
    assert [(mail.to, mail.subject) for mail in mail_outbox.outbox] == [
        ([root.email], "Backroom: Worker: Does not work"),
        ([root.email], "Backroom: Beat: Does not work"),
    ]
    assert "beat does not run" in mail_outbox.outbox[1].body
    assert {check.shown_state for check in HealthCheck.objects.all()} == {ERROR}
    monkeypatch.setattr(health, "CHECKS", (Check("beat", "Beat", lambda: Found(OK), timedelta(minutes=1)),))
    for _time in range(3):
        HealthCheck.objects.update(due_at=Now())
        run_due_checks()
    assert told()[-1] == ("error", "ok")


def test_the_platform_sets_from_when_on_queues_are_late(saigon):
    with in_tenant(saigon.tenant):
        type(an_occurrence()).objects.update(state="pending", due_at=Now() - timedelta(minutes=10))
    with in_tenant(PLATFORM_ID):
        Setting.put("health_queue_minutes", 11)  # by default it warns after 5
    assert health_checks.check_queues().state == OK


@pytest.mark.django_db
def test_what_waits_for_a_suspended_tenant_is_not_late(saigon) -> None:
    with in_tenant(saigon.tenant):
        occurrence = an_occurrence()
        type(occurrence).objects.update(state="pending", due_at=timezone.now() - timedelta(hours=2))
    assert health_checks.check_queues().state == HealthState.ERROR
    set_tenant_status(tenant_id=saigon.tenant.pk, status=Tenant.Status.SUSPENDED)
    assert health_checks.check_queues().state == HealthState.OK
