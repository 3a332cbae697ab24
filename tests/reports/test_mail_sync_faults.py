"""A mail server goes wrong, is cut off or means harm: no message is lost or doubled, and nobody else waits for it."""

import ssl
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from reports import imap, incoming, mail_sync
from reports.mail_sync import sync_due_mailboxes
from reports.received import read_message
from tests.certificates import self_signed
from tests.imap_server import CUT, DROP, GARBAGE, LIE, STALL
from tests.reports.mailboxes import folder_named, mail, mailbox, messages, read_again, rich, subjects
from tests.tenants.admin_pages import browser, page

pytestmark = pytest.mark.django_db

COMMANDS = ("CAPABILITY", "LOGIN", "LIST", "STATUS", "EXAMINE", "SEARCH", "FETCH")


@pytest.mark.parametrize("fault", [DROP, GARBAGE, STALL])
def test_a_server_that_goes_wrong_at_any_step_costs_a_try_and_no_message_and_doubles_none(
    api, saigon, server, monkeypatch, fault: str
) -> None:
    monkeypatch.setattr(mail_sync, "SECONDS", 0.15)
    server.stall = 0.3
    client, left = api(saigon.key), list(COMMANDS)

    def script(command: str, _uids: str) -> str | None:
        if not left or command != left[0]:
            return None
        left.pop(0)
        return fault

    server.script = script
    box = mailbox(client, server)
    sync_due_mailboxes()
    for number in range(len(COMMANDS)):
        told = client.get(f"mailboxes/{box['id']}/").json()
        assert (
            ("connection broke" in told["problem"])
            or ("in time" in told["problem"])
            or ("speak" in told["problem"])
            or ("closed" in told["problem"])
        ), told
        server.inbox.add(mail(f"No. {number}"))
        assert read_again(saigon) == 1
    read_again(saigon)
    assert left == []
    assert subjects(client) == [f"No. {number}" for number in range(len(COMMANDS))]
    assert client.get(f"mailboxes/{box['id']}/").json()["problem"] == ""


def test_a_connection_that_breaks_halfway_goes_on_where_it_was(api, saigon, server) -> None:
    client = api(saigon.key)
    for number in range(6):
        server.inbox.add(mail(f"No. {number}"))
    bodies: list[str] = []

    def script(command: str, uids: str) -> str | None:
        if command != "FETCH" or "," in uids or ":" in uids:
            return None
        bodies.append(uids)
        return CUT if len(bodies) in (3, 5) else None

    server.script = script
    mailbox(client, server)
    sync_due_mailboxes()
    assert len(messages(client)) == 2
    read_again(saigon)
    read_again(saigon)
    assert subjects(client) == [f"No. {number}" for number in range(6)]
    assert bodies == ["1", "2", "3", "3", "4", "4", "5", "6"]


def test_one_message_that_always_breaks_the_connection_holds_up_no_other(api, saigon, server) -> None:
    client = api(saigon.key)
    for number in range(3):
        server.inbox.add(mail(f"No. {number}"))
    server.script = lambda command, uids: LIE if (command, uids) == ("FETCH", "2") else None
    box = mailbox(client, server)
    sync_due_mailboxes()
    assert "more than it was asked for" in client.get(f"mailboxes/{box['id']}/").json()["problem"]
    for _ in range(2 * mail_sync.TRIES):
        read_again(saigon)
    rows = {one["uid"]: one for one in messages(client)}
    assert sorted(rows) == [1, 2, 3]
    assert (rows[2]["subject"], "broke each time" in rows[2]["note"]) == ("", True)


def test_one_message_that_breaks_its_reader_holds_up_no_other(api, saigon, server, monkeypatch) -> None:
    def break_at_poison(data: bytes) -> Any:
        if b"Poison" in data:
            raise RuntimeError
        return read_message(data)

    monkeypatch.setattr(incoming, "read_message", break_at_poison)
    client = api(saigon.key)
    for subject in ("First", "Poison", "Last"):
        server.inbox.add(mail(subject))
    mailbox(client, server)
    sync_due_mailboxes()
    for _time in range(2):
        read_again(saigon)
    rows = {one["uid"]: one["subject"] for one in messages(client)}
    assert rows == {1: "First", 2: "", 3: "Last"}


def test_a_turn_that_is_over_goes_on_in_the_next_one(api, saigon, server, monkeypatch) -> None:
    monkeypatch.setattr(mail_sync, "TURN_SECONDS", 0.0)
    client = api(saigon.key)
    for number in range(3):
        server.inbox.add(mail(f"No. {number}"))
    mailbox(client, server)
    turns = 0
    while len(messages(client)) < 3 and turns < 9:
        turns += sync_due_mailboxes() or read_again(saigon)
    assert (len(messages(client)), turns > 1) == (3, True)


def test_who_is_not_let_in_or_leads_inside_is_told_so_and_nothing_is_mirrored(api, saigon, server, settings) -> None:
    client = api(saigon.key)
    box = mailbox(client, server, password="wrong")
    sync_due_mailboxes()
    told = client.get(f"mailboxes/{box['id']}/").json()["problem"]
    assert (told, "wrong" in told) == ("The mail server refuses the name and password.", False)
    tried = client.post(f"mailboxes/{box['id']}/test/").json()
    assert (tried["imap"]["code"], "smtp" in tried) == ("refused", False)
    credential = client.get(f"mailboxes/{box['id']}/").json()["imap"]
    client.post(f"credentials/{credential}/rotate/", {"secret": server.secret()})
    assert client.post(f"mailboxes/{box['id']}/test/").json()["imap"]["ok"] is True
    client.post(f"credentials/{credential}/rotate/", {"secret": {**server.secret(), "port": 993}})
    settings.OUTBOUND_ALLOW = ()
    connections = server.connections
    assert client.post(f"mailboxes/{box['id']}/sync/").status_code == 202
    assert sync_due_mailboxes() == 1
    assert "public internet" in client.get(f"mailboxes/{box['id']}/").json()["problem"]
    assert (server.connections, client.get("mail-folders/").json()["results"]) == (connections, [])


def test_names_and_messages_that_nobody_would_write_are_taken_for_what_they_are() -> None:
    assert imap.folder_name("&Jjo-!") == "☺!"
    assert [imap.folder_name(name) for name in ("A&-B", "&", "&x", "&2D0-", "&AAo-")] == ["A&B", "&", "&x", "&2D0-", ""]
    assert imap._listed(b'() NIL "flat"') == imap.Listed("flat", ("flat",), "", "", True)
    assert imap._listed(b'(\\Noselect) "\\\\" {6}', b"a\\b\\c\n") is None
    assert imap._listed(b'(\\NonExistent) "." "x.Sent Items"').special_use == "sent"  # type: ignore[union-attr]
    assert imap._listed(b"nonsense") is None
    deep = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (depth, depth) for depth in range(5000))
    begun = time.monotonic()
    assert [one.size for one in read_message(deep).attachments] == [len(deep.partition(b"\n\n")[2])]
    assert read_message(b"Content-Type: text/html\n\n" + b"<div>" * 100_000).html
    odd = b"Content-Type: text/plain; charset=%s\n\nx-\\ud800" % b"raw_unicode_escape"
    assert read_message(odd).text == "x-\\ud800"
    assert read_message(b"Content-Type: text/plain; charset=punycode\n\n" + b"a" * 200_000).text
    told = b"--b\nContent-Type: text/plain; " + b"a0=b; " * 500 + b"\n\nx\n"
    assert read_message(b"Content-Type: multipart/mixed; boundary=b\n\n" + told * 200).text
    assert read_message(b"Subject: " + b"=?utf-8?q?a?= " * 20_000).subject
    assert read_message(b"To: " + b"(" * 5_000 + b"\n\nx").text == "x"
    assert time.monotonic() - begun < 10


END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_whole_account_is_read_over_tls(api, saigon, server, tmp_path, monkeypatch, security: str) -> None:
    path = self_signed(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    server.security, server.tls = security, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(path)
    for number in range(3):
        server.inbox.add(mail(f"No. {number}", body="x" * 100_000))
    server.add_folder("Other").add(rich())
    client = api(saigon.key)
    box = mailbox(client, server, host="localhost")
    sync_due_mailboxes()
    assert client.get(f"mailboxes/{box['id']}/").json()["problem"] == ""
    assert len(subjects(client)) == 4
    server.inbox.add(mail("New"))
    read_again(saigon)
    assert "New" in subjects(client)


def test_numbers_that_are_far_apart_cost_few_questions_and_those_that_are_none_are_refused(api, saigon, server) -> None:
    client = api(saigon.key)
    server.inbox.add(mail("First"))
    server.inbox.uid_next = 4_000_000_000
    server.inbox.add(mail("Last"))
    odd = server.add_folder("Odd")
    odd.add(mail("Never seen"))
    odd.uid_next = 2**40
    box = mailbox(client, server)
    assert sync_due_mailboxes() == 1
    assert subjects(client) == ["First", "Last"]
    assert len([one for one in server.asked if one.startswith("SEARCH")]) < 15
    assert client.get(f"mailboxes/{box['id']}/").json()["problem"] == ""
    assert "does not let it be read" in folder_named(client, "Odd")["problem"]


def test_a_server_that_leaves_messages_out_of_an_answer_costs_none(api, saigon, server, monkeypatch) -> None:
    client = api(saigon.key)
    server.capabilities = "IMAP4rev1"
    for number in range(3):
        server.inbox.add(mail(f"No. {number}"))
    mailbox(client, server)
    sync_due_mailboxes()
    monkeypatch.setattr(imap.Imap, "flags", lambda *_asked, **_more: {})
    read_again(saigon)
    assert len(messages(client)) == 3
    server.inbox.expunge(2)
    read_again(saigon)
    assert subjects(client) == ["No. 0", "No. 2"]


def test_a_message_from_the_end_of_the_calendar_is_shown(api, saigon, server) -> None:
    server.inbox.add(mail("Late", Date="Fri, 31 Dec 9999 23:59:59 +0000"), received_at=END)
    client = api(saigon.key)
    client.patch("settings/retention_days_mail_messages/", {"value": 0})
    mailbox(client, server)
    sync_due_mailboxes()
    (shown,) = messages(client)
    assert (shown["subject"], shown["date"]) == ("Late", None)
    assert browser(saigon.owner).get(page("reports_mailmessage_change", shown["id"])).status_code == 200
