"""Credentials in the admin: typed in, replaced, tried and granted; no page ever shows a secret."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from tenants.lockout import MOST_FROM_ONE
from tenants.views.proof import PROVED
from tests.conftest import PASSWORD, Business, in_tenant
from tests.outside import http_server
from tests.rows import a_bot_version
from tests.tenants.admin_pages import browser, hidden, page, text_of
from tests.tenants.test_second_factor import enrol
from tests.vault.test_services import SECRET, store
from vault.events_out import create_destination
from vault.models import Credential, CredentialGrant, CredentialSecret, CredentialUse
from vault.services import NotGranted, reveal

pytestmark = pytest.mark.django_db

KEY = "sk-live-0123456789abcdef"
PROOF = {"old_password": PASSWORD}
NO_INLINES = {f"{name}-{mark}_FORMS": "0" for name in ("grants", "secrets") for mark in ("TOTAL", "INITIAL")}
NEW = {"provider": "openai", "kind": "api_key", "label": "OpenAI", "is_active": "on", "metadata": "{}"}


def told(answer: Any) -> str:
    return " ".join(map(str, get_messages(answer.wsgi_request)))


def saved(person: Any, pk: Any, **values: Any) -> Any:
    """Send the change form as a browser would; returns the answer."""
    address = page("vault_credential_change", pk)
    form = person.get(address)
    marks = {name: hidden(form, name) for name in ("_version", "_tenant")}
    return person.post(address, {"label": "OpenAI", "is_active": "on", "metadata": "{}", **NO_INLINES, **marks, **values})


def test_a_credential_is_typed_in_and_never_shown_again(saigon: Business) -> None:
    owner = browser(saigon.owner)
    form = owner.get(page("vault_credential_add"))
    assert 'autocomplete="new-password"' in form.content.decode()
    answer = owner.post(page("vault_credential_add"), {**NEW, "api_key": KEY})
    assert answer.status_code == 302, text_of(answer)
    with in_tenant(saigon.tenant):
        credential = Credential.objects.get()
        assert reveal(credential, why="test") == {"api_key": KEY}
        assert credential.created_by == saigon.owner
    for address in (page("vault_credential_changelist"), page("vault_credential_change", credential.pk)):
        shown = owner.get(address)
        assert KEY not in shown.content.decode()
        assert "…cdef" in text_of(shown)


def test_a_secret_is_kept_to_the_last_blank(saigon: Business) -> None:
    typed = {"provider": "smtp", "kind": "basic", "username": " mai ", "password": " with blanks ", "host": "mail.example"}
    assert browser(saigon.owner).post(page("vault_credential_add"), {**NEW, **typed, "port": "587"}).status_code == 302
    with in_tenant(saigon.tenant):
        expected = {"username": " mai ", "password": " with blanks ", "host": "mail.example", "port": 587}
        assert reveal(Credential.objects.get(), why="test") == expected


def test_a_secret_of_another_kind_is_given_as_an_object(saigon: Business) -> None:
    typed = {"provider": "custom", "kind": "custom", "more": '{"token": "x", "list": [1]}'}
    assert browser(saigon.owner).post(page("vault_credential_add"), {**NEW, **typed}).status_code == 302
    with in_tenant(saigon.tenant):
        assert reveal(Credential.objects.get(), why="test") == {"token": "x", "list": [1]}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "This field is required."),
        ({"kind": "basic", "username": "u", "password": ""}, "This field is required."),
        ({"api_key": KEY, "base_url": "http://127.0.0.1/"}, "does not lead to a place on the public internet"),
        ({"api_key": KEY, "more": f'["{KEY}"]'}, "Write a JSON object."),
        ({"api_key": KEY, "more": f'{{"key": "{KEY}"}}'}, "There is no such field to write."),
        ({"api_key": KEY * 3000}, "at most 64 KB"),
        ({"api_key": KEY, "label": ""}, "This field is required."),
    ],
)
def test_what_does_not_fit_is_told_at_the_field_and_the_form_comes_back_without_the_secret(
    saigon: Business, typed: dict[str, str], said: str
) -> None:
    answer = browser(saigon.owner).post(page("vault_credential_add"), {**NEW, **typed})
    assert answer.status_code == 200
    assert said in text_of(answer)
    assert KEY not in answer.content.decode()
    with in_tenant(saigon.tenant):
        assert not Credential.objects.exists()


def test_saving_without_a_new_secret_keeps_the_stored_one(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
    assert saved(browser(saigon.owner), credential.pk, label="Renamed").status_code == 302
    with in_tenant(saigon.tenant):
        assert (Credential.objects.get().label, Credential.objects.get().version) == ("Renamed", 1)
        assert reveal(credential, why="test") == SECRET


def test_a_typed_secret_takes_the_place_of_the_stored_one(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
    answer = saved(browser(saigon.owner), credential.pk, api_key="sk-new-0123456789wxyz", provider="n8n")
    assert answer.status_code == 302, text_of(answer)
    with in_tenant(saigon.tenant):
        changed = Credential.objects.get()
        assert (changed.version, changed.hint, changed.provider) == (2, "wxyz", "openai")
        assert reveal(changed, why="test") == {"api_key": "sk-new-0123456789wxyz"}
        assert list(CredentialSecret.objects.values_list("version", "created_by")) == [(2, saigon.owner.pk), (1, None)]


def test_bots_and_roles_are_granted_the_use_beside_the_credential(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential, bot = store(), a_bot_version().bot
    rows = {"grants-TOTAL_FORMS": "2", "grants-0-bot": str(bot.pk), "grants-1-role": "operator"}
    rows |= {f"grants-{number}-credential": str(credential.pk) for number in (0, 1)}
    assert saved(browser(saigon.owner), credential.pk, **rows).status_code == 302
    with in_tenant(saigon.tenant):
        assert set(CredentialGrant.objects.values_list("bot", "role")) == {(bot.pk, ""), (None, "operator")}
        assert reveal(credential, why="test", bot_id=bot.pk) == SECRET
    shown = text_of(browser(saigon.owner).get(page("vault_credential_change", credential.pk)))
    assert "grant: Secret bot" in shown


def test_one_in_use_is_not_deleted_and_the_page_says_where(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
        grant = CredentialGrant.objects.create(credential=credential, role="operator")
    owner, address = browser(saigon.owner), page("vault_credential_delete", credential.pk)
    answer = owner.post(address, {"post": "yes"}, follow=True)
    assert "It is still used: grant “Operator”" in text_of(answer)
    with in_tenant(saigon.tenant):
        assert Credential.objects.exists()
        grant.delete()
    owner.post(address, {"post": "yes"})
    with in_tenant(saigon.tenant):
        assert not Credential.objects.exists()


def test_the_list_says_what_ends_soon_and_what_was_used_when(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        store(label="Soon", expires_at=timezone.now() + timedelta(days=3))
        store(label="Over", expires_at=timezone.now() - timedelta(days=3))
        store(label="Later", expires_at=timezone.now() + timedelta(days=300))
        reveal(store(label="Never"), why="test")
    shown = text_of(browser(saigon.owner).get(page("vault_credential_changelist")))
    for word in ("Soon", "Expired", "Later", "Never"):
        assert word in shown


def test_the_test_button_asks_the_service(saigon: Business, loopback_allowed: None) -> None:
    with http_server() as outside:
        with in_tenant(saigon.tenant):
            secret = {"api_key": KEY, "base_url": f"http://127.0.0.1:{outside.port}"}
            credential = store(provider="n8n", secret=secret)
        address = page("vault_credential_test", credential.pk)
        owner = browser(saigon.owner)
        assert owner.get(address).status_code == 200
        assert outside.received == []
        assert "It works." in told(owner.post(address, PROOF))
        outside.status = 401
        assert "The service refused it." in told(owner.post(address))


class TestProvingOnceMoreWhoAsks:
    uses = 0

    @pytest.fixture
    def address(self, saigon: Business) -> str:
        """Return the page that tests a credential; of a kind where there is nothing to ask."""
        with in_tenant(saigon.tenant):
            return page("vault_credential_test", store(provider="custom").pk)

    def ran(self, answer: Any, saigon: Business) -> bool:
        """Whether the test ran; else the secret was not used either."""
        with in_tenant(saigon.tenant):
            used, self.uses = CredentialUse.objects.count() - self.uses, CredentialUse.objects.count()
        assert used == (answer.status_code == 302)
        return bool(used)

    def test_a_page_that_was_left_open_is_not_enough(self, saigon: Business, address: str) -> None:
        owner = browser(saigon.owner)
        assert "prove that it is you" in text_of(owner.get(address))
        assert not self.ran(owner.post(address), saigon)
        refused = owner.post(address, {"old_password": "wrong horse battery"})
        assert not self.ran(refused, saigon)
        assert "This is not your password." in text_of(refused)
        assert "wrong horse" not in refused.content.decode()
        assert not self.ran(owner.post(address), saigon)
        assert self.ran(owner.post(address, PROOF), saigon)

    def test_the_answer_lasts_ten_minutes_in_this_session_only(self, saigon: Business, address: str) -> None:
        owner = browser(saigon.owner)
        assert self.ran(owner.post(address, PROOF), saigon)
        assert "prove that it is you" not in text_of(owner.get(address))
        other = browser(saigon.owner)
        session = owner.session
        session[PROVED] -= 9 * 60
        session.save()
        assert self.ran(owner.post(address), saigon)
        assert not self.ran(other.post(address), saigon)
        session[PROVED] -= 61
        session.save()
        assert not self.ran(owner.post(address), saigon)

    def test_who_has_just_logged_in_is_not_asked(self, saigon: Business, address: str) -> None:
        person = Client()
        person.post(page("login"), {"username": saigon.owner.email, "password": PASSWORD})
        assert self.ran(person.post(address), saigon)

    def test_who_has_a_second_factor_is_asked_for_its_code(self, saigon: Business, address: str) -> None:
        app, _codes = enrol(saigon.owner)
        owner = browser(saigon.owner)
        assert not self.ran(owner.post(address, PROOF), saigon)
        code = {"code": app.now()}
        assert self.ran(owner.post(address, code), saigon)
        assert not self.ran(browser(saigon.owner).post(address, code), saigon)

    def test_guessing_is_locked_out(self, saigon: Business, address: str) -> None:
        owner = browser(saigon.owner)
        for _time in range(MOST_FROM_ONE):
            owner.post(address, {"old_password": "wrong"})
        locked = owner.post(address, PROOF)
        assert "Too many" in text_of(locked)
        assert not self.ran(locked, saigon)


def test_chosen_ones_are_deactivated(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
    chosen = {"action": "deactivate", "_selected_action": [str(credential.pk)]}
    answer = browser(saigon.owner).post(page("vault_credential_changelist"), chosen)
    assert "1 credentials are used no more." in told(answer)
    with in_tenant(saigon.tenant):
        assert not Credential.objects.get().is_active


def test_uses_are_listed_for_each_credential(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        one, other = store(label="One"), store(label="Other")
        reveal(one, why="send mail"), reveal(other, why="quote a price")
    owner = browser(saigon.owner)
    assert f"credentialuse/?credential_id={one.pk}" in owner.get(page("vault_credential_change", one.pk)).content.decode()
    shown = text_of(owner.get(page("vault_credentialuse_changelist"), {"credential_id": str(one.pk)}))
    assert ("send mail" in shown, "quote a price" in shown) == (True, False)
    with in_tenant(saigon.tenant):
        assert CredentialUse.objects.count() == 2


def test_why_a_secret_was_used_and_that_it_signs_is_told_in_the_readers_language(
    saigon: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_tenant(saigon.tenant), override("vi"):
        create_destination(name="Our shop", url="https://93.184.215.14/hook", kinds=[], is_active=True)
        reveal(Credential.objects.get(), why="sign events out")
    owner = browser(saigon.owner)
    listed = text_of(owner.get(page("vault_credential_changelist")))
    assert "Our shop Signing secret" in listed
    words = {"sign events out": "ký sự kiện gửi ra ngoài"}
    monkeypatch.setattr("tenants.notes.translation", SimpleNamespace(gettext=lambda text: words.get(text, text)))
    assert "ký sự kiện gửi ra ngoài" in text_of(owner.get(page("vault_credentialuse_changelist")))
    shown = owner.get("/api/v1/credential-uses/", headers={"Authorization": f"Bearer {saigon.key}"}).json()
    assert shown["results"][0]["why"] == "ký sự kiện gửi ra ngoài"


def test_a_refused_use_is_listed_as_such_and_is_not_counted(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store(label="One", is_active=False)
        with pytest.raises(NotGranted):
            reveal(credential, why="send mail")
    owner = browser(saigon.owner)
    shown = text_of(owner.get(page("vault_credentialuse_changelist"), {"outcome__exact": "refused"}))
    assert "Refused" in shown
    assert "send mail" in shown
    assert "send mail" not in text_of(owner.get(page("vault_credentialuse_changelist"), {"outcome__exact": "used"}))
    assert "Never used" in text_of(owner.get(page("vault_credential_change", credential.pk)))


def test_an_export_holds_no_secret(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
    chosen = {"action": "export", "_selected_action": [str(credential.pk)]}
    answer = browser(saigon.owner).post(page("vault_credential_changelist"), chosen)
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "OpenAI" in text
    assert SECRET["api_key"] not in text
