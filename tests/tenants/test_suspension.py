"""A suspended tenant is out by every door and in the middle of its work, and goes on later as if nothing had been."""

from collections.abc import Iterator

import pytest
from django.core import mail
from django.urls import reverse

from catalog.imports.jobs import create_job, run_due_jobs, run_jobs
from catalog.models import ImportJob, ImportRow
from config.celery import app
from runtime.models import Session, Turn
from runtime.services import start_session
from tenants.mail import send_due_links
from tenants.members import invite
from tenants.models import Tenant
from tenants.queue import claim, finish, renew, work
from tenants.services import set_tenant_status
from tests.conftest import PASSWORD, ApiClient, Business, in_tenant
from tests.rows import a_bot_version, a_channel
from tests.tenants.admin_pages import browser, page, text_of
from tests.tenants.test_login_links import token_in
from tests.tenants.test_queue import end_leases, jobs
from tests.tenants.test_tasks import SEEN, whose

pytestmark = pytest.mark.django_db


def suspend(business: Business) -> None:
    set_tenant_status(tenant_id=business.tenant.pk, status=Tenant.Status.SUSPENDED)


def resume(business: Business) -> None:
    set_tenant_status(tenant_id=business.tenant.pk, status=Tenant.Status.ACTIVE)


@pytest.fixture
def _run_here() -> Iterator[None]:
    SEEN.clear()
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.fixture
def conversation_token(saigon: Business) -> str:
    with in_tenant(saigon.tenant):
        return start_session(bot=a_bot_version().bot, channel=a_channel())[1]


def test_keys_people_and_conversations_are_out_at_the_next_request_and_back_later(
    saigon: Business, conversation_token: str
) -> None:
    with in_tenant(saigon.tenant):
        conversation = f"sessions/{Session.objects.get().pk}/turns/"
    doors = [(saigon.key, "tenant/"), (saigon.token(saigon.owner), "tenant/"), (conversation_token, conversation)]
    assert [ApiClient(token).get(path).status_code for token, path in doors] == [200, 200, 200]
    suspend(saigon)
    assert [ApiClient(token).get(path).status_code for token, path in doors] == [401, 401, 401]
    assert ApiClient(conversation_token).post(conversation, {"message": "hello"}).status_code == 401
    resume(saigon)
    assert [ApiClient(token).get(path).status_code for token, path in doors] == [200, 200, 200]
    with in_tenant(saigon.tenant):
        assert not Turn.objects.exists()


def test_nobody_logs_in_or_refreshes_and_the_refresh_token_is_not_used_up(saigon: Business) -> None:
    body = {"email": saigon.owner.email, "password": PASSWORD}
    refresh = ApiClient().post("auth/token/", body).json()["refresh"]
    suspend(saigon)
    assert ApiClient().post("auth/token/", body).status_code == 401
    assert ApiClient().post("auth/token/refresh/", {"refresh": refresh}).status_code == 401
    resume(saigon)
    assert ApiClient().post("auth/token/refresh/", {"refresh": refresh}).status_code == 200


def test_the_admin_shows_a_member_nothing_of_it(saigon: Business) -> None:
    person = browser(saigon.owner)
    suspend(saigon)
    assert "no tenant that is active now" in text_of(person.get(page("index")))
    assert person.get(page("tenants_membership_changelist")).url == page("index")
    assert person.post(reverse("switch_tenant"), {"tenant": saigon.tenant.pk}).status_code == 403
    resume(saigon)
    assert person.get(page("tenants_membership_changelist")).status_code == 200


def test_a_link_leads_nowhere_and_is_still_good_afterwards(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        invite(email="new@saigon.example", role="analyst", by=saigon.owner)
    send_due_links()
    body = {"token": token_in(mail.outbox[0])}
    suspend(saigon)
    assert ApiClient().post("auth/login-link/redeem/", body).status_code == 401
    resume(saigon)
    assert ApiClient().post("auth/login-link/redeem/", body).status_code == 200


@pytest.mark.usefixtures("_run_here")
def test_a_task_that_was_sent_before_does_not_run(saigon: Business, harbour: Business) -> None:
    with in_tenant(saigon.tenant):
        suspend(saigon)
        whose.delay("saigon")
    with in_tenant(harbour.tenant):
        whose.delay(str(harbour.tenant.pk))
    assert [(str(harbour.tenant.pk),) * 2] == SEEN


def test_rows_that_are_due_wait(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        jobs(3)
    suspend(saigon)
    ran: list[ImportJob] = []
    assert work(ImportJob, ran.extend, batch=5) == 0
    with in_tenant(saigon.tenant):
        assert claim(ImportJob, limit=5) == []
    assert ran == []
    resume(saigon)
    assert work(ImportJob, lambda rows: [finish(row) for row in rows] and None, batch=5) == 3


def test_a_batch_that_was_taken_before_stops_and_is_taken_again(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        jobs(2)
        taken = claim(ImportJob, limit=2)
        assert renew(taken[0]) is True
        suspend(saigon)
        assert [renew(row) for row in taken] == [False, False]
        resume(saigon)
        end_leases()
        again = [row.pk for _one in taken for row in claim(ImportJob, limit=2)]  # one by one: their worker may have died
        assert set(again) == {row.pk for row in taken}
        assert finish(taken[0]) is False


def test_what_was_done_before_the_suspension_is_not_done_again(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        jobs(1)
        (taken,) = claim(ImportJob, limit=1)
        suspend(saigon)
        assert finish(taken) is True
        resume(saigon)
        assert claim(ImportJob, limit=1) == []


def test_an_import_that_is_being_staged_stops_and_is_staged_whole_later(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        create_job(
            chunks=[b"Handle,Title,Variant Price\n" + b"".join(b"lamp-%d,Lamp,5\n" % n for n in range(20))],
            name="a.csv",
            currency="VND",
        )
        (job,) = claim(ImportJob, limit=1)
        suspend(saigon)
        run_jobs([job])
        assert ImportRow.objects.count() == 0
    resume(saigon)
    with in_tenant(saigon.tenant):
        end_leases()
    run_due_jobs()
    with in_tenant(saigon.tenant):
        assert ImportRow.objects.count() > 0
        assert ImportJob.objects.get().status == "staged"
