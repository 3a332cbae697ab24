"""Mailboxes are mirrored from a real IMAP server on loopback, go on after every fault, and show each tenant its own."""

import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from reports import imap, incoming, mail_sync
from reports.mail_sync import sync_due_mailboxes
from reports.models import EmailDelivery, MailMessage, MailSync
from reports.received import read_message
from tenants.models import Setting, StoredFile, TaskRun
from tenants.models import settings as tenant_settings
from tenants.retention import KINDS, forget_old
from tenants.services import set_tenant_status
from tenants.storage import path_of
from tests.conftest import Business, in_tenant
from tests.imap_server import CUT, DROP, GARBAGE, LIE, STALL, ImapSink, imap_server
from tests.reports.test_api_emails import InTurn
from tests.reports.test_received import BOUNCE

pytestmark = pytest.mark.django_db

HTML = (
    '<p onclick="x()" style="color:red;position:fixed">Xin chào</p><script>alert(1)</script><title>t</title>'
    '<img src="https://spy.example/a.gif" alt="logo"><img src="//spy.example/b"><img src="cid:1">'
    '<a href="https://ok.example">Xem</a><a href="javascript:x()">x</a><div style="border:url(http://spy.example)">y</div>'
)


def mail(subject: str = "Tin vui", *, body: str = "Xin chào", **headers: str) -> bytes:
    """Return a plain message."""
    head = {"From": "An <an@example.com>", "To": "shop@example.com", "Subject": subject, **headers}
    lines = [*(f"{name.replace('_', '-')}: {value}" for name, value in head.items()), "", body]
    return "\r\n".join(lines).encode()


def rich(name: str = "giá.txt") -> bytes:
    """Return a message with HTML and two files."""
    parts = [
        f"Content-Type: text/html; charset=utf-8\r\n\r\n{HTML}",
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment; filename*=utf-8''{name}\r\n\r\n1 2",
        "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=",
    ]
    body = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"
    return mail("Bảng giá", body=body, Content_Type="multipart/mixed; boundary=b", Message_ID="<2@x>", References="<1@x>")


@pytest.fixture
def server(loopback_allowed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImapSink]:
    """Return a mail server that may be reached; whoever is due is served one after the other."""
    monkeypatch.setattr(mail_sync, "ThreadPoolExecutor", InTurn)
    monkeypatch.setattr(mail_sync, "_serve_apart", mail_sync._serve)
    with imap_server() as sink:
        yield sink


def mailbox(client: Any, server: ImapSink, **secret: str) -> dict[str, Any]:
    """Make an account that is read from the server."""
    about = {"provider": "imap", "kind": "basic", "label": "Inbox", "secret": server.secret(**secret)}
    credential = client.post("credentials/", about).json()["id"]
    made = client.post("mailboxes/", {"name": "Shop", "address": "shop@example.com", "imap": credential})
    assert made.status_code == 201, made.json()
    return made.json()


def read_again(business: Business) -> int:
    """Let every account be due, and read it."""
    with in_tenant(business.tenant):
        MailSync.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    return sync_due_mailboxes()


def messages(client: Any, **params: str) -> list[dict[str, Any]]:
    return client.get("mail-messages/", {"page_size": "200", **params}).json()["results"]


def subjects(client: Any, **params: str) -> list[str]:
    return sorted(one["subject"] for one in messages(client, **params))


def folder_named(client: Any, name: str) -> dict[str, Any]:
    return next(one for one in client.get("mail-folders/").json()["results"] if one["name"] == name)


def test_folders_and_messages_are_as_the_server_has_them_and_nothing_in_them_is_fetched(api, saigon, server) -> None:
    client = api(saigon.key)
    server.inbox.add(mail("Câu hỏi", Message_ID="<1@x>"), "\\Seen", received_at=datetime(2026, 11, 20, 8, tzinfo=UTC))
    server.inbox.add(rich(), received_at=datetime(2026, 11, 21, 8, tzinfo=UTC))
    server.add_folder("&ANQ-&ALA-n h&AOA-ng", "\\HasChildren").add(mail("Old", Date="Mon, 1 Jun 2026 10:00:00 +0700"))
    server.add_folder('&ANQ-&ALA-n h&AOA-ng/2026 "Q4"', "\\Noselect")
    server.add_folder("Gesendet", "\\HasNoChildren \\Sent")
    server.add_folder("[Gmail]/All", "\\All").add(mail("Not twice"))
    box = mailbox(client, server)
    assert (box["synced_at"], sync_due_mailboxes()) == (None, 1)
    found = {one["name"]: one for one in client.get("mail-folders/", {"mailbox": box["id"]}).json()["results"]}
    assert {name: one["special_use"] for name, one in found.items()} == {
        "INBOX": "inbox", "Ô°n hàng": "", '2026 "Q4"': "", "Gesendet": "sent", "All": "all"
    }  # fmt: skip
    assert (found["INBOX"]["message_count"], found["INBOX"]["unread_count"], found["All"]["message_count"]) == (2, 1, 1)
    assert found['2026 "Q4"']["parent"] == found["Ô°n hàng"]["id"]
    assert not found['2026 "Q4"']["is_selectable"]
    assert subjects(client) == ["Bảng giá", "Câu hỏi", "Old"]
    assert subjects(client, folder=found["INBOX"]["id"], is_seen="false") == ["Bảng giá"]
    assert subjects(client, search="cau HOI") == ["Câu hỏi"]
    assert subjects(client, search="an@example", until="2026-11-21T00:00Z", since="2026-11-01T00:00Z") == ["Câu hỏi"]
    (row,) = messages(client, thread="<1@x>", is_seen="false")
    assert "html" not in row
    whole = client.get(f"mail-messages/{row['id']}/").json()
    assert whole["html"] == (
        '<p style="color:red">Xin chào</p>[logo]'
        '<a href="https://ok.example" rel="noopener noreferrer">Xem</a><a rel="noopener noreferrer">x</a><div>y</div>'
    )
    assert (whole["images_left_out"], whole["sender"], whole["note"]) == (2, "An <an@example.com>", "")
    assert [(one["name"], one["size"]) for one in whole["attachments"]] == [("giá.txt", 3), ("file.png", 8)]
    with in_tenant(saigon.tenant):
        stored = StoredFile.objects.get(pk=whole["attachments"][0]["file"])
        assert path_of(stored).read_bytes() == b"1 2"
        run = TaskRun.objects.get(task_type="read_mail")
        assert (run.status, run.output) == ("done", {"folders": 5, "messages": 3})
    told = client.get(f"mailboxes/{box['id']}/").json()
    assert told["problem"] == ""
    assert told["synced_at"]


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 CONDSTORE", "IMAP4rev1"])
def test_only_what_is_new_or_changed_is_asked_for_and_what_has_gone_goes(
    api, saigon, server, capabilities: str, django_capture_on_commit_callbacks
) -> None:
    client, inbox = api(saigon.key), server.inbox
    server.capabilities = capabilities
    uids = [inbox.add(mail(f"No. {number}")) for number in range(4)]
    inbox.add(rich())
    gone = server.add_folder("Gone")
    gone.add(mail("In a folder"))
    mailbox(client, server)
    sync_due_mailboxes()
    server.asked.clear()
    assert read_again(saigon) == 1
    assert ("EXAMINE" in " ".join(server.asked)) == ("CONDSTORE" not in capabilities)
    with in_tenant(saigon.tenant):
        assert TaskRun.objects.filter(task_type="read_mail").count() == 1  # a look that brought nothing leaves none
        (stored,) = StoredFile.objects.filter(name="giá.txt")
    server.asked.clear()
    inbox.mark(uids[0], "\\Seen", "\\Flagged", "$Label1")
    read_again(saigon)
    assert [one["flags"] for one in messages(client, is_seen="true")] == [["$Label1", "\\Flagged", "\\Seen"]]
    inbox.expunge(uids[1])
    inbox.expunge(inbox.uid_next - 1)
    inbox.add(mail("New"))
    del server.folders["Gone"]
    with django_capture_on_commit_callbacks(execute=True):
        read_again(saigon)
    assert subjects(client) == ["New", "No. 0", "No. 2", "No. 3"]
    assert not [one for one in server.asked if "PEEK" in one and not one.startswith(f"FETCH {inbox.uid_next - 1} ")]
    assert not path_of(stored).exists()
    assert [one["name"] for one in client.get("mail-folders/").json()["results"]] == ["INBOX"]


def test_messages_that_were_numbered_anew_are_there_once(api, saigon, server) -> None:
    client = api(saigon.key)
    for number in range(3):
        server.inbox.add(mail(f"No. {number}"))
    mailbox(client, server)
    sync_due_mailboxes()
    server.inbox.expunge(1)
    server.inbox.number_anew()
    read_again(saigon)
    assert [(one["subject"], one["uid"]) for one in reversed(messages(client))] == [("No. 1", 1), ("No. 2", 2)]


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
        assert ("connection broke" in told["problem"]) or ("in time" in told["problem"]) or ("speak" in told["problem"]), (
            told
        )
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


def test_an_account_that_is_switched_off_or_suspended_is_left_alone_and_keeps_its_mail(api, saigon, server) -> None:
    client = api(saigon.key)
    server.inbox.add(mail())
    box = mailbox(client, server)
    set_tenant_status(tenant_id=saigon.tenant.pk, status="suspended")
    assert read_again(saigon) == 0
    set_tenant_status(tenant_id=saigon.tenant.pk, status="active")
    assert read_again(saigon) == 1
    assert client.patch(f"mailboxes/{box['id']}/", {"is_active": False}).status_code == 200
    assert client.post(f"mailboxes/{box['id']}/sync/").json()["code"] == "not_read"
    assert (read_again(saigon), subjects(client)) == (0, ["Tin vui"])
    assert client.delete(f"mailboxes/{box['id']}/").status_code == 204
    assert (subjects(client), client.get("mail-folders/").json()["results"]) == ([], [])


def test_a_message_that_is_too_large_is_told_by_its_headers(api, saigon, server, monkeypatch) -> None:
    monkeypatch.setattr(incoming, "MOST_BYTES", 300)
    monkeypatch.setattr(mail_sync, "MOST_BYTES", 300)
    monkeypatch.setattr(incoming, "MOST_FILES", 1)
    client = api(saigon.key)
    server.inbox.add(mail("Films", body="x" * 1000))
    mailbox(client, server)
    sync_due_mailboxes()
    (row,) = messages(client)
    whole = client.get(f"mail-messages/{row['id']}/").json()
    assert (whole["subject"], whole["text"], whole["attachments"]) == ("Films", "", [])
    assert "too large" in whole["note"]
    monkeypatch.setattr(mail_sync, "MOST_BYTES", 10_000)
    server.inbox.add(rich())
    read_again(saigon)
    (row,) = messages(client, message_id="<2@x>")
    assert [(one["name"], one["file"] is not None) for one in row["attachments"]] == [("giá.txt", True), ("file.png", False)]


def test_mail_that_came_back_is_told_at_its_delivery(api, saigon, server) -> None:
    client = api(saigon.key)
    to = ["gone@example.com", "late@example.com"]
    email = client.post("emails/", {"subject": "Tin vui", "body": "…", "to": to, "status": "queued"}).json()
    with in_tenant(saigon.tenant):
        EmailDelivery.objects.update(state="done", sent_at="2026-11-22T00:00Z")
    report = BOUNCE.format(gone=to[0], late=to[1], kind="message/rfc822", message_id=email["message_id"])
    server.add_folder("Sent", "\\Sent").add(report.replace("\n", "\r\n").encode())
    mailbox(client, server)
    sync_due_mailboxes()
    assert [row["status"] for row in client.get("email-deliveries/").json()["results"]] == ["sent", "sent"]
    server.inbox.add(report.replace("\n", "\r\n").encode())
    read_again(saigon)
    rows = {row["recipient"]: row["status"] for row in client.get("email-deliveries/").json()["results"]}
    assert rows == {to[0]: "failed", to[1]: "sent"}
    assert sorted(one["bounced"] for one in messages(client)) == [0, 1]


def test_two_businesses_that_read_the_same_account_have_nothing_in_common(api, saigon, harbour, server) -> None:
    server.inbox.add(rich())
    mine, theirs = api(saigon.key), api(harbour.key)
    box = mailbox(mine, server)
    assert sync_due_mailboxes() == 1
    (row,) = messages(mine)
    assert (messages(theirs), theirs.get("mail-folders/").json()["results"]) == ([], [])
    for address in (f"mail-messages/{row['id']}/", f"mail-folders/{row['folder']}/", f"mailboxes/{box['id']}/"):
        assert theirs.get(address).status_code == 404
    assert theirs.post(f"mailboxes/{box['id']}/sync/").status_code == 404
    assert theirs.get("mail-messages/", {"folder": row["folder"]}).json()["code"] == "unknown_reference"
    mailbox(theirs, server)
    with in_tenant(saigon.tenant):
        MailSync.objects.update(due_at=timezone.now())
    assert sync_due_mailboxes() == 2
    (other,) = messages(theirs)
    assert not {row["id"], row["folder"], row["attachments"][0]["file"]} & {other["id"], other["folder"]}
    assert other["attachments"][0]["file"] != row["attachments"][0]["file"]


def test_what_is_older_than_it_is_kept_is_not_fetched_and_goes_after_its_time(api, saigon, server) -> None:
    client = api(saigon.key)
    server.inbox.add(mail("Old"), received_at=timezone.now() - timedelta(days=400))
    server.inbox.add(rich(), received_at=timezone.now() - timedelta(days=100))
    server.inbox.add(mail("New"))
    mailbox(client, server)
    sync_due_mailboxes()
    assert subjects(client) == ["Bảng giá", "New"]
    assert folder_named(client, "INBOX")["message_count"] == 3
    with in_tenant(saigon.tenant):
        Setting.put("retention_days_mail_messages", 30)
        tenant_settings._remembered.clear()
        assert sum(forget_old(KINDS["mail_messages"])) == 1
        assert not StoredFile.objects.filter(name="giá.txt").exists()
    server.inbox.add(mail("Moved here"), received_at=timezone.now() - timedelta(days=90))
    read_again(saigon)
    assert subjects(client) == ["New"]


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


@pytest.mark.sample_data
def test_every_sample_is_mirrored(api, saigon, server) -> None:
    samples = sorted((Path(os.environ["BACKROOM_TEST_DATA"]) / "email").glob("*.eml"))
    assert len(samples) == 103
    for path in samples:
        server.inbox.add(path.read_bytes())
    client = api(saigon.key)
    mailbox(client, server)
    assert sync_due_mailboxes() == 1
    with in_tenant(saigon.tenant):
        rows = {row.uid: row for row in MailMessage.objects.prefetch_related("attachments")}
        assert sorted(rows) == list(range(1, 104))
        for uid, path in enumerate(samples, 1):
            read = read_message(path.read_bytes())
            assert (rows[uid].subject, rows[uid].sender, rows[uid].text) == (read.subject, read.sender, read.text)
            kept = rows[uid].attachments.all()
            assert [(one.size, one.file_id is not None) for one in kept] == [(one.size, True) for one in read.attachments]
        assert not [row.pk for row in rows.values() if re.search(r"<script|src=|onerror", row.html)]
    assert read_again(saigon) == 1
    assert folder_named(client, "INBOX")["message_count"] == 103
