"""Logging in to a tenant's mail servers, by SMTP and IMAP, over connections that were checked."""

import imaplib
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Timer
from typing import Any, BinaryIO, TypeVar

from vault import outbound
from vault.outbound import OutboundError

PORTS = frozenset({25, 465, 587, 2525, 143, 993})
"""Where mail servers answer. Other ports only in the networks of ``OUTBOUND_ALLOW``."""
USUAL_PORTS = {("smtp", "tls"): 465, ("smtp", "starttls"): 587, ("smtp", "none"): 25, ("imap", "tls"): 993}
BYTES = 200_000
"""The most a server may say; logging in takes a few hundred."""
FAREWELL_SECONDS = 1.0
Secret = Mapping[str, Any]


def try_mail_login(protocol: str, secret: Secret, *, seconds: float) -> str:
    """Return ``ok``, ``refused`` or what is missing; raises ``DestinationForbidden`` and ``OutboundError``.

    Without a port the usual one of ``security`` (by default ``tls``; ``starttls`` for port 587, 25 and 143).
    """
    if "username" not in secret or "password" not in secret:
        return "login_missing"
    if not secret.get("host"):
        return "address_missing"
    try:
        server = open_smtp(secret, seconds=seconds) if protocol == "smtp" else open_imap(secret, seconds=seconds)
    except LoginRefused:
        return "refused"
    with ended_after(server.stream, FAREWELL_SECONDS):
        server.farewell()
    return "ok"


def open_smtp(secret: Secret, *, seconds: float) -> "SmtpServer":
    """Return a connection that is logged in, if the secret names anybody; each later step may take ``seconds`` too.

    Raises ``LoginRefused``, ``DestinationForbidden`` and ``OutboundError``.
    """
    return _opened("smtp", _smtp, secret, seconds)


def open_imap(secret: Secret, *, seconds: float) -> "ImapServer":
    """Return a connection that is logged in, as ``open_smtp``."""
    return _opened("imap", _imap, secret, seconds)


Server = TypeVar("Server", "SmtpServer", "ImapServer")


def _opened(
    protocol: str, log_in: "Callable[[socket.socket, str, str, Secret], Server]", secret: Secret, seconds: float
) -> Server:
    host, port, security = _place(protocol, secret)
    begun = time.monotonic()
    stream = outbound.connect(host, port, ports=PORTS, seconds=seconds)
    try:
        with ended_after(stream, begun + seconds - time.monotonic()):
            server = log_in(stream, host, security, secret)
    except (smtplib.SMTPException, imaplib.IMAP4.error, OSError, UnicodeError, ValueError) as error:
        stream.close()
        is_late = time.monotonic() - begun >= seconds
        status = getattr(error, "smtp_code", -1)
        raise OutboundError("timeout" if is_late else _kind(error), status=status if status > 0 else None) from None
    except BaseException:
        stream.close()
        raise
    server.stream.settimeout(seconds)
    return server


def _kind(error: Exception) -> outbound.Kind:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, smtplib.SMTPServerDisconnected | ConnectionError) or str(error).endswith("EOF"):
        return "closed"
    return "tls" if isinstance(error, ssl.SSLError) else "protocol"


def _place(protocol: str, secret: Secret) -> tuple[str, int, str]:
    """Return host, port and security; raises ``OutboundError`` (``connection``) where no host is named."""
    host = secret.get("host")
    if not host:
        raise OutboundError("connection", "The secret names no host.")
    security = secret.get("security") or ("starttls" if secret.get("port") in (25, 143, 587) else "tls")
    return str(host), secret.get("port") or USUAL_PORTS.get((protocol, security), 143), security


@contextmanager
def ended_after(stream: socket.socket, seconds: float) -> Iterator[None]:
    """Cut the connection when the time is over: a server that says a word now and then would never time out."""
    # A handle of its own: TLS takes the socket itself over.
    handle = socket.fromfd(stream.fileno(), stream.family, stream.type)
    cut = Timer(max(0.0, seconds), _cut, [handle])
    cut.daemon = True
    cut.start()
    try:
        yield
    except BaseException:
        _cut(handle)
        raise
    finally:
        cut.cancel()
        handle.close()


def _cut(handle: socket.socket) -> None:
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


def _secured(stream: socket.socket, host: str, security: str) -> socket.socket:
    return ssl.create_default_context().wrap_socket(stream, server_hostname=host) if security == "tls" else stream


class _Limit:
    """How much a server may still say, before and after STARTTLS together."""

    def __init__(self) -> None:
        self.left = BYTES

    def take(self, read: Callable[[int], bytes], size: int) -> bytes:
        """Read at most ``size`` bytes, never more than are left and one; raises ``OutboundError`` (``too_large``)."""
        found = read(min(size, self.left + 1))
        self.left -= len(found)
        if self.left < 0:
            raise OutboundError("too_large")
        return found


@dataclass
class _LimitedFile:
    """The file smtplib reads from."""

    file: BinaryIO
    limit: _Limit

    def readline(self, size: int) -> bytes:
        """Read a line."""
        return self.limit.take(self.file.readline, size)

    def close(self) -> None:
        """Close it."""
        self.file.close()


class LoginRefused(Exception):
    """The server does not let this name and password in. What it said is told nobody: it may repeat the secret."""


class SmtpServer(smtplib.SMTP):
    """smtplib over a connection that was checked; the certificate is still that of the name."""

    def __init__(self, stream: socket.socket, host: str) -> None:
        self._limit = _Limit()
        super().__init__(local_hostname="backroom")
        self._host = host  # what starttls expects of the certificate
        self.sock = stream
        code, message = self.getreply()
        if code != 220:
            raise smtplib.SMTPConnectError(code, message)

    def getreply(self) -> tuple[int, bytes]:
        """Return the next reply, within the limit."""
        if self.file is None and self.sock:  # at the beginning, and again after STARTTLS
            self.file = _LimitedFile(self.sock.makefile("rb"), self._limit)
        return super().getreply()

    @property
    def stream(self) -> socket.socket:
        """The connection, which is open."""
        assert self.sock is not None
        return self.sock

    def listen_again(self) -> None:
        """Let the server say as much again, for another mail."""
        self._limit.left = BYTES

    def farewell(self) -> None:
        """Say good-bye and close, whatever the server makes of it."""
        with suppress(smtplib.SMTPException, OSError, OutboundError):
            self.quit()
        self.close()


def _smtp(stream: socket.socket, host: str, security: str, secret: Secret) -> SmtpServer:
    server = SmtpServer(_secured(stream, host, security), host)
    if security == "starttls":
        server.starttls(context=ssl.create_default_context())
    server.ehlo_or_helo_if_needed()
    if "username" in secret and "password" in secret:
        try:
            server.login(secret["username"], secret["password"])
        except smtplib.SMTPAuthenticationError:
            raise LoginRefused from None
    return server


class ImapServer(imaplib.IMAP4):
    """imaplib over a connection that was checked."""

    file: BinaryIO

    def __init__(self, stream: socket.socket, host: str) -> None:
        self._stream, self._limit = stream, _Limit()
        super().__init__(host)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self._stream

    def read(self, size: int) -> bytes:
        """Read bytes, within the limit."""
        return self._limit.take(self.file.read, size)

    def readline(self) -> bytes:
        """Read a line, within the limit."""
        return self._limit.take(self.file.readline, BYTES + 1)

    @property
    def stream(self) -> socket.socket:
        """The connection."""
        return self.sock

    def listen_again(self, size: int = BYTES) -> None:
        """Let the server say up to ``size`` bytes from now on."""
        self._limit.left = size

    def farewell(self) -> None:
        """Log out and close, whatever the server makes of it."""
        with suppress(imaplib.IMAP4.error, OSError, OutboundError):
            self.logout()


def _imap(stream: socket.socket, host: str, security: str, secret: Secret) -> ImapServer:
    server = ImapServer(_secured(stream, host, security), host)
    if security == "starttls":
        server.starttls(ssl_context=ssl.create_default_context())
    try:
        server.login(secret.get("username", ""), secret.get("password", ""))
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        raise LoginRefused from None
    return server
