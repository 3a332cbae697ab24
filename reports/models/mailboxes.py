"""The e-mail accounts of a tenant (S1's user_email_accounts): by which address it writes and reads."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.fields import TenantForeignKey
from tenants.models import TenantModel, created_by_field, updated_at_field
from vault.models import Credential


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
        if not self.name.isprintable():
            raise ValidationError({"name": ValidationError(_("Write it on one line."), code="invalid")})
        if self.smtp is not None and self.smtp.provider != "smtp":
            raise ValidationError({"smtp": ValidationError(_("Choose a credential for SMTP."), code="wrong_provider")})
