"""The one HTTP client for everything outside (THREATS D16): it cannot be made to reach inside, wait or swallow for ever.

A name is looked up once, every address found is checked, and the connection goes to an address that was checked; the
certificate, SNI and the Host header are still those of the name. Redirects are answers like any other, the proxies of
the environment are not asked, each call has one deadline for all of it and a limit of bytes. Never call it inside a
transaction.
"""

import json
import queue
import re
import socket
import ssl
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Thread
from typing import Any, Literal

import httpcore2
import httpx2
from django.utils.translation import gettext as _

from vault.destinations import Destination, DestinationForbidden, check_address, check_url, read_url

__all__ = [
    "Answer",
    "Destination",
    "DestinationForbidden",
    "OutboundError",
    "check_headers",
    "check_url",
    "connect",
    "request",
    "transport",
]

Kind = Literal["timeout", "connection", "closed", "tls", "too_large", "protocol"]

CONNECT_SECONDS = 5.0
"""The longest wait for one address of a name; the others come after it."""
CLOSED = ("Server disconnected", "peer closed")
"""How httpcore begins to tell that the other side has closed the connection."""
PIECE = 16 * 1024
"""Bytes written at a time, so that the deadline is looked at in between."""
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
OUR_HEADERS = frozenset(
    {
        *("host", "content-length", "accept-encoding", "connection", "keep-alive", "te", "trailer", "transfer-encoding"),
        *("upgrade", "expect", "proxy-connection", "proxy-authorization", "proxy-authenticate"),
    }
)
"""Set by the client alone: who sets them could speak to another host, or past the end of the request."""
SET_BY_HTTPX = frozenset({"host", "content-length", "accept-encoding", "connection", "transfer-encoding"})
"""Of these, what stands in every request that comes through the transport."""


class OutboundError(Exception):
    """A call that went out and brought no usable answer; ``kind`` says why, the text shows nothing secret.

    ``status`` is what the other side answered with, if it got that far before it went wrong. ``is_sent``: it may have got
    the request, and done what it asks for.
    """

    def __init__(self, kind: Kind, detail: str = "", *, status: int | None = None, is_sent: bool = True) -> None:
        super().__init__(detail or kind)
        self.kind: Kind = kind
        self.status = status
        self.is_sent = is_sent

    def in_words(self) -> str:
        """Return what happened to a call over HTTP, in the present language; the text of the error has the detail."""
        words = {
            "timeout": _("No answer in time."),
            "connection": _("No connection."),
            "closed": _("The connection was closed before there was an answer."),
            "tls": _("No secure connection: is the certificate valid?"),
            "too_large": _("The answer was too large."),
            "protocol": _("What answered does not speak HTTP."),
        }
        return words[self.kind]


@dataclass(frozen=True)
class Answer:
    """What came back, whatever the status; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON; raises ``OutboundError`` (``protocol``)."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise OutboundError("protocol", "The answer is not JSON.") from None


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes = b"",
    timeout: float = 10.0,
    max_bytes: int = 1_000_000,
    trusted: bool = False,
) -> Answer:
    """Call ``url`` and return what it answers, within ``timeout`` seconds for everything.

    ``trusted`` is for addresses given by the environment alone: they may be inside. Raises ``DestinationForbidden``
    before anything is sent, ``OutboundError`` by kind afterwards (the other side may have acted all the same).
    """
    (read_url if trusted else check_url)(url)  # as it was given: httpx would read more into it
    check_headers(method, headers or {})
    # Redirects are not followed: nothing here looks at them.
    way = transport(timeout=timeout, max_bytes=max_bytes, trusted=trusted)
    status: int | None = None
    try:
        wanted = httpx2.Request(method, url, headers={"User-Agent": "Backroom/1", **(headers or {})}, content=content)
        response = way.handle_request(wanted)
        status = response.status_code
        try:
            body = b"".join(response.iter_raw())
        finally:
            response.close()
    except httpx2.InvalidURL:
        raise DestinationForbidden from None
    except httpx2.TransportError as error:
        is_sent = not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
        raise OutboundError(_kind(error), str(error), status=status, is_sent=is_sent) from error
    return Answer(status, {name.lower(): value for name, value in response.headers.items()}, body)


def transport(*, timeout: float = 60.0, max_bytes: int = 10_000_000, trusted: bool = False) -> httpx2.BaseTransport:
    """Return the same checks as a transport of httpx, for SDKs; each call through it has ``timeout`` seconds in all.

    It raises httpx's own errors, ``DestinationForbidden``, and ``OutboundError`` (``too_large``, ``protocol``).
    """
    return _CheckedTransport(timeout, max_bytes, trusted)


def check_headers(method: str, headers: Mapping[str, str]) -> None:
    """Raise ``DestinationForbidden`` for what is no method, and for headers that may not be sent (THREATS RUN-11)."""
    if not method.isascii() or not method.isalpha():
        raise DestinationForbidden(_("This is not a method of HTTP."))
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value) or name.lower() in OUR_HEADERS:
            raise DestinationForbidden(_("The header “%(name)s” may not be sent.") % {"name": name[:100]})


def _check_raw(request: httpx2.Request) -> None:
    """Refuse what an SDK would send, before anybody below puts it into the words of an error: it may be a secret."""
    for raw_name, raw_value in request.headers.raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        check_headers(request.method, {name: value} if name.lower() not in SET_BY_HTTPX else {})


def _kind(error: httpx2.TransportError) -> Kind:
    if isinstance(error, httpx2.TimeoutException):
        return "timeout"
    cause: BaseException | None = error
    while cause and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause:
        return "tls"
    if isinstance(error, httpx2.RemoteProtocolError) and str(error).startswith(CLOSED):
        return "closed"
    return "connection" if isinstance(error, httpx2.NetworkError) else "protocol"


class _CheckedTransport(httpx2.BaseTransport):
    """One connection for each call: whose address was checked for the call before says nothing about this one."""

    def __init__(self, timeout: float, max_bytes: int, trusted: bool) -> None:
        self.timeout, self.max_bytes, self.trusted = timeout, max_bytes, trusted

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        (read_url if self.trusted else check_url)(str(request.url))
        _check_raw(request)
        deadline = _Deadline(time.monotonic() + self.timeout)
        request.headers.update(
            {"Host": request.url.netloc.decode("ascii"), "Accept-Encoding": "identity", "Connection": "close"}
        )
        pool = httpcore2.ConnectionPool(
            ssl_context=_certificates(), network_backend=_CheckedNetwork(deadline, self.trusted), retries=0
        )
        try:
            with _errors_of_httpx():
                answer = pool.handle_request(_for_httpcore(request))
            headers = httpx2.Headers(answer.headers)
            self._check(answer.status, headers)
        except BaseException:
            pool.close()
            raise
        return httpx2.Response(answer.status, headers=headers, stream=_Body(answer, pool, self.max_bytes))

    def _check(self, status: int, headers: httpx2.Headers) -> None:
        if headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise OutboundError("protocol", "The answer is compressed, which was not asked for.", status=status)
        if status < 200:
            raise OutboundError("protocol", f"The answer ends with status {status}.")
        length = headers.get("Content-Length", "")
        if length.isdecimal() and int(length[:20]) > self.max_bytes:
            raise OutboundError("too_large", f"The answer is longer than {self.max_bytes} bytes.", status=status)


def _for_httpcore(request: httpx2.Request) -> httpcore2.Request:
    url = httpcore2.URL(
        scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
    )
    timeouts = {"timeout": request.extensions.get("timeout", {})}
    return httpcore2.Request(request.method, url, headers=request.headers.raw, content=request.stream, extensions=timeouts)


@cache
def _certificates() -> ssl.SSLContext:
    return httpx2.create_ssl_context()  # 50 ms


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    """Tell httpcore's errors as httpx's of the same name, which SDKs understand."""
    try:
        yield
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise getattr(httpx2, type(error).__name__)(str(error)) from error


class _Body(httpx2.SyncByteStream):
    """The answer's bytes as they come, cut at the limit; closing it ends the connection."""

    def __init__(self, answer: httpcore2.Response, pool: httpcore2.ConnectionPool, max_bytes: int) -> None:
        self.answer, self.pool, self.max_bytes = answer, pool, max_bytes

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        with _errors_of_httpx():
            for piece in self.answer.iter_stream():
                size += len(piece)
                if size > self.max_bytes:
                    said = f"The answer is longer than {self.max_bytes} bytes."
                    raise OutboundError("too_large", said, status=self.answer.status)
                yield piece

    def close(self) -> None:
        self.answer.close()
        self.pool.close()


@dataclass(frozen=True)
class _Deadline:
    """When the whole call must be over, by the monotonic clock."""

    at: float

    def left(self, at_most: float | None = None) -> float:
        """Return the seconds that are left for one step; raises httpcore's ``ReadTimeout`` when there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("The time for this call is over.")
        return left if at_most is None else min(left, at_most)


def resolve(host: str, port: int) -> list[str]:
    """Return every address of a name or literal: the one place where names are looked up. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _resolve_within(host: str, port: int, seconds: float) -> list[str]:
    """Wait so long and no longer: whoever owns the name may own a slow name server as well."""
    if "\x00" in host:  # the system's resolver would read as far as that
        raise DestinationForbidden(_("This is not the name of a host."))
    answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve(host, port))
        except (OSError, ValueError):  # a name that cannot be written is a ValueError
            answers.put([])

    Thread(target=ask, daemon=True, name="resolve").start()
    try:
        addresses = answers.get(timeout=seconds)
    except queue.Empty:
        raise httpcore2.ConnectTimeout("The name was not found in time.") from None
    if not addresses:
        raise httpcore2.ConnectError("The name was not found.")
    return addresses


def connect(host: str, port: int, *, ports: Collection[int], seconds: float) -> socket.socket:
    """Return a connection for another protocol than HTTP, to one of ``ports``, under the same checks of the address.

    Raises ``DestinationForbidden`` and ``OutboundError`` (``timeout``, ``connection``).
    """
    deadline = _Deadline(time.monotonic() + seconds)
    try:
        addresses = _resolve_within(host, port, deadline.left())
        for address in addresses:
            check_address(address, port, ports)
        return _first_that_answers(addresses, port, deadline)
    except (httpcore2.TimeoutException, TimeoutError):
        raise OutboundError("timeout") from None
    except (httpcore2.NetworkError, OSError):
        raise OutboundError("connection") from None


def _first_that_answers(addresses: Sequence[str], port: int, deadline: "_Deadline") -> socket.socket:
    """Try one address after the other; each may take its share of the time that is left."""
    for others, address in zip(reversed(range(len(addresses))), addresses, strict=True):
        try:
            stream = socket.create_connection((address, port), timeout=deadline.left() / (others + 1))
            stream.settimeout(deadline.left())
            return stream
        except OSError:
            if not others:
                raise
    raise AssertionError("a name without addresses was refused above")


class _CheckedNetwork(httpcore2.NetworkBackend):
    """The one way to a socket: resolve once, check every address, connect to one that was checked."""

    def __init__(self, deadline: _Deadline, trusted: bool) -> None:
        self.deadline, self.trusted = deadline, trusted

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        addresses = _resolve_within(host, port, self.deadline.left(timeout))
        if not self.trusted:
            for address in addresses:
                check_address(address, port)
        for number, address in enumerate(addresses, start=1):
            wait = self.deadline.left(min(timeout or CONNECT_SECONDS, CONNECT_SECONDS))
            try:
                return _TimedStream(httpcore2.SyncBackend().connect_tcp(address, port, timeout=wait), self.deadline)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise AssertionError("a name without addresses was refused above")


class _TimedStream(httpcore2.NetworkStream):
    """A connection whose every step ends with the call's deadline, so that a drop of data now and then gains nothing."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: _Deadline) -> None:
        self.stream, self.deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE):
            self.stream.write(buffer[start : start + PIECE], self.deadline.left(timeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        secure = self.stream.start_tls(ssl_context, server_hostname, self.deadline.left(timeout))
        return _TimedStream(secure, self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)
