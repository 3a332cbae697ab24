"""Received mail, as an IMAP server has it (S1's email_folders): folders with their counts, and their messages.

A mirror: the server is the truth, and nothing here changes it. What the server forgets goes here, too.
"""

from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from reports.models.mailboxes import Mailbox
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import StoredFile, TenantModel, TenantQuerySet, updated_at_field
from tenants.notes import told


class MailFolder(TenantModel):
    """A folder of an account. Counts are the server's own; messages older than they are kept for are not mirrored.

    ``uid_validity`` names the numbering of the messages (RFC 9051, 2.3.1.1): when it changes, all of them are read anew.
    Messages up to ``last_uid`` are mirrored. ``seen`` is what the server said of the folder when all of it was
    mirrored last. ``broken_uid`` is the message at which the connection broke, ``broken_times`` how often in a row.
    """

    class Use(models.TextChoices):
        """What it is for (RFC 6154)."""

        INBOX = "inbox", _("Inbox")
        SENT = "sent", _("Sent")
        DRAFTS = "drafts", _("Drafts")
        ARCHIVE = "archive", _("Archive")
        JUNK = "junk", _("Junk")
        TRASH = "trash", _("Trash")
        ALL = "all", _("All messages")
        FLAGGED = "flagged", _("Marked messages")
        OTHER = "", _("Other")

    VIRTUAL: ClassVar[tuple[str, ...]] = (Use.ALL, Use.FLAGGED)
    """Views of messages that lie in other folders: counted, and not mirrored twice."""

    mailbox = TenantForeignKey(Mailbox, on_delete=models.CASCADE, related_name="folders", verbose_name=_("e-mail account"))
    parent: Any = TenantForeignKey(
        "self", null=True, on_delete=models.CASCADE, related_name="children", editable=False, verbose_name=_("inside")
    )
    name = models.CharField(_("folder"), max_length=500, editable=False)
    path = models.CharField(_("path"), max_length=500, editable=False, help_text=_("As the server writes it."))
    special_use = models.CharField(
        _("use"), max_length=8, choices=Use, default=Use.OTHER, db_default=Use.OTHER, blank=True, editable=False
    )
    is_selectable = models.BooleanField(_("holds messages"), default=True, db_default=True, editable=False)
    message_count = models.PositiveIntegerField(_("messages"), default=0, db_default=0, editable=False)
    unread_count = models.PositiveIntegerField(_("unread"), default=0, db_default=0, editable=False)
    uid_validity = models.BigIntegerField(default=0, db_default=0, editable=False)
    last_uid = models.BigIntegerField(default=0, db_default=0, editable=False)
    seen = models.JSONField(default=dict, db_default={}, editable=False)
    broken_uid = models.BigIntegerField(null=True, editable=False)
    broken_times = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    failure = models.TextField(_("problem"), default="", db_default="", editable=False)
    synced_at = models.DateTimeField(_("last read"), null=True, editable=False)
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("mail folder")
        verbose_name_plural = _("mail folders")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "mailbox", "path"],
                name="mailfolder_path",
                violation_error_message=_("There is a folder of this path."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def problem(self) -> str:
        """Why it could not be read, in the reader's language."""
        return told(self.failure)

    @property
    def is_mirrored(self) -> bool:
        """Whether its messages are."""
        return self.is_selectable and self.special_use not in self.VIRTUAL


class MailMessageQuerySet(TenantQuerySet):
    """Reads of messages."""

    def of_conversation(self, message: "MailMessage") -> Self:
        """Narrow to the other messages of its conversation in the same account, the oldest first."""
        same = self.filter(thread=message.thread, folder__mailbox=message.folder.mailbox_id)
        return (same if message.thread else self.none()).exclude(pk=message.pk).order_by("received_at")


class MailMessage(TenantModel):
    """A message in a folder, as it can be read: text, and HTML that fetches and runs nothing.

    ``thread`` is the Message-ID that its conversation began with, as far as its own headers tell.
    """

    folder = TenantForeignKey(MailFolder, on_delete=models.CASCADE, related_name="messages", verbose_name=_("folder"))
    uid_validity = models.BigIntegerField(editable=False)
    uid = models.BigIntegerField(_("UID"), editable=False)
    message_id = models.CharField(_("Message-ID"), max_length=500, default="", db_default="", editable=False)
    in_reply_to = models.CharField(_("answer to"), max_length=500, default="", db_default="", editable=False)
    references = ArrayField(models.TextField(), verbose_name=_("references"), default=list, db_default=[], editable=False)
    thread = models.CharField(_("conversation"), max_length=500, default="", db_default="", editable=False)
    subject = models.CharField(_("subject"), max_length=2000, default="", db_default="", editable=False)
    sender = models.CharField(_("from"), max_length=2000, default="", db_default="", editable=False)
    to = models.CharField(_("to"), max_length=2000, default="", db_default="", editable=False)
    cc = models.CharField(_("copies to"), max_length=2000, default="", db_default="", editable=False)
    date = models.DateTimeField(_("written"), null=True, editable=False, help_text=_("As the message says."))
    received_at = models.DateTimeField(_("received"), editable=False, help_text=_("By the server's clock."))
    is_seen = models.BooleanField(_("read"), default=False, db_default=False, editable=False)
    flags = ArrayField(models.TextField(), verbose_name=_("flags"), default=list, db_default=[], editable=False)
    size = models.PositiveBigIntegerField(_("size"), editable=False, help_text=_("Bytes."))
    text = models.TextField(_("text"), default="", db_default="", editable=False)
    html = models.TextField(_("HTML"), default="", db_default="", editable=False)
    images_left_out = models.PositiveIntegerField(_("pictures left out"), default=0, db_default=0, editable=False)
    missing = models.TextField(
        default="", db_default="", editable=False, help_text="Why only a part of the message is here; empty for a whole one."
    )
    bounced = models.PositiveIntegerField(
        _("deliveries that came back"), default=0, db_default=0, editable=False, help_text=_("That this message told of.")
    )

    objects: ClassVar = MailMessageQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("received e-mail")
        verbose_name_plural = _("received e-mails")
        ordering = ["-received_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "folder", "uid_validity", "uid"],
                name="mailmessage_once",
                violation_error_message=_("This message is here already."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-received_at", "-id"], name="mailmessage_newest"),
            models.Index(fields=["tenant", "thread"], name="mailmessage_thread", condition=~models.Q(thread="")),
            models.Index(fields=["tenant", "message_id"], name="mailmessage_by_id"),
        ]

    def __str__(self) -> str:
        return self.subject or str(_("(no subject)"))

    @property
    def note(self) -> str:
        """Why only a part of it is here, in the reader's language."""
        return told(self.missing)


class MailAttachment(TenantModel):
    """A file of a message: kept where it is not too large, else told by name and size."""

    tenant = TenantField(referenced=False)
    message = TenantForeignKey(
        MailMessage, on_delete=models.CASCADE, related_name="attachments", verbose_name=_("received e-mail")
    )
    name = models.CharField(_("file name"), max_length=255, editable=False)
    media_type = models.CharField(_("media type"), max_length=100, editable=False)
    size = models.PositiveBigIntegerField(_("size"), editable=False, help_text=_("Bytes."))
    content_id = models.CharField(
        max_length=500, default="", db_default="", editable=False, help_text="By which the HTML shows it: cid:…"
    )
    file: Any = TenantForeignKey(
        StoredFile, null=True, on_delete=models.PROTECT, related_name="+", editable=False, verbose_name=_("file")
    )

    class Meta(TenantModel.Meta):
        verbose_name = _("attachment of a received e-mail")
        verbose_name_plural = _("attachments of received e-mails")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name
