"""Rules over what customers write and what bots answer."""

import re
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from bots.expressions import LONGEST, ExpressionError, read_and_try
from bots.guardrails import Action, Rule, Stage, stage_of, what_it_hides
from bots.models.bots import Bot
from tenants.fields import TenantForeignKey
from tenants.models import TenantModel, TenantQuerySet, created_by_field, updated_at_field

MOST_PRIORITY = 1_000_000
LONGEST_FALLBACK = 2000
LANGUAGE = re.compile(r"[a-z]{2,3}")
MOST_ACTIVE = 100
"""Of a tenant: a turn may have to ask them all."""


def check_texts(texts: Any) -> None:
    """Raise ``ValidationError`` on ``fallback_messages`` for what are no texts by language."""
    is_right = isinstance(texts, dict) and all(
        LANGUAGE.fullmatch(language) and isinstance(text, str) and 0 < len(text) <= LONGEST_FALLBACK
        for language, text in texts.items()
    )
    if not is_right:
        message = _("Write texts of up to 2,000 characters by language, such as vi and en.")
        raise ValidationError({"fallback_messages": ValidationError(message, "invalid")})


class GuardrailQuerySet(TenantQuerySet):
    """Reads of guardrails."""

    def asked_by(self, bot: Bot | None) -> "GuardrailQuerySet":
        """Return the active rules a bot asks, in their order: everybody's and its own."""
        return self.filter(models.Q(bot=None) | models.Q(bot=bot), is_active=True).order_by("-priority", "code")


class Guardrail(TenantModel):
    """A rule: when its condition holds, the bot does not answer as it would have."""

    bot = TenantForeignKey(
        Bot,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="guardrails",
        verbose_name=_("bot"),
        help_text=_("Empty: the rule holds for every bot."),
    )
    code = models.SlugField(_("code"), max_length=63)
    name = models.CharField(_("name"), max_length=200, blank=True)
    condition_expression = models.TextField(_("condition"), max_length=LONGEST)
    violation_action = models.CharField(
        _("what happens"), max_length=16, choices=Action, default=Action.BLOCK, db_default=Action.BLOCK
    )
    fallback_message = models.TextField(
        _("the bot says instead"),
        max_length=LONGEST_FALLBACK,
        blank=True,
        help_text=_("Of “block” and “hand over”. Empty: a polite sentence in the customer's language."),
    )
    fallback_messages = models.JSONField(
        _("the bot says instead, by language"),
        default=dict,
        db_default={},
        blank=True,
        help_text=_("Texts by language, such as vi and en; in others the text above."),
    )
    priority = models.IntegerField(
        _("priority"),
        default=0,
        db_default=0,
        validators=[MinValueValidator(-MOST_PRIORITY), MaxValueValidator(MOST_PRIORITY)],
        help_text=_("The rule with the highest one is asked first."),
    )
    is_active = models.BooleanField(_("active"), default=True, db_default=True)
    created_by = created_by_field()
    updated_at = updated_at_field()

    objects: ClassVar = GuardrailQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("guardrail")
        verbose_name_plural = _("guardrails")
        ordering = ["-priority", "code"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                name="guardrail_code_once",
                violation_error_message=_("A guardrail with this code exists already."),
            ),
            models.CheckConstraint(
                condition=models.Q(violation_action__in=["block", "warn", "mask", "handoff"]),
                name="guardrail_known_action",
                violation_error_message=_("A guardrail blocks, warns, masks or hands over."),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code

    @property
    def applies_to(self) -> Stage:
        """What the rule looks at: the customer's message, or the reply when its condition names one."""
        return stage_of(self.condition_expression)

    def as_rule(self) -> Rule:
        """Return the rule as a turn asks it."""
        action = Action(self.violation_action)
        said = {"fallback": self.fallback_message, "fallbacks": self.fallback_messages}
        return Rule(str(self.pk), self.code, self.name, action, self.condition_expression, **said)

    def clean(self) -> None:
        """Refuse a condition that cannot be read or costs too much, and a mask that has nothing to hide."""
        super().clean()
        self._limit()
        check_texts(self.fallback_messages)
        try:
            expression = read_and_try(self.condition_expression)
        except ExpressionError as error:
            raise ValidationError({"condition_expression": ValidationError(error.told, error.code)}) from error
        if self.violation_action == Action.MASK and not what_it_hides(expression):
            message = _(
                "A mask hides what its condition looks for: name card_numbers, phone_numbers or emails, or use contains."
            )
            raise ValidationError({"condition_expression": ValidationError(message, "nothing_to_mask")})

    def _limit(self) -> None:
        others = Guardrail.objects.filter(is_active=True).exclude(pk=self.pk)
        if self.is_active and others.count() >= MOST_ACTIVE:
            message = _("Up to %(most)d guardrails are active at once: end another one first.") % {"most": MOST_ACTIVE}
            raise ValidationError({"is_active": ValidationError(message, "too_many")})
