"""The keys that secrets are encrypted with, themselves encrypted; and how a wrong master key is found out at the start."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import TenantModel
from vault.crypto import DataKey, unwrap


class MasterKey(TenantModel):
    """What is known of a master key of ``VAULT_KEYS``: its id, and a known text under it. Rows of the platform.

    A process whose key of that id does not open the canary has another key, and must not start (``vault/startup.py``).
    """

    name = models.CharField(_("id"), max_length=64, editable=False)
    canary = models.BinaryField(editable=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("master key")
        verbose_name_plural = _("master keys")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="masterkey_name_once",
                violation_error_message=_("This master key is known already."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TenantKey(TenantModel):
    """A data key of a tenant, wrapped by a master key. Deleting it makes every secret under it unreadable for good."""

    master_key = models.CharField(_("master key"), max_length=64, editable=False)
    wrapped = models.BinaryField(editable=False)
    retired_at = models.DateTimeField(_("retired"), null=True, editable=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("data key")
        verbose_name_plural = _("data keys")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(retired_at=None),
                name="tenantkey_one_current",
                violation_error_message=_("The tenant has a current key already."),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "master_key"], name="tenantkey_of_master")]

    def __str__(self) -> str:
        return f"{self.master_key}: {self.pk}"

    def data_key(self) -> DataKey:
        """Return the key in the clear; raises ``CredentialUnreadable``."""
        assert self.tenant_id is not None
        return unwrap(bytes(self.wrapped), tenant=self.tenant_id, key=self.pk)
