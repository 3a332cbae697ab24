"""The ledger of what calls of models cost."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.actor import ActorKind
from tenants.fields import TenantField
from tenants.models import ApiKey, TenantModel, TenantQuerySet
from vault.models.prices import ModelPrice

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def cost_field(label: "StrOrPromise", **options: Any) -> models.DecimalField:
    """Return a column for a cost: twelve decimals, so that a price times tokens is never rounded."""
    return models.DecimalField(label, max_digits=24, decimal_places=12, **options)


class UsageEntryQuerySet(TenantQuerySet):
    """Reads of the ledger."""

    def with_bot_code(self) -> "UsageEntryQuerySet":
        """Annotate ``bot_code``; None without a bot, and for one that is gone."""
        bots: Any = ApiKey.bot.field.related_model  # the app of bots stands to the right
        codes = bots.objects.filter(pk=models.OuterRef("bot_id")).values("code")
        return self.annotate(bot_code=models.Subquery(codes[:1]))


class UsageEntry(TenantModel):
    """One call of a model: reserved before it at the most it can cost, settled after it at what it did cost.

    Written by ``vault/budgets.py`` alone. It outlives what it names: bot, subject, credential and actor are plain ids.
    """

    class Kind(models.TextChoices):
        """What was asked of the model."""

        CHAT = "chat", _("Chat")
        EMBEDDING = "embedding", _("Embedding")

    class State(models.TextChoices):
        """``failed`` costs nothing when the provider refused, and the worst case when nobody knows (``is_estimated``)."""

        RESERVED = "reserved", _("Under way")
        SETTLED = "settled", _("Settled")
        RELEASED = "released", _("Not called")
        FAILED = "failed", _("Failed")

    tenant = TenantField(referenced=False)
    key = models.CharField(_("key"), max_length=200, help_text=_("One call: a key reserves once."))
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.RESERVED, db_default=State.RESERVED)
    provider = models.CharField(_("provider"), max_length=32)
    model = models.CharField(_("model"), max_length=200)
    bot_id = models.UUIDField(_("bot"), null=True, blank=True)
    subject_kind = models.CharField(_("what for"), max_length=63, default="", db_default="", blank=True)
    subject_id = models.UUIDField(_("id of the row"), null=True, blank=True)
    credential_id = models.UUIDField(_("credential"), null=True, blank=True)
    actor_kind = models.CharField(
        _("who"), max_length=16, choices=ActorKind, default=ActorKind.SYSTEM, db_default=ActorKind.SYSTEM
    )
    actor_id = models.UUIDField(_("id of the actor"), null=True, blank=True)
    price = models.ForeignKey(
        ModelPrice, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("price")
    )
    currency = models.CharField(_("currency"), max_length=3, default="", db_default="", blank=True)
    reserved_amount = cost_field(_("reserved"), default=0, db_default=0)
    amount = cost_field(_("cost"), null=True, blank=True)
    is_estimated = models.BooleanField(_("estimated"), default=False, db_default=False)
    input_tokens = models.PositiveIntegerField(_("input tokens"), default=0, db_default=0)
    cached_input_tokens = models.PositiveIntegerField(_("of these cached"), default=0, db_default=0)
    output_tokens = models.PositiveIntegerField(_("output tokens"), default=0, db_default=0)
    reasoning_tokens = models.PositiveIntegerField(_("of these reasoning"), default=0, db_default=0)
    latency_ms = models.PositiveIntegerField(_("milliseconds"), null=True, blank=True)
    error_kind = models.CharField(_("error"), max_length=16, default="", db_default="", blank=True)
    period_ids = ArrayField(models.UUIDField(), default=list, db_default=[], editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    objects: ClassVar = UsageEntryQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("usage entry")
        verbose_name_plural = _("usage")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "key"],
                name="usageentry_once",
                violation_error_message=_("This call is metered already."),
            ),
            models.CheckConstraint(
                condition=models.Q(cached_input_tokens__lte=models.F("input_tokens"))
                & models.Q(reasoning_tokens__lte=models.F("output_tokens")),
                name="usageentry_parts",
                violation_error_message=_("Cached tokens are a part of the input, reasoning a part of the output."),
            ),
            models.CheckConstraint(
                condition=models.Q(state="reserved", amount=None) | ~models.Q(state="reserved") & models.Q(amount__gte=0),
                name="usageentry_amount",
                violation_error_message=_("What has ended has a cost, what is under way has none yet."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="usageentry_newest"),
            models.Index(fields=["tenant", "created_at"], name="usageentry_in_time"),
            models.Index(fields=["tenant", "lease_until"], name="usageentry_lost", condition=models.Q(state="reserved")),
        ]

    def __str__(self) -> str:
        return f"{self.model}: {self.get_state_display()}"
