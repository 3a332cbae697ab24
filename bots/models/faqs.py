"""Questions a bot can answer word for word."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from bots.models.bots import Bot
from catalog.models import KnowledgeDomain, Offering
from tenants.fields import TenantForeignKey
from tenants.models import Tenant, TenantModel, updated_at_field


class Faq(TenantModel):
    """A question and its answer, in one language. Found at commit; its vector follows in seconds."""

    class ReviewState(models.TextChoices):
        """Only what is approved is answered."""

        DRAFT = "draft", _("Draft")
        NEEDS_REVIEW = "needs_review", _("Needs review")
        APPROVED = "approved", _("Approved")

    bot = TenantForeignKey(
        Bot,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="faqs",
        verbose_name=_("bot"),
        help_text=_("Empty: every bot answers it."),
    )
    domain = models.ForeignKey(
        KnowledgeDomain, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("domain")
    )
    offering = TenantForeignKey(
        Offering, null=True, blank=True, on_delete=models.CASCADE, related_name="faqs", verbose_name=_("offering")
    )
    question = models.TextField(_("question"), max_length=1000)
    answer = models.TextField(_("answer"), max_length=10_000)
    category = models.CharField(_("category"), max_length=100, blank=True)
    language = models.CharField(_("language"), max_length=8, choices=Tenant.Locale, default=Tenant.Locale.VIETNAMESE)
    priority = models.IntegerField(
        _("priority"), default=0, db_default=0, help_text=_("Of two answers that fit as well, the higher one is given.")
    )
    is_active = models.BooleanField(_("active"), default=True, db_default=True)
    review_state = models.CharField(
        _("review"),
        max_length=16,
        choices=ReviewState,
        default=ReviewState.APPROVED,
        db_default=ReviewState.APPROVED,
        help_text=_("Only what is approved is answered."),
    )
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("FAQ")
        verbose_name_plural = _("FAQs")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="faq_newest"),
            models.Index(fields=["tenant", "bot"], name="faq_of_bot"),
        ]

    def __str__(self) -> str:
        return self.question[:80]
