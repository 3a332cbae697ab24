"""Handing one mail to a mail server, and what can be known of it when something goes wrong (THREATS MAIL-05, MAIL-06).

Until the server has asked for the text, a mail surely was not sent. From then on it was if the server says so, it was
not if it refuses, and nobody knows when it says neither.
"""

import logging
import re
import smtplib
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from anymail.exceptions import (
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends import smtp
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.translation import gettext_noop

from tenants.errors import DomainError
from tenants.notes import note
from vault.mail_servers import LoginRefused, SmtpServer, ended_after, open_smtp
from vault.models import Credential
from vault.outbound import OutboundError
from vault.services import reveal

logger = logging.getLogger(__name__)

SECONDS = 20.0
"""What a server may take for each step."""
CONNECTION_SECONDS = 50.0
"""After that a connection is cut, whatever it is doing: less than the lease of what is sent over it."""
NOT_LET_IN = frozenset({530, 534, 535, 538})
"""The replies of a server that wants somebody to log in, or otherwise (RFC 4954, 6): they are about the account, not the mail."""
WANTED: tuple[Set[int], ...] = ({250}, {250, 251}, {354})
"""What a server says that takes the sender, the recipient, and the text."""
CLOSING = 421
"""The reply with which a server closes the connection (RFC 5321, 4.2.3)."""


BEFORE_SENDING = (AnymailInvalidAddress, AnymailUnsupportedFeature, AnymailSerializationError)
"""What a provider's backend refuses before it calls the provider."""


class NotSent(Exception):
    """The mail surely was not sent; ``permanent`` when another attempt would end the same way. The text is a note."""

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent


class Broken(NotSent):
    """The mail surely was not sent, and nothing more can be sent over this connection."""


class Unclear(Exception):
    """The text was handed over, and nobody knows what became of it. The text is a note."""


class Unusable(Exception):
    """The account cannot be used now: nothing was sent. The text is a note."""


@dataclass(frozen=True)
class Envelope:
    """Who sends what to whom. ``data`` has lines that end with CRLF; ``message`` makes the mail for what takes no bytes."""

    sender: str
    recipient: str
    data: bytes
    message: Callable[[], EmailMultiAlternatives]


class Transport(Protocol):
    """A way to send."""

    def send(self, envelope: Envelope, *, announce: Callable[[], None], begin: Callable[[], None]) -> None:
        """Send to one recipient; calls ``begin`` right before the text leaves. Raises ``NotSent``, ``Unclear``.

        ``announce`` is called before that, while there is something to wait for anyway, if there is.
        """


@contextmanager
def opened(credential: Credential | None) -> Iterator[Transport]:
    """Open the account's server, or without a credential the installation's; raises ``Unusable``."""
    server = _server_of(credential) if credential else _own_server()
    if isinstance(server, smtplib.SMTP):
        try:
            with ended_after(server.sock, CONNECTION_SECONDS):  # type: ignore[arg-type]
                yield SmtpTransport(server)
                with suppress(smtplib.SMTPException, OSError, OutboundError):  # the farewell changes nothing
                    server.quit()
        finally:
            server.close()
    else:
        with server:
            yield BackendTransport(server)


def _server_of(credential: Credential) -> SmtpServer:
    try:
        return open_smtp(reveal(credential, why=gettext_noop("send e-mail")), seconds=SECONDS)
    except LoginRefused:
        raise Unusable(gettext_noop("The mail server refuses the name and password.")) from None
    except OutboundError as error:
        if error.status:
            said = note(gettext_noop("The mail server answered %(code)s."), detail=credential.destination, code=error.status)
            raise Unusable(said) from None
        raise Unusable(note(_WHY[error.kind], detail=credential.destination)) from None
    except DomainError as error:
        raise Unusable(error.message) from None


_WHY = {
    "timeout": gettext_noop("The mail server did not answer in time."),
    "connection": gettext_noop("The mail server cannot be reached."),
    "closed": gettext_noop("The mail server closed the connection."),
    "tls": gettext_noop("The mail server has no valid certificate."),
    "too_large": gettext_noop("The mail server does not speak SMTP."),
    "protocol": gettext_noop("The mail server does not speak SMTP."),
}


def _own_server() -> smtplib.SMTP | BaseEmailBackend:
    """Return the server that the environment names; its addresses and errors are the installation's own."""
    try:
        backend = get_connection()
    except ImproperlyConfigured as error:
        logger.error("EMAIL_URL cannot be used: %s", error)
        raise Unusable(gettext_noop("The mail provider is not set up.")) from None
    if not isinstance(backend, smtp.EmailBackend):
        return backend
    try:
        backend.open()
        server: Any = backend.connection
        server.ehlo_or_helo_if_needed()
    except smtplib.SMTPAuthenticationError:
        raise Unusable(gettext_noop("The mail server refuses the name and password.")) from None
    except (OSError, smtplib.SMTPException) as error:
        logger.warning("the mail server of EMAIL_URL cannot be used: %s", error)
        raise Unusable(gettext_noop("The mail server cannot be reached.")) from None
    return server


class SmtpTransport:
    """One connection to a mail server, for one mail after the other (RFC 5321)."""

    def __init__(self, server: smtplib.SMTP) -> None:
        self.server = server

    def send(self, envelope: Envelope, *, announce: Callable[[], None], begin: Callable[[], None]) -> None:
        """Send to one recipient; ``begin`` is called when the server asks for the text."""
        if isinstance(self.server, SmtpServer):
            self.server.listen_again()
        try:
            self._ask(envelope, announce)
        except (OSError, OutboundError) as error:
            raise Broken(note(gettext_noop("The connection broke."), detail=_named(error))) from error
        begin()
        try:
            self.server.send(quoted(envelope.data))
            code, said = self.server.getreply()
        except (OSError, OutboundError) as error:
            told = gettext_noop("The connection broke after the text was handed over: it may have been sent.")
            raise Unclear(note(told, detail=_named(error))) from error
        if code != 250:
            raise self._refusal(code, said)

    def _ask(self, envelope: Envelope, announce: Callable[[], None]) -> None:
        """Name sender and recipient and ask for the text to be taken: at once where the server can, else one by one."""
        commands = self._commands(envelope)
        if self.server.has_extn("pipelining"):
            self._say(*commands)
            announce()
            self._expect_all()
            return
        for command, wanted in zip(commands, WANTED, strict=True):
            self._say(command)
            announce()
            self._expect(wanted, *self.server.getreply())

    def _commands(self, envelope: Envelope) -> tuple[str, str, str]:
        is_8bit = not envelope.data.isascii() and self.server.has_extn("8bitmime")  # RFC 6152
        sender = f"mail FROM:<{envelope.sender}>{' BODY=8BITMIME' if is_8bit else ''}"
        return sender, f"rcpt TO:<{envelope.recipient}>", "data"

    def _say(self, *commands: str) -> None:
        """Send commands as one message; raises ``ValueError`` where one would be read as two."""
        if any("\r" in command or "\n" in command for command in commands):
            raise ValueError("A command of SMTP is one line.")
        self.server.send("".join(f"{command}\r\n" for command in commands))

    def _expect_all(self) -> None:
        """Read what a server says to all commands; the first refusal counts (RFC 2920, 3.1)."""
        replies: list[tuple[int, bytes]] = []
        while len(replies) < len(WANTED) and not (replies and replies[-1][0] == CLOSING):
            replies.append(self.server.getreply())
        refused = [reply for reply, wanted in zip(replies, WANTED, strict=False) if reply[0] not in wanted]
        if refused and replies[-1][0] in WANTED[-1]:
            self._send_nothing(*refused[0], has_recipient=replies[1][0] in WANTED[1])
        for code, said in refused:
            self._expect(set(), code, said)

    def _send_nothing(self, code: int, said: bytes, *, has_recipient: bool) -> None:
        """Answer a server that waits for the text although it refused the sender or everybody the mail is for.

        It gets an empty text, which goes to nobody; raises ``Broken`` where somebody would get that.
        """
        if has_recipient:
            reason = note(gettext_noop("The mail server answered %(code)s."), detail=shown(said), code=code)
            raise Broken(reason, permanent=code >= 500)
        self._say(".")
        self.server.getreply()

    def _expect(self, wanted: Set[int], code: int, said: bytes) -> None:
        if code not in wanted:
            if code in NOT_LET_IN:
                raise Unusable(note(gettext_noop("The mail server answered %(code)s."), detail=shown(said), code=code))
            raise self._refusal(code, said)

    def _refusal(self, code: int, said: bytes) -> NotSent:
        """Return what a refusal means, with the connection ready for the next mail, if it still is."""
        reason = note(gettext_noop("The mail server answered %(code)s."), detail=shown(said), code=code)
        if code == CLOSING or code < 400:  # below: it does not speak SMTP
            return Broken(reason)
        try:
            self.server.rset()
        except (OSError, OutboundError):
            return Broken(reason, permanent=code >= 500)
        return NotSent(reason, permanent=code >= 500)


def _named(error: Exception) -> str:
    return "" if type(error).__name__ in str(error) else type(error).__name__


def quoted(data: bytes) -> bytes:
    """Return the text as SMTP carries it: dots that begin a line are doubled, and a dot alone ends it (RFC 5321, 4.5.2)."""
    return re.sub(rb"(?m)^\.", b"..", data) + (b".\r\n" if data.endswith(b"\r\n") else b"\r\n.\r\n")


def shown(said: bytes) -> str:
    """Return a server's words as they may be shown: one line, without control characters."""
    words = " ".join(said.decode("utf-8", "replace").split())
    return "".join(letter if letter.isprintable() else "�" for letter in words)[:300]


class BackendTransport:
    """A backend of Django's that takes messages and no bytes: files, or a provider's API through anymail."""

    def __init__(self, backend: BaseEmailBackend) -> None:
        self.backend = backend

    def send(self, envelope: Envelope, *, announce: Callable[[], None], begin: Callable[[], None]) -> None:
        """Send to one recipient."""
        try:
            message = envelope.message()
        except FileNotFoundError:
            raise NotSent(gettext_noop("An attached file is gone."), permanent=True) from None
        begin()
        try:
            self.backend.send_messages([message])
        except Exception as error:
            raise _of_provider(error) from error


def _of_provider(error: Exception) -> Exception:
    """Return what a provider's error means: what it answered is a refusal, anything else may have been sent."""
    status = getattr(error, "status_code", None)
    if isinstance(error, BEFORE_SENDING) or (status is None and isinstance(error, AnymailRecipientsRefused)):
        return NotSent(note(gettext_noop("The mail provider does not take it."), detail=shown_error(error)), permanent=True)
    if status is None:
        return Unclear(note(gettext_noop("Something went wrong while it was sent."), detail=type(error).__name__))
    reason = note(gettext_noop("The mail provider answered %(code)s."), code=status)
    if 400 <= status < 500:
        return NotSent(reason, permanent=status not in (408, 429))
    return NotSent(reason) if status == 503 else Unclear(reason)


def shown_error(error: Exception) -> str:
    """Return the first line of what a library says went wrong."""
    return shown(str(error).partition("\n")[0].encode())
