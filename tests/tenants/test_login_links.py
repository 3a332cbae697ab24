"""One-time links by mail, through the API and the sender."""

import re
import threading

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from tenants import login_links
from tenants.login_links import MOST_LINKS, request_login_link
from tenants.mail import send_due_links
from tenants.members import invite
from tenants.models import AuditEntry, LoginToken, Membership, User
from tests.conftest import PASSWORD, in_tenant

pytestmark = pytest.mark.django_db


def ask(api, email):
    return api().post("auth/login-link/", {"email": email})


def token_in(message):
    """Return the token of the link in a mail."""
    return re.search(r"/admin/login-link/([\w-]{40,})/", message.body)[1]


def sent_token():
    send_due_links()
    return token_in(mail.outbox[-1])


def redeem(api, token, **more):
    return api().post("auth/login-link/redeem/", {"token": token, **more})


def test_a_person_who_forgot_the_password_gets_in_by_a_link(api, saigon):
    assert ask(api, "Owner@Saigon.example").status_code == 202
    answer = redeem(api, sent_token())
    assert api(answer.json()["access"]).get("me/").json()["email"] == "owner@saigon.example"
    assert answer["Cache-Control"] == "no-store"


def test_known_and_unknown_addresses_get_the_same_answer_and_only_the_known_a_mail(api, saigon, outsider):
    outsider.is_active = False
    outsider.save()
    answers = [ask(api, email) for email in ("owner@saigon.example", "nobody@saigon.example", outsider.email)]
    assert {(one.status_code, one.content) for one in answers} == {(202, b"")}
    assert LoginToken.objects.count() == 3
    send_due_links()
    assert [message.to for message in mail.outbox] == [["owner@saigon.example"]]
    assert set(LoginToken.objects.values_list("email", "state")) == {
        ("owner@saigon.example", "sent"),
        ("nobody@saigon.example", "dropped"),
        (outsider.email, "dropped"),
    }


def test_a_link_serves_once(api, saigon):
    ask(api, "owner@saigon.example")
    token = sent_token()
    assert redeem(api, token).status_code == 200
    assert redeem(api, token).status_code == 401


def test_using_a_link_ends_the_others_of_the_mailbox(api, saigon):
    ask(api, "owner@saigon.example")
    ask(api, "owner@saigon.example")
    send_due_links()
    first, second = map(token_in, mail.outbox)
    assert redeem(api, second).status_code == 200
    assert redeem(api, first).status_code == 401


def test_a_link_serves_for_fifteen_minutes(api, saigon):
    ask(api, "owner@saigon.example")
    token = sent_token()
    left = LoginToken.objects.get().expires_at - timezone.now()
    assert 14 * 60 < left.total_seconds() <= 15 * 60
    LoginToken.objects.update(expires_at=timezone.now())
    assert redeem(api, token).status_code == 401


def test_a_wrong_token_is_told_like_any_bad_token(api, saigon):
    wrong, no_token = redeem(api, "x" * 43), api("nonsense").get("me/")
    assert wrong.status_code == no_token.status_code == 401
    assert wrong.content == no_token.content
    assert wrong["WWW-Authenticate"] == no_token["WWW-Authenticate"]


def test_a_person_of_two_tenants_chooses_and_the_link_is_still_good(api, saigon, harbour):
    with in_tenant(harbour.tenant):
        Membership.objects.create(user=saigon.owner, role="analyst")
    ask(api, "owner@saigon.example")
    token = sent_token()
    answer = redeem(api, token)
    assert (answer.status_code, answer.json()["code"], answer.json()["tenants"]) == (
        422,
        "tenant_required",
        ["harbour", "saigon"],
    )
    assert redeem(api, token, tenant="harbour").status_code == 200


def test_one_mailbox_is_not_flooded(api, saigon):
    for _ in range(MOST_LINKS + 3):
        assert ask(api, "owner@saigon.example").status_code == 202
    send_due_links()
    assert len(mail.outbox) == MOST_LINKS


@pytest.mark.django_db(transaction=True)
def test_one_mailbox_is_not_flooded_by_many_who_ask_at_once(saigon):
    ready = threading.Barrier(8)

    def ask_for_one():
        ready.wait()
        request_login_link(email="owner@saigon.example")
        connection.close()

    threads = [threading.Thread(target=ask_for_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert LoginToken.objects.count() == MOST_LINKS


def test_the_token_is_neither_in_the_database_nor_told_to_a_task(api, saigon):
    ask(api, "owner@saigon.example")
    token = sent_token()
    (row,) = LoginToken.objects.values()
    assert token not in str(row)
    assert len(bytes(row["token_hash"])) == 32


def test_a_deactivated_person_gets_in_by_no_link(api, saigon):
    ask(api, "owner@saigon.example")
    token = sent_token()
    saigon.owner.is_active = False
    saigon.owner.save()
    assert redeem(api, token).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_of_many_who_use_a_link_at_once_one_gets_in(api, saigon):
    ask(api, "owner@saigon.example")
    token, statuses, ready = sent_token(), [], threading.Barrier(6)

    def use():
        ready.wait()
        statuses.append(redeem(api, token).status_code)
        connection.close()

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 401, 401, 401, 401, 401]


NEW = "staple in the wet grass"


def came_in(api, saigon, person):
    """Return a client with the tokens of a login link."""
    ask(api, person.email)
    return api(redeem(api, sent_token()).json()["access"])


def test_who_forgot_the_password_sets_another_one_with_the_tokens_of_a_link(api, saigon):
    me = came_in(api, saigon, saigon.analyst)
    assert me.post("me/password/", {"new_password": "short"}).json()["code"] == "weak_password"
    assert me.post("me/password/", {"new_password": NEW}).status_code == 204
    assert me.get("me/").status_code == 401
    logged_in = api().post("auth/token/", {"email": saigon.analyst.email, "password": NEW})
    assert logged_in.status_code == 200
    with in_tenant(saigon.tenant):
        entry = AuditEntry.objects.filter(subject_kind="tenants.user", subject_id=saigon.analyst.pk, verb="update").latest(
            "id"
        )
    assert (entry.actor_kind, entry.actor_id) == ("user", saigon.analyst.pk)
    assert entry.after["password"] == "[redacted]"


def test_an_old_password_that_is_sent_all_the_same_must_be_right(api, saigon):
    me = came_in(api, saigon, saigon.analyst)
    refused = me.post("me/password/", {"old_password": "wrong", "new_password": NEW})
    assert (refused.status_code, refused.json()["code"]) == (422, "wrong_password")
    assert api().post("auth/token/", {"email": saigon.analyst.email, "password": PASSWORD}).status_code == 200


def test_other_tokens_need_the_old_password(api, saigon, monkeypatch):
    me = came_in(api, saigon, saigon.analyst)
    ask(api, saigon.analyst.email)
    refreshed = api().post("auth/token/refresh/", {"refresh": redeem(api, sent_token()).json()["refresh"]}).json()
    by_password = api().post("auth/token/", {"email": saigon.analyst.email, "password": PASSWORD}).json()
    answers = [api(one["access"]).post("me/password/", {"new_password": NEW}) for one in (refreshed, by_password)]
    monkeypatch.setattr(login_links, "FRESH", 0)  # a quarter of an hour later
    answers.append(me.post("me/password/", {"new_password": NEW}))
    assert {(one.status_code, one.json()["code"], one.json()["errors"][0]["field"]) for one in answers} == {
        (422, "required", "old_password")
    }
    assert api().post("auth/token/", {"email": saigon.analyst.email, "password": PASSWORD}).status_code == 200


def test_whoever_was_invited_sets_a_first_password_also_later(api, saigon):
    with in_tenant(saigon.tenant):
        invite(email="new@saigon.example", role="analyst", by=saigon.owner)
    send_due_links()
    tokens = redeem(api, token_in(mail.outbox[-1])).json()
    later = api().post("auth/token/refresh/", {"refresh": tokens["refresh"]}).json()
    assert api(later["access"]).post("me/password/", {"new_password": NEW}).status_code == 204
    me = api(api().post("auth/token/", {"email": "new@saigon.example", "password": NEW}).json()["access"])
    assert me.post("me/password/", {"new_password": PASSWORD}).json()["code"] == "required"


def test_logging_in_through_the_api_counts_as_a_log_in(api, saigon):
    came_in(api, saigon, saigon.analyst)
    by_link = User.objects.get(pk=saigon.analyst.pk).last_login
    api().post("auth/token/", {"email": saigon.analyst.email, "password": PASSWORD})
    assert None is not by_link < User.objects.get(pk=saigon.analyst.pk).last_login
