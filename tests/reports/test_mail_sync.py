"""Mailboxes are mirrored from a real IMAP server on loopback, go on after every fault, and show each tenant its own."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from reports import incoming, mail_sync
from reports.mail_sync import sync_due_mailboxes
from reports.models import EmailDelivery, MailMessage, MailSync
from reports.received import read_message
from tenants.models import Setting, StoredFile, TaskRun
from tenants.models import settings as tenant_settings
from tenants.retention import KINDS, forget_old
from tenants.services import set_tenant_status
from tenants.storage import path_of
from tests.conftest import in_tenant
from tests.reports.mailboxes import folder_named, mail, mailbox, messages, read_again, rich, subjects
from tests.reports.test_received import BOUNCE

pytestmark = pytest.mark.django_db


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
        '<p style="color:red">Xin chào</p>[logo]<img src="cid:1"><img src="cid:2%40x" alt="chart">'
        '<a href="https://ok.example" rel="noopener noreferrer">Xem</a><a rel="noopener noreferrer">x</a><div>y</div>'
    )
    assert (whole["images_left_out"], whole["sender"], whole["note"]) == (2, "An <an@example.com>", "")
    assert [(one["name"], one["size"]) for one in whole["attachments"]] == [("giá.txt", 3), ("file.png", 8), ("x.png", 21)]
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
    assert [(one["name"], one["file"] is not None) for one in row["attachments"]] == [
        ("giá.txt", True),
        ("file.png", False),
        ("x.png", False),
    ]


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
        assert not [row.pk for row in rows.values() if re.search(r"<script|src=\"(?!cid:)|onerror", row.html)]
    assert read_again(saigon) == 1
    assert folder_named(client, "INBOX")["message_count"] == 103
