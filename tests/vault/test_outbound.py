"""The one client for the outside: nothing it is given leads inside, and nothing it meets holds it (RUN-07 to RUN-12)."""

import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import httpx2
import openai
import pytest

from config.environment import networks
from tests.outside import Listener, answer, listener
from vault import destinations, outbound
from vault.outbound import DestinationForbidden, OutboundError, check_url, connect, request, transport

INSIDE = [
    "http://127.0.0.1:{port}/",
    "http://127.0.0.2:{port}/",
    "http://127.255.255.254:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0x7f.1:{port}/",
    "http://0x7f000001:{port}/",
    "http://0X7F.0.0.1:{port}/",
    "http://0x7f.0x0.0x0.0x1:{port}/",
    "http://2130706433:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]:{port}/",
    "http://[fd00::1]:{port}/",
    "http://[fd00:ec2::254]:{port}/",
    "http://[fc00::1]:{port}/",
    "http://[fe80::1]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[ff02::1]:{port}/",
    "http://[2001:db8::1]:{port}/",
    "http://[::1:{port}/",
    "http://169.254.169.254:{port}/latest/meta-data/",
    "http://169.254.1.1:{port}/",
    "http://168.63.129.16:{port}/",
    "http://10.0.0.1:{port}/",
    "http://172.16.0.1:{port}/",
    "http://172.31.255.255:{port}/",
    "http://192.168.1.1:{port}/",
    "http://100.64.0.1:{port}/",
    "http://100.100.100.200:{port}/",
    "http://192.0.0.192:{port}/",
    "http://198.18.0.1:{port}/",
    "http://203.0.113.9:{port}/",
    "http://224.0.0.1:{port}/",
    "http://240.0.0.1:{port}/",
    "http://255.255.255.255:{port}/",
    "http://user@127.0.0.1:{port}/",
    "http://user:pass@127.0.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://nowhere.invalid#@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http://example.com\\@127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "http://127。0。0。1:{port}/",
    "http://127．0．0．1:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://ⓛocalhost:{port}/",
    "http://１２７.0.0.1:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://127.0.0.1%00.example.com:{port}/",
    "http://127.0.0.1\t:{port}/",
    "http://127.0.0.1\n:{port}/",
    "http://127.0.0.1:{port}/\r\nX-Injected: yes",
    " http://127.0.0.1:{port}/",
    "http://127.0.0.1 :{port}/",
    "http://127.0.0.1\u200b:{port}/",
    "http://127..0.1:{port}/",
    "http://-:{port}/",
    "http://:{port}/",
    "http:///127.0.0.1:{port}/",
    "http://127.0.0.1:{port}:80/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "dict://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "",
    "http://",
    "http://127.0.0.1:0{port}00/",
    "http://127.0.0.1:0/",
    "http://" + "a" * 64 + ".example:{port}/",
    "http://127.0.0.1:{port}/" + "a" * 2000,
]


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """Listen on all of loopback, both families, at a port that calls may go to."""
    with listener(answer(body=b"reached"), host="::") as found:
        monkeypatch.setattr(destinations, "PORTS", frozenset({80, 443, found.port}))
        yield found


def test_the_listener_hears_those_who_may_call(loopback: Listener, loopback_allowed: None) -> None:
    assert request("GET", f"http://localhost:{loopback.port}/").body == b"reached"
    assert loopback.connects == 1


@pytest.mark.parametrize("url", INSIDE)
def test_no_spelling_leads_inside(loopback: Listener, url: str) -> None:
    address = url.replace("{port}", str(loopback.port))
    with pytest.raises((DestinationForbidden, OutboundError)) as caught:
        request("GET", address, timeout=2)
    with pytest.raises((DestinationForbidden, OutboundError, httpx2.InvalidURL, httpx2.TransportError)):
        httpx2.Client(transport=transport(timeout=2), trust_env=False).get(address)
    time.sleep(0.01)
    assert loopback.connects == 0
    if isinstance(caught.value, DestinationForbidden):
        assert caught.value.code == "destination_forbidden"
        assert str(loopback.port) not in caught.value.message


def test_only_a_name_that_must_be_looked_up_first_gets_past_the_reading_of_it() -> None:
    """Each of the corpus is refused as ``destination_forbidden``, if not before the look-up then after it."""
    unclear = []
    for url in INSIDE:
        try:
            check_url(url.replace("{port}", "80"))
        except DestinationForbidden:
            continue
        unclear.append(url)
    assert unclear == ["http://nowhere.invalid#@127.0.0.1:{port}/"]


@pytest.mark.parametrize("port", [22, 25, 5432, 6379, 8000, 11211])
def test_other_ports_than_those_of_the_web_are_refused(port: int) -> None:
    for url in (f"http://example.com:{port}/", f"https://93.184.216.34:{port}/"):
        with pytest.raises(DestinationForbidden):
            check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?a=b&c=d#e",
        "http://EXAMPLE.com",
        "https://hooks.example.com:443/đường/dẫn",
        "https://xn--ca-hng-kpa5a.vn/",
        "https://93.184.216.34/",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/",
    ],
)
def test_plain_public_addresses_are_fine(url: str) -> None:
    assert check_url(url).port in (80, 443)


def test_a_name_with_one_address_inside_is_refused_whole(loopback: Listener, names: dict[str, list[str]]) -> None:
    names["mixed.example"] = ["93.184.216.34", "127.0.0.1"]
    with pytest.raises(DestinationForbidden):
        request("GET", f"http://mixed.example:{loopback.port}/")
    assert loopback.connects == 0


def test_a_name_is_looked_up_once_so_that_its_second_answer_cannot_matter(
    loopback: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = count()
    # A closed port of documentation space stands for the public server; the second answer would be loopback.
    monkeypatch.setattr(outbound, "resolve", lambda host, port: ["93.184.216.34"] if next(asked) == 0 else ["127.0.0.1"])
    with pytest.raises(OutboundError) as caught:
        request("GET", f"http://rebinding.example:{loopback.port}/", timeout=0.3)
    assert caught.value.kind in ("timeout", "connection")
    assert next(asked) == 1
    assert loopback.connects == 0


def test_the_connection_goes_to_the_checked_address_and_speaks_of_the_name(
    loopback_allowed: None, names: dict[str, list[str]]
) -> None:
    with listener(answer(body=b"yes")) as server:
        names["shop.example"] = ["127.0.0.1"]
        assert request("GET", f"http://shop.example:{server.port}/a?b=c").body == b"yes"
    head = server.requests[0].decode()
    assert head.startswith("GET /a?b=c HTTP/1.1\r\n")
    assert f"Host: shop.example:{server.port}\r\n" in head


def test_the_next_address_is_tried_when_one_does_not_answer(loopback_allowed: None, names: dict[str, list[str]]) -> None:
    with listener(answer(body=b"yes")) as server:
        names["shop.example"] = ["127.0.0.9", "127.0.0.1"]
        assert request("GET", f"http://shop.example:{server.port}/").body == b"yes"


def test_a_slow_name_server_costs_no_more_than_the_time_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "resolve", lambda host, port: time.sleep(3) or ["93.184.216.34"])
    assert failure("https://slow.example/", timeout=0.3) == "timeout"


def test_redirects_are_not_followed(loopback_allowed: None) -> None:
    with listener(answer(body=b"inside")) as inside:
        redirect = answer(f"Location: {inside.url}\r\nContent-Length: 0\r\n", status="302 Found")
        with listener(redirect) as server:
            found = request("GET", server.url)
            through_sdk = httpx2.Client(transport=transport()).get(server.url)
    assert (found.status, found.headers["location"]) == (302, inside.url)
    assert through_sdk.status_code == 302
    assert inside.connects == 0


def test_the_proxies_of_the_environment_are_not_asked(loopback_allowed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with listener() as proxy, listener(answer(body=b"direct")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert request("GET", server.url).body == b"direct"
        assert proxy.connects == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "b\r\nX-Injected: yes"},
        {"X-A": "b\nc"},
        {"X-A": "b\x00"},
        {"X-A\r\nX-B": "c"},
        {"X A": "b"},
        {"": "b"},
        {"X-A": "tiếng"},
        {"Host": "other.example"},
        {"host": "other.example"},
        {"Transfer-Encoding": "chunked"},
        {"Content-Length": "5"},
        {"Connection": "upgrade"},
        {"Upgrade": "h2c"},
        {"Proxy-Authorization": "Basic eDp5"},
        {"TE": "trailers"},
        {"Accept-Encoding": "gzip"},
    ],
)
def test_headers_that_end_the_request_or_speak_for_the_client_are_refused(
    loopback_allowed: None, headers: dict[str, str]
) -> None:
    with listener(answer()) as server, pytest.raises(DestinationForbidden):
        request("GET", server.url, headers=headers)
    assert server.connects == 0


@pytest.mark.parametrize("method", ["GET / HTTP/1.1\r\nX: y", "", "GE T"])
def test_a_method_is_one_word(loopback_allowed: None, method: str) -> None:
    with listener(answer()) as server, pytest.raises(DestinationForbidden):
        request(method, server.url)
    assert server.connects == 0


def test_what_is_sent_arrives(loopback_allowed: None) -> None:
    with listener(answer("X-Kind: test\r\n", b'{"ok": true}', status="201 Created")) as server:
        found = request("POST", server.url, headers={"Authorization": "Bearer x"}, content=b"hello")
    assert (found.status, found.headers["x-kind"], found.json()) == (201, "test", {"ok": True})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == b"hello"
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "post / http/1.1"
    for line in ("authorization: bearer x", "content-length: 5", "accept-encoding: identity", "connection: close"):
        assert lines.count(line) == 1, line


def failure(url: str, **options: Any) -> str:
    """Return the kind of failure; it may take no more than a second longer than allowed."""
    options.setdefault("timeout", 5)
    began = time.monotonic()
    with pytest.raises(OutboundError) as caught:
        request("GET", url, **options)
    assert time.monotonic() - began < options["timeout"] + 1
    return caught.value.kind


def drip(first: bytes, piece: bytes, pause: float) -> Callable[[socket.socket], None]:
    """Return what sends a piece now and then, without end."""

    def speak(stream: socket.socket) -> None:
        stream.sendall(first)
        with suppress(OSError):
            while True:
                stream.sendall(piece)
                time.sleep(pause)

    return speak


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def test_nobody_there_is_a_failed_connection(loopback_allowed: None, names: dict[str, list[str]]) -> None:
    with listener() as server:
        pass
    assert failure(server.url) == "connection"


def test_a_name_nobody_has_is_a_failed_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(outbound, "resolve", unknown)
    assert failure("https://nobody.example/") == "connection"


def test_addresses_of_the_environment_may_be_inside_and_on_any_port() -> None:
    with listener(answer(body=b"llm")) as server:
        assert request("GET", server.url, trusted=True).body == b"llm"
        assert httpx2.Client(transport=transport(trusted=True)).get(server.url).content == b"llm"


def test_an_allowed_network_allows_no_other(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = networks("127.0.0.2/32,10.1.0.0/16")
    with listener(answer(body=b"yes"), host="0.0.0.0") as server:
        assert request("GET", f"http://127.0.0.2:{server.port}/").body == b"yes"
        for host in ("127.0.0.1", "[::ffff:127.0.0.2]", "10.2.0.1", "localhost"):
            with pytest.raises(DestinationForbidden):
                request("GET", f"http://{host}:{server.port}/")
    assert server.connects == 1


CANARY = "sk-canary-0123456789"


@pytest.mark.parametrize("blot", ["\n", "\r\nX-More: 1", "\x00", "\x7f"])
def test_a_key_that_cannot_be_sent_stands_in_no_error(loopback_allowed: None, blot: str) -> None:
    with listener(answer(body=b"{}")) as server:
        http = openai.DefaultHttpxClient(transport=transport(), trust_env=False)
        client = openai.OpenAI(api_key=CANARY + blot, base_url=server.url, max_retries=0, http_client=http)
        with pytest.raises(DestinationForbidden) as caught:
            client.models.list()
    assert "canary" not in "".join(traceback.format_exception(caught.value))
    assert server.requests == []


@pytest.mark.parametrize("name", ["Upgrade", "Proxy-Authorization", "TE"])
def test_an_sdk_sets_no_header_that_is_the_clients(loopback_allowed: None, name: str) -> None:
    with listener(answer()) as server, pytest.raises(DestinationForbidden):
        httpx2.Client(transport=transport()).get(server.url, headers={name: "x"})
    assert server.connects == 0


def test_another_protocol_goes_to_the_next_address_when_one_does_not_answer(
    loopback_allowed: None, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with listener(host="127.0.0.1") as server, socket.create_server(("127.0.0.9", server.port), backlog=0) as full:
        held = [socket.socket() for _ in range(4)]  # nobody accepts: the next connection gets no answer
        for one in held:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        names["mail.example"] = ["127.0.0.10", "127.0.0.9", "127.0.0.1"]
        began = time.monotonic()
        stream = connect("mail.example", server.port, ports={server.port}, seconds=2)
        assert stream.getpeername() == ("127.0.0.1", server.port)
        for one in (stream, *held):
            one.close()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("host", ["mail\x00.example", "127.0.0.1\x00", "\x00"])
def test_a_host_that_is_none_is_refused_at_once(host: str) -> None:
    began = time.monotonic()
    with pytest.raises(DestinationForbidden):
        connect(host, 25, ports={25}, seconds=3)
    assert time.monotonic() - began < 1
