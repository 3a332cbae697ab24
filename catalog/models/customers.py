"""Who buys: customers, and the names they go by on each channel."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.pricing import SalesChannel
from tenants.fields import TenantForeignKey
from tenants.models import TenantModel, updated_at_field


class Customer(TenantModel):
    """A person who talks to a bot or buys."""

    name = models.CharField(_("name"), max_length=200, blank=True)
    phone = models.CharField(_("phone"), max_length=32, blank=True)
    email = models.EmailField(_("e-mail address"), blank=True)
    address = models.TextField(_("address"), blank=True)
    note = models.TextField(_("note"), blank=True)
    tags = ArrayField(models.CharField(max_length=100), verbose_name=_("tags"), default=list, blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="customer_newest"),
            models.Index(fields=["tenant", "phone"], name="customer_by_phone"),
            GinIndex(fields=["tags"], name="customer_tags"),
        ]

    def __str__(self) -> str:
        return self.name or self.email or self.phone or str(self.id)


class CustomerIdentity(TenantModel):
    """A customer's id on one channel, such as a Messenger user id."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="identities", verbose_name=_("customer"))
    channel = TenantForeignKey(SalesChannel, on_delete=models.PROTECT, related_name="+", verbose_name=_("channel"))
    external_id = models.CharField(_("id on the channel"), max_length=255)

    class Meta(TenantModel.Meta):
        verbose_name = _("customer identity")
        verbose_name_plural = _("customer identities")
        ordering = ["channel", "external_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "channel", "external_id"],
                name="customeridentity_once",
                violation_error_message=_("This id belongs to a customer already."),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "customer"], name="customeridentity_customer")]

    def __str__(self) -> str:
        return f"{self.channel}: {self.external_id}"
