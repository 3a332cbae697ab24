"""What runs by the clock: schedules (S4's schedules, S1's system_automations), and each time one was due."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bots.models import Bot
from runtime.cron import check_cron, next_after
from tenants.errors import DomainError
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import Tenant, TenantModel, TenantQuerySet, created_by_field, updated_at_field
from tenants.models.people import validate_time_zone
from tenants.notes import told
from tenants.queue import QueueRow, QueueState

RUN_TASK = "runtime.run_occurrences"


class ScheduleQuerySet(TenantQuerySet):
    """Reads of schedules."""

    def due(self) -> Self:
        """Narrow to those that should have fired by now, the longest overdue first; a suspended tenant's wait."""
        return self.filter(next_run__lte=Now(), tenant__status=Tenant.Status.ACTIVE).order_by("next_run")

    def with_last_occurrence(self) -> Self:
        """Annotate ``last_state``: how the newest occurrence stands that was to run."""
        ran = ScheduleOccurrence.objects.filter(schedule=models.OuterRef("pk")).exclude(state=QueueState.SKIPPED)
        return self.annotate(last_state=models.Subquery(ran.order_by("-id").values("state")[:1]))


class Schedule(TenantModel):
    """Something that is done again and again, by the clock of a time zone.

    ``next_run`` is the instant that is due next; null while it is switched off. How clocks that are changed are read:
    ``runtime/cron.py``.
    """

    class Misfire(models.TextChoices):
        """What becomes of the times that were missed, such as while the machine was switched off."""

        SKIP = "skip", _("Leave them out")
        ONCE = "once", _("Run once for all of them")
        ALL = "all", _("Run each of them, up to 100")

    name = models.CharField(_("name"), max_length=120, blank=True, default="", db_default="")
    bot = TenantForeignKey(
        Bot,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="schedules",
        verbose_name=_("bot"),
        help_text=_("For whom it is done: credentials are used by the bot's grants. Empty: for the business."),
    )
    cron = models.CharField(
        _("when"),
        max_length=100,
        help_text=_("Minute, hour, day of the month, month and weekday: 30 7 * * MON-FRI is at 7:30 on weekdays."),
    )
    time_zone = models.CharField(_("time zone"), max_length=64, validators=[validate_time_zone])
    target = models.JSONField(_("what is done"), default=dict)
    misfire = models.CharField(
        _("when times were missed"),
        max_length=8,
        choices=Misfire,
        default=Misfire.ONCE,
        db_default=Misfire.ONCE,
        help_text=_("While the machine was off or the business suspended."),
    )
    is_active = models.BooleanField(_("active"), default=True, db_default=True)
    next_run = models.DateTimeField(_("next run"), null=True, editable=False)
    last_run = models.DateTimeField(_("last run"), null=True, editable=False)
    created_by = created_by_field()
    updated_at = updated_at_field()

    objects: ClassVar = ScheduleQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="schedule_newest"),
            # read by the tick
            models.Index(fields=["tenant", "next_run"], condition=models.Q(next_run__isnull=False), name="schedule_due"),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.kind} ({self.cron})"

    @property
    def kind(self) -> str:
        """What kind of target it has."""
        return str(self.target.get("kind", ""))

    def clean(self) -> None:
        """Refuse times that never come or come all the time, and zones that there are not."""
        super().clean()
        validate_time_zone_field(self.time_zone)
        try:
            check_cron(self.cron)
        except DomainError as error:
            raise ValidationError({"cron": ValidationError(error.message, code=error.code)}) from None

    def plan_next(self) -> None:
        """Set when it is due next, from now on; nothing is saved."""
        self.next_run = next_after(self.cron, self.time_zone, timezone.now()) if self.is_active else None


def validate_time_zone_field(name: str) -> None:
    """Raise a ``ValidationError`` of the field ``time_zone`` for a zone that there is not."""
    try:
        validate_time_zone(name)
    except ValidationError as error:
        raise ValidationError({"time_zone": error}) from None


class ScheduleOccurrence(QueueRow):
    """One time a schedule was due: its place in the queue, and what became of it.

    ``scheduled_for`` is the instant that was due, ``due_at`` when the queue takes the row up. ``begun_at`` is set while
    something is under way that must not be done twice: who finds it set does not know whether it was done.
    """

    class Origin(models.TextChoices):
        """Why it was made."""

        CLOCK = "clock", _("The clock")
        PERSON = "person", _("By hand")
        REPLAY = "replay", _("Repeated")

    task: ClassVar[str] = RUN_TASK
    put_back_values: ClassVar[Mapping[str, Any]] = {"begun_at": None}
    keeps_runs: ClassVar[bool] = True
    run_related: ClassVar[tuple[str, ...]] = ("schedule", "schedule__bot", "schedule__created_by")

    tenant = TenantField(referenced=False)
    schedule = TenantForeignKey(Schedule, on_delete=models.CASCADE, related_name="occurrences", verbose_name=_("schedule"))
    scheduled_for = models.DateTimeField(_("due"), editable=False)
    origin = models.CharField(
        _("reason of the run"), max_length=8, choices=Origin, default=Origin.CLOCK, db_default=Origin.CLOCK, editable=False
    )
    begun_at = models.DateTimeField(_("begun"), null=True, editable=False)
    note = models.TextField(
        default="", db_default="", blank=True, editable=False, help_text="Why it was made or skipped (tenants/notes.py)."
    )
    created_by = created_by_field()

    class Meta(QueueRow.Meta):
        verbose_name = _("scheduled run")
        verbose_name_plural = _("scheduled runs")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "schedule", "scheduled_for"],
                name="scheduleoccurrence_once",
                violation_error_message=_("This time is in the list already."),
            ),
        ]
        indexes = [
            *QueueRow.Meta.indexes,
            models.Index(fields=["tenant", "-id"], name="scheduleoccurrence_newest"),
            models.Index(fields=["tenant", "schedule", "-id"], name="scheduleoccurrence_of"),
        ]

    def __str__(self) -> str:
        return f"{self.schedule} – {timezone.localtime(self.scheduled_for):%Y-%m-%d %H:%M}"

    @property
    def reason(self) -> str:
        """Why it stands as it does, in the reader's language."""
        return told(self.last_error or self.note)

    @property
    def bot_id(self) -> Any:
        """For whom it is done."""
        return self.schedule.bot_id

    @property
    def is_late(self) -> bool:
        """Whether it waits longer than a minute."""
        return self.state == QueueState.PENDING and self.due_at < timezone.now() - timedelta(minutes=1)

    def task_type(self) -> str:
        """Return the kind of the target."""
        return self.schedule.kind

    def run_name(self) -> str:
        """Return the schedule's name."""
        return str(self.schedule)

    def run_input(self) -> dict[str, Any]:
        """Return the target."""
        return self.schedule.target
