"""How well a bot finds: what people judged in the retrieval lab, and from which score on it answers."""

from typing import ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from bots.models.bots import Bot
from catalog.models import SearchText
from tenants.fields import TenantForeignKey
from tenants.models import TenantModel, TenantQuerySet, created_by_field, updated_at_field
from tenants.queue import QueueRow

QUESTION_LENGTH = 500
"""Characters of a question that is marked; longer ones are cut."""


class RetrievalMarkQuerySet(TenantQuerySet):
    """Judgements about what was found."""

    def about(self, bot: Bot) -> Self:
        """Narrow to those of a bot, the questions marked last first."""
        return self.filter(bot=bot).order_by("-updated_at", "-id")


class RetrievalMark(TenantModel):
    """Somebody's judgement: this source answers this question, or does not; without source: nothing there answers it.

    The source is named as the search index names it, by kind and owner: of a document the chunk. A mark outlives its
    source and counts no more then.
    """

    class Kind(models.TextChoices):
        """What can be marked."""

        FAQ = SearchText.Kind.FAQ.value, SearchText.Kind.FAQ.label
        DOCUMENT = SearchText.Kind.DOCUMENT.value, SearchText.Kind.DOCUMENT.label
        OFFERING = SearchText.Kind.OFFERING.value, SearchText.Kind.OFFERING.label

    bot = TenantForeignKey(Bot, on_delete=models.CASCADE, related_name="retrieval_marks", verbose_name=_("bot"))
    question = models.CharField(_("question"), max_length=QUESTION_LENGTH)
    question_key = models.CharField(
        max_length=QUESTION_LENGTH, editable=False, help_text="Its folded words: however it is typed, it is one question."
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind, blank=True, default="", db_default="")
    source_id = models.UUIDField(_("source"), null=True, blank=True, help_text="Empty: nothing there answers the question.")
    title = models.CharField(
        _("title"), max_length=200, blank=True, default="", db_default="", help_text=_("Of the source, when it was marked.")
    )
    is_right = models.BooleanField(_("right"))
    updated_at = updated_at_field()
    created_by = created_by_field()

    objects: ClassVar = RetrievalMarkQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("marked question")
        verbose_name_plural = _("marked questions")
        ordering = ["-updated_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "bot", "question_key", "source_id"],
                nulls_distinct=False,
                name="retrievalmark_once",
                violation_error_message=_("This is marked already."),
            ),
            models.CheckConstraint(
                condition=models.Q(source_id=None, kind="", is_right=False)
                | models.Q(source_id__isnull=False, kind__in=["faq", "document", "offering"]),
                name="retrievalmark_of_a_source",
                violation_error_message=_("Mark a FAQ, a document or an offering; or that none of them is right."),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "bot", "-updated_at"], name="retrievalmark_newest")]

    def __str__(self) -> str:
        return self.question[:80]


class AnswerThreshold(QueueRow):
    """From which score on a bot answers, calibrated from its own texts and marks (``bots/calibration.py``).

    One of each bot: bots of a tenant find different texts. One for each kind of text: the scores of passages lie lower than
    those of FAQs. None where there is too little to go by: the platform's default holds then. The row is its own place
    in the queue, and a turn reads it together with its session; so what somebody sets ``by_hand`` stands here too, and
    not among the tenant's settings, which would cost each turn a message to the database.
    """

    task: ClassVar[str] = "bots.calibrate"

    bot = TenantForeignKey(Bot, on_delete=models.CASCADE, related_name="answer_thresholds", verbose_name=_("bot"))
    faq = models.FloatField(_("of FAQs"), null=True, editable=False)
    document = models.FloatField(_("of documents"), null=True, editable=False)
    intent = models.FloatField(_("of intents"), null=True, editable=False)
    by_hand = models.FloatField(
        _("set by hand"), null=True, blank=True, help_text=_("Holds for FAQs and documents. Empty: what was calibrated.")
    )
    made_of = models.JSONField(
        default=dict,
        db_default={},
        editable=False,
        help_text="By kind: how many questions, and what the threshold does to them.",
    )
    texts_key = models.CharField(
        max_length=100, default="", db_default="", editable=False, help_text="Of texts and marks: changed, it is done anew."
    )
    calibrated_at = models.DateTimeField(_("calibrated"), null=True, editable=False)

    class Meta(QueueRow.Meta):
        verbose_name = _("answer threshold")
        verbose_name_plural = _("answer thresholds")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "bot"],
                name="answerthreshold_once",
                violation_error_message=_("The bot has its threshold already."),
            ),
            *(
                models.CheckConstraint(
                    condition=models.Q(**{name: None}) | models.Q(**{f"{name}__gte": 0, f"{name}__lte": 1}),
                    name=f"answerthreshold_{name}",
                    violation_error_message=_("A threshold lies between 0 and 1."),
                )
                for name in ("faq", "document", "intent", "by_hand")
            ),
        ]

    def __str__(self) -> str:
        return str(self.bot)
