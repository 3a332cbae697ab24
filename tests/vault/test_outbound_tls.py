"""TLS of the one client for the outside: the certificate is checked for the name, though the connection goes to an address."""

import ssl
from pathlib import Path

import httpx2
import pytest

from tests.certificates import self_signed
from tests.outside import answer, listener
from tests.vault.test_outbound import drip, failure
from vault import outbound
from vault.outbound import request


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return a server's side of TLS for shop.example, and make the client trust who signed it."""
    path = self_signed(tmp_path, "shop.example")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    client = ssl.create_default_context(cafile=str(path))
    monkeypatch.setattr(outbound, "_certificates", lambda: client)
    return server


def test_the_certificate_is_checked_for_the_name_although_the_connection_goes_to_an_address(
    loopback_allowed: None, names: dict[str, list[str]], certificate: ssl.SSLContext
) -> None:
    asked: list[str | None] = []
    certificate.sni_callback = lambda stream, name, context: asked.append(name)
    names.update({"shop.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
    with listener(answer(body=b"private"), tls=certificate) as server:
        assert request("GET", f"https://shop.example:{server.port}/").body == b"private"
        assert failure(f"https://other.example:{server.port}/") == "tls"
        assert failure(f"https://127.0.0.1:{server.port}/") == "tls"
    assert asked[:2] == ["shop.example", "other.example"]


def test_a_certificate_nobody_signed_is_refused(
    loopback_allowed: None, names: dict[str, list[str]], certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    names["shop.example"] = ["127.0.0.1"]
    monkeypatch.setattr(outbound, "_certificates", httpx2.create_ssl_context)
    with listener(answer(), tls=certificate) as server:
        assert failure(f"https://shop.example:{server.port}/") == "tls"


def test_a_server_that_speaks_no_tls_is_a_failure_of_tls(loopback_allowed: None) -> None:
    with listener(answer()) as server:
        assert failure(f"https://127.0.0.1:{server.port}/") == "tls"


def test_a_handshake_that_drips_ends_with_the_time(loopback_allowed: None) -> None:
    with listener(drip(b"\x16\x03\x03\x40\x00", b"\x00", 0.1)) as server:
        assert failure(f"https://127.0.0.1:{server.port}/", timeout=0.5) == "timeout"
