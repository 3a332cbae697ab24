"""History, audit, events and settings in the admin."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import SalesChannel
from tenants.events import record_event
from tenants.models import AuditEntry, Event, Setting, User
from tests.conftest import Business, in_tenant
from tests.rows import a_budget, a_credential, an_api_key, an_event
from tests.tenants.admin_pages import browser, hidden, page, text_of
from vault.models import Credential, CredentialGrant
from vault.services import store_credential

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(saigon: Business) -> SalesChannel:
    """A channel that the operator has renamed in the admin."""
    with in_tenant(saigon.tenant):
        channel = SalesChannel.objects.create(code="shop", name="Shop")
    operator, address = browser(saigon.operator), page("catalog_saleschannel_change", channel.pk)
    form = {
        "code": "shop",
        "name": "Corner <shop>",
        "is_active": "on",
        "_version": hidden(operator.get(address), "_version"),
    }
    assert operator.post(address, form).status_code == 302
    return channel


def test_the_history_of_a_row_says_who_changed_what(saigon: Business, channel: SalesChannel) -> None:
    shown = browser(saigon.analyst).get(page("catalog_saleschannel_history", channel.pk))
    text = text_of(shown)
    assert "Changed operator@saigon.example" in text
    assert "Name Shop Corner &lt;shop&gt;" in text
    assert "Added System" in text
    assert "<shop>" not in shown.content.decode()


def test_the_audit_leads_from_an_entry_to_its_row_and_to_all_of_its_request(saigon: Business, channel: SalesChannel) -> None:
    with in_tenant(saigon.tenant):
        entry = AuditEntry.objects.about(channel).first()
    owner = browser(saigon.owner)
    listed = text_of(owner.get(page("tenants_auditentry_changelist"), {"subject_kind": "catalog.saleschannel"}))
    assert "Changed Sales channel Name operator@saigon.example" in listed
    shown = owner.get(page("tenants_auditentry_change", entry.pk)).content.decode()
    assert page("catalog_saleschannel_history", channel.pk) in shown
    assert f"request_id={entry.request_id}" in shown
    same = owner.get(page("tenants_auditentry_changelist"), {"request_id": str(entry.request_id)})
    assert text_of(same).count("Sales channel Name") == 1


@pytest.fixture
def grant(saigon: Business) -> CredentialGrant:
    """An operator's right to use a credential until a moment."""
    with in_tenant(saigon.tenant):
        credential = store_credential(provider="openai", kind="api_key", label="The <key>", secret={"api_key": "sk-1"})
        ends = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
        return CredentialGrant.objects.create(credential=credential, role="operator", expires_at=ends)


def test_rows_are_told_by_name_choices_by_label_and_moments_in_words(saigon: Business, grant: CredentialGrant) -> None:
    with in_tenant(saigon.tenant):
        entry = AuditEntry.objects.about(grant).get()
    owner = browser(saigon.owner)
    shown = text_of(owner.get(page("tenants_auditentry_change", entry.pk)))
    assert "Credential – The &lt;key&gt;" in shown
    assert "Role – Operator" in shown
    assert "2030-01-02T" not in shown
    listed = text_of(owner.get(page("tenants_auditentry_changelist"), {"subject_kind": "vault.credentialgrant"}))
    assert "Added Grant The &lt;key&gt;, Operator" in listed


def test_a_row_that_is_gone_is_told_by_its_id(saigon: Business, grant: CredentialGrant) -> None:
    with in_tenant(saigon.tenant):
        Credential.objects.all().delete()
        entry = AuditEntry.objects.about(grant).filter(verb="delete").get()
    shown = text_of(browser(saigon.owner).get(page("tenants_auditentry_change", entry.pk)))
    assert f"Credential {grant.credential_id} –" in shown


def test_names_cost_one_query_for_each_kind_of_row(saigon: Business, grant: CredentialGrant) -> None:
    owner, address = browser(saigon.owner), page("tenants_auditentry_changelist")
    asked = {"subject_kind": "vault.credentialgrant"}
    with CaptureQueriesContext(connection) as few:
        owner.get(address, asked)
    with in_tenant(saigon.tenant):
        for number in range(8):
            store = {"provider": "openai", "kind": "api_key", "label": f"Key {number}", "secret": {"api_key": "sk-1"}}
            CredentialGrant.objects.create(credential=store_credential(**store), role="analyst")
    with CaptureQueriesContext(connection) as many:
        assert "Key 7, Analyst" in text_of(owner.get(address, asked))
    assert len(many) <= len(few)


def test_settings_are_told_by_their_title(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        Setting.put("credential_expiry_warning_days", 7)
    listed = text_of(browser(saigon.owner).get(page("tenants_auditentry_changelist"), {"subject_kind": "tenants.setting"}))
    assert "Added Setting Warn before a credential expires" in listed


def test_a_secret_is_shown_as_dots(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        key = an_api_key()
        entry = AuditEntry.objects.about(key).get()
    owner = browser(saigon.owner)
    for address in (page("tenants_apikey_history", key.pk), page("tenants_auditentry_change", entry.pk)):
        assert "•••" in text_of(owner.get(address))


def test_an_event_is_told_in_the_readers_words_zone_and_numbers(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        start = "2026-11-30T17:00:00+00:00"
        told = {"percent": 80, "spent": "41234.5000", "limit": "50000.0000", "currency": "USD", "period": "month"}
        record_event("budget.threshold", subject=a_budget(), data={**told, "period_start": start})
        record_event("credential.expiring", subject=a_credential(), data={"provider": "zalo_oa", "expires_at": start})
        record_event("credential.rate_exceeded", data={"actor_kind": "api_key", "limit": 600})
        User.objects.filter(pk=saigon.operator.pk).update(locale="vi", time_zone="Asia/Ho_Chi_Minh")
    listed = text_of(browser(saigon.operator).get(page("tenants_event_changelist")))
    for words in ("41.234,50", "50.000 ", "Tháng", ": khóa API", "600"):
        assert words in listed, words
    assert listed.count("01/12/2026 00:00") == 2
    for raw in ("2026-11-30T", ": month", ": api_key", ": zalo_oa", "50000.0000"):
        assert raw not in listed


def test_events_are_listed_and_narrowed_by_kind(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        event = an_event()
        SalesChannel.objects.all()
    operator = browser(saigon.operator)
    assert "File: secret.csv" in text_of(operator.get(page("tenants_event_changelist"), {"kind": "import.finished"}))
    assert "secret.csv" not in text_of(operator.get(page("tenants_event_changelist"), {"kind": "session.started"}))
    assert "secret.csv" in text_of(operator.get(page("tenants_event_change", event.pk)))
    with in_tenant(saigon.tenant):
        assert Event.objects.get() == event


def settings_of(business: Business) -> dict[str, Any]:
    with in_tenant(business.tenant):
        return dict(Setting.objects.values_list("name", "value"))


def send(business: Business, **values: str) -> Any:
    owner, address = browser(business.owner), page("tenants_tenant_change", business.tenant.pk)
    shown = owner.get(address)
    form = {"name": "Saigon", "locale": "vi", "time_zone": "Asia/Ho_Chi_Minh", "currency": "VND"}
    return owner.post(address, {**form, "_version": hidden(shown, "_version"), **values})


def test_settings_are_changed_on_the_tenants_page_and_given_back_to_the_platform(saigon: Business) -> None:
    assert send(saigon, setting_credential_expiry_warning_days="7", setting_require_second_factor="").status_code == 302
    assert settings_of(saigon) == {"credential_expiry_warning_days": 7}
    assert send(saigon, setting_credential_expiry_warning_days="", setting_require_second_factor="false").status_code == 302
    assert settings_of(saigon) == {"require_second_factor": False}
    shown = browser(saigon.owner).get(page("tenants_tenant_change", saigon.tenant.pk)).content.decode()
    assert "As the platform has it: 14" in shown


def test_a_setting_out_of_its_bounds_is_told_at_its_field_and_nothing_is_saved(saigon: Business) -> None:
    answer = send(saigon, setting_credential_expiry_warning_days="1000", name="Other")
    assert answer.status_code == 200
    assert "From 0 to 365." in text_of(answer)
    assert settings_of(saigon) == {}


def test_who_may_not_change_settings_is_not_asked(saigon: Business) -> None:
    shown = browser(saigon.analyst).get(page("tenants_tenant_change", saigon.tenant.pk)).content.decode()
    assert "setting_require_second_factor" not in shown
