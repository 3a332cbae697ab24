"""Logging in to a mail server and out again: how a credential for SMTP or IMAP is tried."""

import imaplib
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Timer
from typing import Any, BinaryIO

from vault import outbound
from vault.outbound import OutboundError

PORTS = frozenset({25, 465, 587, 2525, 143, 993})
"""Where mail servers answer. Other ports only in the networks of ``OUTBOUND_ALLOW``."""
USUAL_PORTS = {("smtp", "tls"): 465, ("smtp", "starttls"): 587, ("smtp", "none"): 25, ("imap", "tls"): 993}
BYTES = 200_000
"""The most a server may say; logging in takes a few hundred."""
Secret = Mapping[str, Any]


def try_mail_login(protocol: str, secret: Secret, *, seconds: float) -> str:
    """Return ``ok``, ``refused`` or what is missing; raises ``DestinationForbidden`` and ``OutboundError``.

    Without a port the usual one of ``security`` (by default ``tls``; ``starttls`` for port 587, 25 and 143).
    """
    if "username" not in secret or "password" not in secret:
        return "login_missing"
    host = secret.get("host")
    if not host:
        return "address_missing"
    security = secret.get("security") or ("starttls" if secret.get("port") in (25, 143, 587) else "tls")
    port = secret.get("port") or USUAL_PORTS.get((protocol, security), 143)
    begun = time.monotonic()
    stream = outbound.connect(host, port, ports=PORTS, seconds=seconds)
    try:
        with _ended_after(stream, begun + seconds - time.monotonic()):
            log_in = {"smtp": _smtp, "imap": _imap}[protocol]
            return "ok" if log_in(stream, host, security, secret) else "refused"
    except (smtplib.SMTPException, imaplib.IMAP4.error, OSError, UnicodeError, ValueError) as error:
        late = time.monotonic() - begun >= seconds or isinstance(error, TimeoutError)
        raise OutboundError("timeout" if late else "tls" if isinstance(error, ssl.SSLError) else "protocol") from None


@contextmanager
def _ended_after(stream: socket.socket, seconds: float) -> Iterator[None]:
    """Cut the connection when the time is over: a server that says a word now and then would never time out."""
    handle = stream.dup()  # TLS takes the socket itself over
    cut = Timer(max(0.0, seconds), handle.shutdown, [socket.SHUT_RDWR])
    cut.daemon = True
    cut.start()
    try:
        yield
    finally:
        cut.cancel()
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)
        handle.close()
        stream.close()


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


class _Smtp(smtplib.SMTP):
    """smtplib over a connection that was checked; the certificate is still that of the name."""

    def __init__(self, stream: socket.socket, host: str) -> None:
        self._limit = _Limit()
        super().__init__(local_hostname="backroom")
        self._host = host  # what starttls expects of the certificate
        self.sock = stream
        code, _message = self.getreply()
        if code != 220:
            raise smtplib.SMTPServerDisconnected

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock:  # at the beginning, and again after STARTTLS
            self.file = _LimitedFile(self.sock.makefile("rb"), self._limit)
        return super().getreply()


def _smtp(stream: socket.socket, host: str, security: str, secret: Secret) -> bool:
    server = _Smtp(_secured(stream, host, security), host)
    if security == "starttls":
        server.starttls(context=ssl.create_default_context())
    try:
        server.login(secret["username"], secret["password"])
    except smtplib.SMTPAuthenticationError:
        return False
    with suppress(smtplib.SMTPException, OSError):
        server.quit()
    return True


class _Imap(imaplib.IMAP4):
    """imaplib over a connection that was checked."""

    file: BinaryIO

    def __init__(self, stream: socket.socket, host: str) -> None:
        self._stream, self._limit = stream, _Limit()
        super().__init__(host)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self._stream

    def read(self, size: int) -> bytes:
        return self._limit.take(self.file.read, size)

    def readline(self) -> bytes:
        return self._limit.take(self.file.readline, BYTES + 1)


def _imap(stream: socket.socket, host: str, security: str, secret: Secret) -> bool:
    server = _Imap(_secured(stream, host, security), host)
    if security == "starttls":
        server.starttls(ssl_context=ssl.create_default_context())
    try:
        server.login(secret["username"], secret["password"])
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        return False
    with suppress(imaplib.IMAP4.error, OSError):
        server.logout()
    return True
