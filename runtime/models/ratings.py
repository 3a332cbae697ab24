"""What people think of answers, what they click, and what the bot did not know."""

from typing import ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from bots.models import Bot, Faq
from runtime.models.sessions import Session, Turn
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import Tenant, TenantModel, TenantQuerySet, created_by_field, updated_at_field


class Rating(TenantModel):
    """A thumb up or down for an answer: one of the customer, and one of each colleague as an annotation."""

    class Vote(models.TextChoices):
        """Which way the thumb points."""

        UP = "up", _("Good")
        DOWN = "down", _("Bad")

    class Rater(models.TextChoices):
        """Who rates. A front end's API key speaks for the customer."""

        CUSTOMER = "customer", _("Customer")
        STAFF = "staff", _("Colleague")

    tenant = TenantField(referenced=False)
    session = TenantForeignKey(Session, on_delete=models.CASCADE, related_name="ratings", verbose_name=_("conversation"))
    turn = TenantForeignKey(Turn, on_delete=models.CASCADE, related_name="ratings", verbose_name=_("answer"))
    rater = models.CharField(_("rated by"), max_length=16, choices=Rater)
    vote = models.CharField(_("vote"), max_length=8, choices=Vote)
    comment = models.TextField(_("comment"), max_length=1000, blank=True, default="", db_default="")
    updated_at = updated_at_field()
    created_by = created_by_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("rating")
        verbose_name_plural = _("ratings")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "turn"],
                condition=models.Q(rater="customer"),
                name="rating_one_of_the_customer",
                violation_error_message=_("The customer has rated this already."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "turn", "created_by"],
                condition=models.Q(rater="staff"),
                name="rating_one_of_each_colleague",
                violation_error_message=_("You have rated this already."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="rating_newest"),
            models.Index(fields=["tenant", "session"], name="rating_of_session"),
        ]

    def __str__(self) -> str:
        return str(self.get_vote_display())


class UiEvent(TenantModel):
    """Something the customer did in the front end without saying anything, such as a click on a card."""

    tenant = TenantField(referenced=False)
    session = TenantForeignKey(Session, on_delete=models.CASCADE, related_name="ui_events", verbose_name=_("conversation"))
    turn = TenantForeignKey(
        Turn, null=True, blank=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("shown in")
    )
    kind = models.SlugField(_("kind"), max_length=63)
    data = models.JSONField(_("content"), default=dict, db_default={})

    class Meta(TenantModel.Meta):
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="uievent_newest"),
            models.Index(fields=["tenant", "session", "id"], name="uievent_of_session"),
        ]

    def __str__(self) -> str:
        return self.kind


class KnowledgeGapQuerySet(TenantQuerySet):
    """Questions without a good answer."""

    def open(self) -> Self:
        """Narrow to those that nobody has dealt with, the most frequent first."""
        return self.filter(state="open").order_by("-times_asked", "-last_asked_at")


class KnowledgeGap(TenantModel):
    """A question that customers ask and the bot does not answer, or answers badly. ``question_key`` groups how it is put.

    Asked again after it was answered it opens again; what is ignored stays so and is only counted.
    """

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open", _("Open")
        ANSWERED = "answered", _("Answered")
        IGNORED = "ignored", _("Ignored")

    class Reason(models.TextChoices):
        """Why it stands here, as it was last."""

        UNANSWERED = "unanswered", _("Not answered")
        BADLY_RATED = "badly_rated", _("Badly rated")

    bot = TenantForeignKey(Bot, on_delete=models.CASCADE, related_name="knowledge_gaps", verbose_name=_("bot"))
    question_key = models.CharField(_("words"), max_length=300, editable=False)
    question = models.TextField(_("question"), help_text=_("As it was put last."))
    language = models.CharField(_("language"), max_length=8, choices=Tenant.Locale, blank=True, default="", db_default="")
    reason = models.CharField(_("reason"), max_length=16, choices=Reason)
    times_asked = models.PositiveIntegerField(_("times asked"), default=1, db_default=1)
    last_asked_at = models.DateTimeField(_("last asked"))
    turn = TenantForeignKey(
        Turn, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("example")
    )
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.OPEN, db_default=State.OPEN)
    faq = TenantForeignKey(
        Faq, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("answered by")
    )

    objects: ClassVar = KnowledgeGapQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("knowledge gap")
        verbose_name_plural = _("knowledge gaps")
        ordering = ["-times_asked", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "bot", "question_key"],
                name="knowledgegap_question_once",
                violation_error_message=_("This question is in the list already."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "state", "-times_asked", "-id"], name="knowledgegap_most_asked"),
        ]

    def __str__(self) -> str:
        return self.question[:80]
