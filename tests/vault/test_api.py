"""The API of credentials: a secret goes in, is replaced and tested, and is in no answer."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from tenants.models import AuditEntry, IdempotencyKey
from tests.conftest import Business, in_tenant
from tests.outside import http_server
from tests.rows import a_bot_version
from vault.models import Credential, CredentialGrant, CredentialSecret, CredentialUse
from vault.services import reveal

pytestmark = pytest.mark.django_db

SECRET = "sk-live-0123456789abcdef"
BODY = {"provider": "openai", "kind": "api_key", "label": "OpenAI", "secret": {"api_key": SECRET}}


def stored(api: Any, business: Business, **changes: Any) -> dict[str, Any]:
    answer = api(business).post("credentials/", {**BODY, **changes})
    assert answer.status_code == 201, answer.json()
    return answer.json()


def revealed(business: Business, pk: str) -> dict[str, Any]:
    with in_tenant(business.tenant):
        return reveal(Credential.objects.get(pk=pk), why="test")


def test_a_secret_is_stored_and_told_by_hint_and_version_only(api: Any, saigon: Business) -> None:
    made = stored(api, saigon, expires_at="2030-01-01T00:00:00Z", metadata={"owner": "marketing"})
    assert (made["hint"], made["version"], made["active"]) == ("cdef", 1, True)
    assert made["metadata"] == {"owner": "marketing"}
    assert "secret" not in made
    for answer in (api(saigon).get(f"credentials/{made['id']}/"), api(saigon).get("credentials/")):
        assert SECRET not in answer.content.decode()
        assert made["id"] in answer.content.decode()
    assert revealed(saigon, made["id"]) == {"api_key": SECRET}


@pytest.mark.parametrize(
    ("kind", "secret"),
    [
        ("api_key", {"api_key": "k"}),
        ("basic", {"username": "u", "password": "p"}),
        ("oauth2", {"client_id": "i", "client_secret": "s"}),
        ("oauth2", {"client_id": "i", "client_secret": "s", "access_token": "a", "refresh_token": "r"}),
        ("custom", {"anything": {"at": ["all", 1]}}),
    ],
)
@pytest.mark.parametrize("provider", Credential.Provider.values)
def test_every_provider_takes_every_kind(api: Any, saigon: Business, provider: str, kind: str, secret: Any) -> None:
    made = stored(api, saigon, provider=provider, kind=kind, secret=secret)
    assert revealed(saigon, made["id"]) == secret


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"secret": {}}, [("secret", "blank"), ("secret.api_key", "required")]),
        ({"secret": {"api_key": 1}}, [("secret.api_key", "invalid")]),
        ({"secret": {"key": SECRET}}, [("secret.api_key", "required"), ("secret.key", "unknown_field")]),
        ({"secret": SECRET}, [("secret", "not_an_object")]),
        ({"kind": "magic"}, [("kind", "invalid_choice")]),
        ({"hint": "cdef"}, [("hint", "unknown_field")]),
        ({"person": str(uuid4())}, [("person", "unknown_reference")]),
        ({"secret": {"api_key": SECRET, "base_url": "http://127.0.0.1/"}}, [("secret.base_url", "destination_forbidden")]),
    ],
)
def test_what_does_not_fit_is_told_by_field_without_the_secret(
    api: Any, saigon: Business, changes: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    answer = api(saigon).post("credentials/", {**BODY, **changes})
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == errors
    assert SECRET not in answer.content.decode()
    with in_tenant(saigon.tenant):
        assert not Credential.objects.exists()


def test_too_large_a_secret_is_413(api: Any, saigon: Business) -> None:
    answer = api(saigon).post("credentials/", {**BODY, "secret": {"api_key": "x" * 1024 * 1024}})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (413, "secret")


def test_a_secret_is_replaced_without_being_read(api: Any, saigon: Business) -> None:
    made = stored(api, saigon)
    answer = api(saigon).post(f"credentials/{made['id']}/rotate/", {"secret": {"api_key": "sk-new-0123456789wxyz"}})
    assert (answer.status_code, answer.json()["version"], answer.json()["hint"]) == (200, 2, "wxyz")
    assert revealed(saigon, made["id"]) == {"api_key": "sk-new-0123456789wxyz"}
    refused = api(saigon).post(f"credentials/{made['id']}/rotate/", {"secret": {"password": "x"}})
    assert refused.status_code == 422
    assert revealed(saigon, made["id"]) == {"api_key": "sk-new-0123456789wxyz"}


def test_a_patch_changes_what_is_no_secret_and_may_bring_a_new_one(api: Any, saigon: Business) -> None:
    made = stored(api, saigon)
    address = f"credentials/{made['id']}/"
    answer = api(saigon).patch(address, {"label": "Second", "active": False, "person": str(saigon.admin.pk)})
    assert (answer.status_code, answer.json()["label"], answer.json()["active"]) == (200, "Second", False)
    answer = api(saigon).patch(address, {"active": True, "secret": {"api_key": "new"}})
    assert (answer.json()["version"], answer.json()["active"]) == (2, True)
    assert revealed(saigon, made["id"]) == {"api_key": "new"}
    refused = api(saigon).patch(address, {"provider": "anthropic", "kind": "basic"})
    assert [(error["field"], error["code"]) for error in refused.json()["errors"]] == [
        ("provider", "fixed"),
        ("kind", "fixed"),
    ]


def test_a_repeated_request_acts_once_and_keeps_no_secret(api: Any, saigon: Business) -> None:
    first = api(saigon).post("credentials/", BODY, Idempotency_Key="one")
    again = api(saigon).post("credentials/", BODY, Idempotency_Key="one")
    assert again.json() == first.json()
    with in_tenant(saigon.tenant):
        assert Credential.objects.count() == 1
        assert SECRET not in json.dumps(list(IdempotencyKey.objects.values_list("answer", flat=True)))


def test_changes_are_audited_without_the_secret(api: Any, saigon: Business) -> None:
    made = stored(api, saigon)
    api(saigon).post(f"credentials/{made['id']}/rotate/", {"secret": {"api_key": SECRET + "2"}})
    with in_tenant(saigon.tenant):
        entries = list(AuditEntry.objects.filter(subject_kind__startswith="vault.").values())
    assert {entry["subject_kind"] for entry in entries} >= {"vault.credential", "vault.credentialsecret", "vault.tenantkey"}
    assert SECRET not in str(entries)
    assert "ciphertext" not in str(entries)


# --- in use


def test_a_credential_in_use_is_not_deleted_and_the_answer_says_where(api: Any, saigon: Business) -> None:
    made = stored(api, saigon)
    with in_tenant(saigon.tenant):
        bot = a_bot_version().bot
    grant = api(saigon).post("credential-grants/", {"credential": made["id"], "bot": bot.code}).json()
    answer = api(saigon).delete(f"credentials/{made['id']}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert answer.json()["where"] == [{"kind": "grant", "id": grant["id"], "name": "Secret bot"}]
    assert revealed(saigon, made["id"]) == {"api_key": SECRET}
    assert api(saigon).delete(f"credential-grants/{grant['id']}/").status_code == 204
    assert api(saigon).delete(f"credentials/{made['id']}/").status_code == 204
    with in_tenant(saigon.tenant):
        assert not CredentialSecret.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, None),
        ({"role": "operator", "bot": "shop"}, None),
        ({"role": "king"}, "role"),
        ({"bot": "nobody"}, "bot"),
    ],
)
def test_a_grant_is_for_a_role_or_a_bot(api: Any, saigon: Business, body: dict[str, str], field: str | None) -> None:
    made = stored(api, saigon)
    with in_tenant(saigon.tenant):
        a_bot_version().bot.__class__.objects.update(code="shop")
    answer = api(saigon).post("credential-grants/", {"credential": made["id"], **body})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    with in_tenant(saigon.tenant):
        assert not CredentialGrant.objects.exists()


def test_a_grant_that_is_over_already_is_none(api: Any, saigon: Business) -> None:
    body = {"credential": stored(api, saigon)["id"], "role": "analyst", "expires_at": "2020-01-01T00:00:00Z"}
    answer = api(saigon).post("credential-grants/", body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "in_the_past")
    with in_tenant(saigon.tenant):
        assert not CredentialGrant.objects.exists()


def test_uses_are_listed_with_who_made_them(api: Any, saigon: Business) -> None:
    made, other = stored(api, saigon), stored(api, saigon)
    assert api(saigon, saigon.owner).post(f"credentials/{made['id']}/test/").status_code == 200
    revealed(saigon, other["id"])
    (use,) = api(saigon).get("credential-uses/", {"credential": made["id"]}).json()["results"]
    assert (use["label"], use["version"], use["why"], use["actor_kind"]) == ("OpenAI", 1, "test", "user")
    assert use["actor_id"] == str(saigon.owner.pk)
    assert api(saigon).get(f"credentials/{made['id']}/").json()["last_used_at"] == use["created_at"]


def test_what_cannot_be_read_is_told_without_a_detail(api: Any, saigon: Business) -> None:
    made = stored(api, saigon)
    with in_tenant(saigon.tenant):
        CredentialSecret.objects.update(ciphertext=b"damaged")
    answer = api(saigon).post(f"credentials/{made['id']}/test/")
    assert (answer.status_code, answer.json()["code"]) == (409, "credential_unreadable")
    inactive = stored(api, saigon, active=False)
    answer = api(saigon).post(f"credentials/{inactive['id']}/test/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_granted")
    (refusal,) = api(saigon).get("credential-uses/", {"outcome": "refused"}).json()["results"]
    assert (refusal["credential"], refusal["outcome"], refusal["why"]) == (inactive["id"], "refused", "test")
    (use,) = api(saigon).get("credential-uses/", {"outcome": "used"}).json()["results"]
    assert use["credential"] == made["id"]


def test_a_credential_is_tested_at_its_service(api: Any, saigon: Business, loopback_allowed: None) -> None:
    with http_server() as outside:
        made = stored(api, saigon, secret={"api_key": SECRET, "base_url": f"http://127.0.0.1:{outside.port}/v1"})
        unnamed = api(saigon).post(f"credentials/{made['id']}/test/").json()
        api(saigon, saigon.owner).patch(f"credentials/{made['id']}/", {"metadata": {"model": "small"}})
        good = api(saigon).post(f"credentials/{made['id']}/test/").json()
        outside.status, outside.body = 401, json.dumps({"error": {"message": f"no such key: {SECRET}"}}).encode()
        bad = api(saigon).post(f"credentials/{made['id']}/test/")
    assert (unnamed["ok"], unnamed["code"]) == (True, "ok")
    assert "no model is named" in unnamed["detail"]
    assert (good["ok"], good["code"], good["detail"]) == (True, "ok", "It works.")
    assert (bad.json()["ok"], bad.json()["code"]) == (False, "refused")
    assert SECRET not in bad.content.decode()
    assert outside.received[0].path == "/v1/models"
    assert outside.received[0].headers["authorization"] == f"Bearer {SECRET}"
    with in_tenant(saigon.tenant):
        assert CredentialUse.objects.count() == 3


def test_an_end_that_is_over_is_refused_unless_it_was_stored_before(api: Any, saigon: Business) -> None:
    owner, past = api(saigon, saigon.owner), (timezone.now() - timedelta(days=1)).isoformat()
    body = {"provider": "openai", "kind": "api_key", "label": "Old", "secret": {"api_key": "sk-1"}}
    refused = owner.post("credentials/", {**body, "expires_at": past})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "expires_at")
    made = owner.post("credentials/", body).json()
    assert owner.patch(f"credentials/{made['id']}/", {"expires_at": past}).json()["code"] == "in_the_past"
    with in_tenant(saigon.tenant):
        assert Credential.objects.get().expires_at is None
        Credential.objects.update(expires_at=past)
    assert owner.patch(f"credentials/{made['id']}/", {"label": "Renamed", "expires_at": past}).status_code == 200


def test_the_hosts_a_secret_may_be_sent_to_are_written_plainly(api: Any, saigon: Business) -> None:
    owner = api(saigon, saigon.owner)
    body = {"provider": "openai", "kind": "api_key", "label": "Bound", "secret": {"api_key": "sk-1"}}
    for wrong in ("https://api.example.com", "API.example.com", "api.example.com:443", "a b", "*.example.com", ""):
        refused = owner.post("credentials/", {**body, "allowed_hosts": [wrong]})
        assert (refused.status_code, wrong) == (422, wrong)
    with in_tenant(saigon.tenant):
        assert not Credential.objects.exists()
    made = owner.post("credentials/", {**body, "allowed_hosts": ["api.example.com", "192.0.2.7", "xn--bcher-kva.example"]})
    assert (made.status_code, made.json()["allowed_hosts"][0]) == (201, "api.example.com")
