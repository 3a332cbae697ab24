"""E-mail on its way out: what is written, to whom each copy goes, and the texts it is made of (S4's emails, emailQueue)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from bots.placeholders import UnknownPlaceholder, placeholders
from reports.models.mailboxes import Mailbox
from tenants.errors import Conflict
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import StoredFile, Tenant, TenantModel, TenantQuerySet, created_by_field, updated_at_field
from tenants.notes import told
from tenants.queue import QueueRow, QueueState, retry

SEND_TASK = "reports.send_emails"


class EmailMessageQuerySet(TenantQuerySet):
    """Reads of messages."""

    def with_counts(self) -> Self:
        """Annotate how many copies there are, and how many were sent, have failed, or are unclear."""

        def count(*states: str) -> models.Count:
            return models.Count("deliveries", filter=models.Q(deliveries__state__in=states))

        return self.annotate(
            copies=models.Count("deliveries"),
            sent=count(QueueState.DONE),
            failed=count(QueueState.FAILED),
            unclear=count(QueueState.UNKNOWN),
            given_up=count(QueueState.CANCELLED),
        )


class EmailMessage(TenantModel):
    """A message as somebody wrote it. A draft is edited; queued, it is rendered once and goes to each recipient by itself."""

    class Status(models.TextChoices):
        """Whether it may still be edited."""

        DRAFT = "draft", _("Draft")
        QUEUED = "queued", _("On its way")

    mailbox = TenantForeignKey(
        Mailbox,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="emails",
        verbose_name=_("sent by"),
        help_text=_("Empty: by the installation's own mail server."),
    )
    subject = models.CharField(_("subject"), max_length=500)
    body = models.TextField(_("text"))
    html = models.TextField(
        _("HTML"),
        default="",
        db_default="",
        blank=True,
        help_text=_("For programs that show it, beside the text. Scripts and the like are taken out."),
    )
    to = ArrayField(models.TextField(), verbose_name=_("to"), default=list)
    cc = ArrayField(models.TextField(), verbose_name=_("copies to"), default=list, db_default=[], blank=True)
    bcc = ArrayField(
        models.TextField(),
        verbose_name=_("blind copies to"),
        default=list,
        db_default=[],
        blank=True,
        help_text=_("Nobody else sees these addresses."),
    )
    reply_to = models.CharField(_("answers go to"), max_length=320, default="", db_default="", blank=True)
    status = models.CharField(
        _("status"), max_length=8, choices=Status, default=Status.DRAFT, db_default=Status.DRAFT, editable=False
    )
    priority = models.SmallIntegerField(
        _("priority"), default=0, db_default=0, help_text=_("Higher goes first: -100 to 100.")
    )
    send_at = models.DateTimeField(_("not before"), null=True, blank=True)
    message_id = models.CharField(
        _("Message-ID"), max_length=320, default="", db_default="", editable=False, help_text=_("The same in every attempt.")
    )
    unsubscribe_url = models.URLField(
        max_length=500,
        default="",
        db_default="",
        editable=False,
        help_text="Where mail programs unsubscribe its one recipient by one click (RFC 8058).",
    )
    queued_at = models.DateTimeField(_("queued"), null=True, editable=False)
    created_by = created_by_field()
    updated_at = updated_at_field()

    objects: ClassVar = EmailMessageQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("e-mail")
        verbose_name_plural = _("e-mails")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="draft") | (~models.Q(message_id="") & models.Q(queued_at__isnull=False)),
                name="emailmessage_queued",
                violation_error_message=_("Only a draft has no Message-ID."),
            ),
            models.CheckConstraint(
                condition=models.Q(priority__gte=-100, priority__lte=100),
                name="emailmessage_priority",
                violation_error_message=_("A priority is -100 to 100."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="emailmessage_newest"),
            models.Index(fields=["tenant", "message_id"], name="emailmessage_by_id"),  # read by bounces
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def is_draft(self) -> bool:
        """Whether it may still be edited."""
        return self.status == self.Status.DRAFT

    @property
    def reached_nobody(self) -> bool:
        """Whether every copy was given up, and none had been begun."""
        given_up = models.Q(state=QueueState.CANCELLED, begun_at=None)
        return not self.is_draft and not self.deliveries.exclude(given_up).exists()


class EmailContent(TenantModel):
    """What is sent of a message, byte for byte, to every recipient and in every attempt; apart, for it may be large."""

    tenant = TenantField(referenced=False)
    email = TenantForeignKey(EmailMessage, on_delete=models.CASCADE, related_name="contents", verbose_name=_("e-mail"))
    data = models.BinaryField(_("bytes"), editable=False)
    size = models.PositiveIntegerField(_("size"), editable=False, help_text=_("Bytes."))

    class Meta(TenantModel.Meta):
        verbose_name = _("rendered e-mail")
        verbose_name_plural = _("rendered e-mails")
        constraints = [models.UniqueConstraint(fields=["tenant", "email"], name="emailcontent_once")]

    def __str__(self) -> str:
        return str(self.email_id)


class EmailAttachment(TenantModel):
    """A file that goes with a message."""

    tenant = TenantField(referenced=False)
    email = TenantForeignKey(EmailMessage, on_delete=models.CASCADE, related_name="attachments", verbose_name=_("e-mail"))
    file = TenantForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+", verbose_name=_("file"))

    class Meta(TenantModel.Meta):
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "email", "file"], name="emailattachment_once")]

    def __str__(self) -> str:
        return self.file.name


class EmailDeliveryQuerySet(TenantQuerySet):
    """Reads of deliveries."""

    def with_status(self, status: str) -> Self:
        """Narrow to those of one ``EmailDelivery.Status``; of none for a word that is none."""
        active, held = models.Q(tenant__status=Tenant.Status.ACTIVE), models.Q(is_held=True)
        waiting, running = models.Q(state=QueueState.PENDING), models.Q(state=QueueState.RUNNING)
        begun, of = models.Q(begun_at__isnull=False), EmailDelivery.Status
        found = {
            of.QUEUED: (waiting & active & ~held) | (running & ~begun),
            of.HELD: waiting & (held | ~active),
            of.SENDING: running & begun,
            of.SENT: models.Q(state=QueueState.DONE),
            of.FAILED: models.Q(state=QueueState.FAILED),
            of.UNKNOWN: models.Q(state=QueueState.UNKNOWN),
            of.CANCELLED: models.Q(state=QueueState.CANCELLED),
        }
        return self.filter(found[of(status)]) if status in of.values else self.none()


class EmailDelivery(QueueRow):
    """One message on its way to one recipient.

    ``begun_at`` is set before the mail server is given the text: who finds it set beside a lease that is over does not
    know whether the mail was sent. ``is_held``: the account could not be used, and its mails wait.
    """

    class Kind(models.TextChoices):
        """In which field of the message the recipient stands."""

        TO = "to", _("To")
        CC = "cc", _("Copy")
        BCC = "bcc", _("Blind copy")

    class Status(models.TextChoices):
        """How it stands, as the outside is told: ``state`` with what is known beside it."""

        QUEUED = "queued", _("Queued")
        HELD = "held", _("Held")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Unclear")
        CANCELLED = "cancelled", _("Given up")

    max_attempts: ClassVar[int] = 13
    """The last one is some two days after the first: ``PAUSES`` of ``reports/outbox.py``."""
    task: ClassVar[str] = SEND_TASK
    put_back_values: ClassVar[Mapping[str, Any]] = {"begun_at": None, "bounced_at": None, "is_held": False}

    tenant = TenantField(referenced=False)
    # Without indexes of their own: every mail rewrites the row, and each index with it.
    email = TenantForeignKey(
        EmailMessage, on_delete=models.CASCADE, related_name="deliveries", db_index=False, verbose_name=_("e-mail")
    )
    # Of the message, so that the queue is claimed account by account.
    mailbox = TenantForeignKey(
        Mailbox,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        editable=False,
        verbose_name=_("sent by"),
    )
    address = models.CharField(_("recipient"), max_length=320, editable=False)
    kind = models.CharField(_("kind"), max_length=3, choices=Kind, default=Kind.TO, editable=False)
    is_held = models.BooleanField(_("held"), default=False, db_default=False, editable=False)
    begun_at = models.DateTimeField(_("begun"), null=True, editable=False)
    epoch = models.DateTimeField(
        null=True, editable=False, help_text="When the database last began anew after a crash, as known by the claim."
    )
    sent_at = models.DateTimeField(_("sent"), null=True, editable=False)
    bounced_at = models.DateTimeField(_("came back"), null=True, editable=False)

    objects: ClassVar = EmailDeliveryQuerySet.as_manager()

    class Meta(QueueRow.Meta):
        verbose_name = _("e-mail delivery")
        verbose_name_plural = _("e-mail deliveries")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "email", "address"],
                name="emaildelivery_once",
                violation_error_message=_("This e-mail goes there already."),
            ),
            models.CheckConstraint(
                condition=~models.Q(state="done") | models.Q(sent_at__isnull=False),
                name="emaildelivery_sent",
                violation_error_message=_("What was sent was sent at some time."),
            ),
        ]
        indexes = [
            models.Index(  # read by due_tenants, and by claim for each account, in the order in which it claims
                fields=["tenant", "mailbox", "-priority", "due_at"],
                name="emaildelivery_next",
                condition=models.Q(state__in=["pending", "running"]),
            ),
            models.Index(  # read by the page of jobs
                fields=["tenant", "state"],
                name="emaildelivery_stuck",
                condition=models.Q(state__in=["failed", "unknown"]),
            ),
            models.Index(fields=["tenant", "sent_at"], name="emaildelivery_sent_at"),  # read by the limit per minute
            models.Index(fields=["tenant", "-id"], name="emaildelivery_newest"),
        ]

    def __str__(self) -> str:
        return self.address

    @property
    def status(self) -> str:
        """How it stands, as the outside is told."""
        of = self.Status
        match self.state:
            case QueueState.PENDING:
                return of.HELD if self.is_held or self.tenant.status != Tenant.Status.ACTIVE else of.QUEUED
            case QueueState.RUNNING:
                return of.SENDING if self.begun_at else of.QUEUED
            case QueueState.DONE:
                return of.SENT
        return of(self.state)

    @property
    def problem(self) -> str:
        """What went wrong last, in the reader's language."""
        return told(self.last_error)

    def send_again(self) -> None:
        """Put it back as if new: a person's decision. Raises ``Conflict`` (``not_ended``) while it waits or was sent."""
        if self.state not in (QueueState.FAILED, QueueState.UNKNOWN, QueueState.CANCELLED):
            raise Conflict("not_ended", str(_("It is on its way, or has been sent.")))
        given_up = EmailDelivery.objects.filter(pk=self.pk, state=QueueState.CANCELLED)
        given_up.update(state=QueueState.FAILED)
        retry(self)


class EmailTemplate(TenantModel):
    """A text that mails are made of, in Vietnamese, in English or in both, with names in double braces."""

    code = models.SlugField(_("code"), max_length=63)
    name = models.CharField(_("name"), max_length=120)
    subject_vi = models.CharField(_("subject"), max_length=500, default="", db_default="", blank=True)
    body_vi = models.TextField(_("text"), default="", db_default="", blank=True)
    html_vi = models.TextField(_("HTML"), default="", db_default="", blank=True)
    subject_en = models.CharField(_("subject"), max_length=500, default="", db_default="", blank=True)
    body_en = models.TextField(_("text"), default="", db_default="", blank=True)
    html_en = models.TextField(_("HTML"), default="", db_default="", blank=True)
    created_by = created_by_field()
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("e-mail template")
        verbose_name_plural = _("e-mail templates")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                name="emailtemplate_code",
                violation_error_message=_("There is a template of this code."),
            ),
            models.CheckConstraint(
                condition=(~models.Q(subject_vi="") & ~models.Q(body_vi=""))
                | (~models.Q(subject_en="") & ~models.Q(body_en="")),
                name="emailtemplate_text",
                violation_error_message=_("Write a subject and a text in one language at least."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse braces that hold no name, and half a language: a subject without a text, or the other way round."""
        super().clean()
        for language in ("vi", "en"):
            subject, body, html = (getattr(self, f"{part}_{language}") for part in ("subject", "body", "html"))
            if not (subject and body) and (subject or body or html):
                said = _("Write a subject and a text in this language, or neither.")
                part = "body" if subject else "subject"
                raise ValidationError({f"{part}_{language}": ValidationError(said, code="required")})
        for field in (f"{part}_{language}" for part in ("subject", "body", "html") for language in ("vi", "en")):
            try:
                list(placeholders(getattr(self, field)))
            except UnknownPlaceholder as error:
                raise ValidationError({field: ValidationError(error.message, code=error.code)}) from None
