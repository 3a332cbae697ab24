"""E-mail accounts: kept with their place in the queue of readings, tried, read at once, and deleted with their mail."""

from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from reports.mail_sync import forget_folder
from reports.models import Mailbox, MailFolder, MailSync
from reports.models.mailboxes import SYNC_TASK
from tenants.errors import Conflict
from tenants.queue import QueueState, wake
from vault.testing import Outcome, try_credential


def save_mailbox(mailbox: Mailbox) -> Mailbox:
    """Save an account; one that is read is read at once, and one that is read no more keeps what was mirrored."""
    with transaction.atomic():
        mailbox.save()
        if mailbox.is_read:
            sync_now(mailbox=mailbox)
        else:
            MailSync.objects.filter(mailbox=mailbox).delete()
    return mailbox


def sync_now(*, mailbox: Mailbox) -> MailSync:
    """Have an account read at once, also one that was given up. Raises ``Conflict`` (``not_read``)."""
    if not mailbox.is_read:
        raise Conflict("not_read", _("The account is switched off, or has no credential to read by."))
    row, is_new = MailSync.objects.get_or_create(mailbox=mailbox)
    fresh: dict[str, Any] = {"state": QueueState.PENDING, "due_at": Now(), "attempt": 0, "lease_until": None}
    waiting = MailSync.objects.filter(pk=row.pk).exclude(state=QueueState.RUNNING)
    if is_new or waiting.update(**fresh):
        wake(SYNC_TASK)
    return row


def try_mailbox(mailbox: Mailbox) -> dict[str, Outcome]:
    """Log in to the servers of an account; returns what was found, ``smtp`` and ``imap``, as far as they are named.

    Call it outside transactions. Raises as ``try_credential``, and ``Conflict`` (``nothing_to_test``).
    """
    credentials = {"smtp": mailbox.smtp, "imap": mailbox.imap}
    found = {name: try_credential(credential) for name, credential in credentials.items() if credential is not None}
    if not found:
        raise Conflict("nothing_to_test", _("The account has no credential, neither to send by nor to read by."))
    return found


def delete_mailbox(mailbox: Mailbox) -> None:
    """Delete an account with all that was mirrored of it; the server keeps its mail. Refused while e-mails name it."""
    with transaction.atomic():
        for folder in MailFolder.objects.filter(mailbox=mailbox):
            forget_folder(folder)
        mailbox.delete()
