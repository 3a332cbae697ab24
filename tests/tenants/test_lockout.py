"""Lock-out after failed logins, through the API."""

import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import F
from django.test import Client

from tenants.lockout import MOST_ANYWHERE, MOST_FROM_ALL, MOST_FROM_ONE, WITHIN, WITHIN_ANYWHERE, count_attempt
from tenants.mail import send_due_links
from tenants.models import LoginFailure
from tests.conftest import PASSWORD
from tests.tenants.test_login_links import redeem, token_in

pytestmark = pytest.mark.django_db

EMAIL = "owner@saigon.example"


def log_in(email=EMAIL, password=PASSWORD, address="203.0.113.7", **more):
    body = {"email": email, "password": password, **more}
    return Client(REMOTE_ADDR=address).post("/api/v1/auth/token/", body, content_type="application/json")


def fail(times, **more):
    return [log_in(password="wrong", **more) for _ in range(times)]


def test_after_ten_failures_even_the_right_password_waits(saigon):
    assert {one.status_code for one in fail(MOST_FROM_ONE)} == {401}
    locked = log_in()
    assert (locked.status_code, locked.json()["code"]) == (429, "locked_out")
    assert 0 < int(locked["Retry-After"]) <= WITHIN.total_seconds()
    LoginFailure.objects.update(since=F("since") - WITHIN)
    assert log_in().status_code == 200


def test_an_unknown_address_is_told_the_same(saigon):
    known, unknown = fail(MOST_FROM_ONE + 1), fail(MOST_FROM_ONE + 1, email="nobody@saigon.example")
    assert [one.content for one in known] == [one.content for one in unknown]
    assert [one.status_code for one in known] == [one.status_code for one in unknown]


def test_the_count_outlives_a_flush_of_redis(saigon):
    fail(MOST_FROM_ONE)
    cache.clear()
    assert log_in().status_code == 429


def test_strangers_do_not_lock_a_person_out_from_elsewhere(saigon):
    fail(MOST_FROM_ONE + 5)
    assert log_in(address="198.51.100.4").status_code == 200


def test_many_strangers_together_are_stopped_for_a_while_and_a_link_still_opens(api, saigon):
    for number in range(MOST_FROM_ALL):
        count_attempt(email=EMAIL, client=f"198.51.100.{number}")
    assert log_in().status_code == 429
    api().post("auth/login-link/", {"email": EMAIL})
    send_due_links()
    assert redeem(api, token_in(mail.outbox[0])).status_code == 200
    LoginFailure.objects.update(since=F("since") - timedelta(hours=1))
    assert log_in().status_code == 200


def test_one_password_tried_on_everybody_is_stopped_before_it_is_looked_at(saigon, monkeypatch):
    for number in range(MOST_ANYWHERE):
        count_attempt(email=f"somebody{number}@saigon.example", client="203.0.113.7")
    monkeypatch.setattr("tenants.api.ways_in.check_password", None)
    assert fail(1, email="another@saigon.example")[0].status_code == 429
    monkeypatch.undo()
    assert log_in(address="198.51.100.4").status_code == 200
    LoginFailure.objects.update(since=F("since") - WITHIN_ANYWHERE)
    assert log_in().status_code == 200


def test_an_own_account_gives_no_new_guesses_at_the_others(saigon):
    for number in range(MOST_ANYWHERE):
        count_attempt(email=f"somebody{number}@saigon.example", client="203.0.113.7")
        if number % 10 == 0 and number < MOST_ANYWHERE - 1:
            assert log_in().status_code == 200
    assert log_in().status_code == 429


def test_a_login_that_succeeds_begins_the_count_anew(saigon):
    for _ in range(3):
        assert {one.status_code for one in fail(MOST_FROM_ONE - 1)} == {401}
        assert log_in().status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "once"}])
def test_guessing_the_old_password_locks_out_whatever_headers_are_sent(api, saigon, headers):
    me, body = api(saigon, saigon.owner), {"old_password": "wrong", "new_password": "staple in the wet grass"}
    for number in range(MOST_FROM_ONE):
        fresh = {name: f"{value}-{number}" for name, value in headers.items()}
        assert me.post("me/password/", body, **fresh).json()["code"] == "wrong_password"
    assert me.post("me/password/", {**body, "old_password": PASSWORD}, **headers).status_code == 429
    assert saigon.owner.check_password(PASSWORD)


def test_an_attempt_is_not_counted_where_it_could_be_rolled_back(saigon):
    with transaction.atomic(), pytest.raises(RuntimeError):
        count_attempt(email=EMAIL, client="203.0.113.7")
    assert not LoginFailure.objects.exists()


def test_the_many_addresses_of_one_ipv6_network_are_one_client(saigon):
    for number in range(MOST_FROM_ONE):
        fail(1, address=f"2001:db8:1:2::{number:x}")
    assert log_in(address="2001:db8:1:2::ffff").status_code == 429
    assert log_in(address="2001:db8:1:3::1").status_code == 200


def test_the_client_is_whom_trusted_proxies_name(saigon, settings):
    settings.TRUSTED_PROXIES = 1
    body = {"email": EMAIL, "password": "wrong"}
    for number in range(MOST_FROM_ONE):
        forged = f"10.0.0.{number}, 203.0.113.7"
        Client().post("/api/v1/auth/token/", body, content_type="application/json", headers={"X-Forwarded-For": forged})
    answer = Client().post(
        "/api/v1/auth/token/",
        {**body, "password": PASSWORD},
        content_type="application/json",
        headers={"X-Forwarded-For": "203.0.113.7"},
    )
    assert answer.status_code == 429


@pytest.mark.django_db(transaction=True)
def test_guesses_sent_at_once_are_all_counted(saigon):
    statuses, ready = [], threading.Barrier(8)

    def guess():
        ready.wait()
        for _ in range(5):
            statuses.append(log_in(password="wrong").status_code)
        connection.close()

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses.count(401), statuses.count(429)) == (MOST_FROM_ONE, 40 - MOST_FROM_ONE)
