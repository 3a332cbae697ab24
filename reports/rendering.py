"""Making a mail of a message: once, when it is queued, so that every recipient and every attempt gets the same bytes."""

from email.utils import format_datetime, parseaddr
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from django.utils.text import Truncator

from reports.addresses import Recipient, is_one_line
from reports.models import EmailDelivery, EmailMessage, Mailbox
from reports.transport import Envelope
from tenants.models import Tenant
from tenants.scope import current_tenant_id
from tenants.storage import open_file


def new_message_id(mailbox: Mailbox | None) -> str:
    """Return a Message-ID that nobody can guess: who knows it has had the mail (or a bounce of it)."""
    domain = sender_address(mailbox).rpartition("@")[2]
    return f"<{uuid4()}@{domain}>"


def sender_address(mailbox: Mailbox | None) -> str:
    """Return the address that a mail comes from, and that it comes back to."""
    return mailbox.address if mailbox else parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def render_email(email: EmailMessage) -> bytes:
    """Return the bytes of a message as mail servers take them, with CRLF; blind copies are in no header."""
    message = _message(email, to=email.to, cc=email.cc)
    rendered: bytes = message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg] # Django's own class takes it
    return rendered


def envelope_sender(mailbox: Mailbox | None) -> str:
    """Return the sender as mail servers take it."""
    return Recipient("", sender_address(mailbox)).envelope


def envelope_of(delivery: EmailDelivery, data: bytes, *, sender: str) -> Envelope:
    """Return one recipient's copy."""
    recipient = Recipient("", delivery.address)

    def message() -> EmailMultiAlternatives:
        email = EmailMessage.objects.select_related("mailbox").get(pk=delivery.email_id)
        return _message(email, to=[delivery.address], cc=[])

    return Envelope(sender=sender, recipient=recipient.envelope, data=data, message=message)


def _message(email: EmailMessage, *, to: list[str], cc: list[str]) -> EmailMultiAlternatives:
    headers: dict[str, Any] = {
        "Message-ID": email.message_id,
        "Date": format_datetime(email.send_at or email.queued_at or timezone.now()),
    }
    if email.created_by_id is None:  # RFC 3834: no program needs to answer another
        headers["Auto-Submitted"] = "auto-generated"
    if email.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{email.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message = EmailMultiAlternatives(
        email.subject,
        email.body,
        from_email=from_header(email.mailbox),
        to=to,
        cc=cc,
        reply_to=[email.reply_to] if email.reply_to else None,
        headers=headers,
    )
    if email.html:
        message.attach_alternative(email.html, "text/html")
    for attachment in email.attachments.select_related("file"):
        with open_file(attachment.file) as file:
            message.attach(attachment.file.name, file.read(), attachment.file.media_type)
    return message


def from_header(mailbox: Mailbox | None) -> str:
    """Return who writes: the account, or the business by the installation's address."""
    if mailbox:
        return Recipient(mailbox.name, mailbox.address).written
    name = " ".join(Tenant.objects.get(pk=current_tenant_id()).name.split())
    return Recipient(Truncator(name).chars(80) if is_one_line(name) else "", sender_address(None)).written
