"""Rows of reports."""

import hashlib

from reports.emails import Attachment, queue_email, write_email
from reports.models import (
    EmailDelivery,
    EmailMessage,
    EmailTemplate,
    Insight,
    InsightDelivery,
    InsightOptOut,
    InsightSubscription,
    MailAttachment,
    Mailbox,
    MailFolder,
    MailMessage,
    Report,
)
from tenants.models import StoredFile
from tests.rows.names import code
from tests.rows.vault import a_destination


def a_report() -> Report:
    sha256 = hashlib.sha256(code().encode()).hexdigest()
    stored = StoredFile.objects.create(name="secret.csv", media_type="text/csv", size=1, sha256=sha256)
    columns = [{"name": "Secret", "type": "text", "filled": 1, "empty": 0, "odd": 0}]
    table = {"sheet": "", "header_row": 1, "rows": 1, "columns": columns, "notes": []}
    about = {"vendor": "Secret vendor", "report_type": "sales", "report_date": "2026-11-21", "sha256": sha256}
    return Report.objects.create(**about, file=stored, state="done", status="processed", tables=[table], row_count=1)


def an_insight() -> Insight:
    text = {"code": "missing_data_empty", "values": {"of": 2}}
    number = {"name": "missing", "value": 1.0, "aggregate": "count", "column": "Secret", "rows": [2], "row_count": 1}
    content = {"text": text, "sheet": "", "series": "Secret", "period": {"from": None, "to": None}, "numbers": [number]}
    content |= {"reasons": [{"code": "share", "points": 7}]}
    report, key = a_report(), hashlib.sha256(code().encode()).hexdigest()
    return Insight.objects.create(report=report, insight_type="missing_data", key=key, score=7, content=content)


def a_mailbox() -> Mailbox:
    return Mailbox.objects.create(name="Secret mailbox", address=f"{code('box')}@example.com")


def a_mail_folder() -> MailFolder:
    return MailFolder.objects.create(mailbox=a_mailbox(), name="Secret folder", path=code("Folder"), special_use="inbox")


def a_mail_message() -> MailMessage:
    told = {"subject": "Secret news", "sender": "Secret <secret@example.com>", "text": "Secret text", "size": 7}
    ids = {"uid_validity": 1, "uid": 1, "message_id": f"<{code('id')}@example.com>"}
    return MailMessage.objects.create(folder=a_mail_folder(), received_at="2026-11-21T08:00Z", **ids, **told)


def a_mail_attachment() -> MailAttachment:
    stored = StoredFile.objects.create(name="secret.pdf", media_type="application/pdf", size=1, sha256="0" * 64)
    about = {"name": "secret.pdf", "media_type": "application/pdf", "size": 1, "file": stored}
    return MailAttachment.objects.create(message=a_mail_message(), **about)


def an_email() -> EmailMessage:
    attached = [Attachment("secret.txt", "text/plain", [b"secret"])]
    return write_email(subject="Secret subject", body="Secret body", to=["secret@example.com"], attachments=attached)


def an_email_delivery() -> EmailDelivery:
    return queue_email(email=an_email()).deliveries.get()


def an_email_template() -> EmailTemplate:
    return EmailTemplate.objects.create(code=code("template"), name="Secret", subject_en="Secret", body_en="Secret")


def a_subscription() -> InsightSubscription:
    return InsightSubscription.objects.create(recipient_type="destination", destination=a_destination(), channel="webhook")


def an_insight_delivery() -> InsightDelivery:
    insight = an_insight()
    to = {"recipient_type": "destination", "destination": a_destination(), "channel": "webhook", "frequency": "at_once"}
    return InsightDelivery.objects.create(**to, key=code("key"), insights=[insight.pk], keys=[code("key")])


def an_opt_out() -> InsightOptOut:
    return InsightOptOut.objects.create(address=f"{code('secret')}@example.com")
