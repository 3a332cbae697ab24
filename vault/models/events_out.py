"""Where a tenant's events go, and each event on its way there."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, override

from tenants.errors import Conflict
from tenants.events import EVENT_KINDS, TOLD_BY_RULE, record_event
from tenants.fields import TenantForeignKey
from tenants.models import TenantModel, TenantQuerySet, updated_at_field
from tenants.notes import note, told
from tenants.queue import QueueRow, QueueState, wake
from vault.destinations import LONGEST_URL, DestinationForbidden, check_url

PING = "ping"
"""The kind of a test message, which every destination takes."""
DELIVER_TASK = "vault.deliver_events"
OVERLAP = timedelta(hours=24)
"""How long the secret before still signs, so that a receiver can change over without losing a message."""
DISABLE_AFTER = timedelta(days=5)
"""A destination that has taken nothing for so long is switched off."""


class EventDestinationQuerySet(TenantQuerySet):
    """Reads of destinations; and changes by workers, of their own columns alone, so that none overwrites what a person saves."""

    def with_last_delivery(self) -> "EventDestinationQuerySet":
        """Annotate ``last_tried_at`` and ``last_error`` of the delivery tried last."""
        tried = EventDelivery.objects.filter(destination=models.OuterRef("pk"), tried_at__isnull=False).order_by("-tried_at")
        return self.annotate(
            last_tried_at=models.Subquery(tried.values("tried_at")[:1]),
            last_error=models.Subquery(tried.values("last_error")[:1]),
        )

    def took_one(self) -> None:
        """Note that the destination works."""
        self.exclude(failing_since=None).update(failing_since=None)

    def refused_one(self) -> None:
        """Note that it does not; switch it off when that has gone on for ``DISABLE_AFTER``."""
        self.filter(failing_since=None).update(failing_since=Now())
        reason = note(gettext_noop("It has taken nothing for %(days)s days."), days=DISABLE_AFTER.days)
        self.filter(failing_since__lt=Now() - DISABLE_AFTER).switch_off(reason)

    def switch_off(self, reason: str) -> None:
        """Send nothing more until a person switches it on again; an event tells of each, once, and in English."""
        with transaction.atomic(), override("en"):
            active: Any = list(self.filter(is_active=True).select_for_update(of=("self",)))
            ids = [place.pk for place in active]
            self.model._default_manager.filter(pk__in=ids).update(is_active=False, disabled_at=Now(), disabled_reason=reason)
            for place in active:
                record_event("destination.disabled", subject=place, data={"name": place.name, "reason": told(reason)})


class EventDestination(TenantModel):
    """An address of the tenant's own that is told what happens, by signed messages (``docs/vault.md``)."""

    name = models.CharField(_("name"), max_length=120)
    url = models.CharField(
        _("address"),
        max_length=LONGEST_URL,
        help_text=_("Such as https://example.com/hooks/backroom. It must answer 2xx within 10 seconds."),
    )
    kinds = ArrayField(
        models.CharField(max_length=60),
        verbose_name=_("kinds of events"),
        default=list,
        blank=True,
        help_text=_("None means all of them."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    secret: Any = TenantForeignKey(
        "vault.Credential",
        on_delete=models.PROTECT,
        related_name="event_destinations",
        editable=False,
        verbose_name=_("signing secret"),
    )
    previous_secret: Any = TenantForeignKey(
        "vault.Credential",
        null=True,
        on_delete=models.PROTECT,
        related_name="event_destinations_before",
        editable=False,
        verbose_name=_("signing secret before"),
    )
    previous_secret_until = models.DateTimeField(_("the secret before signs until"), null=True, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    disabled_at = models.DateTimeField(_("switched off"), null=True, editable=False)
    disabled_reason = models.CharField(
        _("why it was switched off"), max_length=200, default="", db_default="", blank=True, editable=False
    )
    updated_at = updated_at_field()

    objects: ClassVar = EventDestinationQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("event destination")
        verbose_name_plural = _("event destinations")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="eventdestination_name",
                violation_error_message=_("There is a destination of this name."),
            ),
            models.CheckConstraint(
                condition=models.Q(previous_secret_until=None) | models.Q(previous_secret__isnull=False),
                name="eventdestination_overlap",
                violation_error_message=_("There is no secret before."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse addresses that are never called, and kinds that there are not."""
        super().clean()
        try:
            check_url(self.url)
        except DestinationForbidden as error:
            raise ValidationError({"url": ValidationError(error.message, code=error.code)}) from None
        self.kinds = list(dict.fromkeys(self.kinds))
        if unknown := [kind for kind in self.kinds if kind not in (*EVENT_KINDS, *TOLD_BY_RULE)]:
            said = _("There is no such kind of event: %(kinds)s")
            problem = ValidationError(said, code="unknown_kind", params={"kinds": ", ".join(unknown)})
            raise ValidationError({"kinds": problem})

    def save(self, *args: Any, **options: Any) -> None:
        """Save; a destination that is switched on again begins anew."""
        if self.is_active and self.disabled_at:
            self.disabled_at, self.disabled_reason, self.failing_since = None, "", None
        super().save(*args, **options)

    @property
    def why_disabled(self) -> str:
        """Return why it was switched off, in the reader's language."""
        return told(self.disabled_reason)

    def overlaps(self) -> bool:
        """Whether the secret before still signs."""
        return self.previous_secret_until is not None and self.previous_secret_until > timezone.now()

    def state(self) -> str:
        """Return ``active``, ``failing``, ``paused`` (by a person) or ``disabled`` (by itself)."""
        if self.is_active:
            return "failing" if self.failing_since else "active"
        return "disabled" if self.disabled_at else "paused"


class EventDelivery(QueueRow):
    """One event on its way to one destination: what is sent, how often it was tried, and what came back."""

    max_attempts: ClassVar[int] = 11
    """With the pauses of ``vault.deliveries``: over three days."""

    task: ClassVar[str] = DELIVER_TASK

    destination: Any = TenantForeignKey(
        EventDestination, on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("destination")
    )
    event_id = models.UUIDField(
        _("event"), editable=False, help_text=_("The receiver's webhook-id: the same in every attempt.")
    )
    kind = models.CharField(_("kind"), max_length=60, editable=False)
    body = models.TextField(_("message"), editable=False, help_text=_("Rendered once; every attempt sends these bytes."))
    tried_at = models.DateTimeField(_("last tried"), null=True, editable=False)
    status_code = models.PositiveSmallIntegerField(_("status"), null=True, editable=False)
    latency_ms = models.PositiveIntegerField(_("took (ms)"), null=True, editable=False)
    answer = models.TextField(_("answer"), default="", db_default="", blank=True, editable=False)

    class Meta(QueueRow.Meta):
        verbose_name = _("event delivery")
        verbose_name_plural = _("event deliveries")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "destination", "event_id"],
                name="eventdelivery_once",
                violation_error_message=_("This event was sent there already."),
            ),
        ]
        indexes = [
            *QueueRow.Meta.indexes,
            models.Index(fields=["tenant", "destination", "-tried_at"], name="eventdelivery_tried"),  # read by the admin
        ]

    def __str__(self) -> str:
        return f"{self.destination}: {self.kind}"

    @property
    def problem(self) -> str:
        """Return what went wrong last, in the reader's language."""
        return told(self.last_error)

    def send_again(self) -> None:
        """Send it once more, from the first attempt. Raises ``Conflict`` (``not_ended``) while it is on its way."""
        ended = [QueueState.DONE, QueueState.FAILED, QueueState.UNKNOWN, QueueState.CANCELLED]
        mine = EventDelivery.objects.filter(pk=self.pk, state__in=ended)
        if not mine.update(state=QueueState.PENDING, due_at=Now(), attempt=0, last_error=""):
            raise Conflict("not_ended", str(_("It is on its way already.")))
        wake(DELIVER_TASK)
