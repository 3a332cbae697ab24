"""A credential is tried at its service, over the real protocol, on loopback; nothing the service says is passed on."""

import json
import ssl
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import self_signed
from tests.conftest import Business, in_tenant
from tests.mail_servers import (
    Door,
    Line,
    mail_server,
    speak_imap,
    speak_literal,
    speak_many_lines,
    speak_smtp,
    speak_ssh,
    speak_without_end,
)
from tests.outside import http_server, listener
from vault import outbound, testing
from vault.services import store_credential
from vault.testing import Outcome, try_credential

pytestmark = pytest.mark.django_db

KEY = "sk-live-0123456789abcdef"


def outcome(business: Business, provider: str, kind: str, secret: dict[str, Any], model: str = "gpt-test") -> Outcome:
    with in_tenant(business.tenant):
        metadata = {"model": model}
        return try_credential(
            store_credential(provider=provider, kind=kind, label="Tried", secret=secret, metadata=metadata)
        )


QUESTIONS = [
    ("openai", "/v1", {}, "/v1/models", {"authorization": f"Bearer {KEY}"}),
    ("anthropic", "", {}, "/v1/models", {"x-api-key": KEY, "anthropic-version": "2023-06-01"}),
    ("facebook_page", "/v25.0/", {}, "/v25.0/me", {"authorization": f"Bearer {KEY}"}),
    ("n8n", "", {}, "/api/v1/workflows?limit=1", {"x-n8n-api-key": KEY}),
    ("n8n", "/api/v1", {}, "/api/v1/workflows?limit=1", {"x-n8n-api-key": KEY}),
    ("flowise", "/", {}, "/api/v1/chatflows", {"authorization": f"Bearer {KEY}"}),
    ("activepieces", "", {}, "/api/v1/projects", {"authorization": f"Bearer {KEY}"}),
    ("activepieces", "", {"project_id": "a&b"}, "/api/v1/flow-runs?projectId=a%26b&limit=1", {}),
]


@pytest.mark.parametrize(("provider", "path", "more", "asked", "headers"), QUESTIONS)
def test_each_service_is_asked_one_question_of_its_own(
    saigon: Business,
    loopback_allowed: None,
    provider: str,
    path: str,
    more: dict[str, str],
    asked: str,
    headers: dict[str, str],
) -> None:
    with http_server() as outside:
        secret = {"api_key": KEY, "base_url": f"http://127.0.0.1:{outside.port}{path}", **more}
        assert outcome(saigon, provider, "api_key", secret).ok is True
        for status, code in ((401, "refused"), (403, "refused"), (500, "unexpected_answer"), (302, "unexpected_answer")):
            outside.status = status
            assert outcome(saigon, provider, "api_key", secret).code == code
    assert {one.path for one in outside.received} == {asked}
    assert headers.items() <= outside.received[0].headers.items()


def test_a_key_that_works_says_when_bots_know_no_model_to_ask_with_it(
    saigon: Business, loopback_allowed: None, settings: Any
) -> None:
    with http_server() as outside:
        secret = {"api_key": KEY, "base_url": f"http://127.0.0.1:{outside.port}/v1"}
        found = outcome(saigon, "openai", "api_key", secret, model="")
        assert (found.ok, found.code) == (True, "ok")
        assert "no model is named" in found.detail
        settings.LLM_MODEL = "gpt-test"
        assert outcome(saigon, "openai", "api_key", secret, model="").detail == "It works."


def test_name_and_password_are_sent_as_such(saigon: Business, loopback_allowed: None) -> None:
    with http_server() as outside:
        secret = {"username": "anh", "password": "mật khẩu", "base_url": f"http://127.0.0.1:{outside.port}"}
        assert outcome(saigon, "flowise", "basic", secret).ok is True
    assert outside.received[0].headers["authorization"] == "Basic YW5oOm3huq10IGto4bqpdQ=="


@pytest.mark.parametrize(
    ("body", "code"),
    [(b'{"error": 0, "data": {}}', "ok"), (b'{"error": -216, "message": "x"}', "refused"), (b"{}", "unexpected_answer")],
)
def test_zalo_answers_200_to_everything(saigon: Business, loopback_allowed: None, body: bytes, code: str) -> None:
    with http_server() as outside:
        outside.body = body
        tokens = {"client_id": "1", "client_secret": "s", "access_token": KEY}
        secret = {**tokens, "base_url": f"http://127.0.0.1:{outside.port}"}
        assert outcome(saigon, "zalo_oa", "oauth2", secret).code == code
    assert (outside.received[0].path, outside.received[0].headers["access_token"]) == ("/v2.0/oa/getoa", KEY)


@pytest.mark.parametrize(
    ("provider", "kind", "secret", "code"),
    [
        ("custom", "custom", {"anything": "x"}, "nothing_to_test"),
        ("zalo_oa", "oauth2", {"client_id": "1", "client_secret": "s"}, "nothing_to_test"),
        ("n8n", "api_key", {"api_key": "k"}, "address_missing"),
        ("smtp", "basic", {"username": "a", "password": "b"}, "address_missing"),
        ("smtp", "api_key", {"api_key": "k"}, "login_missing"),
        ("openai", "api_key", {"api_key": "line\r\nHost: evil"}, "not_sendable"),
        ("smtp", "basic", {"username": "a", "password": "b", "host": "127.0.0.1", "port": 25}, "destination_forbidden"),
        ("imap", "basic", {"username": "a", "password": "b", "host": "localhost"}, "destination_forbidden"),
        ("smtp", "basic", {"username": "a", "password": "b", "host": "127.0.0.1", "port": 5432}, "destination_forbidden"),
    ],
)
def test_what_cannot_be_asked_is_told_by_a_code(
    saigon: Business, provider: str, kind: str, secret: dict[str, Any], code: str
) -> None:
    found = outcome(saigon, provider, kind, secret)
    assert (found.ok, found.code) == (None if code == "nothing_to_test" else False, code)
    assert found.detail


def test_a_mail_server_on_a_port_of_something_else_is_refused_also_outside(saigon: Business, settings: Any) -> None:
    secret = {"username": "a", "password": "b", "host": "8.8.8.8", "port": 5432}
    assert outcome(saigon, "smtp", "basic", secret).code == "destination_forbidden"


def test_a_service_that_repeats_the_secret_is_not_repeated(saigon: Business, loopback_allowed: None) -> None:
    with http_server() as outside:
        outside.status, outside.body = 401, json.dumps({"error": {"message": KEY}}).encode()
        found = outcome(saigon, "openai", "api_key", {"api_key": KEY, "base_url": f"http://127.0.0.1:{outside.port}"})
    assert KEY not in repr(found)


def test_nobody_there_is_told_as_such(saigon: Business, loopback_allowed: None) -> None:
    with listener() as gone:
        url = gone.url
    assert outcome(saigon, "n8n", "api_key", {"api_key": KEY, "base_url": url}).code == "connection"


# --- mail


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return what a server of localhost shows, by a certificate that this test trusts."""
    path = self_signed(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
@pytest.mark.parametrize(("protocol", "speak"), [("smtp", speak_smtp), ("imap", speak_imap)])
def test_a_mail_server_says_whether_the_login_is_right(
    saigon: Business,
    loopback_allowed: None,
    certificate: ssl.SSLContext,
    protocol: str,
    speak: Callable[[Line, Door], None],
    security: str,
) -> None:
    door = Door("mai@shop.example", "right one", security, certificate)
    with mail_server(speak, door):
        secret = {"username": door.user, "password": door.password, "host": "localhost", "port": door.port}
        assert outcome(saigon, protocol, "basic", {**secret, "security": security}).code == "ok"
        assert outcome(saigon, protocol, "basic", {**secret, "security": security, "password": "x"}).code == "refused"


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
def test_a_certificate_of_another_name_is_refused(
    saigon: Business, loopback_allowed: None, certificate: ssl.SSLContext, protocol: str
) -> None:
    door = Door("a", "b", "tls", certificate)
    with mail_server({"smtp": speak_smtp, "imap": speak_imap}[protocol], door):
        secret = {"username": "a", "password": "b", "host": "127.0.0.1", "port": door.port, "security": "tls"}
        assert outcome(saigon, protocol, "basic", secret).code == "tls"


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
def test_what_is_no_mail_server_is_told_as_such(saigon: Business, loopback_allowed: None, protocol: str) -> None:
    with mail_server(speak_ssh, Door("a", "b")) as door:
        secret = {"username": "a", "password": "b", "host": "127.0.0.1", "port": door.port, "security": "none"}
        assert outcome(saigon, protocol, "basic", secret).code == "protocol"


def test_a_mail_server_that_hangs_up_is_told_as_such(saigon: Business, loopback_allowed: None) -> None:
    for protocol in ("smtp", "imap"):
        with mail_server(lambda stream, door: None, Door("a", "b")) as door:
            secret = {"username": "a", "password": "b", "host": "127.0.0.1", "port": door.port, "security": "none"}
            assert outcome(saigon, protocol, "basic", secret).code == "closed"


def test_a_server_that_never_comes_to_an_end_is_left(
    saigon: Business, loopback_allowed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(testing, "SECONDS", 0.4)
    with mail_server(speak_without_end, Door("a", "b")) as door:
        secret = {"username": "a", "password": "b", "host": "127.0.0.1", "port": door.port, "security": "none"}
        found = outcome(saigon, "smtp", "basic", secret)
    assert found.code == "timeout"
    assert 350 < found.latency_ms < 3000


@pytest.mark.parametrize(("protocol", "speak"), [("imap", speak_literal), ("smtp", speak_many_lines)])
def test_a_mail_server_that_says_very_much_is_left_before_it_fills_the_memory(
    saigon: Business, loopback_allowed: None, protocol: str, speak: Callable[[Line, Door], None]
) -> None:
    with mail_server(speak, Door("a", "b")) as door:
        secret = {"username": "a", "password": "b", "host": "127.0.0.1", "port": door.port, "security": "none"}
        tracemalloc.start()
        found = outcome(saigon, protocol, "basic", secret)
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert found.code == "too_large"
    assert most < 10_000_000


@pytest.mark.usefixtures("loopback_allowed")
def test_finding_the_server_and_talking_to_it_share_one_time(saigon: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing, "SECONDS", 1.0)
    monkeypatch.setattr(outbound, "resolve", lambda host, port: time.sleep(0.7) or ["127.0.0.1"])
    with mail_server(speak_without_end, Door("a", "b")) as door:
        secret = {"username": "a", "password": "b", "host": "mail.example", "port": door.port, "security": "none"}
        found = outcome(saigon, "smtp", "basic", secret)
    assert found.code == "timeout"
    assert found.latency_ms < 1400
