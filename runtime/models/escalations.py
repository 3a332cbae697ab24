"""A conversation that waits for a person, or that a person has taken over."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from runtime.models.sessions import Session, Turn
from tenants.fields import TenantForeignKey
from tenants.models import TenantModel, TenantQuerySet, created_by_field

REASON_LENGTH = 500
"""Characters of the reason that a customer, a bot or a colleague gives."""


class EscalationQuerySet(TenantQuerySet):
    """Escalations."""

    def unresolved(self) -> Self:
        """Narrow to those that a person still has to do with, the oldest first."""
        return self.exclude(state="resolved").order_by("id")

    def waiting(self) -> Self:
        """Narrow to those that nobody has claimed, the oldest first."""
        return self.filter(state="waiting").order_by("id")


class Escalation(TenantModel):
    """A conversation that a person is asked for. Claimed, the person owns it and the bot is silent; resolved, the bot answers.

    ``claimant_id`` is who has claimed it, a person or an API key; ``claimed_by`` names the person.
    """

    class State(models.TextChoices):
        """Where it stands."""

        WAITING = "waiting", _("Waiting")
        CLAIMED = "claimed", _("Claimed")
        RESOLVED = "resolved", _("Resolved")

    class Origin(models.TextChoices):
        """Who asked for a person."""

        CUSTOMER = "customer", _("Customer")
        BOT = "bot", _("Bot")
        STAFF = "staff", _("Colleague")
        PROGRAM = "program", _("Program")

    session = TenantForeignKey(Session, on_delete=models.CASCADE, related_name="escalations", verbose_name=_("conversation"))
    turn = TenantForeignKey(
        Turn, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("asked for in")
    )
    reason = models.TextField(_("reason"), max_length=REASON_LENGTH, blank=True, default="", db_default="")
    origin = models.CharField(_("asked for by"), max_length=16, choices=Origin, default=Origin.CUSTOMER)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.WAITING, db_default=State.WAITING)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("claimed by"),
    )
    claimant_id = models.UUIDField(_("id of the claimant"), null=True, editable=False)
    claimed_at = models.DateTimeField(_("claimed"), null=True, editable=False)
    replied_at = models.DateTimeField(
        _("last answer"), null=True, editable=False, help_text=_("By whoever has claimed it now.")
    )
    resolved_at = models.DateTimeField(_("resolved"), null=True, editable=False)
    resolution = models.TextField(_("result"), max_length=2000, blank=True, default="", db_default="")
    created_by = created_by_field()

    objects: ClassVar = EscalationQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("escalation")
        verbose_name_plural = _("escalations")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "session"],
                condition=~models.Q(state="resolved"),
                name="escalation_one_open",
                violation_error_message=_("A person was asked for already."),
            ),
            models.CheckConstraint(
                condition=~models.Q(state="claimed") | models.Q(claimant_id__isnull=False, claimed_at__isnull=False),
                name="escalation_claimed_by_somebody",
                violation_error_message=_("Say who claims it."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="escalation_newest"),
            models.Index(fields=["tenant", "id"], condition=~models.Q(state="resolved"), name="escalation_unresolved"),
        ]

    def __str__(self) -> str:
        return self.reason[:80] or str(ASKED[self.Origin(self.origin)])

    @property
    def heading(self) -> str:
        """Whose conversation it is."""
        return self.session.heading


ASKED = {
    Escalation.Origin.CUSTOMER: _("The customer asked for a person"),
    Escalation.Origin.BOT: _("The bot asked for a person"),
    Escalation.Origin.STAFF: _("A colleague took over"),
    Escalation.Origin.PROGRAM: _("A program asked for a person"),
}
"""What is said of an escalation for which no reason was given."""
