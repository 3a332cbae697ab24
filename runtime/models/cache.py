"""Answers of the language model that are given again, for as long as the texts they rest on are still theirs."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from bots.models import Bot, BotVersion
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import Tenant, TenantModel


class SemanticCacheEntry(TenantModel):
    """An answer of one version of a bot to one question, in one language; never price, stock or personal text."""

    tenant = TenantField(referenced=False)
    bot = TenantForeignKey(Bot, on_delete=models.CASCADE, related_name="+", verbose_name=_("bot"))
    bot_version = TenantForeignKey(BotVersion, on_delete=models.CASCADE, related_name="+", verbose_name=_("version"))
    language = models.CharField(_("language"), max_length=8, choices=Tenant.Locale)
    query_text = models.CharField(_("question"), max_length=500)
    query_key = models.BinaryField(max_length=32, editable=False, help_text="SHA-256 of the folded words, in their order.")
    telling_key = models.BinaryField(
        max_length=32, editable=False, help_text="SHA-256 of the words it is told by, sorted: near questions have the same."
    )
    response_text = models.TextField(_("answer"))
    sources = models.JSONField(_("sources"), help_text="Each: kind, id, title, score, and the content hash of its text.")
    confidence = models.DecimalField(_("confidence"), max_digits=4, decimal_places=3)
    hit_count = models.PositiveIntegerField(_("given again"), default=0, db_default=0)
    last_hit_at = models.DateTimeField(_("last given"), null=True)
    counted_until = models.DateTimeField(null=True, editable=False, help_text="Hits up to this instant are in the count.")
    expires_at = models.DateTimeField(_("expires"))

    class Meta(TenantModel.Meta):
        verbose_name = _("cached answer")
        verbose_name_plural = _("cached answers")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "bot_version", "language", "query_key"],
                name="semanticcacheentry_once",
                violation_error_message=_("This question has a cached answer already."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="semanticcacheentry_newest"),
            models.Index(fields=["tenant", "bot_version", "language", "telling_key"], name="semanticcacheentry_telling"),
        ]

    def __str__(self) -> str:
        return self.query_text[:80]
