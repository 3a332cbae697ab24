"""A mail server on loopback (aiosmtpd) that keeps what it takes, and goes wrong where it is told to."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tenants.models import PLATFORM_ID, Setting
from tenants.scope import tenant_scope

DROP, STALL = "drop", "stall"
"""Instead of a reply: close the connection; say nothing for ``Sink.stall`` seconds, and then close it."""


logging.getLogger("mail.log").setLevel(logging.WARNING)


class Sink:
    """What was taken, and what to answer. ``script(phase, recipient)`` returns a reply, ``DROP``, ``STALL`` or None.

    Phases in their order: connect, ehlo, mail, rcpt, data (before the text), text (after it, not taken), taken (after
    it, taken, and not said so).
    """

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.script: Callable[[str, str], str | None] = lambda phase, recipient: None
        self.connections, self.stall = 0, 1.0
        self.takes_several = True
        """Whether it takes several commands at once (RFC 2920) and says so."""
        self.takes_any_sender = False
        """Whether it goes on as if it had taken the sender that it refuses."""
        self.waits_for_nobody = False
        """Whether it asks for the text of a mail, too, none of whose recipients it takes."""
        self.for_nobody: list[bytes] = []
        self.host, self.port = "127.0.0.1", 0

    def counts(self) -> Counter[tuple[str, str]]:
        """Return how often each (recipient, Message-ID) was taken."""
        return Counter((recipient, str(message_from_bytes(text)["Message-ID"])) for recipient, text in self.taken)

    async def told(self, server: SMTP, phase: str, recipient: str = "") -> str | None:
        """Do what the script says; returns the reply to give."""
        asked = self.script(phase, recipient)
        if asked == STALL:
            await asyncio.sleep(self.stall)
        if asked in (DROP, STALL):
            server.transport.abort()
            raise ConnectionResetError
        return asked

    async def handle_EHLO(self, server: SMTP, session: Any, envelope: Any, hostname: str, responses: list[str]) -> list[str]:  # noqa: N802 - aiosmtpd's name
        """Greet."""
        session.host_name = hostname
        reply = await self.told(server, "ehlo")
        if reply:
            return [reply]
        return [*responses[:-1], "250-PIPELINING", responses[-1]] if self.takes_several else responses

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's name
        """Take the sender."""
        reply = await self.told(server, "mail")
        if not reply or self.takes_any_sender:
            envelope.mail_from = address
        return reply or "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's name
        """Take the recipient."""
        reply = await self.told(server, "rcpt", address)
        if not reply:
            envelope.rcpt_tos.append(address)
        return reply or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take the text."""
        (recipient,) = envelope.rcpt_tos
        if reply := await self.told(server, "text", recipient):
            return reply
        self.taken.append((recipient, envelope.original_content))
        return await self.told(server, "taken", recipient) or "250 OK"


class _Server(SMTP):
    """aiosmtpd's server, with a script for the connection and for DATA too."""

    event_handler: Sink

    async def _handle_client(self) -> None:
        self.event_handler.connections += 1
        try:
            await self.event_handler.told(self, "connect")
            await super()._handle_client()
        except ConnectionResetError:
            self.transport.abort()

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        recipient = (self.envelope.rcpt_tos or [""])[0] if self.envelope else ""
        if reply := await self.event_handler.told(self, "data", recipient):
            await self.push(reply)
        elif self.event_handler.waits_for_nobody and not recipient:
            await self.push("354 go on")
            self.event_handler.for_nobody.append(await self._reader.readline())
            await self.push("554 no recipients")
        else:
            await super().smtp_DATA(arg)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Server(self.handler, ident="loopback", hostname="loopback")

    def _trigger_server(self) -> None:
        assert self.server  # it was given port 0, and has chosen one by now
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def many_emails() -> None:
    """Let the scope's tenant send as many e-mails as it likes, also by the installation's server."""
    Setting.put("emails_per_minute", 100_000)
    with tenant_scope(PLATFORM_ID):
        Setting.put("own_server_emails_per_minute", 100_000)


@contextmanager
def smtp_sink() -> Iterator[Sink]:
    """Serve on loopback for the length of a test."""
    sink = Sink()
    controller = _Controller(sink, hostname=sink.host, port=0)
    controller.start()
    sink.port, sink.connections = controller.port, 0
    try:
        yield sink
    finally:
        controller.stop()
