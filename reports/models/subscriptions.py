"""Whom to tell what was found: people, roles, addresses and programs, how soon, and when they are not to be disturbed."""

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from reports.addresses import is_sendable
from reports.models.insights import Insight
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import Membership, Tenant, TenantModel, TenantQuerySet, created_by_field, updated_at_field
from tenants.models.people import validate_time_zone
from tenants.roles import Role
from vault.models import EventDestination


class RecipientType(models.TextChoices):
    """What kind of recipient it is."""

    ROLE = "role", _("Everybody of a role")
    PERSON = "person", _("A person")
    ADDRESS = "address", _("An e-mail address")
    DESTINATION = "destination", _("A program (event destination)")


class Channel(models.TextChoices):
    """By which way somebody is told."""

    EMAIL = "email", _("E-mail")
    WEBHOOK = "webhook", _("Webhook")
    IN_APP = "in_app", _("Inbox of the back office")


CHANNELS = {
    RecipientType.ROLE: (Channel.EMAIL, Channel.IN_APP),
    RecipientType.PERSON: (Channel.EMAIL, Channel.IN_APP),
    RecipientType.ADDRESS: (Channel.EMAIL,),
    RecipientType.DESTINATION: (Channel.WEBHOOK,),
}
"""By which ways each kind of recipient can be told."""


class Frequency(models.TextChoices):
    """How soon somebody is told."""

    AT_ONCE = "at_once", _("At once")
    DAILY = "daily", _("Once a day")
    WEEKLY = "weekly", _("Once a week")


class Weekday(models.IntegerChoices):
    """The days as Python counts them."""

    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


def _names_one() -> Q:
    """Return the condition that the recipient is of the kind that is said, and no other is named beside it."""
    filled = {
        RecipientType.ROLE: ~Q(role=""),
        RecipientType.PERSON: Q(user__isnull=False),
        RecipientType.ADDRESS: ~Q(address=""),
        RecipientType.DESTINATION: Q(destination__isnull=False),
    }
    found = Q()
    for kind in filled:
        others = [~condition for other, condition in filled.items() if other != kind]
        found |= Q(filled[kind], *others, recipient_type=kind.value, channel__in=[one.value for one in CHANNELS[kind]])
    return found


class InsightSubscriptionQuerySet(TenantQuerySet):
    """Reads of subscriptions."""

    def active(self) -> Self:
        """Return those that count, with what they name."""
        return self.filter(is_active=True).select_related("user", "destination", "tenant")


class InsightSubscription(TenantModel):
    """Who is told of insights from some score on, by which way and how soon."""

    recipient_type = models.CharField(_("recipient"), max_length=16, choices=RecipientType, default=RecipientType.ROLE)
    role = models.CharField(_("role"), max_length=16, choices=Role, default="", db_default="", blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("person"),
    )
    address = models.EmailField(_("e-mail address"), max_length=254, default="", db_default="", blank=True)
    destination: Any = TenantForeignKey(
        EventDestination,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("event destination"),
        help_text=_("Its address and its signing secret; the kinds of events it takes do not matter here."),
    )
    channel = models.CharField(pgettext_lazy("way of telling", "by"), max_length=16, choices=Channel, default=Channel.EMAIL)
    min_score = models.PositiveSmallIntegerField(
        _("from score"),
        default=50,
        db_default=50,
        validators=[MaxValueValidator(100)],
        help_text=_("0 to 100: how much an insight matters. Only what reaches it is told."),
    )
    insight_types = ArrayField(
        models.CharField(max_length=16, choices=Insight.Type),
        verbose_name=_("types"),
        default=list,
        db_default=[],
        blank=True,
        help_text=_("None means all of them."),
    )
    frequency = models.CharField(_("how soon"), max_length=8, choices=Frequency, default=Frequency.AT_ONCE)
    digest_at = models.TimeField(
        _("digest at"), default="08:00", db_default="08:00", help_text=_("By the recipient's clock.")
    )
    digest_on = models.PositiveSmallIntegerField(
        _("digest on"), choices=Weekday, default=Weekday.MONDAY, db_default=Weekday.MONDAY
    )
    quiet_from = models.TimeField(
        _("quiet from"), null=True, blank=True, help_text=_("Nothing is sent in this time; it waits until its end.")
    )
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    language = models.CharField(
        _("language"),
        max_length=8,
        choices=Tenant.Locale,
        default="",
        db_default="",
        blank=True,
        help_text=_("Empty: the person's own, or that of the business."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default="",
        db_default="",
        blank=True,
        validators=[validate_time_zone],
        help_text=_("Empty: the person's own, or that of the business."),
    )
    is_active = models.BooleanField(_("active"), default=True, db_default=True)
    created_by = created_by_field()
    updated_at = updated_at_field()

    objects: ClassVar = InsightSubscriptionQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("recipient of insights")
        verbose_name_plural = _("recipients of insights")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=_names_one(),
                name="insightsubscription_recipient",
                violation_error_message=_(
                    "Name the one recipient that the kind asks for. Addresses are told by e-mail, programs by webhook, "
                    "people and roles by e-mail or in the inbox."
                ),
            ),
            models.CheckConstraint(
                condition=Q(min_score__lte=100),
                name="insightsubscription_score",
                violation_error_message=_("A score is 0 to 100."),
            ),
            models.CheckConstraint(
                condition=Q(digest_on__lte=6),
                name="insightsubscription_weekday",
                violation_error_message=_("A weekday is 0 (Monday) to 6."),
            ),
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None)
                | (Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=models.F("quiet_until"))),
                name="insightsubscription_quiet",
                violation_error_message=_("Quiet hours have a beginning and another end."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recipient_name} · {self.get_channel_display()}"

    @property
    def recipient_name(self) -> str:
        """Who is told, as people call them."""
        named = {
            RecipientType.ROLE: self.get_role_display(),
            RecipientType.PERSON: str(self.user or ""),
            RecipientType.ADDRESS: self.address,
        }
        kind = RecipientType(self.recipient_type)
        return str(self.destination or "") if kind == RecipientType.DESTINATION else str(named[kind])

    def clean(self) -> None:
        """Refuse people of other businesses, and addresses that no mail server takes."""
        super().clean()
        if self.address and not is_sendable(self.address):
            raise ValidationError({"address": ValidationError(_("No mail server takes this address."), code="invalid")})
        if self.user_id and not Membership.objects.filter(user=self.user_id).exists():
            raise ValidationError({"user": ValidationError(_("There is nothing of this name."), code="unknown_reference")})

    def save(self, *args: Any, **options: Any) -> None:
        """Save; the address as it is compared, and each type once."""
        self.address = self.address.strip().lower()
        self.insight_types = list(dict.fromkeys(self.insight_types))
        super().save(*args, **options)

    def wants(self, insight: Insight) -> bool:
        """Whether it asks for an insight like this."""
        return insight.score >= self.min_score and (not self.insight_types or insight.insight_type in self.insight_types)


class InsightOptOutQuerySet(TenantQuerySet):
    """Reads of those who want no more."""

    def among(self, addresses: Iterable[str]) -> set[str]:
        """Return those of the addresses that want no mail, in lower case."""
        return set(self.filter(address__in={one.lower() for one in addresses}).values_list("address", flat=True))


class InsightOptOut(TenantModel):
    """An address whose owner wants no mail about insights any more. Only who deletes the row has mails go there again."""

    tenant = TenantField(referenced=False)
    address = models.EmailField(_("e-mail address"), max_length=320)

    objects: ClassVar = InsightOptOutQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("unsubscribed address")
        verbose_name_plural = _("unsubscribed addresses")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "address"],
                name="insightoptout_once",
                violation_error_message=_("This address is unsubscribed already."),
            ),
        ]

    def __str__(self) -> str:
        return self.address

    def save(self, *args: Any, **options: Any) -> None:
        """Save; the address as it is compared."""
        self.address = self.address.strip().lower()
        super().save(*args, **options)
