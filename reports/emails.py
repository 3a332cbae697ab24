"""Writing e-mail: drafts, and queueing what was written, which makes one delivery for each recipient."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from reports.addresses import MOST_RECIPIENTS, Recipient, check_one_line, read_address, read_addresses
from reports.markup import clean_email_html
from reports.models import EmailAttachment, EmailContent, EmailDelivery, EmailMessage
from reports.models.emails import SEND_TASK
from reports.rendering import new_message_id, render_email
from tenants.errors import Conflict, DomainError, TooLarge
from tenants.models import StoredFile, User
from tenants.queue import QueueState, wake
from tenants.storage import atomic_files, delete_file, open_file, store_file

MOST_ATTACHED = 20 * 1024 * 1024
"""Bytes of all attachments of a message: as base64 they take a third more, and few servers take mails above 25 to 35 MB."""
MOST_ATTACHMENTS = 20
LONGEST_TEXT = 1_000_000
"""Characters of a text, and of its HTML."""
FIELDS = ("to", "cc", "bcc")


@dataclass(frozen=True)
class Attachment:
    """A file to send along."""

    name: str
    media_type: str
    chunks: Iterable[bytes]


def write_email(
    *,
    email: EmailMessage | None = None,
    attachments: Sequence[Attachment] | None = None,
    created_by: User | None = None,
    id: UUID | None = None,
    is_queued: bool = False,
    **fields: Any,
) -> EmailMessage:
    """Make a draft, or change one; ``attachments`` take the place of those there are, and ``id`` names a new one.

    Addresses and subject are kept as they stand in headers, HTML without what no mail should have. ``is_queued`` has it sent,
    as ``queue_email``. Raises ``DomainError`` on the field, ``TooLarge`` for attachments above 20 MB, ``Conflict``
    (``not_draft``) for what is on its way.
    """
    fields = {**fields, **_checked(fields)}
    check_attachments(attachments or ())
    with atomic_files():
        stored = _stored(attachments or (), created_by)
        row = _locked_draft(email) if email else EmailMessage(created_by=created_by, **({"pk": id} if id else {}))
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()
        if attachments is not None:
            _attach(row, stored)
        return queue_email(email=row) if is_queued else row


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are kept otherwise than they were given; raises ``DomainError`` on the field."""
    if "subject" in fields:
        check_one_line(fields["subject"], field="subject")
    for name in ("body", "html"):
        if len(fields.get(name, "")) > LONGEST_TEXT:
            raise TooLarge("too_large", _("A text has at most 1,000,000 characters."), field=name)
    kept = {name: [one.written for one in read_addresses(fields[name], field=name)] for name in FIELDS if name in fields}
    if sum(map(len, kept.values())) > MOST_RECIPIENTS:
        said = _("A message has at most %(most)s recipients.") % {"most": MOST_RECIPIENTS}
        raise DomainError("too_many_recipients", said, field="to")
    checked: dict[str, Any] = dict(kept)
    if fields.get("reply_to"):
        checked["reply_to"] = read_address(fields["reply_to"], field="reply_to").written
    if fields.get("html"):
        checked["html"] = clean_email_html(fields["html"])
    return checked


def chunks_of(file: StoredFile) -> Iterator[bytes]:
    """Yield the bytes of a stored file."""
    with open_file(file) as source:
        yield from iter(lambda: source.read(65_536), b"")


def check_attachments(attachments: Sequence[Attachment]) -> None:
    """Refuse too many of them, and names that no header may hold."""
    if len(attachments) > MOST_ATTACHMENTS:
        said = _("A message has at most %(most)s attachments.") % {"most": MOST_ATTACHMENTS}
        raise DomainError("too_many_attachments", said, field="attachments")
    for place, one in enumerate(attachments):
        check_one_line(one.name, field=f"attachments.{place}.name")
        check_one_line(one.media_type, field=f"attachments.{place}.media_type")


def _stored(attachments: Iterable[Attachment], created_by: User | None) -> list[StoredFile]:
    """Keep the files; raises ``TooLarge`` when all together are."""
    stored: list[StoredFile] = []
    try:
        for one in attachments:
            left = MOST_ATTACHED - sum(file.size for file in stored)
            kind = one.media_type or "application/octet-stream"
            stored.append(store_file(one.chunks, name=one.name, media_type=kind, limit=left, created_by=created_by))
    except TooLarge:
        raise TooLarge("too_large", _("Attachments have at most 20 MB in all."), field="attachments") from None
    return stored


def _attach(email: EmailMessage, stored: Sequence[StoredFile]) -> None:
    before = [one.file for one in email.attachments.select_related("file")]
    email.attachments.all().delete()
    for file in before:
        delete_file(file)
    EmailAttachment.objects.bulk_create(EmailAttachment(email=email, file=file) for file in stored)


def _locked_draft(email: EmailMessage) -> EmailMessage:
    row: EmailMessage = EmailMessage.objects.select_for_update(of=("self",)).get(pk=email.pk)
    if not row.is_draft:
        raise Conflict("not_draft", _("It is on its way already, and cannot be changed."))
    return row


def queue_email(*, email: EmailMessage) -> EmailMessage:
    """Have a draft sent: it is rendered here, once, and each recipient gets a delivery.

    Raises ``DomainError`` (``no_recipients``) and ``Conflict`` (``not_draft``).
    """
    with transaction.atomic():
        row = _locked_draft(email)
        recipients = list(_recipients(row))
        if not recipients:
            raise DomainError("no_recipients", _("Nobody would get it: name a recipient."), field="to")
        row.message_id, row.queued_at, row.status = new_message_id(row.mailbox), timezone.now(), row.Status.QUEUED
        row.save(update_fields=["message_id", "queued_at", "status", "updated_at"])
        data = render_email(row)
        EmailContent.objects.create(email=row, data=data, size=len(data))
        due: dict[str, Any] = {"due_at": row.send_at} if row.send_at else {}
        EmailDelivery.objects.bulk_create(
            EmailDelivery(email=row, mailbox=row.mailbox, address=one.address, kind=kind, priority=row.priority, **due)
            for kind, one in recipients
        )
        wake(SEND_TASK)
    return row


def _recipients(email: EmailMessage) -> Iterable[tuple[str, Recipient]]:
    """Yield every address once, by the first field that names it."""
    seen = set()
    for field in FIELDS:
        for one in read_addresses(getattr(email, field), field=field):
            if one.key not in seen:
                seen.add(one.key)
                yield field, one


def cancel_email(*, email: EmailMessage) -> int:
    """Give up every delivery that is not begun; returns how many."""
    waiting = EmailDelivery.objects.filter(email=email, state=QueueState.PENDING)
    return waiting.update(state=QueueState.CANCELLED, lease_until=None, is_held=False)


def delete_email(*, email: EmailMessage) -> None:
    """Delete an e-mail that nobody got, with its files: a draft, or one that was cancelled before it was begun.

    Raises ``Conflict`` (``not_draft``).
    """
    with transaction.atomic():
        row: EmailMessage = EmailMessage.objects.select_for_update(of=("self",)).get(pk=email.pk)
        if not row.is_draft and not row.reached_nobody:
            raise Conflict("not_draft", _("It was sent or is on its way, so it stays. What is not begun can be cancelled."))
        forget_emails(EmailMessage.objects.filter(pk=row.pk))


def retry_all(*, email: EmailMessage) -> int:
    """Put the failed deliveries of a message back, not those that may have been sent; returns how many."""
    failed = EmailDelivery.objects.filter(email=email, state=QueueState.FAILED)
    fresh: dict[str, Any] = {"state": QueueState.PENDING, "due_at": Now(), "lease_until": None, "attempt": 0}
    back = failed.update(last_error="", **fresh, **EmailDelivery.put_back_values)
    if back:
        wake(SEND_TASK)
    return back


@transaction.atomic
def forget_emails(emails: QuerySet[EmailMessage]) -> int:
    """Delete e-mails with their deliveries, texts and attached files; returns how many."""
    ids = list(emails.values_list("pk", flat=True))
    files = list(StoredFile.objects.filter(pk__in=EmailAttachment.objects.filter(email__in=ids).values("file")))
    EmailMessage.objects.filter(pk__in=ids).delete()
    for file in files:
        if not EmailAttachment.objects.filter(file=file).exists():
            delete_file(file)
    return len(ids)
