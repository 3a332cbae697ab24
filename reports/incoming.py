"""Received messages as rows: read, kept with their files, told to the deliveries that came back, and forgotten."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from reports.bounces import note_bounces
from reports.imap import Head
from reports.models import MailAttachment, MailFolder, MailMessage
from reports.received import Attached, read_message
from tenants.models import StoredFile
from tenants.storage import delete_file, store_file

MOST_BYTES = 15 * 1024 * 1024
"""Of a message that is read whole; of a larger one there are the headers."""
MOST_FILES = 30
"""Of one message that are kept; the others are listed."""
OURS = (MailFolder.Use.SENT, MailFolder.Use.DRAFTS)
"""Folders of what the business has written itself: nothing comes back there."""

TOO_LARGE = gettext_noop("The message is too large to be kept here: these are its headers. Read it in your mail program.")
BREAKS = gettext_noop("The connection broke each time at this message. Read it in your mail program.")


def keep_message(*, folder: MailFolder, head: Head, data: bytes, missing: str = "") -> MailMessage:
    """Keep a message of a folder, with its files; call it in ``atomic_files``.

    ``missing`` says why ``data`` is not all of it. A delivery report makes the deliveries it is about failed.
    """
    read = read_message(data)
    fields: dict[str, Any] = {
        name: getattr(read, name)
        for name in ("message_id", "in_reply_to", "thread", "subject", "sender", "to", "cc", "date", "text", "html")
    }
    is_report = read.media_type == "multipart/report" and folder.special_use not in OURS
    message: MailMessage = MailMessage.objects.create(
        folder=folder,
        uid_validity=folder.uid_validity,
        uid=head.uid,
        references=list(read.references),
        received_at=head.received_at or read.date or timezone.now(),
        size=head.size or len(data),
        images_left_out=read.images_left_out,
        missing=missing,
        bounced=note_bounces(data) if is_report else 0,
        **flag_values(head.flags),
        **fields,
    )
    if not missing:
        _keep_files(message, read.attachments)
    return message


def flag_values(flags: Sequence[str]) -> dict[str, Any]:
    """Return the columns that flags fill."""
    return {"flags": list(flags), "is_seen": "\\Seen" in flags}


def _keep_files(message: MailMessage, attached: Sequence[Attached]) -> None:
    stored: list[StoredFile] = []
    for one in attached[:MOST_FILES]:
        stored.append(store_file([one.content], name=one.name, media_type=one.media_type, limit=MOST_BYTES))
    files = [*stored, *([None] * (len(attached) - len(stored)))]
    MailAttachment.objects.bulk_create(
        MailAttachment(
            message=message,
            file=file,
            name=file.name if file else one.name,
            media_type=one.media_type[:100],
            size=one.size,
            content_id=one.content_id,
        )
        for one, file in zip(attached, files, strict=True)
    )


@transaction.atomic
def forget_messages(messages: QuerySet[MailMessage]) -> int:
    """Delete messages with their files; returns how many. The server keeps them."""
    ids = list(messages.order_by().values_list("pk", flat=True))
    files = list(StoredFile.objects.filter(pk__in=MailAttachment.objects.filter(message__in=ids).values("file")))
    MailMessage.objects.filter(pk__in=ids).delete()
    for file in files:
        delete_file(file)
    return len(ids)
