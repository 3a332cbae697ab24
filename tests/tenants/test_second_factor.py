"""The second factor: codes of an app and recovery codes, as the API asks for them, and how the secret is kept."""

import base64
import threading
from contextlib import suppress

import pyotp
import pytest
from django.core import mail
from django.db import connection
from django.db.models import F
from hypothesis import given
from hypothesis import strategies as st

from tenants import second_factor
from tenants.errors import LockedOut
from tenants.lockout import MOST_CODES, MOST_FROM_ALL, WITHIN_CODES, count_attempt
from tenants.mail import send_due_links
from tenants.models import PLATFORM_ID, AuditEntry, AuthIdentity, LoginFailure, Membership, Setting, User
from tenants.models.settings import _remembered
from tenants.scope import platform_scope
from tests.conftest import in_tenant
from tests.tenants.test_lockout import log_in
from tests.tenants.test_login_links import redeem, token_in

pytestmark = pytest.mark.django_db


def forget_settings() -> None:
    """Let a second pass: a process goes on with the settings it has read for so long."""
    _remembered.clear()


def enrol(user: User) -> tuple[pyotp.TOTP, list[str]]:
    """Set a second factor up; returns the person's app and recovery codes."""
    second_factor.begin(user)
    identity = second_factor.pending(user)
    app = pyotp.TOTP(second_factor.address_of(identity)[1])
    codes = second_factor.confirm(identity, app.now())
    # The code that confirmed is used up: tests need the next one now.
    AuthIdentity.objects.update(last_step=None)
    user.refresh_from_db()  # every session and token has ended
    return app, codes


def test_a_login_asks_for_the_code_once_the_password_is_right(saigon):
    app, _codes = enrol(saigon.owner)
    asked = log_in()
    assert (asked.status_code, asked.json()["code"]) == (401, "otp_required")
    assert log_in(password="wrong", otp=app.now()).json()["code"] == "authentication_failed"
    assert log_in(otp=app.now()).status_code == 200


def test_a_code_works_once(saigon):
    app, _codes = enrol(saigon.owner)
    code = app.now()
    assert log_in(otp=code).status_code == 200
    assert log_in(otp=code).status_code == 401


def test_a_wrong_code_is_told_like_a_wrong_password(saigon):
    app, _codes = enrol(saigon.owner)
    wrong = f"{(int(app.now()) + 1) % 1_000_000:06d}"
    assert log_in(otp=wrong).content == log_in(password="wrong").content


def test_a_recovery_code_works_once_however_it_is_typed(saigon):
    _app, codes = enrol(saigon.owner)
    assert len(set(codes)) == 10
    assert log_in(otp=codes[0].upper().replace("-", " ")).status_code == 200
    assert log_in(otp=codes[0]).status_code == 401
    assert log_in(otp=codes[1]).status_code == 200
    assert len(AuthIdentity.objects.get().recovery_codes) == 8


def test_wrong_codes_lock_out_from_wherever_they_are_sent(saigon):
    app, _codes = enrol(saigon.owner)
    for number in range(MOST_CODES):
        assert log_in(otp="000000x", address=f"198.51.100.{number}").status_code == 401
    assert log_in(otp=app.now()).status_code == 429
    LoginFailure.objects.update(since=F("since") - WITHIN_CODES)
    assert log_in(otp=app.now()).status_code == 200


def test_logging_in_with_a_code_leaves_no_count_behind(saigon):
    app, _codes = enrol(saigon.owner)
    assert log_in().json()["code"] == "otp_required"
    assert log_in(otp=app.now()).status_code == 200
    assert not LoginFailure.objects.filter(attempts__gt=0).exists()


def test_strangers_lock_nobody_out_of_the_second_step(api, saigon):
    app, _codes = enrol(saigon.owner)
    for number in range(MOST_FROM_ALL + 5):
        with suppress(LockedOut):
            count_attempt(email=saigon.owner.email, client=f"198.51.100.{number}")
    assert log_in(otp=app.now()).status_code == 429
    api().post("auth/login-link/", {"email": saigon.owner.email})
    send_due_links()
    assert redeem(api, token_in(mail.outbox[0]), otp=app.now()).status_code == 200


def test_a_person_of_two_tenants_is_asked_which_before_the_code_is_used_up(saigon, harbour):
    with in_tenant(harbour.tenant):
        Membership.objects.create(user=saigon.owner, role="analyst")
    app, _codes = enrol(saigon.owner)
    code = app.now()
    assert log_in().json()["code"] == "otp_required"
    assert log_in(otp=code).json()["code"] == "tenant_required"
    assert log_in(otp=code, tenant="harbour").status_code == 200


def test_a_link_asks_for_the_code_too_and_stays_good_until_it_is_right(api, saigon):
    app, _codes = enrol(saigon.owner)
    api().post("auth/login-link/", {"email": saigon.owner.email})
    send_due_links()
    token = token_in(mail.outbox[0])
    assert redeem(api, token).json()["code"] == "otp_required"
    assert redeem(api, token, otp="nonsense").status_code == 401
    assert redeem(api, token, otp=app.now()).status_code == 200


def test_one_who_only_began_to_set_it_up_is_not_asked(saigon):
    second_factor.begin(saigon.owner)
    assert log_in().status_code == 200


def test_a_tenant_can_ask_everybody_for_a_second_factor(api, saigon):
    token = saigon.token(saigon.owner)
    with in_tenant(saigon.tenant):
        Setting.put("require_second_factor", True)
    forget_settings()
    answer = api(token).get("me/")
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required")
    assert api(saigon.key).get("tenant/").status_code == 200
    enrol(saigon.owner)
    assert api(log_in(otp=pyotp.TOTP(secret_of(saigon.owner)).now()).json()["access"]).get("me/").status_code == 200


def secret_of(user: User) -> str:
    return second_factor.address_of(second_factor.enrolled(user))[1]


def test_the_secret_is_encrypted_and_in_no_audit_entry(saigon):
    app, _codes = enrol(saigon.owner)
    raw = base64.b32decode(app.secret)
    stored = bytes(AuthIdentity.objects.get().secret)
    assert app.secret.encode() not in stored
    assert raw not in stored
    with platform_scope(reason="test"):
        assert AuditEntry.objects.filter(subject_kind="tenants.authidentity").exists()
        entries = str(list(AuditEntry.objects.values_list("before", "after")))
    assert app.secret not in entries
    assert stored.hex() not in entries


def test_after_the_keys_were_rotated_nothing_names_the_old_one(saigon, settings):
    app, _codes = enrol(saigon.owner)
    old = settings.VAULT_KEYS
    settings.VAULT_KEYS = {"new": b"n" * 32, **old}
    assert (second_factor.rewrap(), second_factor.rewrap()) == ((1, []), (0, []))
    settings.VAULT_KEYS = {"new": b"n" * 32}
    assert log_in(otp=app.now()).status_code == 200


def test_a_secret_moved_to_another_person_or_changed_opens_nothing(saigon):
    app, codes = enrol(saigon.owner)
    stored = bytes(AuthIdentity.objects.get().secret)
    for broken in (stored[:-1], b"\x02" + stored[1:], stored[:-1] + bytes([stored[-1] ^ 1]), b""):
        with in_tenant(saigon.tenant):
            AuthIdentity.objects.update(secret=broken)
        assert log_in(otp=app.now()).status_code == 401
    with in_tenant(saigon.tenant):
        AuthIdentity.objects.update(secret=stored, user=saigon.analyst)
    assert log_in(email=saigon.analyst.email, otp=app.now()).status_code == 401
    assert log_in(email=saigon.analyst.email, otp=codes[0]).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_many_who_use_one_code_at_once_one_gets_in(saigon):
    app, codes = enrol(saigon.owner)
    for code in (app.now(), codes[0]):
        statuses, ready = [], threading.Barrier(5)

        def use(code=code, statuses=statuses, ready=ready):
            ready.wait()
            statuses.append(log_in(otp=code).status_code)
            connection.close()

        threads = [threading.Thread(target=use) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200, 401, 401, 401, 401]


@pytest.mark.django_db(transaction=True)
def test_two_who_begin_at_once_get_the_same_one(saigon):
    errors, ready = [], threading.Barrier(6)

    def begin():
        ready.wait()
        try:
            second_factor.begin(saigon.owner)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a 500
            errors.append(error)
        connection.close()

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert second_factor.address_of(AuthIdentity.objects.get())


def test_one_in_use_is_not_begun_anew(saigon):
    app, _codes = enrol(saigon.owner)
    second_factor.begin(saigon.owner)
    assert secret_of(saigon.owner) == app.secret


def test_one_that_was_begun_and_left_is_shown_to_nobody_later(saigon):
    second_factor.begin(saigon.owner)
    with in_tenant(saigon.tenant):
        AuthIdentity.objects.update(created_at=F("created_at") - second_factor.TIME_TO_CONFIRM)
    assert second_factor.pending(saigon.owner) is None
    second_factor.begin(saigon.owner)
    assert second_factor.pending(saigon.owner)


def test_one_secret_that_cannot_be_read_does_not_keep_the_others_from_a_new_key(saigon, settings):
    enrol(saigon.analyst)
    app, _codes = enrol(saigon.owner)
    with in_tenant(saigon.tenant):
        for person, broken in ((saigon.analyst, b""), (saigon.operator, b"\x01\x03old" + b"x" * 40)):
            AuthIdentity.objects.update_or_create(user=person, provider="totp", defaults={"secret": broken})
    damaged = set(AuthIdentity.objects.exclude(user=saigon.owner).values_list("pk", flat=True))
    settings.VAULT_KEYS = {"new": b"n" * 32, **settings.VAULT_KEYS}
    done, unreadable = second_factor.rewrap()
    assert (done, set(unreadable)) == (1, damaged)
    settings.VAULT_KEYS = {"new": b"n" * 32}
    assert log_in(otp=app.now()).status_code == 200


@given(secret=st.binary(min_size=1, max_size=64), user_id=st.uuids(), flip=st.integers(min_value=0))
def test_what_is_sealed_opens_for_its_person_only(secret, user_id, flip):
    sealed = second_factor._seal(user_id, secret)
    assert second_factor._open(user_id, sealed) == secret
    changed = bytearray(sealed)
    changed[flip % len(sealed)] ^= 1
    with pytest.raises(second_factor.Unreadable):
        second_factor._open(user_id, bytes(changed))


def test_the_tenants_own_word_comes_before_the_platforms(api, saigon, harbour):
    with in_tenant(PLATFORM_ID):
        Setting.put("require_second_factor", True)
    with in_tenant(saigon.tenant):
        Setting.put("require_second_factor", False)
    forget_settings()
    assert api(saigon, saigon.owner).get("me/").status_code == 200
    assert api(harbour, harbour.owner).get("me/").json()["code"] == "second_factor_required"
    forget_settings()
