"""Looking after the installation: each part is checked in turn, its state kept, and a change of it told once.

Checks are a queue of the platform: due rows are claimed under a lease, run outside transactions with time-outs of their own, and
what they find is noted in one short transaction. A state becomes worse when that is found twice in a row and better after
three times: what flaps is not told of again and again. Of a change platform staff get an e-mail, and event destinations of
the platform's tenant the event ``health.changed``. When beat or the worker is gone nobody checks anything any more: whoever
reads the states is told so (``HealthCheck.shown_state``), the web tells of it (``reports/silence.py``), and monitors ask
``/readyz``.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from reports.emails import queue_email, write_email
from reports.health_checks import CHECKS, Check, Found
from reports.models import HealthCheck, HealthSample, HealthState
from tenants.errors import DomainError
from tenants.events import record_event
from tenants.models import PLATFORM_ID, User
from tenants.notes import note, told
from tenants.scope import platform_scope, tenant_scope

logger = logging.getLogger(__name__)

TIMES_TO_WORSEN, TIMES_TO_IMPROVE = 2, 3
SERIOUS = {HealthState.OFF: 0, HealthState.OK: 0, HealthState.WARNING: 1, HealthState.ERROR: 2}
BROKE = gettext_noop("It does not answer (%(kind)s).")

_MISSING = """
INSERT INTO reports_healthcheck (name) SELECT unnest(%s::text[]) ON CONFLICT (name) DO NOTHING
"""
_CLAIM = """
UPDATE reports_healthcheck SET lease_until = statement_timestamp() + %(lease)s WHERE id IN (
    SELECT id FROM reports_healthcheck
    WHERE name = ANY (%(names)s) AND due_at <= statement_timestamp() AND (lease_until IS NULL OR lease_until < statement_timestamp())
    FOR UPDATE SKIP LOCKED)
RETURNING name
"""


def run_due_checks(*, slow: bool = False) -> int:
    """Run the checks that are due, the quick or the slow ones; returns how many."""
    checks = {check.name: check for check in CHECKS if check.is_slow == slow}
    names = _claim(checks)
    for name in names:
        _note(checks[name], _tried(checks[name]))
    return len(names)


def _claim(checks: dict[str, Check]) -> list[str]:
    lease = timedelta(hours=1) if next(iter(checks.values())).is_slow else timedelta(seconds=90)
    with platform_scope(reason="health checks are the whole installation's"), connection.cursor() as cursor:
        cursor.execute(_MISSING, [list(checks)])
        claim: dict[str, Any] = {"names": list(checks), "lease": lease}
        cursor.execute(_CLAIM, claim)
        return sorted(name for (name,) in cursor.fetchall())


def _tried(check: Check) -> Found:
    """Run a check; whatever it raises is what it found."""
    begun = time.monotonic()
    try:
        found = check.run()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the check found
        logger.warning("the check %s failed: %s", check.name, type(error).__name__)
        found = Found(HealthState.ERROR, message=note(BROKE, kind=type(error).__name__))
    seconds = time.monotonic() - begun
    logger.debug("checked %s in %.2f s: %s", check.name, seconds, found.state)
    return found


def _note(check: Check, found: Found) -> None:
    """Keep what was found, and tell when the state has changed."""
    with tenant_scope(PLATFORM_ID), transaction.atomic():
        row = HealthCheck.objects.select_for_update().get(name=check.name)
        HealthSample.objects.create(check_of=row, state=found.state, value=found.value)
        before, is_first = row.state, row.checked_at is None
        _count(row, found.state, is_first)
        row.value, row.unit, row.message = found.value, found.unit, found.message
        row.checked_at, row.due_at, row.lease_until = timezone.now(), timezone.now() + check.every, None
        if row.state != before:
            row.since = timezone.now()
        row.save()
        if row.state != before and not (is_first and _seriousness(row.state) == 0):
            _tell(check, row, before)


def _count(row: HealthCheck, found: str, is_first: bool) -> None:
    """Let what was found become the state, once it was worse, or better, often enough in a row.

    Of what alternates (a warning, an error, a warning) the one nearer to the state counts: so much holds at least.
    """
    if found == row.state:
        row.candidate, row.seen = "", 0
        return
    now = _seriousness(row.state)
    worse = _seriousness(found) > now
    goes_on = bool(row.candidate) and (_seriousness(row.candidate) > now) == worse
    row.seen = row.seen + 1 if goes_on else 1
    row.candidate = (min if worse else max)(found, row.candidate, key=_seriousness) if goes_on else found
    if is_first or row.seen >= (TIMES_TO_WORSEN if worse else TIMES_TO_IMPROVE):
        row.state, row.candidate, row.seen = row.candidate, "", 0


def _seriousness(state: str) -> int:
    return SERIOUS[HealthState(state)]


def _tell(check: Check, row: HealthCheck, before: str) -> None:
    """Record the event, and write to platform staff, each in their language."""
    data = {"check": row.name, "from": before, "to": row.state, "value": row.value, "unit": row.unit}
    record_event("health.changed", data=data)
    for person in staff():
        try:
            with translation.override(person.locale or None), transaction.atomic():
                queue_email(email=write_email(**mail_of_state(check, row), to=[person.email]))
        except DomainError as error:  # what was found is kept, and the others are told
            logger.error("%s cannot be told of the installation's health: %s", person.pk, error.code)


def staff() -> Iterable[User]:
    """Return who is told of the installation's health."""
    return User.objects.filter(is_superuser=True, is_active=True).order_by("email")


def mail_of_state(check: Check, row: HealthCheck) -> dict[str, Any]:
    """Return subject and body of the mail that tells of a state, in the active language."""
    state = HealthState(row.state).label
    subject = _("Backroom: %(part)s: %(state)s") % {"part": check.label, "state": state}
    value = f"{row.value:g} {row.unit}" if row.value is not None else ""
    seen = _("Seen at %(time)s.") % {"time": f"{timezone.localtime():%Y-%m-%d %H:%M %Z}"}
    board = _("The whole board: %(url)s") % {
        "url": f"{settings.PUBLIC_URL}{reverse('admin:reports_healthcheck_changelist')}"
    }
    body = "\n\n".join(filter(None, [str(check.label), str(state), told(row.message), value, seen, board]))
    return {"subject": subject, "body": body}


def summary(checks: Iterable[HealthCheck]) -> dict[str, int]:
    """Return how many checks there are and how they stand; those not in use count as healthy to nobody."""
    states = [check.shown_state for check in checks]
    return {
        "total": len(states),
        "healthy": states.count(HealthState.OK),
        "warnings": states.count(HealthState.WARNING),
        "errors": states.count(HealthState.ERROR),
        "off": states.count(HealthState.OFF),
    }


_LINES = """
SELECT check_of_id, date_bin(%(width)s, created_at, %(since)s), avg(value), bool_or(state = 'error'), bool_or(state = 'warning')
FROM reports_healthsample WHERE created_at >= %(since)s GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Stretch:
    """A few minutes of a check: when they began, the mean of its values (None: it had none), and the worst that was found."""

    at: datetime
    value: float | None
    state: HealthState


def lines_of_a_day(*, points: int = 288) -> dict[Any, list[Stretch]]:
    """Return the last 24 hours of every check in so many stretches, in the order of time."""
    day = timedelta(days=1)
    found: defaultdict[Any, list[Stretch]] = defaultdict(list)
    with connection.cursor() as cursor:
        since: dict[str, Any] = {"since": timezone.now() - day, "width": day / points}
        cursor.execute(_LINES, since)
        for check, at, value, has_failed, has_warned in cursor.fetchall():
            state = HealthState.ERROR if has_failed else HealthState.WARNING if has_warned else HealthState.OK
            found[check].append(Stretch(at, value, state))
    return dict(found)


def forget_samples(days: int) -> list[Any]:
    """Return the samples that are older than so many days."""
    return [HealthSample.objects.filter(created_at__lt=Now() - timedelta(days=days))]
