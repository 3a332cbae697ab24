"""Who buys: customers, the names they go by on each channel, and which of them turned out to be one person."""

from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.models.pricing import SalesChannel
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import TenantModel, TenantQuerySet, created_by_field, updated_at_field


class PhoneKey(models.Func):
    """A phone number as it is compared: digits only, Vietnam's +84 and 0084 as the 0 people dial at home."""

    template = "regexp_replace(regexp_replace(%(expressions)s, '[^0-9]', '', 'g'), '^(00)?84(?=[1-9][0-9]{8,9}$)', '0')"
    output_field = models.CharField()


class CustomerQuerySet(TenantQuerySet):
    """Customers by who they are."""

    def present(self) -> Self:
        """Leave out those that were merged into another, and those who are forgotten."""
        return self.filter(merged_into=None, erased_at=None)

    def like(self, customer: "Customer") -> Self:
        """Narrow to others of the same phone number or e-mail address: likely the same person."""
        same = models.Q(pk__in=[])
        if customer.phone_key:
            same |= models.Q(phone_key=customer.phone_key)
        if customer.email:
            same |= models.Q(Exact(Lower("email"), customer.email.lower()))
        return self.present().filter(same).exclude(pk=customer.pk)


class Customer(TenantModel):
    """A person who talks to a bot or buys. One that was ``merged_into`` another stays as it was, and owns nothing any more."""

    name = models.CharField(_("name"), max_length=200, blank=True)
    phone = models.CharField(_("phone"), max_length=32, blank=True)
    phone_key = models.GeneratedField(
        expression=PhoneKey("phone"), output_field=models.CharField(max_length=40), db_persist=True, editable=False
    )
    email = models.EmailField(_("e-mail address"), blank=True)
    address = models.TextField(_("address"), blank=True)
    note = models.TextField(_("note"), blank=True)
    tags = ArrayField(models.CharField(max_length=100), verbose_name=_("tags"), default=list, blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    merged_into = TenantForeignKey(
        "self",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.CASCADE,
        related_name="merged",
        verbose_name=_("merged into"),
    )
    erased_at = models.DateTimeField(_("erased"), null=True, editable=False, help_text=_("The orders stay, nobody's."))
    updated_at = updated_at_field()

    objects: ClassVar = CustomerQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(phone="") | models.Q(phone__regex="[0-9]"),
                name="customer_phone_digits",
                violation_error_message=_("A phone number has digits."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="customer_newest"),
            models.Index(fields=["tenant", "phone"], name="customer_by_phone"),
            models.Index(fields=["tenant", "phone_key"], name="customer_by_phone_key"),
            models.Index("tenant", Lower("email"), name="customer_by_email"),
            models.Index(fields=["tenant", "merged_into"], name="customer_merged"),
            GinIndex(fields=["tags"], name="customer_tags"),
        ]

    def __str__(self) -> str:
        return self.name or self.email or self.phone or (gettext("Erased customer") if self.erased_at else self._nameless())

    def _nameless(self) -> str:
        """Return what tells a customer of whom nothing is known from the next one: the end of the id."""
        return gettext("Customer %(number)s") % {"number": str(self.id)[-6:]}


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


class Erasure(TenantModel):
    """A customer who was forgotten, by ids alone: what was deleted, what was kept and why. Audited, as the proof of it."""

    tenant = TenantField(referenced=False)
    customer_ids = ArrayField(models.UUIDField(), verbose_name=_("customer"), editable=False)
    report = models.JSONField(_("report"), editable=False, help_text="deleted, emptied, kept, found_elsewhere.")
    created_by = created_by_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        ordering = ["-id"]
        indexes = [models.Index(fields=["tenant", "-id"], name="erasure_newest")]

    def __str__(self) -> str:
        return str(self.customer_ids[0])


class CustomerMerge(TenantModel):
    """One customer turned out to be another: who said so, and when. Names nobody but by id, and is audited."""

    tenant = TenantField(referenced=False)
    source = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="+", verbose_name=_("merged"))
    target = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="+", verbose_name=_("into"))
    moved = models.JSONField(_("moved"), default=dict, db_default={}, help_text=_("Rows that followed, by kind."))
    created_by = created_by_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("merge of customers")
        verbose_name_plural = _("merges of customers")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "source"],
                name="customermerge_once",
                violation_error_message=_("This customer was merged already."),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "target", "-id"], name="customermerge_of_target")]

    def __str__(self) -> str:
        return str(self.source)
