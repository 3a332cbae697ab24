"""Logging in to the admin as a person does: password, link by mail, second factor, another tenant's demand for one."""

import io
import logging
import re
import time

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from config.logs import JsonFormatter
from tenants.lockout import MOST_CODES, MOST_FROM_ONE
from tenants.mail import send_due_links
from tenants.members import invite
from tenants.middleware import SEEN_KEY
from tenants.models import PLATFORM_ID, Membership, Setting, User
from tenants.views.login import HALF_WAY
from tests.conftest import PASSWORD, Business, in_tenant
from tests.tenants.admin_pages import browser, page, text_of
from tests.tenants.test_login_links import token_in
from tests.tenants.test_second_factor import enrol, forget_settings

pytestmark = pytest.mark.django_db


def log_in(client: Client, email: str, password: str = PASSWORD, **options):
    return client.post(page("login"), {"username": email, "password": password}, **options)


def link_for(email: str) -> str:
    """Have a link sent and return its address."""
    asked = Client().post(reverse("ask_for_link"), {"email": email})
    assert asked.status_code == 302
    send_due_links()
    return reverse("use_link", args=[token_in(mail.outbox[-1])])


def is_in(client: Client) -> bool:
    return client.get(page("index")).status_code == 200


def test_a_person_logs_in_and_out(saigon: Business) -> None:
    person = Client()
    assert log_in(person, "OWNER@saigon.example").url == "/admin/"
    assert is_in(person)
    person.post(page("logout"))
    assert not is_in(person)


def test_the_session_gets_a_new_id_at_login_and_the_old_one_is_worth_nothing_after_logout(saigon: Business) -> None:
    person = Client()
    person.get(page("login"))
    person.post(reverse("choose_language"), {"language": "en"})
    session = person.session
    session["planted"] = True
    session.save()
    before = person.cookies["sessionid"].value if "sessionid" in person.cookies else session.session_key
    log_in(person, saigon.owner.email)
    after = person.cookies["sessionid"].value
    assert after != before
    person.post(page("logout"))
    thief = Client()
    thief.cookies["sessionid"] = after
    assert not is_in(thief)


def test_the_cookie_is_hidden_from_scripts_and_foreign_sites(saigon: Business) -> None:
    person = Client()
    log_in(person, saigon.owner.email)
    cookie = person.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert int(cookie["max-age"]) == 12 * 60 * 60


def test_a_session_in_use_lives_on_and_is_written_every_few_minutes_only(saigon: Business) -> None:
    person = browser(saigon.owner)
    assert is_in(person)
    first = person.session[SEEN_KEY]
    assert "sessionid" not in person.get(page("index")).cookies
    session = person.session
    session[SEEN_KEY] = first - 600
    session.save()
    assert "sessionid" in person.get(page("index")).cookies


def test_wrong_passwords_and_unknown_addresses_are_told_the_same_and_locked_out_alike(saigon: Business) -> None:
    said = {}
    for email in (saigon.owner.email, "nobody@saigon.example"):
        answers = [text_of(log_in(Client(), email, "wrong")) for _ in range(MOST_FROM_ONE + 1)]
        said[email] = [re.findall(r"Please enter a correct|Too many failed attempts", answer) for answer in answers]
    assert said[saigon.owner.email] == said["nobody@saigon.example"]
    assert said[saigon.owner.email][-1] == ["Too many failed attempts"]
    person = Client()
    assert "login link" in text_of(log_in(person, saigon.owner.email))
    assert not is_in(person)


def test_the_failures_of_admin_and_api_are_one_count(saigon: Business) -> None:
    for _ in range(MOST_FROM_ONE):
        log_in(Client(), saigon.owner.email, "wrong")
    body = {"email": saigon.owner.email, "password": PASSWORD}
    assert Client().post("/api/v1/auth/token/", body, content_type="application/json").status_code == 429


def test_a_forgotten_password_is_replaced_after_a_link(saigon: Business) -> None:
    person, address, new = Client(), link_for(saigon.owner.email), "staple in the wet grass"
    assert "Log in" in text_of(person.get(address))
    arrived = person.post(address)
    assert arrived.url == reverse("account_password")
    assert "old_password" not in person.get(arrived.url).content.decode()
    assert person.post(arrived.url, {"new_password": new, "repeated": new}).url == page("index")
    assert is_in(person)
    assert log_in(Client(), saigon.owner.email, new).status_code == 302


def test_a_link_that_was_only_looked_at_is_still_good_and_serves_once(saigon: Business) -> None:
    address = link_for(saigon.owner.email)
    for _ in range(3):
        answer = Client().get(address)
        assert answer.status_code == 200
        assert answer["Referrer-Policy"] == "strict-origin"
        assert "no-store" in answer["Cache-Control"]
    person, other = Client(), Client()
    assert person.post(address).status_code == 302
    assert is_in(person)
    assert other.post(address).status_code == other.get(address).status_code == 410
    assert not is_in(other)


def test_asking_for_a_link_says_the_same_for_every_address(saigon: Business) -> None:
    said = {
        text_of(Client().post(reverse("ask_for_link"), {"email": email}, follow=True))
        for email in (saigon.owner.email, "nobody@x.example")
    }
    assert len(said) == 1
    assert "a link is on its way" in said.pop()


def test_no_log_line_holds_a_token(saigon: Business) -> None:
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        address = link_for(saigon.owner.email)
        for _ in range(2):
            Client().get(address)
            Client().post(address)
        Client().get(f"{address}nonsense/")
    finally:
        root.removeHandler(handler)
    token = address.split("/")[-2]
    assert "/admin/login-link/…" in handler.stream.getvalue()
    assert token not in handler.stream.getvalue()


def test_somebody_new_accepts_an_invitation_and_sets_a_password(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        invite(email="new@saigon.example", role="operator", by=saigon.owner)
    send_due_links()
    person, address = Client(), reverse("use_link", args=[token_in(mail.outbox[0])])
    assert "invited to work in Saigon, as Operator" in text_of(person.get(address))
    assert person.post(address).url == reverse("account_password")
    assert "Saigon" in text_of(person.get(page("index")))
    new = "staple in the wet grass"
    person.post(reverse("account_password"), {"new_password": new, "repeated": new})
    assert log_in(Client(), "new@saigon.example", new).status_code == 302


def test_an_invitation_makes_a_known_person_a_member_but_logs_nobody_in(saigon: Business, harbour: Business) -> None:
    with in_tenant(saigon.tenant):
        invite(email=harbour.owner.email, role="analyst", by=saigon.owner)
    send_due_links()
    stranger, address = Client(), reverse("use_link", args=[token_in(mail.outbox[0])])
    assert stranger.post(address).url == page("login")
    assert not is_in(stranger)
    with in_tenant(saigon.tenant):
        assert Membership.objects.get(user=harbour.owner).role == "analyst"


def test_a_known_person_who_is_logged_in_is_in_the_new_tenant_at_once(saigon: Business, harbour: Business) -> None:
    with in_tenant(saigon.tenant):
        invite(email=harbour.owner.email, role="analyst", by=saigon.owner)
    send_due_links()
    person = browser(harbour.owner)
    answer = person.post(reverse("use_link", args=[token_in(mail.outbox[0])]), follow=True)
    assert "You work in Saigon now, as Analyst" in text_of(answer)
    assert answer.wsgi_request.tenant == saigon.tenant


def test_the_second_factor_is_asked_for_after_the_password(saigon: Business) -> None:
    app, codes = enrol(saigon.owner)
    person = Client()
    assert log_in(person, saigon.owner.email).url == reverse("second_factor_code")
    assert not is_in(person)
    assert "wrong, or was used" in text_of(person.post(reverse("second_factor_code"), {"code": "nonsense"}))
    assert not is_in(person)
    assert person.post(reverse("second_factor_code"), {"code": app.now()}).url == "/admin/"
    assert is_in(person)
    other = Client()
    log_in(other, saigon.owner.email)
    assert other.post(reverse("second_factor_code"), {"code": codes[3]}).status_code == 302
    assert is_in(other)


def test_the_second_factor_is_asked_for_after_a_link_too(saigon: Business) -> None:
    app, _codes = enrol(saigon.owner)
    person = Client()
    assert person.post(link_for(saigon.owner.email)).url == reverse("second_factor_code")
    assert not is_in(person)
    assert person.post(reverse("second_factor_code"), {"code": app.now()}).url == reverse("account_password")
    assert is_in(person)
    assert HALF_WAY not in person.session


def test_guessing_codes_is_locked_out_and_the_password_gives_no_new_tries(saigon: Business) -> None:
    app, _codes = enrol(saigon.owner)
    person = Client()
    for _ in range(MOST_CODES):
        log_in(person, saigon.owner.email)
        person.post(reverse("second_factor_code"), {"code": "000000x"})
    assert "Too many failed attempts" in text_of(person.post(reverse("second_factor_code"), {"code": app.now()}))
    assert not is_in(person)


def test_half_a_login_ends_with_a_changed_password_and_after_ten_minutes(saigon: Business, monkeypatch) -> None:
    app, _codes = enrol(saigon.owner)
    for ending in ("password", "time"):
        person = Client()
        log_in(person, saigon.owner.email)
        if ending == "password":
            saigon.owner.end_sessions()
        else:
            now = time.time()
            monkeypatch.setattr("tenants.views.login.time.time", lambda now=now: now + 601)
        assert person.post(reverse("second_factor_code"), {"code": app.now()}).url == page("login")
        assert not is_in(person)


def require_second_factor(business: Business) -> None:
    with in_tenant(business.tenant):
        Setting.put("require_second_factor", True)
    forget_settings()


def test_a_tenant_that_asks_for_a_second_factor_leads_its_people_to_it_first(saigon: Business) -> None:
    person = browser(saigon.operator)
    assert is_in(person)
    require_second_factor(saigon)
    for address in (page("index"), page("catalog_offering_changelist"), reverse("account"), "/files/" + "0" * 8 + "/"):
        assert person.get(address).status_code in (302, 404)
    assert person.get(page("index")).url == reverse("account_second_factor")
    assert "asks everybody for a second factor" in text_of(person.get(reverse("account_second_factor")))
    enrol(saigon.operator)
    assert is_in(browser(saigon.operator))


def test_somebody_new_sets_a_password_where_a_second_factor_is_asked_for(saigon: Business) -> None:
    require_second_factor(saigon)
    with in_tenant(saigon.tenant):
        invite(email="new@saigon.example", role="analyst", by=saigon.owner)
    send_due_links()
    person, new = Client(), "staple in the wet grass"
    assert person.post(reverse("use_link", args=[token_in(mail.outbox[-1])])).url == reverse("account_password")
    person.post(reverse("account_password"), {"new_password": new, "repeated": new})
    assert User.objects.get(email="new@saigon.example").check_password(new)
    assert person.get(page("index")).url == reverse("account_second_factor")


def test_the_platforms_staff_need_one_when_the_platform_says_so(saigon: Business, root: User) -> None:
    with in_tenant(PLATFORM_ID):
        Setting.put("require_second_factor", True)
    forget_settings()
    for person in (browser(root), browser(root, saigon.tenant)):
        assert person.get(page("index")).url == reverse("account_second_factor")
    forget_settings()
