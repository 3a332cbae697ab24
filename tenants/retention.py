"""How long things are kept: days for each kind as settings, and one sweep of each tenant every night.

An app registers its kinds in ``AppConfig.ready``; each becomes the setting ``retention_days_<name>``, where 0 means for
ever. A sweep is a row of a queue, made when the tenant's own clock has passed three: it deletes in small transactions, so
that a worker killed in between loses nothing and the next one goes on, and after a while it lets the others have their turn.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, models, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.models import PLATFORM_ID, Event, IdempotencyKey, RetentionSweep, Setting, TaskRun
from tenants.queue import OPEN, finish, postpone, renew, work
from tenants.scope import current_tenant_id, platform_scope
from tenants.settings import SettingType, register_settings
from tenants.storage import delete_strays

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PREFIX = "retention_days_"
HOUR = 3
"""When the night's sweep begins, by the tenant's own clock: hardly anybody is there."""
BATCH = 500
"""Rows deleted in one transaction, with all that hangs on them."""
TURN_SECONDS = 30.0
"""How long one tenant is swept before the others have their turn."""
LONGEST = 36_500


@dataclass(frozen=True)
class Kept:
    """One kind of rows that grow old. ``old`` names those of the scope's tenant that are kept longer than so many days."""

    name: str
    label: "StrOrPromise"
    help_text: "StrOrPromise"
    days: int
    old: Callable[[int], Iterable[models.QuerySet[Any]]]
    forget: Callable[[models.QuerySet[Any]], object] = models.QuerySet.delete
    """What deletes a batch of them, where more than rows goes."""
    of_platform: bool = False
    """Whether the rows are the whole installation's: the platform's own setting counts, and its sweep deletes them."""


KINDS: dict[str, Kept] = {}
"""By name."""


def register_kept(*kinds: Kept) -> None:
    """Add an app's kinds, and the settings that say how long they are kept."""
    for kind in kinds:
        KINDS[kind.name] = kind
        setting = SettingType(kind.label, kind.help_text, default=kind.days, maximum=LONGEST, of_platform=kind.of_platform)
        register_settings({PREFIX + kind.name: setting})


def older_than(days: int, column: str = "created_at") -> models.Q:
    """Return the condition of rows that are older than so many days."""
    return models.Q(**{f"{column}__lt": Now() - timedelta(days=days)})


_BEGIN = """
INSERT INTO tenants_retentionsweep (tenant_id, night)
SELECT id, (%(now)s AT TIME ZONE time_zone)::date FROM tenants_tenant
WHERE status = 'active' AND extract(hour FROM %(now)s AT TIME ZONE time_zone) >= %(hour)s
ON CONFLICT DO NOTHING
"""


def begin_sweeps(now: datetime | None = None) -> int:
    """Make the sweeps of all active tenants whose night has come; one that was missed is made up for the same day."""
    with platform_scope(reason="every tenant's night is swept"), connection.cursor() as cursor:
        cursor.execute(_BEGIN, {"now": now or timezone.now(), "hour": HOUR})
        return int(cursor.rowcount)


def run_sweeps() -> int:
    """Go on with the sweeps that are due; returns how often one was."""
    return work(RetentionSweep, _sweep, batch=1)


def _sweep(rows: Sequence[RetentionSweep]) -> None:
    (row,) = rows
    deleted, enough = dict(row.deleted), time.monotonic() + TURN_SECONDS
    for kind in kinds_here():
        for count in forget_old(kind):
            deleted[kind.name] = deleted.get(kind.name, 0) + count
            if not renew(row):
                return
            if time.monotonic() > enough:
                postpone(row, "", delay=timedelta(0), deleted=deleted)
                return
    strays = delete_strays()
    row.output = {**deleted, "stray_files": strays} if strays else deleted
    finish(row, deleted=deleted)


def kinds_here() -> list[Kept]:
    """Return the kinds that are swept in the scope's tenant."""
    is_platform = current_tenant_id() == PLATFORM_ID
    return [kind for kind in KINDS.values() if is_platform or not kind.of_platform]


def forget_old(kind: Kept) -> Iterable[int]:
    """Delete batch by batch what the scope's tenant keeps no longer; yields the size of each. Call it outside ``atomic``."""
    days = Setting.effective(PREFIX + kind.name)
    for rows in kind.old(days) if days else ():
        while count := _delete_batch(rows, kind.forget):
            yield count


@transaction.atomic
def _delete_batch(rows: models.QuerySet[Any], forget: Callable[[models.QuerySet[Any]], object]) -> int:
    """Delete some of the rows; returns how many, not counting what hung on them. No lock: ledgers do not allow any."""
    ids = list(rows.order_by().values_list("pk", flat=True)[:BATCH])
    if ids:
        forget(rows.model._default_manager.filter(pk__in=ids))
    return len(ids)


OWN = (
    Kept(
        name="events",
        label=_("Keep events"),
        help_text=_("Days. Events that were handed to their destinations; 0: for ever."),
        days=365,
        old=lambda days: [Event.objects.filter(older_than(days), dispatched_at__isnull=False)],
    ),
    Kept(
        name="idempotency_keys",
        label=_("Keep answers to repeated requests"),
        help_text=_("Days. An answer is given again for 24 hours, however long it is kept; 0: for ever."),
        days=1,
        old=lambda days: [IdempotencyKey.objects.filter(older_than(days))],
    ),
    Kept(
        name="task_runs",
        label=_("Keep task runs"),
        help_text=_("Days. What was done in the background, and the sweeps themselves; 0: for ever."),
        days=90,
        old=lambda days: [
            TaskRun.objects.filter(older_than(days)).exclude(status=TaskRun.Status.RUNNING),
            RetentionSweep.objects.filter(older_than(days)).exclude(state__in=OPEN),
        ],
    ),
)
