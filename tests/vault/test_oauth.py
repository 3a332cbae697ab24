"""Fresh OAuth 2 tokens: one refresher at a time, single-use tokens kept, and what nobody knows is never tried again."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.contrib.messages import get_messages
from django.db import connection, transaction
from django.utils import timezone

from tenants.errors import Conflict
from tenants.models import PLATFORM_ID, Tenant
from tests.conftest import PASSWORD, Business, in_tenant
from tests.outside import HttpServer, http_server
from tests.tenants.admin_pages import browser, page
from vault import oauth
from vault.models import Credential, CredentialSecret
from vault.oauth import access_token, refresh_platform_tokens, refresh_tokens
from vault.services import reveal, rotate_credential, store_credential

pytestmark = pytest.mark.django_db

OLD = {"client_id": "app", "client_secret": "app secret", "access_token": "old", "refresh_token": "r1"}


@pytest.fixture
def service(loopback_allowed: None) -> Iterator[HttpServer]:
    with http_server() as found:
        found.body = json.dumps({"access_token": "new", "refresh_token": "r2", "expires_in": "3600"}).encode()
        yield found


def stored(service: HttpServer, provider: str = "custom", **changes: Any) -> Credential:
    secret = {**OLD, "token_url": f"http://127.0.0.1:{service.port}/token", **changes}
    return store_credential(provider=provider, kind="oauth2", label="Account", secret=secret)


def state(credential: Credential) -> tuple[str, int]:
    row = Credential.objects.get(pk=credential.pk)
    return row.refresh_state, row.version


def test_new_tokens_are_stored_with_when_they_end(saigon: Business, service: HttpServer) -> None:
    with in_tenant(saigon.tenant):
        credential = stored(service)
        assert refresh_tokens(credential).version == 2
        secret = reveal(credential, why="test")
        assert (secret["access_token"], secret["refresh_token"], secret["client_id"]) == ("new", "r2", "app")
        assert state(credential) == ("done", 2)
        ends = CredentialSecret.objects.get(version=2).access_expires_at
        assert ends is not None
        assert abs(ends - timezone.now() - timedelta(hours=1)) < timedelta(minutes=1)
    (request,) = service.received
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["r1"],
        "client_id": ["app"],
        "client_secret": ["app secret"],
    }


def test_zalo_is_asked_in_its_own_way(saigon: Business, service: HttpServer) -> None:
    with in_tenant(saigon.tenant):
        refresh_tokens(stored(service, "zalo_oa"))
    (request,) = service.received
    assert request.headers["secret_key"] == "app secret"
    expected = {"grant_type": ["refresh_token"], "refresh_token": ["r1"], "app_id": ["app"]}
    assert parse_qs(request.body.decode()) == expected


def test_a_refresh_token_that_stays_the_same_is_kept(saigon: Business, service: HttpServer) -> None:
    service.body = b'{"access_token": "new"}'
    with in_tenant(saigon.tenant):
        credential = stored(service)
        refresh_tokens(credential)
        assert reveal(credential, why="test")["refresh_token"] == "r1"


def test_who_comes_late_asks_no_more(saigon: Business, service: HttpServer) -> None:
    with in_tenant(saigon.tenant):
        credential = stored(service)
        late = Credential.objects.get(pk=credential.pk)
        refresh_tokens(credential)
        assert refresh_tokens(late).version == 2
    assert len(service.received) == 1


@pytest.mark.parametrize(
    ("status", "body", "ended"),
    [
        (400, b'{"error": "invalid_grant", "error_description": "r1 app secret"}', "failed"),
        (401, b"", "failed"),
        (200, b'{"error": -14001, "message": "r1"}', "failed"),
        (500, b"r1", "unknown"),
        (200, b"no json", "unknown"),
        (200, b"{}", "unknown"),
    ],
)
def test_a_refusal_and_an_unclear_end_are_told_apart_and_neither_is_tried_again(
    saigon: Business, service: HttpServer, status: int, body: bytes, ended: str
) -> None:
    service.status, service.body = status, body
    with in_tenant(saigon.tenant):
        credential = stored(service)
        for _again in range(2):
            with pytest.raises(Conflict) as caught:
                refresh_tokens(credential)
            assert caught.value.code == {"failed": "refresh_failed", "unknown": "refresh_unclear"}[ended]
            assert "r1" not in caught.value.message
        assert state(credential) == (ended, 1)
        assert "app secret" not in Credential.objects.get().refresh_error
        assert reveal(credential, why="test")["refresh_token"] == "r1"
    assert len(service.received) == 1


def test_no_answer_in_time_is_unclear(saigon: Business, service: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth, "SECONDS", 0.2)
    service.before = lambda: time.sleep(0.6)
    with in_tenant(saigon.tenant):
        credential = stored(service)
        with pytest.raises(Conflict, match="Nobody knows"):
            refresh_tokens(credential)
        assert state(credential) == ("unknown", 1)


def test_a_process_that_died_while_asking_leaves_an_unclear_end(saigon: Business, service: HttpServer) -> None:
    with in_tenant(saigon.tenant):
        credential = stored(service)
        ended = timezone.now() - timedelta(seconds=1)
        Credential.objects.update(refresh_state="running", refresh_lease_until=ended)
        with pytest.raises(Conflict, match="Nobody knows"):
            refresh_tokens(credential)
        assert state(credential) == ("unknown", 1)
    assert service.received == []


def test_a_person_may_have_it_tried_again_or_replace_the_secret(saigon: Business, service: HttpServer) -> None:
    with in_tenant(saigon.tenant):
        credential = stored(service)
        Credential.objects.update(refresh_state="unknown", refresh_error="x")
    answer = browser(saigon.owner).post(page("vault_credential_refresh_now", credential.pk), {"old_password": PASSWORD})
    assert "The new tokens are stored." in str([str(one) for one in get_messages(answer.wsgi_request)])
    with in_tenant(saigon.tenant):
        assert state(credential) == ("done", 2)
        Credential.objects.update(refresh_state="unknown")
        rotate_credential(credential, secret=OLD)
        assert state(credential) == ("", 3)


def test_a_secret_replaced_meanwhile_stays(saigon: Business, service: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with in_tenant(saigon.tenant):
        credential = stored(service)
        ask = oauth._ask

        def slowly(*arguments: Any) -> Any:
            rotate_credential(Credential.objects.get(pk=credential.pk), secret={**OLD, "refresh_token": "by a person"})
            return ask(*arguments)

        monkeypatch.setattr(oauth, "_ask", slowly)
        assert refresh_tokens(credential).version == 2
        assert reveal(credential, why="test")["refresh_token"] == "by a person"


def test_a_token_is_refreshed_only_shortly_before_it_ends(saigon: Business, service: HttpServer) -> None:
    with in_tenant(saigon.tenant):
        credential = stored(service)
        assert access_token(credential, why="send") == "old"
        CredentialSecret.objects.update(access_expires_at=timezone.now() + timedelta(seconds=30))
        assert access_token(credential, why="send") == "new"
        assert access_token(credential, why="send") == "new"
    assert len(service.received) == 1


def test_tokens_of_the_platform_are_refreshed_in_the_background_shortly_before_they_end(
    saigon: Business, service: HttpServer
) -> None:
    with in_tenant(PLATFORM_ID):
        credential = stored(service)
        CredentialSecret.objects.update(access_expires_at=timezone.now() + timedelta(minutes=6))
    assert refresh_platform_tokens() == 0
    with in_tenant(PLATFORM_ID):
        CredentialSecret.objects.update(access_expires_at=timezone.now() + timedelta(minutes=4))
    with in_tenant(saigon.tenant):
        stored(service)
        CredentialSecret.objects.update(access_expires_at=timezone.now() + timedelta(minutes=4))
    assert refresh_platform_tokens() == 1
    with in_tenant(PLATFORM_ID):
        assert state(credential) == ("done", 2)
    assert len(service.received) == 1


def test_no_transaction_is_open_while_the_service_thinks(
    business_for_good: Business, service: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, during = oauth._ask, []

    def look(*arguments: Any) -> Any:
        during.append(connection.in_atomic_block)
        return ask(*arguments)

    monkeypatch.setattr(oauth, "_ask", look)
    with in_tenant(business_for_good.tenant):
        refresh_tokens(stored(service))
    assert during == [False]


@pytest.fixture
def business_for_good(transactional_db: None, business: Callable[[str], Business]) -> Business:
    """Return a business that other connections see."""
    with in_tenant(PLATFORM_ID):
        Tenant.objects.get_or_create(pk=PLATFORM_ID, defaults={"slug": "platform", "name": "Platform"})
    return business("refreshing")


def test_ten_who_refresh_at_once_ask_once_and_all_get_the_new_token(
    business_for_good: Business, service: HttpServer
) -> None:
    service.before = lambda: time.sleep(0.3)
    with in_tenant(business_for_good.tenant), transaction.atomic():
        credential = stored(service)

    def one(_number: int) -> str:
        try:
            with in_tenant(business_for_good.tenant):
                own = refresh_tokens(credential)
                return str(reveal(own, why="test")["access_token"])
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(one, range(10))) == {"new"}
    assert len(service.received) == 1
    with in_tenant(business_for_good.tenant):
        assert state(credential) == ("done", 2)
