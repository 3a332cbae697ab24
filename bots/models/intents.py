"""What customers want, told by examples: “where is my order” and “when does it arrive” are one intent."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from bots.models.bots import Bot
from tenants.fields import TenantForeignKey
from tenants.models import Tenant, TenantModel, updated_at_field


class Intent(TenantModel):
    """Something customers want. A message is of the intent whose examples are nearest to it, when near enough."""

    code = models.SlugField(
        _("code"), max_length=63, help_text=_("Stands on the turn, and is what guardrails compare: intent == 'complaint'.")
    )
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    bot = TenantForeignKey(
        Bot,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="intents",
        verbose_name=_("bot"),
        help_text=_("Empty: every bot knows it."),
    )
    is_active = models.BooleanField(_("active"), default=True, db_default=True)
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("intent")
        verbose_name_plural = _("intents")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                name="intent_code_once",
                violation_error_message=_("An intent with this code exists already."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def wordings(self) -> list[str]:
        """Its examples as text, in the order they were added; prefetch ``examples`` for lists."""
        return [example.text for example in self.examples.all()]


class IntentExample(TenantModel):
    """One way to say it. Found by its words at commit; its vector follows in seconds."""

    intent = TenantForeignKey(Intent, on_delete=models.CASCADE, related_name="examples", verbose_name=_("intent"))
    text = models.CharField(_("example"), max_length=500)
    language = models.CharField(_("language"), max_length=8, choices=Tenant.Locale)

    class Meta(TenantModel.Meta):
        verbose_name = _("example of an intent")
        verbose_name_plural = _("examples of an intent")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "intent", "text"],
                name="intentexample_once",
                violation_error_message=_("The intent has this example already."),
            ),
        ]

    def __str__(self) -> str:
        return self.text
