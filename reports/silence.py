"""Noticing that nobody looks any more: the web tells of a worker or a beat that is gone, for these cannot.

Checks run in a worker, whenever beat ticks; without one of the two all of them grow old. Each web process looks for that once a minute,
by one cheap query. Of several the first writes the state, and tells: an event, which goes out once a worker is back, and a mail to
platform staff that is sent from here, for the queue of e-mail stands still as well. When the part is back, its check says so
as it says everything (``reports/health.py``).
"""

import logging
import random
import threading
import time
from datetime import timedelta
from smtplib import SMTPException

from django.core.mail import EmailMessage, get_connection
from django.db import DatabaseError, connections, transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext_noop
from kombu.exceptions import OperationalError

from reports.health import mail_of_state, staff
from reports.health_checks import CHECKS, SECONDS, check_worker
from reports.models import HealthCheck, HealthState
from tenants.events import record_event
from tenants.models import PLATFORM_ID
from tenants.scope import tenant_scope

logger = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two looks of one process."""
SILENT = timedelta(minutes=5)
"""The quick checks are due every minute."""
SAID = {
    "worker": gettext_noop("No worker answers, and nothing has been checked for a while."),
    "beat": gettext_noop("Workers answer, but nothing has been checked for a while: beat does not run."),
}


def watch() -> None:
    """Look again and again, in a thread of the web's own, for as long as the process lives."""
    threading.Thread(target=_watch, name="silence", daemon=True).start()


def _watch() -> None:
    while True:
        time.sleep(EVERY * random.uniform(0.8, 1.2))  # noqa: S311 - so that processes do not look all at once
        try:
            notice_silence()
        except DatabaseError as error:  # which /readyz tells
            logger.warning("nobody could be asked whether checks are made: %s", type(error).__name__)
        except Exception:  # who watches must not be the one that is gone
            logger.exception("looking whether checks are made failed")
        finally:
            connections.close_all()


def notice_silence() -> str:
    """Tell, once, that the worker or beat is gone; returns which, or nothing."""
    newest = HealthCheck.objects.aggregate(newest=Max("checked_at"))["newest"]
    if newest is None or newest > timezone.now() - SILENT:
        return ""
    name = "beat" if _worker_answers() else "worker"
    before = HealthCheck.objects.filter(name=name).values_list("state", flat=True).first()
    gone = HealthCheck.objects.filter(name=name, state=before, checked_at__lt=Now() - SILENT).exclude(
        state=HealthState.ERROR
    )
    state = {"state": HealthState.ERROR, "message": SAID[name], "value": None, "candidate": "", "seen": 0}
    with tenant_scope(PLATFORM_ID), transaction.atomic():
        if not gone.update(since=Now(), **state):
            return ""
        data = {"check": name, "from": before, "to": HealthState.ERROR, "value": None, "unit": ""}
        record_event("health.changed", data=data)
    _mail(name)
    return name


def _worker_answers() -> bool:
    try:
        return check_worker().state == HealthState.OK
    except (OperationalError, OSError):  # of Redis, without which no worker is reached
        return False


def _mail(name: str) -> None:
    row = HealthCheck.objects.get(name=name)
    check = next(one for one in CHECKS if one.name == name)
    connection = get_connection(timeout=SECONDS)
    for person in staff():
        with translation.override(person.locale or None):
            said = mail_of_state(check, row)
            mail = EmailMessage(
                **said, to=[person.email], headers={"Auto-Submitted": "auto-generated"}, connection=connection
            )
        try:
            mail.send()
        except (OSError, SMTPException, ValueError) as error:  # the last: an address that no mail can have
            logger.error("platform staff could not be told that %s is gone: %s", name, type(error).__name__)
