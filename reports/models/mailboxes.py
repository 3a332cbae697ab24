"""The e-mail accounts of a tenant (S1's user_email_accounts): by which address it writes and reads."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.utils.translation import gettext_lazy as _

from reports.addresses import is_sendable
from tenants.fields import TenantForeignKey
from tenants.models import TenantModel, created_by_field, updated_at_field
from tenants.notes import told
from tenants.queue import QueueRow, QueueState
from vault.models import Credential

SYNC_TASK = "reports.sync_mailboxes"


class Mailbox(TenantModel):
    """An e-mail account: its servers and passwords are credentials of the vault, one to send by and one to read by."""

    name = models.CharField(_("name"), max_length=120, help_text=_("Who writes, as recipients see it."))
    address = models.CharField(_("address"), max_length=254, validators=[validate_email])
    smtp: Any = TenantForeignKey(
        Credential,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("outgoing mail (SMTP)"),
        help_text=_("A credential for SMTP. Without one nothing is sent by this account."),
    )
    imap: Any = TenantForeignKey(
        Credential,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("incoming mail (IMAP)"),
        help_text=_("A credential for IMAP. Without one nothing is read from this account."),
    )
    is_active = models.BooleanField(_("active"), default=True, db_default=True)
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    created_by = created_by_field()
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("e-mail account")
        verbose_name_plural = _("e-mail accounts")
        ordering = ["address"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "address"],
                name="mailbox_address",
                violation_error_message=_("There is an account of this address."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>"

    def clean(self) -> None:
        """Refuse credentials of another kind of service, and addresses and names that no header may hold."""
        super().clean()
        self.address = self.address.strip().lower()
        if not is_sendable(self.address):
            raise ValidationError({"address": ValidationError(_("No mail server takes this address."), code="invalid")})
        if not self.name.isprintable():
            raise ValidationError({"name": ValidationError(_("Write it on one line."), code="invalid")})
        if self.smtp is not None and self.smtp.provider != "smtp":
            raise ValidationError({"smtp": ValidationError(_("Choose a credential for SMTP."), code="wrong_provider")})
        if self.imap is not None and self.imap.provider != "imap":
            raise ValidationError({"imap": ValidationError(_("Choose a credential for IMAP."), code="wrong_provider")})

    @property
    def is_read(self) -> bool:
        """Whether its messages are mirrored."""
        return self.is_active and self.imap_id is not None


class MailSync(QueueRow):
    """The reading of one account, again and again: due once in a while, and at once where somebody asks for it.

    The row of an account that is switched off, or has no credential to read by, is gone.
    """

    max_attempts: ClassVar[int] = 48
    """Two days, for the last ones are an hour apart."""
    task: ClassVar[str] = SYNC_TASK
    keeps_runs: ClassVar[bool] = True
    run_related: ClassVar[tuple[str, ...]] = ("mailbox__imap",)

    mailbox = TenantForeignKey(Mailbox, on_delete=models.CASCADE, related_name="syncs", verbose_name=_("e-mail account"))
    synced_at = models.DateTimeField(_("last read"), null=True, editable=False)

    class Meta(QueueRow.Meta):
        verbose_name = _("reading of mail")
        verbose_name_plural = _("readings of mail")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "mailbox"],
                name="mailsync_once",
                violation_error_message=_("This account is read already."),
            ),
        ]

    def __str__(self) -> str:
        return self.mailbox.address

    def task_type(self) -> str:
        """Return what is done with it."""
        return "read_mail"

    @property
    def problem(self) -> str:
        """What went wrong last, in the reader's language; empty when the last time went well."""
        return told(self.last_error) if self.state != QueueState.RUNNING else ""
