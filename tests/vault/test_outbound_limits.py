"""What a server gets that is slow, endless, or speaks no HTTP: no more than its time and bytes."""

import gzip
import socket
import time
from collections.abc import Callable

import httpx2
import pytest

from tests.outside import answer, listener
from tests.vault.test_outbound import CHUNKED, OK, drip, failure
from vault.outbound import OutboundError, request, transport

BOMB = gzip.compress(bytes(50_000_000))


SERVERS: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "says nothing": (lambda stream: time.sleep(2), "timeout"),
    "one byte of body now and then": (drip(OK + b"\r\n", b"x", 0.1), "timeout"),
    "one byte of a header now and then": (drip(OK + b"X-A: ", b"x", 0.1), "timeout"),
    "endless chunks": (drip(CHUNKED, b"64\r\n" + b"x" * 100 + b"\r\n", 0), "too_large"),
    "a body without end": (drip(OK + b"\r\n", b"x" * 10_000, 0), "too_large"),
    "says it is 10 GB": (answer("Content-Length: 10000000000\r\n"), "too_large"),
    "says it is absurdly long": (answer(f"Content-Length: {'9' * 400}\r\n"), "protocol"),
    "gzip bomb": (answer(f"Content-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n", BOMB), "protocol"),
    "two encodings": (answer("Content-Encoding: gzip, gzip\r\n"), "protocol"),
    "endless headers": (drip(OK, b"X-A: " + b"x" * 1000 + b"\r\n", 0), "protocol"),
    "endless 100 Continue": (drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50, 0.01), "timeout"),
    "garbage": (lambda stream: stream.sendall(b"\x00\xff" * 100 + b"\r\n\r\n"), "protocol"),
    "smtp": (lambda stream: stream.sendall(b"220 mail.example ESMTP\r\n"), "closed"),
    "hangs up": (lambda stream: None, "closed"),
    "half a body": (answer("Content-Length: 100\r\n", b"half"), "closed"),
    "bad chunks": (lambda stream: stream.sendall(CHUNKED + b"zz\r\n"), "protocol"),
    "switches protocols": (answer("Upgrade: h2c\r\n", status="101 Switching Protocols"), "protocol"),
    "status of four digits": (answer(status="1000 Odd"), "protocol"),
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_gets_no_more_than_its_time_and_bytes(loopback_allowed: None, name: str) -> None:
    speak, kind = SERVERS[name]
    with listener(speak) as server:
        assert failure(server.url, max_bytes=50_000, timeout=0.5 if kind == "timeout" else 5) == kind


@pytest.mark.parametrize(("status", "code"), [("204 No Content", 204), ("999 Odd", 999), ("503 Busy", 503)])
def test_any_status_is_an_answer(loopback_allowed: None, status: str, code: int) -> None:
    with listener(answer(status=status)) as server:
        assert request("GET", server.url).status == code


def test_a_page_where_json_was_meant_is_an_error_of_the_protocol(loopback_allowed: None) -> None:
    with listener(answer(body=b"<html>")) as server, pytest.raises(OutboundError) as caught:
        request("GET", server.url).json()
    assert caught.value.kind == "protocol"


def test_a_reader_that_takes_nothing_is_a_timeout(loopback_allowed: None) -> None:
    with listener(lambda stream: time.sleep(2)) as server:
        assert failure(server.url, content=bytes(30_000_000), timeout=0.5) == "timeout"


def test_an_sdk_gets_the_errors_of_its_own_library(loopback_allowed: None) -> None:
    client = httpx2.Client(transport=transport(timeout=0.3, max_bytes=1000))
    with listener(lambda stream: time.sleep(1)) as server, pytest.raises(httpx2.TimeoutException):
        client.get(server.url)
    with listener(answer(body=b"x" * 2000)) as server, pytest.raises(OutboundError) as caught:
        client.get(server.url)
    assert caught.value.kind == "too_large"
    with pytest.raises(httpx2.ConnectError):
        client.get(server.url)


def test_an_sdk_reads_a_stream_as_it_comes(loopback_allowed: None) -> None:
    def speak(stream: socket.socket) -> None:
        stream.sendall(CHUNKED)
        for word in (b"one", b"two"):
            stream.sendall(b"3\r\n" + word + b"\r\n")
            time.sleep(0.1)
        stream.sendall(b"0\r\n\r\n")

    with listener(speak) as server, httpx2.Client(transport=transport()).stream("GET", server.url) as found:
        assert list(found.iter_bytes()) == [b"one", b"two"]


def test_an_error_after_the_status_tells_the_status(loopback_allowed: None) -> None:
    speakers = {
        "too_large": answer(body=b"x" * 2000),
        "protocol": answer("Content-Encoding: gzip\r\n", b"x"),
        "timeout": drip(OK + b"\r\n", b"x", 0.1),
    }
    for kind, speak in speakers.items():
        with listener(speak) as server, pytest.raises(OutboundError) as caught:
            request("GET", server.url, timeout=0.5, max_bytes=1000)
        assert (caught.value.kind, caught.value.status) == (kind, 200)
    with listener(lambda stream: time.sleep(1)) as server, pytest.raises(OutboundError) as caught:
        request("GET", server.url, timeout=0.3)
    assert caught.value.status is None
