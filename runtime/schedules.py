"""Schedules: saving one, writing what is due, and running it.

Beat only ticks. ``dispatch_due`` turns every schedule that is due into occurrences, hundreds in a few statements; rows that
another beat is writing are skipped, and an occurrence is unique by schedule and instant, so that however many beats there
are each instant has one. ``run_due`` claims and runs them, as every queue does.
"""

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from runtime.cron import due_between
from runtime.models import Schedule, ScheduleOccurrence
from runtime.models.schedules import RUN_TASK
from runtime.targets import TARGETS, Author, Occasion, TargetKind, TryAgain, Unclear, check_target
from tenants.errors import Conflict, DomainError, TooMany
from tenants.models import User
from tenants.notes import note
from tenants.queue import OPEN, QueueState, fail, finish, kept, owned, put_back, renew, unclear, wake, work
from tenants.scope import current_tenant_id, platform_scope, tenant_scope

logger = logging.getLogger(__name__)

BATCH = 500
"""Schedules that are dispatched in one transaction."""
RUN_BATCH = 5
"""Occurrences of one tenant that are run before the next one's turn."""
MOST_MISSED = 100
"""Missed times of one schedule that are listed one by one; farther ones are told in one row."""
GRACE = timedelta(minutes=5)
"""A time that is reached so late is not missed yet."""

DIED = gettext_noop("The worker died while this was done. See whether it was, before you run it again.")
BROKE = gettext_noop("Something went wrong here (%(kind)s).")
NO_KIND = gettext_noop("There is nothing here any more that does this.")
ONE_FOR_ALL = gettext_noop("Missed: a later run stands for it.")
LEFT_OUT = gettext_noop("Missed, and left out as the schedule says.")
TOO_MANY = gettext_noop("Missed, as were all times until %(until)s: too many to be listed one by one.")

State, Misfire, Origin = QueueState, Schedule.Misfire, ScheduleOccurrence.Origin


# --- saving


def save_schedule(*, schedule: Schedule, author: Author) -> Schedule:
    """Save a new or changed schedule. When it is due next counts from now if when it runs was changed, or it was paused.

    Raises what ``check_target`` raises and Django's ``ValidationError``: nothing is saved then.
    """
    stored = None if schedule._state.adding else Schedule.objects.get(pk=schedule.pk)
    schedule.clean()
    check_target(schedule.target, Author(author.manages_credentials, stored.target if stored else None))
    timing = ("cron", "time_zone", "is_active")
    if stored is None or any(getattr(stored, name) != getattr(schedule, name) for name in timing):
        schedule.plan_next()
    else:  # the clock may have moved it on meanwhile
        schedule.next_run, schedule.last_run = stored.next_run, stored.last_run
    schedule.save()
    return schedule


def set_active(*, schedule: Schedule, is_active: bool) -> Schedule:
    """Pause a schedule, or have it go on from now: what was due meanwhile was not missed."""
    if schedule.is_active != is_active:
        schedule.is_active = is_active
        schedule.plan_next()
        schedule.save(update_fields=["is_active", "next_run", "updated_at"])
    return schedule


@transaction.atomic
def run_now(*, schedule: Schedule, by: User | None = None) -> ScheduleOccurrence:
    """Run a schedule once, now, beside its times and also while it is paused."""
    made = _made(schedule, Origin.PERSON, "", by)
    Schedule.objects.filter(pk=schedule.pk).update(last_run=made.scheduled_for)
    return made


@transaction.atomic
def replay(*, occurrence: ScheduleOccurrence, by: User | None = None) -> ScheduleOccurrence:
    """Do anew what an occurrence that has ended was for, or one that was skipped: an occurrence, and so a key, of its own.

    Raises ``Conflict`` (``not_ended``) for one that waits or runs.
    """
    if occurrence.state in OPEN:
        raise Conflict("not_ended", _("It waits or runs already."))
    of = note(gettext_noop("Repeats the run of %(time)s."), time=f"{occurrence.scheduled_for:%Y-%m-%d %H:%M} UTC")
    return _made(occurrence.schedule, Origin.REPLAY, of, by)


def retry_occurrence(*, occurrence: ScheduleOccurrence) -> None:
    """Run a failed or unclear occurrence once more, under its own key. Raises ``Conflict`` (``not_stuck``) otherwise."""
    if not put_back(ScheduleOccurrence.objects.filter(pk=occurrence.pk)):
        raise Conflict("not_stuck", _("Only what failed or is unclear can be tried again."))


def _made(schedule: Schedule, origin: ScheduleOccurrence.Origin, why: str, by: User | None) -> ScheduleOccurrence:
    made = ScheduleOccurrence.objects.create(
        schedule=schedule, scheduled_for=timezone.now(), origin=origin, note=why, created_by=by
    )
    wake(RUN_TASK)
    return made


# --- the tick


def dispatch_due() -> int:
    """Write the occurrences that are due, of all active tenants in random turn; returns of how many schedules."""
    written = 0
    for tenant_id in _due_tenants():
        with tenant_scope(tenant_id):
            while batch := _dispatch_batch():
                written += batch
                if batch < BATCH:
                    break
    if written:
        wake(RUN_TASK)
    return written


def _due_tenants() -> list[UUID]:
    with platform_scope(reason="name the tenants with due schedules"):
        tenants = list(Schedule.objects.due().order_by().values_list("tenant_id", flat=True).distinct())
    random.shuffle(tenants)
    return tenants


@transaction.atomic
def _dispatch_batch() -> int:
    """Write what is due of up to ``BATCH`` schedules that nobody else is at; returns how many they were."""
    rows = Schedule.objects.due().select_for_update(skip_locked=True, of=("self",), no_key=True)
    schedules = list(rows.annotate(now=Now())[:BATCH])
    if schedules:
        _write([_step(schedule, schedule.now) for schedule in schedules])
    return len(schedules)


@dataclass(frozen=True)
class _Step:
    """What one schedule does in one tick."""

    schedule_id: UUID
    occurrences: Sequence[tuple[datetime, str]]
    """Each instant, with why it is skipped; empty for one that is to run."""
    next_run: datetime | None
    last_run: datetime | None


def _step(schedule: Schedule, now: datetime) -> _Step:
    assert schedule.next_run is not None
    try:
        due = due_between(schedule.cron, schedule.time_zone, first=schedule.next_run, until=now, most=MOST_MISSED)
    except Exception:  # such as a zone that is gone: the others must go on
        logger.exception("schedule %s cannot be read, and rests", schedule.pk)
        return _Step(schedule.pk, [], None, schedule.last_run)
    newest = due.instants[-1]
    runs = {Misfire.ALL: due.instants, Misfire.ONCE: [newest]}.get(
        Misfire(schedule.misfire), [newest] if now - newest <= GRACE else []
    )
    why = ONE_FOR_ALL if runs else LEFT_OUT
    told = [(at, "" if at in runs else why) for at in due.instants]
    if due.are_more:
        told.insert(0, (schedule.next_run, note(TOO_MANY, until=f"{due.instants[0]:%Y-%m-%d %H:%M} UTC")))
    return _Step(schedule.pk, told, due.following, runs[-1] if runs else schedule.last_run)


# One message for hundreds of schedules.
_WRITE = """
INSERT INTO runtime_scheduleoccurrence (tenant_id, schedule_id, scheduled_for, due_at, state, note)
SELECT %s, made.schedule_id, made.at, made.at, CASE made.skipped WHEN '' THEN 'pending' ELSE 'skipped' END, made.skipped
FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[]) AS made (schedule_id, at, skipped)
ON CONFLICT (tenant_id, schedule_id, scheduled_for) DO NOTHING;
UPDATE runtime_schedule AS s SET next_run = step.next_run, last_run = step.last_run
FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[]) AS step (id, next_run, last_run)
WHERE s.tenant_id = %s AND s.id = step.id
"""


def _write(steps: Sequence[_Step]) -> None:
    made = [(step.schedule_id, at, skipped) for step in steps for at, skipped in step.occurrences]
    moved = [(step.schedule_id, step.next_run, step.last_run) for step in steps]
    tenant_id = current_tenant_id()
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [tenant_id, *_columns(made), *_columns(moved), tenant_id])


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [[row[place] for row in rows] for place in range(3)]


# --- running


def run_due() -> int:
    """Run the occurrences that wait, of all tenants in turn; returns how many."""
    # Of one whose worker died each time nobody knows whether it was done.
    return work(ScheduleOccurrence, run_claimed, batch=RUN_BATCH, buried={"state": State.UNKNOWN, "last_error": DIED})


def run_claimed(rows: Sequence[ScheduleOccurrence]) -> None:
    """Run claimed occurrences of the scope's tenant, one after the other."""
    with kept(rows), translation.override("en"):  # what goes wrong is told later, to somebody else
        for row in rows:
            if renew(row):  # not of a tenant suspended meanwhile
                run_one(row)


def run_one(row: ScheduleOccurrence) -> None:
    """Run a claimed occurrence; its end is written into its row and its ``TaskRun``."""
    kind = TARGETS.get(row.schedule.kind)
    if kind is None:
        fail(row, NO_KIND, permanent=True)
    elif kind.is_repeatable(row.schedule.target):
        _run(row, kind)
    elif row.begun_at:
        unclear(row, DIED)
    elif owned(row).update(begun_at=Now()):
        _run(row, kind)


def _run(row: ScheduleOccurrence, kind: TargetKind) -> None:
    over: Mapping[str, Any] = {"begun_at": None}
    try:
        row.output = kind.run(_occasion(row))
    except Unclear as error:
        unclear(row, str(error), **over)
    except TryAgain as error:
        fail(row, str(error), delay=error.delay, **over)
    except TooMany as error:
        fail(row, error.message, delay=timedelta(seconds=error.seconds), **over)
    except DomainError as error:
        fail(row, error.message, permanent=True, **over)
    except Exception as error:
        logger.exception("scheduled run %s failed", row.pk)
        said = note(BROKE, kind=type(error).__name__)
        if kind.is_repeatable(row.schedule.target):
            fail(row, said, **over)
        else:
            unclear(row, said, **over)
    else:
        finish(row, **over)


def _occasion(row: ScheduleOccurrence) -> Occasion:
    schedule = row.schedule
    return Occasion(
        id=row.pk,
        target=schedule.target,
        scheduled_for=row.scheduled_for,
        bot_id=schedule.bot_id,
        created_by=schedule.created_by,
    )
