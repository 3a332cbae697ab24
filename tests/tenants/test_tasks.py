"""The door of background work: a task runs in the tenant it was sent from, or not at all."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import shared_task
from django.db import transaction

from config.celery import app
from tenants.scope import NoScope, ScopeConflict, active_scope, current_tenant_id, platform_scope
from tenants.tasks import TenantTask
from tests.conftest import Business, in_tenant

pytestmark = pytest.mark.django_db

SEEN: list[tuple[str, str]] = []


@shared_task(base=TenantTask, name="tests.whose")
def whose(expected: str) -> None:
    """Note for whom the task was sent, and for whom it ran."""
    SEEN.append((expected, str(current_tenant_id())))


@pytest.fixture(autouse=True)
def _run_here() -> Iterator[None]:
    SEEN.clear()
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def test_a_task_runs_in_the_tenant_it_was_sent_from(saigon: Business, harbour: Business) -> None:
    for business in (saigon, harbour) * 50:
        with in_tenant(business.tenant):
            whose.delay(str(business.tenant.id))
    assert len(SEEN) == 100
    assert all(sent == ran for sent, ran in SEEN)
    assert active_scope() is None


def test_a_task_is_not_sent_without_a_tenant() -> None:
    with pytest.raises(NoScope):
        whose.delay("nobody")
    with platform_scope(reason="test"), pytest.raises(NoScope):
        whose.delay("nobody")
    assert SEEN == []


@pytest.mark.parametrize("request_of", [{}, {"headers": {}}, {"tenant": ""}])
def test_a_message_without_a_tenant_is_not_run(request_of: dict[str, Any]) -> None:
    whose.push_request(**request_of)
    try:
        with pytest.raises(NoScope):
            whose("nobody")
    finally:
        whose.pop_request()
    assert SEEN == []


def test_a_task_called_in_a_transaction_of_another_tenant_is_refused(saigon: Business, harbour: Business) -> None:

    whose.push_request(tenant=str(harbour.tenant.id))
    try:
        with in_tenant(saigon.tenant), transaction.atomic(), pytest.raises(ScopeConflict):
            whose("harbour")
    finally:
        whose.pop_request()
    assert SEEN == []


def test_the_scope_is_closed_when_a_task_fails(saigon: Business) -> None:
    @app.task(base=TenantTask, name="tests.breaks")
    def breaks() -> None:
        raise ValueError("no luck")

    with in_tenant(saigon.tenant):
        assert str(breaks.delay().result) == "no luck"
    assert active_scope() is None


def test_the_beat_names_only_tasks_that_exist_and_lets_old_ticks_go() -> None:
    app.loader.import_default_modules()
    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks, name
        assert 0 < entry["options"]["expires"] <= entry["schedule"], name


def test_messages_are_data_and_a_lost_worker_gives_its_message_back() -> None:
    conf = app.conf
    assert (conf.task_serializer, conf.accept_content) == ("json", ["json"])
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.task_time_limit > conf.task_soft_time_limit > 0
