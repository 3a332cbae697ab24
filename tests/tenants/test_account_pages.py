"""The own account in the admin: name, language, time zone, password, second factor, sessions, tenants."""

import re
import time

import pyotp
import pytest
from django.test import Client
from django.urls import reverse

from tenants.login_links import BY_LINK
from tenants.models import AuthIdentity, LoginToken, Membership, User
from tenants.second_factor import address_of
from tests.conftest import PASSWORD, ApiClient, Business, in_tenant
from tests.tenants.admin_pages import browser, page, text_of
from tests.tenants.test_second_factor import enrol

pytestmark = pytest.mark.django_db

NEW = "staple in the wet grass"


def test_only_who_is_logged_in_has_an_account_page(saigon: Business) -> None:
    for name in ("account", "account_password", "account_second_factor"):
        assert Client().get(reverse(name)).url.startswith(page("login"))
    assert Client().post(reverse("account_end_sessions")).url.startswith(page("login"))


def test_the_account_is_in_the_menu(saigon: Business) -> None:
    assert f'href="{reverse("account")}"' in browser(saigon.analyst).get(page("index")).content.decode()


def test_a_person_changes_name_language_and_time_zone(saigon: Business) -> None:
    person = browser(saigon.analyst)
    form = {"first_name": "Mai", "last_name": "Lê", "locale": "vi", "time_zone": "Europe/Paris", "picture_url": ""}
    assert person.post(reverse("account"), {**form, "is_superuser": "on", "email": "x@y.example"}).status_code == 302
    stored = User.objects.get(pk=saigon.analyst.pk)
    assert (stored.get_full_name(), stored.locale, stored.time_zone) == ("Mai Lê", "vi", "Europe/Paris")
    assert (stored.is_superuser, stored.email) == (False, saigon.analyst.email)


def test_times_are_shown_in_the_own_zone_before_the_tenants(saigon: Business) -> None:
    saigon.analyst.time_zone = "America/New_York"
    saigon.analyst.save()
    answers = [browser(person).get(page("tenants_membership_changelist")) for person in (saigon.analyst, saigon.operator)]
    shown = [re.findall(r"\d{1,2}:\d\d|noon|midnight|a\.m\.|p\.m\.", text_of(answer)) for answer in answers]
    assert shown[0] != shown[1]


def test_a_zone_that_is_none_is_refused(saigon: Business) -> None:
    answer = browser(saigon.analyst).post(reverse("account"), {"time_zone": "Mars/Olympus"})
    assert answer.status_code == 200
    assert User.objects.get(pk=saigon.analyst.pk).time_zone == ""


def test_a_new_password_needs_the_old_one_and_ends_every_other_session_and_token(saigon: Business) -> None:
    here, there, token = browser(saigon.owner), browser(saigon.owner), saigon.token(saigon.owner)
    form = {"old_password": "wrong", "new_password": NEW, "repeated": NEW}
    assert "not your password" in text_of(here.post(reverse("account_password"), form))
    assert User.objects.get(pk=saigon.owner.pk).check_password(PASSWORD)
    before = here.cookies["sessionid"].value
    assert here.post(reverse("account_password"), {**form, "old_password": PASSWORD}).status_code == 302
    assert here.cookies["sessionid"].value != before
    assert here.get(page("index")).status_code == 200
    assert there.get(page("index")).status_code == 302
    assert ApiClient(token).get("me/").status_code == 401


@pytest.mark.parametrize(
    ("new", "repeated", "said"),
    [("short", "short", "too short"), (NEW, "other words", "another password"), ("1234567890", "1234567890", "numeric")],
)
def test_a_weak_or_mistyped_password_is_refused(saigon: Business, new: str, repeated: str, said: str) -> None:
    form = {"old_password": PASSWORD, "new_password": new, "repeated": repeated}
    assert said in text_of(browser(saigon.owner).post(reverse("account_password"), form))
    assert User.objects.get(pk=saigon.owner.pk).check_password(PASSWORD)


def test_a_person_logs_out_everywhere_else(saigon: Business) -> None:
    here, there, token = browser(saigon.owner), browser(saigon.owner), saigon.token(saigon.owner)
    assert here.get(reverse("account_end_sessions")).status_code == 405
    assert there.get(page("index")).status_code == 200
    here.post(reverse("account_end_sessions"))
    assert here.get(page("index")).status_code == 200
    assert there.get(page("index")).status_code == 302
    assert ApiClient(token).get("me/").status_code == 401


def test_a_person_sets_the_second_factor_up_by_the_code_of_the_app(saigon: Business) -> None:
    person, address = browser(saigon.owner), reverse("account_second_factor")
    person.post(address, {"action": "begin", "old_password": PASSWORD})
    shown = person.get(address).content.decode()
    assert 'src="data:image/svg+xml' in shown
    secret = re.search(r"<code[^>]*>([A-Z2-7 ]+)</code>", shown)[1].replace(" ", "")
    assert "wrong" in text_of(person.post(address, {"action": "confirm", "code": "000000x"}))
    assert AuthIdentity.objects.get().confirmed_at is None
    answer = person.post(address, {"action": "confirm", "code": pyotp.TOTP(secret).now()})
    codes = re.findall(r">((?:[a-z2-7]{4}-){3}[a-z2-7]{4})<", answer.content.decode())
    assert len(set(codes)) == 10
    again = person.get(address).content.decode()
    assert secret not in again
    assert codes[0] not in again
    assert "Recovery codes left: 10" in text_of(person.get(reverse("account")))


def test_setting_the_second_factor_up_asks_for_the_password_and_an_open_page_alone_does_not_do(saigon: Business) -> None:
    person, address = browser(saigon.owner), reverse("account_second_factor")
    person.post(address, {"action": "begin"})
    assert "not your password" in text_of(person.post(address, {"action": "begin", "old_password": "wrong"}))
    assert not AuthIdentity.objects.exists()
    session = person.session
    session[BY_LINK] = time.time() - 60
    session.save()
    assert person.post(address, {"action": "begin"}).url == address
    assert AuthIdentity.objects.exists()


def test_switching_the_second_factor_on_ends_what_was_opened_without_it(saigon: Business) -> None:
    here, there, token = browser(saigon.owner), browser(saigon.owner), saigon.token(saigon.owner)
    address = reverse("account_second_factor")
    here.post(address, {"action": "begin", "old_password": PASSWORD})
    secret = address_of(AuthIdentity.objects.get())[1]
    assert there.get(page("index")).status_code == 200
    here.post(address, {"action": "confirm", "code": pyotp.TOTP(secret).now()})
    assert here.get(page("index")).status_code == 200
    assert there.get(page("index")).status_code == 302
    assert ApiClient(token).get("me/").status_code == 401


def test_logging_out_everywhere_ends_login_links_too(saigon: Business) -> None:
    for end in (
        lambda: browser(saigon.owner).post(reverse("account_end_sessions")),
        lambda: ApiClient(saigon.token(saigon.owner)).post("me/end-sessions/"),
    ):
        link = LoginToken.objects.create(purpose="login", email=saigon.owner.email)
        end()
        link.refresh_from_db()
        assert link.used_at is not None
        saigon.owner.refresh_from_db()
        saigon.tokens.clear()


def test_the_second_factor_is_renewed_and_switched_off_with_a_code_only(saigon: Business) -> None:
    app, codes = enrol(saigon.owner)
    person, address = browser(saigon.owner), reverse("account_second_factor")
    for action in ("begin", "confirm", "remove", "renew"):
        person.post(address, {"action": action, "code": "nonsense"})
        person.post(address, {"action": action})
    assert len(AuthIdentity.objects.get().recovery_codes) == 10
    shown = person.post(address, {"action": "renew", "code": app.now()}).content.decode()
    new = re.findall(r">((?:[a-z2-7]{4}-){3}[a-z2-7]{4})<", shown)
    person.post(address, {"action": "remove", "code": codes[0]})
    assert AuthIdentity.objects.exists()
    assert person.post(address, {"action": "remove", "code": new[0]}).url == reverse("account")
    assert not AuthIdentity.objects.exists()


def test_a_person_leaves_a_tenant_after_being_asked(saigon: Business, harbour: Business) -> None:
    with in_tenant(harbour.tenant):
        Membership.objects.create(user=saigon.operator, role="analyst")
    person, address = browser(saigon.operator, saigon.tenant), reverse("account_leave", args=[harbour.tenant.pk])
    assert "Leave Harbour?" in text_of(person.get(address))
    with in_tenant(harbour.tenant):
        assert Membership.objects.filter(user=saigon.operator).exists()
    assert "You have left Harbour" in text_of(person.post(address, follow=True))
    with in_tenant(harbour.tenant):
        assert not Membership.objects.filter(user=saigon.operator).exists()
    with in_tenant(saigon.tenant):
        assert Membership.objects.filter(user=saigon.operator).exists()


def test_the_last_owner_stays_and_a_foreign_tenant_is_as_unknown_as_none(saigon: Business, harbour: Business) -> None:
    person = browser(saigon.owner)
    answer = person.post(reverse("account_leave", args=[saigon.tenant.pk]), follow=True)
    assert "at least one owner" in text_of(answer)
    assert person.post(reverse("account_leave", args=[harbour.tenant.pk])).status_code == 404
    with in_tenant(saigon.tenant):
        assert Membership.objects.filter(user=saigon.owner).exists()
