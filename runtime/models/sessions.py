"""Conversations: the session, its turns, and what was learnt about the customer."""

from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bots.models import Bot, BotVersion
from catalog.models import Customer, SalesChannel
from tenants.fields import TenantForeignKey
from tenants.filters import Fold
from tenants.models import Tenant, TenantModel, TenantQuerySet
from tenants.text import fold, words

ORIGIN = {"origin": "admin"}
"""``ext_metadata`` of a conversation held on the page "talk to a bot"."""


class SessionQuerySet(TenantQuerySet):
    """Conversations."""

    def saying(self, text: str) -> Self:
        """Narrow to those in which this was said, as ``TurnQuerySet.saying`` finds it."""
        if words(text):
            return self.filter(pk__in=_saying("session_id", text))
        return self.filter(models.Exists(Turn.objects.saying(text).filter(session=models.OuterRef("pk"))))


class Session(TenantModel):
    """One conversation of a customer with one version of a bot."""

    class Owner(models.TextChoices):
        """Who answers: only a claim makes it a person."""

        BOT = "bot", _("Bot")
        PERSON = "person", _("Person")

    bot = TenantForeignKey(Bot, on_delete=models.PROTECT, related_name="sessions", verbose_name=_("bot"))
    bot_version = TenantForeignKey(BotVersion, on_delete=models.PROTECT, related_name="sessions", verbose_name=_("version"))
    channel = TenantForeignKey(SalesChannel, on_delete=models.PROTECT, related_name="sessions", verbose_name=_("channel"))
    customer = TenantForeignKey(
        Customer, null=True, blank=True, on_delete=models.SET_NULL, related_name="sessions", verbose_name=_("customer")
    )
    token_hash = models.BinaryField(max_length=32, null=True, editable=False, help_text="SHA-256 of the browser's token.")
    owner = models.CharField(_("answered by"), max_length=16, choices=Owner, default=Owner.BOT, db_default=Owner.BOT)
    owner_epoch = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Advanced with every change of owner: fences late answers."
    )
    language = models.CharField(
        _("language"),
        max_length=8,
        choices=Tenant.Locale,
        blank=True,
        default="",
        db_default="",
        help_text=_("Of the customer's last message."),
    )
    last_tier = models.CharField(_("answered from"), max_length=16, blank=True, default="", db_default="", editable=False)
    topic = models.CharField(
        max_length=200, blank=True, default="", db_default="", editable=False, help_text="What the last answer was about."
    )
    flow_step = models.CharField(_("step"), max_length=63, default="open", db_default="open")
    step_since = models.DateTimeField(_("in this step since"), db_default=Now(), editable=False)
    flow_context = models.JSONField(_("context"), default=dict, db_default={}, blank=True)
    ext_metadata = models.JSONField(_("metadata of other systems"), default=dict, db_default={}, blank=True)
    turn_number = models.PositiveIntegerField(
        _("turns"), default=0, db_default=0, editable=False, help_text="Advanced by a conditional UPDATE: orders the turns."
    )
    limits_collections = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="Whether SessionScope names all it may use."
    )
    limits_tools = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="Whether SessionScope names all it may call."
    )
    state_updated_at = models.DateTimeField(_("last change"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True, editable=False)

    objects: ClassVar = SessionQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="session_newest"),
            models.Index(fields=["tenant", "bot", "-id"], name="session_of_bot"),
            models.Index(fields=["tenant", "customer", "-id"], name="session_of_customer"),
            models.Index(fields=["tenant", "id"], condition=models.Q(ended_at=None), name="session_open"),
            models.Index(fields=["token_hash"], name="session_token"),  # read by the API's door, in platform scope
        ]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.created_at):%Y-%m-%d %H:%M}"

    @property
    def is_trial(self) -> bool:
        """Whether it was begun on the page "talk to a bot"."""
        return bool(self.ext_metadata.get("origin") == ORIGIN["origin"])

    @property
    def heading(self) -> str:
        """Whom it is held with."""
        return str(self.customer or (gettext("Test") if self.is_trial else gettext("Guest")))


class TurnQuerySet(TenantQuerySet):
    """Messages."""

    def saying(self, text: str) -> Self:
        """Narrow to those that say this from the beginning of a word on, with or without diacritics.

        Words are found by an index; signs alone are looked for in every message.
        """
        if words(text):
            return self.filter(pk__in=_saying("turn_id", text))
        return self.annotate(folded=Fold("message")).filter(folded__contains=fold(text))


LONGEST_WORD = 100
"""Letters of a word that the index knows (``search_words``)."""


def _saying(column: str, text: str) -> RawSQL:
    """Return a column of the messages that say this: every word stands in them, the last one may go on, and all as one phrase."""
    said = [f"'{word}'" for word in words(text) if len(word) <= LONGEST_WORD]
    asked = " & ".join([*said[:-1], f"{said[-1]}:*"]) if said else ""
    return RawSQL(f"SELECT {column} FROM turns_saying(%s::tsquery, %s)", (asked, fold(text)))  # noqa: S608, S611 - a name of ours


class Turn(TenantModel):
    """One message. A reply names the turn it answers."""

    class Speaker(models.TextChoices):
        """Who spoke."""

        USER = "user", _("Customer")
        ASSISTANT = "assistant", _("Bot")
        AGENT = "agent", _("Person")
        SYSTEM = "system", _("System")
        TOOL = "tool", _("Tool")

    session = TenantForeignKey(Session, on_delete=models.CASCADE, related_name="turns", verbose_name=_("conversation"))
    in_reply_to = TenantForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="replies", verbose_name=_("answers")
    )
    speaker = models.CharField(_("speaker"), max_length=16, choices=Speaker)
    message = models.TextField(_("message"), blank=True)
    language = models.CharField(_("language"), max_length=8, choices=Tenant.Locale, blank=True, default="", db_default="")
    intent = models.CharField(_("intent"), max_length=63, blank=True, default="", db_default="")
    ui_metadata = models.JSONField(_("cards and buttons"), default=dict, db_default={}, blank=True)
    external_id = models.CharField(
        _("id on the channel"),
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text=_("Sent twice, it is stored once."),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        verbose_name=_("written by"),
        help_text=_("The colleague who wrote it."),
    )
    lease_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then one worker decides this turn; a dead one's turn is decided again."
    )

    objects: ClassVar = TurnQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("message")
        verbose_name_plural = _("Messages")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "session", "speaker", "external_id"],
                condition=~models.Q(external_id=""),
                name="turn_external_id_once",
                violation_error_message=_("This message was received already."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "in_reply_to"],
                condition=models.Q(speaker="assistant"),
                name="turn_one_reply",
                violation_error_message=_("This turn was answered already."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "session", "id"], name="turn_of_session"),
            models.Index(fields=["tenant", "-id"], name="turn_newest"),
            BrinIndex(fields=["created_at"], name="turn_by_age", autosummarize=True),  # read by the nightly sweep
            # read when a person's account goes; a plain index would have every turn of a bot in it
            models.Index(fields=["created_by"], condition=models.Q(created_by__isnull=False), name="turn_written_by"),
        ]

    def __str__(self) -> str:
        return self.message[:80]


class ContextSlotQuerySet(TenantQuerySet):
    """Slots."""

    def live(self) -> Self:
        """Narrow to those that have not expired."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=Now()))


class ContextSlot(TenantModel):
    """Something learnt in a conversation, such as a budget, with its source. The newest value of a key counts."""

    session = TenantForeignKey(Session, on_delete=models.CASCADE, related_name="slots", verbose_name=_("conversation"))
    slot_key = models.SlugField(_("key"), max_length=63)
    slot_value = models.TextField(_("value"))
    confidence = models.DecimalField(_("confidence"), max_digits=4, decimal_places=3, null=True, blank=True)
    extracted_from_turn = TenantForeignKey(
        Turn, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("learnt from")
    )
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    objects: ClassVar = ContextSlotQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("slot")
        verbose_name_plural = _("slots")
        ordering = ["session", "slot_key"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "session", "slot_key"],
                name="contextslot_key_once",
                violation_error_message=_("The conversation has this slot already."),
            ),
            models.CheckConstraint(
                condition=models.Q(confidence=None) | models.Q(confidence__range=(0, 1)),
                name="contextslot_confidence",
                violation_error_message=_("Between 0 and 1."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slot_key}: {self.slot_value}"
