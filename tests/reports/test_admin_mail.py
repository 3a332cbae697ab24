"""Mail in the admin: received messages are read and run nothing, accounts are tried and read, drafts take several files."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from reports.mail_sync import sync_due_mailboxes
from reports.models import EmailMessage, EmailTemplate, Mailbox, MailFolder, MailMessage, MailSync
from tenants.models import StoredFile
from tenants.storage import open_file
from tests.conftest import PASSWORD, in_tenant
from tests.imap_server import ImapSink
from tests.reports.mailboxes import mail, mailbox, rich
from tests.tenants.admin_pages import browser, form_of, page, text_of

pytestmark = pytest.mark.django_db


def test_a_message_is_read_in_a_frame_that_runs_and_fetches_nothing(api, saigon, harbour, server: ImapSink) -> None:
    server.inbox.add(rich('"><script>alert(1)</script>.txt'))
    server.inbox.add(mail("Câu hỏi <b>", body="See https://ok.example <script>"), "\\Seen")
    mailbox(api(saigon.key), server)
    sync_due_mailboxes()
    client = browser(saigon.analyst)
    with in_tenant(saigon.tenant):
        told, plain = MailMessage.objects.order_by("uid")
        folder = MailFolder.objects.get()
        files = list(StoredFile.objects.order_by("id"))
    listed = client.get(page("reports_mailmessage_changelist"))
    assert "Bảng giá" in text_of(listed)
    assert "<b>" not in listed.content.decode().partition("Câu hỏi")[2][:20]
    assert "Câu hỏi" not in text_of(client.get(page("reports_mailmessage_changelist") + "?unread=yes"))
    assert "Bảng giá" not in text_of(client.get(page("reports_mailmessage_changelist") + "?q=cau+hoi"))
    assert str(folder.message_count) in text_of(client.get(page("reports_mailfolder_changelist")))
    shown = client.get(page("reports_mailmessage_change", told.pk)).content.decode()
    (frame,) = re.findall(r"<iframe[^>]*>", shown)
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in frame
    assert "2 pictures from elsewhere were left out" in shown
    assert "&lt;img src=&quot;data:image/png;base64,iVBORw0KGgo=&quot;&gt;[chart]&lt;a" in frame  # the other is no picture
    assert "spy.example" not in shown
    assert "<script>alert" not in shown
    assert f'href="/files/{files[0].pk}/"' in shown
    given = client.get(f"/files/{files[0].pk}/")
    assert given["Content-Disposition"].startswith("attachment;")
    assert given["Content-Type"] == "application/octet-stream"
    shown = client.get(page("reports_mailmessage_change", plain.pk)).content.decode()
    assert 'href="https://ok.example"' in shown
    assert "<iframe" not in shown
    stranger = browser(harbour.owner)
    assert stranger.get(page("reports_mailmessage_change", told.pk)).status_code == 302
    assert stranger.get(f"/files/{files[0].pk}/").status_code == 404
    empty = stranger.get(page("reports_mailmessage_changelist"))
    assert f'href="{page("reports_mailbox_changelist")}"' in empty.content.decode().partition("No received e-mails yet")[2]


def test_an_account_is_added_tried_read_and_its_trouble_told_on_the_home_page(api, saigon, server: ImapSink) -> None:
    about = {"provider": "imap", "kind": "basic", "label": "Inbox", "secret": server.secret(password="wrong")}
    credential = api(saigon.key).post("credentials/", about).json()["id"]
    client = browser(saigon.owner)
    form = {"name": "Shop", "address": "shop@example.com", "imap": credential, "is_active": "on"}
    assert client.post(page("reports_mailbox_add"), form).status_code == 302
    sync_due_mailboxes()
    with in_tenant(saigon.tenant):
        box = Mailbox.objects.get()
    assert "refuses the name and password" in text_of(client.get(page("reports_mailbox_change", box.pk)))
    assert "The mail of shop@example.com is not read" in text_of(client.get(page("index")))
    assert "PROBLEM" in text_of(client.get(page("reports_mailbox_changelist"))).upper()
    connections = server.connections
    asked = client.get(page("reports_mailbox_test", box.pk))
    assert (asked.status_code, server.connections) == (200, connections)
    tried = client.post(page("reports_mailbox_test", box.pk), {"old_password": PASSWORD}, follow=True)
    assert "IMAP: The service refused it." in text_of(tried)
    api(saigon.key).post(f"credentials/{credential}/rotate/", {"secret": server.secret()})
    assert browser(saigon.operator).get(page("reports_mailbox_read_now", box.pk)).status_code == 403
    assert "A worker reads it" in text_of(client.get(page("reports_mailbox_read_now", box.pk), follow=True))
    assert sync_due_mailboxes() == 1
    assert "Up to date" in text_of(client.get(page("reports_mailbox_changelist")))
    assert client.post(page("reports_mailbox_delete", box.pk), {"post": "yes"}).status_code == 302
    with in_tenant(saigon.tenant):
        assert not MailFolder.objects.exists()
        assert not MailSync.objects.exists()


def test_a_draft_takes_several_files_and_lets_one_go(saigon) -> None:
    client = browser(saigon.operator)

    def files(*names: str) -> list[SimpleUploadedFile]:
        return [SimpleUploadedFile(name, name.encode(), "text/plain") for name in names]

    def attached() -> dict[str, Any]:
        with in_tenant(saigon.tenant):
            rows = EmailMessage.objects.get().attachments.select_related("file")
            return {row.file.name: (str(row.pk), open_file(row.file).read()) for row in rows}

    written = {"to": "an@example.com", "subject": "Files", "body": "…", "priority": "0"}
    given = client.post(page("reports_emailmessage_add"), {**written, "uploads": files("a.txt", "b.txt")})
    assert given.status_code == 302, text_of(given)
    assert {name: data for name, (_pk, data) in attached().items()} == {"a.txt": b"a.txt", "b.txt": b"b.txt"}
    with in_tenant(saigon.tenant):
        address = page("reports_emailmessage_change", EmailMessage.objects.get().pk)
    form = {**form_of(client.get(address)), **written, "remove": [attached()["a.txt"][0]], "uploads": files("c.txt")}
    assert client.post(address, form).status_code == 302
    assert {name: data for name, (_pk, data) in attached().items()} == {"b.txt": b"b.txt", "c.txt": b"c.txt"}
    large = SimpleUploadedFile("d.bin", b"x" * 11_000_000)
    form = {**form_of(client.get(address)), **written, "uploads": [large, SimpleUploadedFile("e.bin", b"x" * 11_000_000)]}
    assert "at most 20 MB" in text_of(client.post(address, {**form, "remove": []}))
    with in_tenant(saigon.tenant):
        assert StoredFile.objects.count() == 2


def test_a_draft_is_written_with_a_template_and_a_test_of_it_says_that_it_is_one(saigon):
    texts = {
        "subject_en": "Order {{ number }}",
        "body_en": "Hello {{ name }}",
        "subject_vi": "Đơn",
        "body_vi": "Chào {{ anh }}",
    }
    with in_tenant(saigon.tenant):
        template = EmailTemplate.objects.create(code="sent", name="Sent", **texts)
    person, fill = browser(saigon.operator), page("reports_emailtemplate_fill", template.pk)
    assert "needs a text or a number for “number”" in text_of(person.post(fill, {"language": "en", "value_name": "An"}))
    with in_tenant(saigon.tenant):
        assert not EmailMessage.objects.exists()
    person.post(fill, {"language": "en", "value_name": "An", "value_number": "7"})
    with in_tenant(saigon.tenant):
        draft = EmailMessage.objects.get()
        assert (draft.subject, draft.body, draft.status, draft.to) == ("Order 7", "Hello An", "draft", [])
    person.post(page("reports_emailmessage_send_test", draft.pk))
    with in_tenant(saigon.tenant):
        assert EmailMessage.objects.exclude(pk=draft.pk).get().subject == "[Test] Order 7"
