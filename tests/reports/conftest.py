"""A mail server that accounts are read from."""

from collections.abc import Iterator

import pytest

from reports import mail_sync
from tests.imap_server import ImapSink, imap_server
from tests.reports.test_api_emails import InTurn


@pytest.fixture
def server(loopback_allowed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImapSink]:
    """Return a mail server that may be reached; whoever is due is served one after the other."""
    monkeypatch.setattr(mail_sync, "ThreadPoolExecutor", InTurn)
    monkeypatch.setattr(mail_sync, "_serve_apart", mail_sync._serve)
    with imap_server() as sink:
        yield sink
