"""Why the bot answered as it did, what that cost, and what it did on the way."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from bots.models import BotVersion, capability_name
from runtime.models.sessions import Session, Turn
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import TenantModel


class Tier(models.TextChoices):
    """What answered a turn, cheapest first."""

    GUARDRAIL = "guardrail", _("Guardrail")
    CACHE = "cache", _("Cache")
    FAQ = "faq", _("FAQ")
    CATALOG = "catalog", _("Catalogue")
    LLM = "llm", _("Language model")
    HANDOFF = "handoff", _("Offers a person")
    HUMAN = "human", _("Person")
    NONE = "none", _("Nothing to answer")


ANSWERING = (Tier.GUARDRAIL, Tier.CACHE, Tier.FAQ, Tier.CATALOG, Tier.LLM)
"""Tiers in which the bot answers by itself."""


class DecisionEvent(TenantModel):
    """A decision: one ``tier_selection`` per turn, others as they happen."""

    class EventType(models.TextChoices):
        """What was decided."""

        TIER_SELECTION = "tier_selection", _("Choice of tier")
        TOOL_EXECUTION = "tool_execution", _("Tool call")
        FLOW_STEP = "flow_step", _("Step")
        CUSTOM = "custom", _("Logged by the bot")

    tenant = TenantField(referenced=False)
    session = TenantForeignKey(Session, on_delete=models.CASCADE, related_name="decisions", verbose_name=_("conversation"))
    input_turn = TenantForeignKey(
        Turn, null=True, blank=True, on_delete=models.CASCADE, related_name="decisions", verbose_name=_("turn")
    )
    bot_version = TenantForeignKey(BotVersion, on_delete=models.PROTECT, related_name="+", verbose_name=_("version"))
    event_type = models.CharField(_("kind"), max_length=32, choices=EventType, default=EventType.TIER_SELECTION)
    tier = models.CharField(_("tier"), max_length=16, choices=Tier, blank=True)
    confidence = models.DecimalField(_("confidence"), max_digits=4, decimal_places=3, null=True, blank=True)
    sources = models.JSONField(_("sources"), default=list, db_default=[], help_text="Each: kind, id, score, parts.")
    decision_metadata = models.JSONField(_("details"), default=dict, db_default={})
    estimated_cost_usd = models.DecimalField(_("cost in USD"), max_digits=12, decimal_places=6, default=0, db_default=0)
    latency_ms = models.PositiveIntegerField(_("milliseconds"), default=0, db_default=0)

    class Meta(TenantModel.Meta):
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "input_turn"],
                condition=models.Q(event_type="tier_selection"),
                name="decisionevent_one_tier",
                violation_error_message=_("The tier of this turn was chosen already."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "session", "id"], name="decisionevent_of_session"),
            models.Index(fields=["tenant", "-id"], name="decisionevent_newest"),
        ]

    def __str__(self) -> str:
        return self.get_tier_display() or self.get_event_type_display()


class ActionExecution(TenantModel):
    """Something the bot did: a look-up or a tool call, with input, output and time."""

    class Status(models.TextChoices):
        """How it went. ``running`` is committed before a call that leaves the house; ``unknown``: nobody can tell."""

        RUNNING = "running", _("Running")
        SUCCESS = "success", _("Success")
        ERROR = "error", _("Error")
        UNKNOWN = "unknown", _("Unclear")

    tenant = TenantField(referenced=False)
    session = TenantForeignKey(Session, on_delete=models.CASCADE, related_name="actions", verbose_name=_("conversation"))
    turn = TenantForeignKey(
        Turn, null=True, blank=True, on_delete=models.CASCADE, related_name="actions", verbose_name=_("turn")
    )
    action_type = models.CharField(_("kind"), max_length=32, default="tool_call")
    action_name = models.CharField(_("name"), max_length=100)
    input_params = models.JSONField(_("input"), default=dict, db_default={})
    output_result = models.JSONField(_("output"), default=dict, db_default={})
    execution_time_ms = models.PositiveIntegerField(_("milliseconds"), default=0, db_default=0)
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.SUCCESS)

    class Meta(TenantModel.Meta):
        verbose_name = _("action")
        verbose_name_plural = _("actions")
        ordering = ["-id"]
        indexes = [models.Index(fields=["tenant", "session", "id"], name="actionexecution_of_session")]

    def __str__(self) -> str:
        return self.action_name

    @property
    def label(self) -> str:
        """What was done, in the reader's language: a capability by its name, a tool of the tenant's by its code."""
        return capability_name(self.action_name)
