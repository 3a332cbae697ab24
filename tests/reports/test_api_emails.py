"""E-mail through the API: written, sent by a real server on loopback, refused at the door, retried."""

import base64
import json
import os
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from reports import outbox
from reports.addresses import read_address
from reports.models import EmailDelivery, EmailMessage
from reports.outbox import PAUSES, send_due_emails
from runtime.models import ScheduleOccurrence
from runtime.tasks import run_occurrences
from tenants.errors import DomainError
from tenants.models import StoredFile
from tenants.storage import path_of
from tests.conftest import in_tenant
from tests.reports.files import days, read
from tests.smtp_sink import DROP
from tests.tenants.admin_pages import browser, page

pytestmark = pytest.mark.django_db

ABOUT: dict[str, Any] = {"subject": "Tin vui", "body": "Xin chào An", "to": ["An <an@example.com>"], "status": "queued"}


def deliveries(client: Any, **params: str) -> dict[str, str]:
    rows = client.get("email-deliveries/", params).json()["results"]
    return {row["recipient"]: row["status"] for row in rows}


def make_due(business: Any) -> None:
    with in_tenant(business.tenant):
        EmailDelivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def test_a_mail_goes_to_each_recipient_by_itself_and_blind_copies_stand_nowhere(api, saigon, sink) -> None:
    client = api(saigon.key)
    html = '<p style="color:red" onclick="x()">Chào</p><script>alert(1)</script><img src="https://x.example/a.png">'
    sent = client.post(
        "emails/",
        {
            **ABOUT,
            "html": html,
            "cc": ["b@example.com", "AN@example.com"],
            "bcc": ["Hidden <hidden@example.com>"],
            "reply_to": "sales@saigon.example",
            "attachments": [{"name": "giá.txt", "media_type": "text/plain", "content": base64.b64encode(b"1\n2").decode()}],
        },
    )
    assert sent.status_code == 201, sent.json()
    email = sent.json()
    assert (email["status"], email["deliveries"]["open"]) == ("queued", 3)
    assert email["html"] == '<p style="color:red">Chào</p><img src="https://x.example/a.png">'
    assert deliveries(client) == dict.fromkeys(["an@example.com", "b@example.com", "hidden@example.com"], "queued")
    assert send_due_emails() == 3
    assert sink.connections == 1
    assert {recipient for recipient, _text in sink.taken} == {"an@example.com", "b@example.com", "hidden@example.com"}
    assert len({text for _recipient, text in sink.taken}) == 1
    message = message_from_bytes(sink.taken[0][1], policy=policy.default)
    assert (message["To"], message["Subject"]) == ("An <an@example.com>", "Tin vui")
    assert (message["From"], message["Reply-To"]) == ("Saigon <backroom@localhost>", "sales@saigon.example")
    assert message["Message-ID"] == email["message_id"]
    assert b"hidden" not in sink.taken[0][1].lower()
    assert message.get_body(("plain",)).get_content().strip() == "Xin chào An"
    (attachment,) = message.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("giá.txt", "1\r\n2")
    assert client.get(f"emails/{email['id']}/").json()["deliveries"] == {
        "all": 3, "open": 0, "sent": 3, "failed": 0, "unknown": 0, "cancelled": 0
    }  # fmt: skip
    assert send_due_emails() == 0
    assert client.patch(f"emails/{email['id']}/", {"subject": "Late"}).json()["code"] == "not_draft"
    assert client.delete(f"emails/{email['id']}/").status_code == 409


def test_a_time_without_a_zone_is_by_the_clock_of_the_business(api, saigon, sink) -> None:
    client = api(saigon.key)
    for given, told in (
        ("2030-01-01T07:00:00", "2030-01-01T00:00:00Z"),
        ("2030-01-01T07:00:00Z", "2030-01-01T07:00:00Z"),
    ):
        made = client.post("emails/", {**ABOUT, "send_at": given}).json()
        assert (made["send_at"], client.get(f"emails/{made['id']}/").json()["send_at"]) == (told, told)


def test_a_draft_is_edited_sent_once_and_waits_for_its_time(api, saigon, sink) -> None:
    client = api(saigon.key)
    draft = client.post("emails/", {"subject": "Plan", "body": "…"}).json()
    assert (draft["status"], draft["to"], draft["message_id"]) == ("draft", [], "")
    address = f"emails/{draft['id']}/"
    assert client.post(f"{address}send/").json()["code"] == "no_recipients"
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    changed = client.patch(address, {"to": ["an@example.com"], "send_at": later})
    assert (changed.status_code, changed.json()["to"]) == (200, ["an@example.com"])
    assert client.post(f"{address}send/").status_code == 200
    assert client.post(f"{address}send/").json()["code"] == "not_draft"
    assert send_due_emails() == 0
    assert client.post(f"{address}cancel/").json()["deliveries"]["cancelled"] == 1
    make_due(saigon)
    assert send_due_emails() == 0
    (row,) = client.get("email-deliveries/", {"status": "cancelled"}).json()["results"]
    assert client.post(f"email-deliveries/{row['id']}/retry/").json()["status"] == "queued"
    assert send_due_emails() == 1
    assert len(sink.taken) == 1
    assert client.post(f"email-deliveries/{row['id']}/retry/").json()["code"] == "not_ended"
    other = client.post("emails/", {"subject": "Gone", "body": "…"}).json()
    assert client.delete(f"emails/{other['id']}/").status_code == 204


BREAKS = "a\r\nBcc: x@evil.example", "a\nb", "a\x0bb", "a\u2028b", "a\x85b"
ADDRESSES = (
    *("a@b.example,c@d.example", '"x" <a@b.example> evil@z.example', "friends: a@b.example, c@d.example;", "undisclosed:;"),
    *("", "an", "an@", "@b.example", f"{'a' * 65}@b.example", "ân@b.example", "a@b.example\r\nBcc: x@evil.example", "a b@c.example"),
    *("a\u017f@b.example", "\u212a@b.example"),
    *("<a@b.example", "a@b.example>", "a@b.example\x00", "An\nX: y <a@b.example>", "An\u2028 <a@b.example>", "a@[127.0.0.1"),
    "(" * 999,
)  # fmt: skip


def test_what_could_end_a_header_or_name_two_people_is_refused_at_the_door(api, saigon) -> None:
    client = api(saigon.key)
    for address in ADDRESSES:
        with pytest.raises(DomainError, match="is not one e-mail address"):
            read_address(address)
    for field in ("to", "cc", "bcc"):
        answer = client.post("emails/", {**ABOUT, field: ["b@example.com", "a@b.example\r\nBcc: x@evil.example"]}).json()
        assert (answer["code"], answer["errors"][0]["field"]) == ("invalid_address", f"{field}.1")
    attached = {"name": "a.txt", "content": "YQ==", "media_type": "text/plain"}
    for text in BREAKS:
        assert client.post("emails/", {**ABOUT, "subject": text}).json()["code"] == "not_one_line"
        with pytest.raises(DomainError, match="is not one e-mail address"):
            read_address(f"{text} <a@b.example>")
    for field in ("name", "media_type"):
        answer = client.post("emails/", {**ABOUT, "attachments": [{**attached, field: BREAKS[0]}]}).json()
        assert (answer["code"], answer["errors"][0]["field"]) == ("not_one_line", f"attachments.0.{field}")
    assert client.post("emails/", {**ABOUT, "reply_to": BREAKS[0]}).json()["code"] == "invalid_address"
    many = [f"a{number}@example.com" for number in range(501)]
    assert client.post("emails/", {**ABOUT, "to": many}).json()["code"] == "too_many_recipients"
    assert client.post("emails/", {**ABOUT, "to": []}).json()["code"] == "no_recipients"
    assert client.post("emails/", {**ABOUT, "status": "sent"}).json()["code"] == "invalid_choice"
    idn = client.post("emails/", {**ABOUT, "to": ["an@bücher.example"], "status": "draft"})
    assert idn.json()["to"] == ["an@bücher.example"]
    with in_tenant(saigon.tenant):
        assert (EmailMessage.objects.count(), EmailDelivery.objects.count(), StoredFile.objects.count()) == (1, 0, 0)


def test_attachments_of_30_mb_are_refused_and_20_mb_are_sent(api, saigon, sink) -> None:
    client = api(saigon.key)

    def upload(size: int) -> Any:
        files = [SimpleUploadedFile("a.bin", b"x" * (size // 2)), SimpleUploadedFile("b.bin", b"y" * (size // 2))]
        return client.upload("emails/", {**ABOUT, "attachments": files})

    folder = default_storage.path(str(saigon.tenant.pk))
    os.makedirs(folder, exist_ok=True)
    before = set(os.listdir(folder))  # of other tests, whose transactions took the rows along
    refused = upload(30_000_000)
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    assert upload(21_500_000).json()["errors"][0]["field"] == "attachments"
    with in_tenant(saigon.tenant):
        assert (EmailMessage.objects.count(), StoredFile.objects.count()) == (0, 0)
    files = [SimpleUploadedFile("a.bin", b"x")]
    nobody = client.upload("emails/", {"subject": "A", "body": "B", "to": [], "status": "queued", "attachments": files})
    assert nobody.json()["code"] == "no_recipients"
    assert set(os.listdir(folder)) == before
    given = upload(200_000)
    assert given.status_code == 201
    assert [one["size"] for one in given.json()["attachments"]] == [100_000, 100_000]
    assert send_due_emails() == 1
    assert [len(part.get_payload(decode=True)) for part in message_from_bytes(sink.taken[0][1]).get_payload()[1:]] == [
        100_000,
        100_000,
    ]


def test_refusals_are_tried_again_or_end_and_disturb_nobody_else(api, saigon, sink) -> None:
    client = api(saigon.key)
    refusals = {"busy@example.com": "450 later", "gone@example.com": "550 no such user", "full@example.com": "552 full"}
    sink.script = lambda phase, recipient: refusals.get(recipient) if phase == "rcpt" else None
    client.post("emails/", {**ABOUT, "to": [*refusals, "an@example.com"]})
    send_due_emails()
    assert deliveries(client) == {
        "busy@example.com": "queued", "gone@example.com": "failed", "full@example.com": "failed", "an@example.com": "sent"
    }  # fmt: skip
    rows = client.get("email-deliveries/", {"recipient": "gone@example.com"}).json()["results"]
    assert (rows[0]["attempts"], rows[0]["error"]) == (1, "The mail server answered 550. (no such user)")
    assert EmailDelivery.max_attempts == len(PAUSES) + 1
    assert timedelta(days=1) < timedelta(seconds=sum(PAUSES))
    for _ in range(EmailDelivery.max_attempts + 1):
        make_due(saigon)
        send_due_emails()
    (busy,) = client.get("email-deliveries/", {"recipient": "busy@example.com"}).json()["results"]
    assert (busy["status"], busy["attempts"]) == ("failed", EmailDelivery.max_attempts)
    assert len(sink.taken) == 1


def test_a_connection_that_dies_after_the_text_leaves_one_mail_unclear_until_a_person_decides(api, saigon, sink) -> None:
    client = api(saigon.key)
    sink.script = lambda phase, recipient: DROP if phase == "taken" else None
    client.post("emails/", {**ABOUT, "to": ["a@example.com", "b@example.com", "c@example.com"]})
    send_due_emails()
    send_due_emails()
    found = deliveries(client)
    assert sorted(found.values()) == ["held", "held", "unknown"]
    held = client.get("email-deliveries/", {"status": "held"}).json()["results"]
    assert {(one["attempts"], "this one was not begun" in json.dumps(one)) for one in held} == {(0, True)}
    assert len(sink.taken) == 1
    sink.script = lambda phase, recipient: None
    (unclear,) = client.get("email-deliveries/", {"status": "unknown"}).json()["results"]
    assert client.post(f"email-deliveries/{unclear['id']}/retry/").json()["status"] == "queued"
    make_due(saigon)
    assert send_due_emails() == 3
    assert set(deliveries(client).values()) == {"sent"}
    assert sink.counts().total() == 4
    assert len(sink.counts()) == 3  # the same Message-ID


def test_what_was_cancelled_before_it_was_begun_can_be_deleted_and_what_was_sent_cannot(api, saigon, sink) -> None:
    client, person = api(saigon.key), browser(saigon.owner)
    later = {**ABOUT, "status": "queued", "send_at": "2030-01-01T00:00:00Z"}
    sent, *waiting = (client.post("emails/", body).json()["id"] for body in (ABOUT, later, later))
    send_due_emails()
    for pk in waiting:
        assert client.delete(f"emails/{pk}/").json()["code"] == "not_draft"
        client.post(f"emails/{pk}/cancel/")
    assert client.delete(f"emails/{waiting[0]}/").status_code == 204
    assert person.post(page("reports_emailmessage_delete", waiting[1]), {"post": "yes"}).status_code == 302
    assert "was sent or is on its way" in client.delete(f"emails/{sent}/").json()["detail"]
    assert person.get(page("reports_emailmessage_delete", sent)).status_code == 403
    assert [one["id"] for one in client.get("emails/").json()["results"]] == [sent]


def test_a_template_fills_names_in_either_language_and_misses_none(api, saigon, sink) -> None:
    client = api(saigon.key)
    texts = {"subject_vi": "Đơn {{ number }}", "body_vi": "Chào {{ name }}", "html_vi": "<p>Chào {{ name }}</p>"}
    texts |= {"subject_en": "Order {{ number }}", "body_en": "Hello {{ name }}"}
    made = client.post("email-templates/", {"code": "sent", "name": "Sent", **texts})
    assert made.status_code == 201, made.json()
    assert (
        client.post("email-templates/", {"code": "x", "name": "x", "subject_en": "x", "body_en": "{{ }}"}).status_code == 422
    )
    assert client.post("email-templates/", {"code": "x", "name": "x"}).status_code == 422
    half = client.post("email-templates/", {"code": "x", "name": "x", **texts, "body_en": ""})
    assert (half.status_code, half.json()["errors"][0]["field"]) == (422, "body_en")
    ask = {"to": ["an@example.com"], "template": "sent", "status": "queued"}
    missing = client.post("emails/", {**ask, "values": {"name": "An"}}).json()
    assert (missing["code"], missing["errors"][0]["field"]) == ("missing_value", "values.number")
    values = {"name": "<b>An</b> {{ number }}", "number": "7\r\nBcc: x@evil.example"}
    vietnamese = client.post("emails/", {**ask, "values": values}).json()
    assert vietnamese["subject"] == "Đơn 7 Bcc: x@evil.example"
    assert vietnamese["body"] == "Chào <b>An</b> {{ number }}"
    assert vietnamese["html"] == "<p>Chào &lt;b&gt;An&lt;/b&gt; {{ number }}</p>"
    english = client.post("emails/", {**ask, "values": {"name": "An", "number": 7}, "language": "en"}).json()
    assert (english["subject"], english["body"], english["html"]) == ("Order 7", "Hello An", "")
    assert send_due_emails() == 2
    assert {recipient for recipient, _text in sink.taken} == {"an@example.com"}


def test_a_schedule_mails_a_text_and_what_was_found_in_a_report_once_for_each_time(api, saigon, sink) -> None:
    client = api(saigon)
    assert read(client, days())["status"] == "processed"

    def run(target: dict[str, Any]) -> None:
        made = client.post("schedules/", {"cron": "0 3 * * *", "time_zone": "UTC", "target": target})
        assert made.status_code == 201, made.json()
        assert client.post(f"schedules/{made.json()['id']}/run/").status_code == 201
        run_occurrences()
        with in_tenant(saigon.tenant):  # its worker died before it could say so
            ScheduleOccurrence.objects.update(state="pending", due_at=timezone.now() - timedelta(seconds=1))
        run_occurrences()

    run({"kind": "email", "to": ["an@example.com"], "subject": "Good morning", "body": "Open the shop."})
    run({"kind": "send_report", "to": ["Binh <binh@example.com>", "chi@example.com"], "language": "en"})
    refused = {"kind": "email", "to": ["a@b.example, c@d.example"], "subject": "x", "body": "x"}
    answer = client.post("schedules/", {"cron": "0 3 * * *", "time_zone": "UTC", "target": refused}).json()
    assert (answer["code"], answer["errors"][0]["field"]) == ("invalid_address", "target.to.0")
    refused = {"kind": "email", "to": ["a@b.example"], "subject": "x\r\nBcc: y@z.example", "body": "x"}
    answer = client.post("schedules/", {"cron": "0 3 * * *", "time_zone": "UTC", "target": refused}).json()
    assert (answer["code"], answer["errors"][0]["field"]) == ("not_one_line", "target.subject")
    assert send_due_emails() == 3
    mails = {recipient: message_from_bytes(text, policy=policy.default) for recipient, text in sink.taken}
    assert mails["an@example.com"].get_content().strip() == "Open the shop."
    found = mails["binh@example.com"]
    assert "North" in found["Subject"]
    assert "North" in found.get_content()
    assert f"/open/{saigon.tenant.pk}/admin/reports/report/" in found.get_content()
    assert (found["To"], found["Auto-Submitted"]) == ("Binh <binh@example.com>", "auto-generated")
    link = found["List-Unsubscribe"].strip(" <>")
    assert (link in found.get_content(), link in mails["chi@example.com"].get_content()) == (True, False)
    assert Client().post(f"/{link.partition('//')[2].partition('/')[2]}").status_code == 200
    run({"kind": "send_report", "to": ["Binh@example.com", "chi@example.com"]})
    assert [recipient for recipient, _text in sink.taken[3 : 3 + send_due_emails()]] == ["chi@example.com"]


def test_what_a_dead_worker_had_begun_is_not_claimed_by_who_is_sending_meanwhile(api, saigon, sink) -> None:
    api(saigon.key).post("emails/", ABOUT)
    past = timezone.now() - timedelta(seconds=1)
    with in_tenant(saigon.tenant):
        EmailDelivery.objects.update(state="running", begun_at=past, due_at=past, lease_until=past, attempt=1)
        assert outbox._claim(None, 10) == []
    assert send_due_emails() == 0
    assert deliveries(api(saigon.key)) == {"an@example.com": "unknown"}
    assert sink.taken == []


def test_a_mail_whose_file_is_gone_fails_alone(api, saigon, sink, settings, tmp_path) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", str(tmp_path)
    client, files = api(saigon.key), [{"name": "a.txt", "content": "YQ=="}]
    client.post("emails/", {**ABOUT, "to": ["gone@example.com"], "priority": 5, "attachments": files})
    client.post("emails/", ABOUT)
    with in_tenant(saigon.tenant):
        path_of(StoredFile.objects.get()).unlink()
    send_due_emails()
    assert deliveries(client) == {"gone@example.com": "failed", "an@example.com": "sent"}
