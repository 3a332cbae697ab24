"""Whose account a call is made with: the tenant's own before the environment's, and what no header can carry."""

from uuid import uuid4

import pytest

from bots.models import Bot
from tenants.models import Tenant
from tests.rows import make_row
from tests.vault.openai_server import KEY
from tests.vault.providers.test_openai_compatible import ASK, at, ledger, refused, shown
from vault.budgets import TenantSuspended
from vault.models import CredentialSecret, CredentialUse, UsageEntry
from vault.providers.metering import Purpose
from vault.providers.openai_compatible import chat, embed, stream_chat
from vault.services import store_credential

pytestmark = pytest.mark.django_db


def a_credential(remote, **options):
    secret = {"api_key": "sk-the-tenants-own-key-0001", "base_url": remote.base_url}
    return store_credential(provider="openai", kind="api_key", label="Ours", secret=secret, **options)


def test_a_tenants_own_account_comes_before_the_environments(shop, remote, settings, loopback_allowed):
    settings.LLM_BASE_URL = "http://127.0.0.1:1/v1"
    credential, turn = a_credential(remote, metadata={"model": "gpt-own"}), uuid4()
    chat(ASK, purpose=Purpose(subject=("runtime.turn", turn)))
    assert remote.asked[0].headers["authorization"] == "Bearer sk-the-tenants-own-key-0001"
    assert remote.asked[0].body["model"] == "gpt-own"
    assert UsageEntry.objects.get().credential_id == credential.pk
    use = CredentialUse.objects.get()
    assert (use.why, use.run) == ("chat", turn)


def test_what_the_environment_tells_the_sdk_reaches_no_server(shop, remote, monkeypatch, loopback_allowed):
    told = {name: f"{KEY}-{name}" for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "WEBHOOK_SECRET")}
    headers = f"Authorization: Bearer {KEY}-other\nX-Gateway-Key: {KEY}\nOpenAI-Organization: {KEY}\nUser-Agent: {KEY}"
    for name, value in {**told, "BASE_URL": "http://127.0.0.1:1/v1", "CUSTOM_HEADERS": headers}.items():
        monkeypatch.setenv(f"OPENAI_{name}", value)
    a_credential(remote)
    chat(ASK)
    list(stream_chat(ASK))
    assert len(remote.asked) == 2
    for asked in remote.asked:
        assert asked.headers["authorization"] == "Bearer sk-the-tenants-own-key-0001"
        assert KEY not in str(asked.headers)


def test_a_tenants_own_address_that_may_no_longer_be_called_leads_nowhere(shop, remote, settings, loopback_allowed):
    a_credential(remote)
    settings.OUTBOUND_ALLOW = []
    error = refused(chat, ASK)
    assert (error.kind, remote.asked) == ("permanent", [])
    assert ledger() == [("failed", "permanent", False)]


def test_a_bot_without_a_grant_uses_the_environments_account(shop, remote, loopback_allowed):
    a_credential(remote)
    chat(ASK, purpose=Purpose(bot_id=make_row(Bot).pk))
    assert remote.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_secret_that_does_not_open_is_a_permanent_error_and_nobody_is_asked(shop, remote, loopback_allowed):
    a_credential(remote)
    CredentialSecret.objects.update(ciphertext=b"\x01damaged")
    assert refused(chat, ASK).kind == "permanent"
    assert (remote.asked, ledger()) == ([], [])


@pytest.mark.parametrize(
    "secret",
    [
        {"api_key": f"{KEY}\n"},
        {"api_key": f"{KEY}\x00"},
        {"api_key": f"{KEY}\u00e9"},
        {"api_key": f"{KEY} "},
        {"api_key": "sk-1", "organization": f"{KEY}\r\nX-Other: 1"},
    ],
)
def test_a_secret_that_no_header_can_carry_is_refused_before_anything_is_held(shop, remote, loopback_allowed, secret):
    store_credential(provider="openai", kind="api_key", label="Ours", secret={**secret, "base_url": remote.base_url})
    error = refused(chat, ASK)
    assert error.kind == "permanent"
    assert KEY not in shown(error)
    assert (remote.asked, ledger()) == ([], [])


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}\u00e9"])
def test_what_our_own_side_refuses_to_send_costs_nothing_and_is_not_tried_again(shop, remote, settings, key):
    settings.LLM_API_KEY = key
    error = refused(chat, ASK)
    assert error.kind == "permanent"
    assert KEY not in shown(error)
    assert remote.asked == []
    assert ledger() == [("failed", "permanent", False)]


@pytest.mark.parametrize("has_own", [True, False])
def test_a_suspended_tenant_spends_nobodys_money(shop, remote, loopback_allowed, has_own):
    if has_own:
        a_credential(remote)
    Tenant.objects.update(status="suspended")
    for call in (chat, lambda request: list(stream_chat(request)), lambda _request: embed(["lamp"], endpoint=at(remote))):
        with pytest.raises(TenantSuspended):
            call(ASK)
    assert (remote.asked, ledger()) == ([], [])
