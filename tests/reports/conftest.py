"""The mail servers on loopback: one that accounts are read from, and one that mails are sent by."""

from collections.abc import Iterator
from typing import Any

import pytest

from reports import mail_sync, outbox
from tests.imap_server import ImapSink, imap_server
from tests.smtp_sink import Sink, smtp_sink


class InTurn:
    """Stands for the lanes where one connection to the database holds all: accounts are served one after the other."""

    def __init__(self, _lanes: int) -> None:
        self.map = map

    def __enter__(self) -> "InTurn":
        return self

    def __exit__(self, *_error: object) -> None:
        """Nothing to wait for."""


@pytest.fixture
def server(loopback_allowed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImapSink]:
    """Return a mail server that may be reached; whoever is due is served one after the other."""
    monkeypatch.setattr(mail_sync, "ThreadPoolExecutor", InTurn)
    monkeypatch.setattr(mail_sync, "_serve_apart", mail_sync._serve)
    with imap_server() as sink:
        yield sink


@pytest.fixture
def sink(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """Return a mail server, to which the settings point."""
    monkeypatch.setattr(outbox, "ThreadPoolExecutor", InTurn)
    monkeypatch.setattr(outbox, "_serve_apart", outbox._serve)
    with smtp_sink() as sink:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = sink.host, sink.port, 5
        yield sink
