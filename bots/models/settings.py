"""What a bot is set up with, and what it remembers."""

from typing import ClassVar, Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Length, Now
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from bots.models.bots import Bot
from catalog.models import Customer
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import TenantModel, TenantQuerySet, updated_at_field

LONGEST_VALUE = 10_000
"""Characters of a setting or of what is remembered."""
KEY = RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z", _("Write letters, digits, _, . and -, up to 100."))


class BotSetting(TenantModel):
    """One typed value of a bot (S1's bot_configuration): General Bots keeps the same in ``config.csv``."""

    class Type(models.TextChoices):
        """What the value is."""

        TEXT = "text", _("Text")
        INTEGER = "integer", _("Whole number")
        NUMBER = "number", _("Number")
        BOOLEAN = "boolean", _("Yes or no")
        JSON = "json", _("Object or list")

    bot = TenantForeignKey(Bot, on_delete=models.CASCADE, related_name="settings", verbose_name=_("bot"))
    key = models.CharField(_("key"), max_length=100, validators=[KEY])
    value_type = models.CharField(_("type"), max_length=16, choices=Type, default=Type.TEXT)
    value = models.JSONField(_("value"))
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("setting of a bot")
        verbose_name_plural = _("settings of a bot")
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "bot", "key"],
                name="botsetting_once",
                violation_error_message=_("The bot has a setting of this key already."),
            ),
        ]

    def __str__(self) -> str:
        return self.key


class BotMemoryQuerySet(TenantQuerySet):
    """Reads of memories."""

    def live(self) -> Self:
        """Narrow to what has not expired."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=Now()))


class BotMemory(TenantModel):
    """What a bot was told to remember, for all or for one customer (General Bots' GET and SET BOT MEMORY)."""

    tenant = TenantField(referenced=False)
    bot = TenantForeignKey(Bot, on_delete=models.CASCADE, related_name="memories", verbose_name=_("bot"))
    customer = TenantForeignKey(
        Customer,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("customer"),
        help_text=_("Empty: remembered for everybody."),
    )
    key = models.CharField(_("key"), max_length=100, validators=[KEY])
    value = models.TextField(_("value"), max_length=LONGEST_VALUE)
    expires_at = models.DateTimeField(_("forgotten at"), null=True, blank=True, help_text=_("Empty: never."))
    updated_at = updated_at_field()

    objects: ClassVar = BotMemoryQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("memory")
        verbose_name_plural = _("memories")
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "bot", "customer", "key"],
                nulls_distinct=False,
                name="botmemory_once",
                violation_error_message=_("The bot remembers something of this key already."),
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("value"), LONGEST_VALUE),
                name="botmemory_size",
                violation_error_message=_("Up to 10,000 characters are remembered."),
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "customer"], name="botmemory_customer", condition=models.Q(customer__isnull=False)
            ),
            models.Index(fields=["expires_at"], name="botmemory_expiry", condition=models.Q(expires_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.key
