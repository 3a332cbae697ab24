"""Insights on their way to those who are told of them: one row for each recipient, way and insight (or digest)."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from reports.models.emails import EmailDelivery, EmailMessage
from reports.models.subscriptions import Channel, Frequency, RecipientType
from tenants.errors import Conflict
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import Tenant, TenantQuerySet, User, created_by_field
from tenants.notes import told
from tenants.queue import QueueRow, QueueState, wake
from vault.models import EventDelivery, EventDestination

DELIVER_TASK = "reports.deliver_insights"
ON_ITS_WAY = (QueueState.PENDING, QueueState.RUNNING)


class DeliveryStatus(models.TextChoices):
    """How a delivery stands, as the outside is told: its own state, or once it is handed on that of its mail or message."""

    QUEUED = "queued", _("Queued")
    HELD = "held", _("Held")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Unclear")
    SKIPPED = "skipped", _("Not sent")
    CANCELLED = "cancelled", _("Given up")


def _status() -> Case:
    """Return the expression of the status; ``passed`` is how the mail or message stands, done where there is none."""
    of, waits = DeliveryStatus, Q(due_at__gt=Now()) | ~Q(tenant__status=Tenant.Status.ACTIVE)
    return Case(
        When(waits, state=QueueState.PENDING, then=Value(of.HELD.value)),
        When(state=QueueState.PENDING, then=Value(of.QUEUED.value)),
        When(state=QueueState.RUNNING, then=Value(of.SENDING.value)),
        When(~Q(state=QueueState.DONE), then=F("state")),
        When(passed=QueueState.PENDING, passed_held=True, then=Value(of.HELD.value)),
        When(~Q(problem_note=""), passed=QueueState.PENDING, then=Value(of.QUEUED.value)),  # is tried again later
        When(passed__in=ON_ITS_WAY, then=Value(of.SENDING.value)),
        When(passed=QueueState.DONE, then=Value(of.SENT.value)),
        default=F("passed"),
        output_field=models.CharField(),
    )


class InsightDeliveryQuerySet(TenantQuerySet):
    """Reads of deliveries."""

    def with_status(self) -> Self:
        """Annotate ``status``, and ``problem_note``: what went wrong last, here or further on."""
        mail = EmailDelivery.objects.filter(email=OuterRef("email")).order_by()
        passed = Coalesce(Subquery(mail.values("state")[:1]), F("event_delivery__state"), Value(QueueState.DONE.value))
        said = Coalesce(Subquery(mail.values("last_error")[:1]), F("event_delivery__last_error"), F("last_error"))
        held = Subquery(mail.values("is_held")[:1])
        return self.annotate(passed=passed, passed_held=held, problem_note=said).annotate(status=_status())

    def inbox(self, person: User) -> Self:
        """Return what stands in a person's inbox, the newest first."""
        return self.filter(channel=Channel.IN_APP, user=person, state=QueueState.DONE).order_by("-sent_at", "-id")

    def unread(self, person: User) -> Self:
        """Return what a person has not read yet."""
        return self.inbox(person).filter(read_at=None)


class InsightDelivery(QueueRow):
    """Insights on their way to one recipient by one way: a place in the queue until it is handed on.

    What is handed on goes its own way, by the queue of e-mail or of event deliveries, made in the same transaction; what
    goes to the inbox is there. ``key`` makes it this one: an insight's, or a digest's kind and instant.
    """

    task: ClassVar[str] = DELIVER_TASK

    tenant = TenantField(referenced=False)
    recipient_type = models.CharField(_("recipient"), max_length=16, choices=RecipientType, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("person"),
    )
    address = models.CharField(_("e-mail address"), max_length=320, default="", db_default="", editable=False)
    destination: Any = TenantForeignKey(
        EventDestination,
        null=True,
        editable=False,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("event destination"),
    )
    channel = models.CharField(pgettext_lazy("way of telling", "by"), max_length=16, choices=Channel, editable=False)
    frequency = models.CharField(_("how soon"), max_length=8, choices=Frequency, editable=False)
    key = models.CharField(max_length=120, editable=False)
    insights = ArrayField(
        models.UUIDField(),
        verbose_name=_("insights"),
        editable=False,
        help_text="Ids: findings come and go with their report, and what was told of them stays.",
    )
    keys = ArrayField(
        models.CharField(max_length=120), editable=False, help_text="What makes each of the insights the one that was told."
    )
    is_asked = models.BooleanField(
        _("sent by hand"), default=False, db_default=False, editable=False, help_text="It waits for no quiet hours."
    )
    email = TenantForeignKey(
        EmailMessage, null=True, editable=False, on_delete=models.CASCADE, related_name="+", verbose_name=_("e-mail")
    )
    event_delivery: Any = TenantForeignKey(
        EventDelivery,
        null=True,
        editable=False,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("event delivery"),
    )
    sent_at = models.DateTimeField(_("handed on"), null=True, editable=False)
    read_at = models.DateTimeField(_("read"), null=True, editable=False)
    created_by = created_by_field()

    objects: ClassVar = InsightDeliveryQuerySet.as_manager()

    class Meta(QueueRow.Meta):
        verbose_name = _("insight delivery")
        verbose_name_plural = _("insight deliveries")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "channel", "user", "address", "destination", "key"],
                name="insightdelivery_once",
                nulls_distinct=False,
                violation_error_message=_("This was told there already."),
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, address="", destination=None)
                | (Q(user=None, destination=None) & ~Q(address=""))
                | Q(user=None, address="", destination__isnull=False),
                name="insightdelivery_recipient",
                violation_error_message=_("It goes to one recipient."),
            ),
        ]
        indexes = [
            *QueueRow.Meta.indexes,
            models.Index(fields=["tenant", "-id"], name="insightdelivery_newest"),
            models.Index(  # read by every page of the admin
                fields=["tenant", "user", "-sent_at"],
                name="insightdelivery_unread",
                condition=Q(channel="in_app", state="done", read_at=None),
            ),
            models.Index(
                fields=["tenant", "user", "-sent_at"],
                name="insightdelivery_inbox",
                condition=Q(channel="in_app", state="done"),
            ),
            GinIndex(fields=["keys"], name="insightdelivery_keys"),  # read by the fan-out
        ]

    def __str__(self) -> str:
        return self.recipient_name

    @property
    def recipient_name(self) -> str:
        """Who it goes to, as people call them."""
        return str(self.user or self.address or self.destination)

    @property
    def recipient(self) -> str:
        """Who it goes to, as the API names them: an address, or the name of a destination."""
        return self.user.email if self.user else self.address or self.destination.name

    @property
    def mail_address(self) -> str:
        """Where a mail to the recipient goes."""
        return self.user.email if self.user else self.address

    def why(self) -> str:
        """Return what went wrong last, in the reader's language; of rows read ``with_status``."""
        return told(getattr(self, "problem_note", self.last_error))

    def send_again(self) -> None:
        """Send it once more: a person's decision. Raises ``Conflict`` (``not_ended``) while it is on its way.

        What was handed on goes again as its mail or message, with the same id, so that receivers know it.
        """
        if self.state in ON_ITS_WAY or (self.state == QueueState.DONE and self.channel == Channel.IN_APP):
            raise Conflict("not_ended", str(_("It is on its way, or has been sent.")))
        if self.event_delivery is not None:
            self.event_delivery.send_again()
        elif self.email is not None:
            self.email.deliveries.get().send_again()
        else:
            ended = [QueueState.FAILED, QueueState.UNKNOWN, QueueState.SKIPPED, QueueState.CANCELLED]
            fresh: dict[str, Any] = {"state": QueueState.PENDING, "due_at": Now(), "attempt": 0, "last_error": ""}
            InsightDelivery.objects.filter(pk=self.pk, state__in=ended).update(lease_until=None, **fresh)
            wake(DELIVER_TASK)
