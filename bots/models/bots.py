"""Bots and their versions: how a bot speaks, and which version speaks now."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from catalog.models import KnowledgeDomain
from tenants.fields import TenantForeignKey, UUIDv7
from tenants.models import TenantModel, TenantQuerySet, created_by_field, updated_at_field
from tenants.notes import told


class Capability(models.Model):
    """Something the platform can do for a bot, such as looking up a price. Global."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    domain = models.ForeignKey(
        KnowledgeDomain, null=True, blank=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("domain")
    )
    code = models.SlugField(_("code"), max_length=63, unique=True)
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("capability")
        verbose_name_plural = _("capabilities")
        ordering = ["code"]

    def __str__(self) -> str:
        return told(self.name) or self.code


CAPABILITY_NAMES = (
    gettext_noop("Find offerings"),
    gettext_noop("Quote prices"),
    gettext_noop("Check stock"),
    gettext_noop("Tell about orders"),
    gettext_noop("Take orders"),
)
"""The names that migrations give what the platform brings, for translators; they are told in the reader's language."""
CAPABILITY_CODES = ("offering_search", "price_lookup", "stock_check", "order_status", "create_order")


def capability_name(code: str) -> str:
    """Return what a capability of the platform is called in the reader's language; another code as it is."""
    return told(dict(zip(CAPABILITY_CODES, CAPABILITY_NAMES, strict=True)).get(code, "")) or code


class BotQuerySet(TenantQuerySet):
    """Reads of bots."""

    def with_active_version(self) -> "BotQuerySet":
        """Annotate ``active_version`` with the number of the version that speaks now, None without one."""
        active = BotVersion.objects.filter(bot=models.OuterRef("pk"), is_active=True)
        return self.annotate(active_version=models.Subquery(active.values("version")[:1]))


class Bot(TenantModel):
    """A bot of a tenant. What it says and knows stands in its versions and FAQs."""

    class Status(models.TextChoices):
        """An archived bot takes no new sessions."""

        ACTIVE = "active", _("Active")
        ARCHIVED = "archived", _("Archived")

    code = models.SlugField(_("code"), max_length=63)
    name = models.CharField(_("name"), max_length=200)
    domain = models.ForeignKey(
        KnowledgeDomain, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("domain")
    )
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.ACTIVE, db_default=Status.ACTIVE)
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    updated_at = updated_at_field()

    objects: ClassVar = BotQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("bot")
        verbose_name_plural = _("bots")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                name="bot_code_once",
                violation_error_message=_("A bot with this code exists already."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class BotVersion(TenantModel):
    """One way the bot speaks, numbered from 1. Never changed once it was active: running sessions rely on it."""

    bot = TenantForeignKey(Bot, on_delete=models.CASCADE, related_name="versions", verbose_name=_("bot"))
    version = models.PositiveIntegerField(_("version"), editable=False)
    is_active = models.BooleanField(_("active"), default=False, db_default=False, editable=False)
    activated_at = models.DateTimeField(_("activated"), null=True, blank=True, editable=False)
    flow_config = models.JSONField(
        _("flow"),
        default=dict,
        db_default={},
        blank=True,
        help_text=_("default_state, steps, idle_minutes, claim_minutes, greeting, quick_replies, tools; and what you add."),
    )
    system_prompt = models.TextField(
        _("personality and instructions"),
        blank=True,
        help_text=_(
            "Who the bot is and how it speaks. It may name {{ bot_name }}, {{ business_name }}, {{ today }}, {{ language }}, "
            "{{ customer_name }} and the bot's memory, such as {{ memory.opening_hours }}."
        ),
    )
    created_by = created_by_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("bot version")
        verbose_name_plural = _("bot versions")
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "bot", "version"],
                name="botversion_number_once",
                violation_error_message=_("This version exists already."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "bot"],
                condition=models.Q(is_active=True),
                name="botversion_one_active",
                violation_error_message=_("Another version is active."),
            ),
        ]

    def __str__(self) -> str:
        return f"v{self.version}"

    @property
    def heading(self) -> str:
        """What its own page calls it."""
        return f"{self.bot} · v{self.version}"

    @property
    def capabilities(self) -> list[Capability]:
        """What the version may use; prefetch ``version_capabilities__capability`` for lists."""
        return [link.capability for link in self.version_capabilities.all()]


class BotVersionCapability(TenantModel):
    """A capability that a version may use."""

    bot_version = TenantForeignKey(BotVersion, on_delete=models.CASCADE, related_name="version_capabilities")
    capability = models.ForeignKey(Capability, on_delete=models.PROTECT, related_name="+", verbose_name=_("capability"))

    class Meta(TenantModel.Meta):
        verbose_name = _("capability of a version")
        verbose_name_plural = _("capabilities of a version")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "bot_version", "capability"],
                name="botversioncapability_once",
                violation_error_message=_("The version has this capability already."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.capability)
