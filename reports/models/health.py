"""How the installation is: the state of each part now, what it was before, and the errors nobody expected. All global."""

from datetime import timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenants.fields import UUIDv7
from tenants.models import created_by_field
from tenants.notes import told

STALE = timedelta(minutes=5)
"""A check that is so late was not made: beat or the worker is gone, whatever was found last."""


class HealthState(models.TextChoices):
    """How a part is. ``off``: the installation does without it."""

    OK = "ok", _("Works")
    WARNING = "warning", _("Needs a look")
    ERROR = "error", _("Does not work")
    OFF = "off", _("Not in use")


class HealthCheck(models.Model):
    """The state of one part of the installation, and the place of its check in the queue of the platform.

    ``state`` changes only when the same was found several times in a row, which ``candidate`` and ``seen`` count.
    """

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    name = models.SlugField(_("check"), max_length=63, unique=True, editable=False)
    state = models.CharField(
        _("state"),
        max_length=8,
        choices=HealthState,
        default=HealthState.OFF,
        db_default=HealthState.OFF,
        editable=False,
    )
    since = models.DateTimeField(_("since"), db_default=Now(), editable=False)
    candidate = models.CharField(max_length=8, choices=HealthState, default="", db_default="", editable=False)
    seen = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False, help_text="Times in a row.")
    value = models.FloatField(_("value"), null=True, editable=False)
    unit = models.CharField(_("unit"), max_length=16, default="", db_default="", editable=False)
    message = models.TextField(_("message"), default="", db_default="", editable=False, help_text=_("What was found last."))
    checked_at = models.DateTimeField(_("checked"), null=True, editable=False)
    due_at = models.DateTimeField(_("due"), db_default=Now(), editable=False)
    lease_until = models.DateTimeField(_("leased until"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("health check")
        verbose_name_plural = _("health checks")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_stale(self) -> bool:
        """Whether nobody has looked for long."""
        return self.due_at < timezone.now() - STALE

    @property
    def shown_state(self) -> str:
        """The state as people are told: what nobody looks after does not work."""
        return HealthState.ERROR if self.is_stale and self.state != HealthState.OFF else self.state

    @property
    def said(self) -> str:
        """What was found, in the reader's language."""
        if self.is_stale and self.state != HealthState.OFF:
            return gettext("Nobody has looked for a while: beat or the worker does not run.")
        return told(self.message)


class HealthSample(models.Model):
    """What one check found at one time."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    check_of = models.ForeignKey(HealthCheck, on_delete=models.CASCADE, related_name="samples", verbose_name=_("check"))
    state = models.CharField(_("state"), max_length=8, choices=HealthState, editable=False)
    value = models.FloatField(_("value"), null=True, editable=False)
    created_at = models.DateTimeField(_("checked"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("health sample")
        verbose_name_plural = _("health samples")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["check_of", "-created_at"], name="healthsample_newest"),
            models.Index(fields=["created_at"], name="healthsample_by_age"),  # read by the nightly sweep
        ]

    def __str__(self) -> str:
        return self.state


class ErrorLogQuerySet(models.QuerySet["ErrorLog"]):
    """Reads of errors."""

    def open(self) -> Self:
        """Narrow to those that nobody has seen to."""
        return self.filter(resolved_at=None)


class ErrorLog(models.Model):
    """An error that no code expected, counted by where it happened. Holds no value of a variable, and no words of people."""

    class Kind(models.TextChoices):
        """Where it was met."""

        WEB = "web", _("Request")
        TASK = "task", _("Background work")
        OTHER = "other", _("Elsewhere")

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    fingerprint = models.CharField(
        max_length=64, unique=True, editable=False, help_text="Of its kind and way through the code."
    )
    kind = models.CharField(_("met in"), max_length=8, choices=Kind, editable=False)
    exception = models.CharField(_("error"), max_length=200, editable=False)
    message = models.CharField(_("message"), max_length=300, editable=False, help_text=_("Without values."))
    place = models.CharField(_("place"), max_length=300, editable=False, help_text=_("The route, or the task."))
    trace = models.TextField(_("way through the code"), editable=False)
    count = models.PositiveBigIntegerField(_("times"), default=1, db_default=1, editable=False)
    first_seen = models.DateTimeField(_("first seen"), db_default=Now(), editable=False)
    last_seen = models.DateTimeField(_("last seen"), db_default=Now(), editable=False)
    request_id = models.CharField(_("last request"), max_length=64, default="", db_default="", editable=False)
    last_tenant_id = models.UUIDField(_("last tenant"), null=True, editable=False)
    resolved_at = models.DateTimeField(_("resolved"), null=True, editable=False)
    resolved_by = created_by_field(_("resolved by"))

    objects: ClassVar = ErrorLogQuerySet.as_manager()

    class Meta:
        verbose_name = _("error")
        verbose_name_plural = _("errors")
        ordering = ["-last_seen"]
        indexes = [models.Index(fields=["-last_seen"], name="errorlog_newest")]

    def __str__(self) -> str:
        return self.exception
