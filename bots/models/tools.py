"""What a bot can do beyond what the platform brings: calls to the business's own servers, and functions written for bots."""

from typing import Any, ClassVar, Self
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from bots.models.bots import Bot, Capability
from tenants.fields import TenantForeignKey
from tenants.models import TenantModel, TenantQuerySet, created_by_field, updated_at_field
from vault.models import Credential

LONGEST_WAIT = 30
"""Seconds that a tool may take: somebody waits for the answer."""


def no_parameters() -> dict[str, Any]:
    """Return the schema of a tool that needs to be told nothing."""
    return {"type": "object", "properties": {}}


class ToolQuerySet(TenantQuerySet):
    """Reads of tools."""

    def of_bot(self, bot_id: UUID | None) -> Self:
        """Narrow to the bot's own tools and those of every bot."""
        return self.filter(models.Q(bot=bot_id) | models.Q(bot=None))

    def usable(self) -> Self:
        """Narrow to those that can be called: switched on, and more than a script kept as text."""
        return self.filter(is_active=True).exclude(kind=Tool.Kind.SCRIPT)


class Tool(TenantModel):
    """Something a bot may call, with the parameters a language model fills in (S1's basic_tools)."""

    class Kind(models.TextChoices):
        """How it is carried out."""

        HTTP = "http", _("Call of a server")
        FUNCTION = "function", _("Function of Backroom")
        SCRIPT = "script", _("Script, kept as text")

    class Effect(models.TextChoices):
        """What a call does outside, which decides whether one may be repeated."""

        READS = "reads", _("Only reads")
        REPEATABLE = "repeatable", _("Acts; a repeated call does nothing twice")
        ACTS = "acts", _("Acts with every call")

    class Method(models.TextChoices):
        """How a server is called."""

        GET = "GET", "GET"
        POST = "POST", "POST"
        PUT = "PUT", "PUT"
        PATCH = "PATCH", "PATCH"
        DELETE = "DELETE", "DELETE"

    code = models.CharField(
        _("code"),
        max_length=63,
        validators=[RegexValidator(r"^[a-z][a-z0-9_]*$", _("Write small letters, digits and _, with a letter first."))],
        help_text=_("What the language model calls it by, such as order_tracking."),
    )
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(
        _("description"),
        max_length=2000,
        blank=True,
        help_text=_("When to use it and what comes back: the model reads this."),
    )
    bot = TenantForeignKey(
        Bot,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="tools",
        verbose_name=_("bot"),
        help_text=_("Empty: every bot may use it."),
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind, default=Kind.HTTP)
    parameters = models.JSONField(
        _("parameters"),
        default=no_parameters,
        blank=True,
        help_text=_("A JSON schema of type “object”; what does not fit it is refused before the call."),
    )
    method = models.CharField(_("method"), max_length=8, choices=Method, default=Method.GET)
    url = models.CharField(
        _("address"),
        max_length=2000,
        blank=True,
        help_text=_("Parameters stand in double braces, but not in the host: https://api.example.com/orders/{{ number }}"),
    )
    headers = models.JSONField(
        _("headers"),
        default=dict,
        db_default={},
        blank=True,
        help_text=_('Of a secret say which part is sent: {"X-Api-Key": "{{ secret.api_key }}"}. None said: as is usual.'),
    )
    body = models.JSONField(
        _("body"),
        null=True,
        blank=True,
        help_text=_("A JSON object with parameters in double braces. Empty: all that the address does not name."),
    )
    credential = TenantForeignKey(
        Credential,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="tools",
        verbose_name=_("credential"),
        help_text=_("Each bot that calls the tool needs a grant to it."),
    )
    timeout_seconds = models.PositiveSmallIntegerField(
        _("longest wait (seconds)"), default=10, db_default=10, help_text=_("From 1 to 30, for the whole call.")
    )
    function = models.CharField(_("function"), max_length=63, blank=True)
    script = models.TextField(
        _("script"), max_length=100_000, blank=True, help_text=_("General Bots' BASIC. It is kept, and not run.")
    )
    effect = models.CharField(
        _("effect"),
        max_length=16,
        choices=Effect,
        default=Effect.ACTS,
        help_text=_("A call that acts and ends without an answer is “unclear” and never repeated by itself."),
    )
    needs_confirmation = models.BooleanField(
        _("the customer must agree first"),
        default=True,
        db_default=True,
        help_text=_("For all that costs or changes something."),
    )
    is_active = models.BooleanField(_("active"), default=True, db_default=True)
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    created_by = created_by_field()
    updated_at = updated_at_field()

    objects: ClassVar = ToolQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("tool")
        verbose_name_plural = _("tools")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                name="tool_code_once",
                violation_error_message=_("A tool with this code exists already."),
            ),
            models.CheckConstraint(
                condition=models.Q(timeout_seconds__gte=1, timeout_seconds__lte=LONGEST_WAIT),
                name="tool_timeout",
                violation_error_message=_("Wait from 1 to 30 seconds."),
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="http", url=""),
                name="tool_address",
                violation_error_message=_("A call of a server needs an address."),
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="function", function=""),
                name="tool_function",
                violation_error_message=_("Choose a function."),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "bot"], name="tool_of_bot")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse the code of a capability: the model could not tell the two apart."""
        super().clean()
        if Capability.objects.filter(code=self.code).exists():
            said = _("The platform has a capability of this code.")
            raise ValidationError({"code": ValidationError(said, code="reserved")})

    @property
    def may_be_repeated(self) -> bool:
        """Whether a call whose outcome nobody knows may be made again."""
        return self.effect != self.Effect.ACTS

    def as_function(self) -> dict[str, Any]:
        """Return the tool as OpenAI's protocol declares it to a model."""
        function = {"name": self.code, "description": self.description or self.name, "parameters": self.parameters}
        return {"type": "function", "function": function}
