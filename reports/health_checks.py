"""The checks of the installation's parts. Each answers within seconds, changes nothing, and tells no secret.

What a check cannot reach it raises; ``reports/health.py`` makes that an error. Thresholds stand beside each check.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.core.mail import get_connection
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from reports.models import HealthState
from tenants.audit import verify
from tenants.jobs import count_queues
from tenants.models import PLATFORM_ID, Setting, Tenant
from tenants.notes import note
from tenants.scope import platform_scope, tenant_scope
from tenants.tasks import WORKER_SEEN
from vault import outbound
from vault.outbound import OutboundError
from vault.providers import embeddings

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

OK, WARNING, ERROR, OFF = HealthState.OK, HealthState.WARNING, HealthState.ERROR, HealthState.OFF
SECONDS = 5.0
"""What anything outside has to answer in."""


@dataclass(frozen=True)
class Found:
    """What a check found; ``message`` is a note (``tenants/notes.py``)."""

    state: HealthState
    value: float | None = None
    unit: str = ""
    message: str = ""


@dataclass(frozen=True)
class Check:
    """One part of the installation and how it is looked after."""

    name: str
    label: "StrOrPromise"
    run: Callable[[], Found]
    every: timedelta = timedelta(seconds=60)
    is_slow: bool = False


def graded(value: float, warning: float, error: float, unit: str, message: str = "") -> Found:
    """Return what a value means that is the worse the higher it is."""
    state = ERROR if value >= error else WARNING if value >= warning else OK
    return Found(state, round(value, 1), unit, message if state != OK else "")


def _milliseconds(ask: Callable[[], object]) -> float:
    begun = time.perf_counter()
    ask()
    return (time.perf_counter() - begun) * 1000


def check_database() -> Found:
    """Ask the database something: slow above 250 ms."""
    with connection.cursor() as cursor:
        took = _milliseconds(lambda: cursor.execute("SELECT 1"))
    return graded(took, 250, 2000, "ms", gettext_noop("The database answers slowly."))


def check_redis() -> Found:
    """Write to the cache: slow above 50 ms; it gives up after 200."""
    took = _milliseconds(lambda: cache.set("backroom:health", 1, timeout=60))
    return graded(took, 50, 2000, "ms", gettext_noop("Redis answers slowly."))


def check_worker() -> Found:
    """Count the workers that answer a ping within a second."""
    limits = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0, "max_retries": 0}
    with current_app.connection_for_write(transport_options=limits, connect_timeout=1) as broker:
        answers = current_app.control.ping(timeout=1.0, connection=broker) or []
    if not answers:
        return Found(ERROR, 0, "", gettext_noop("No worker answers."))
    return Found(OK, len(answers))


def check_beat() -> Found:
    """Look when a tick was last worked off: late above 60 s."""
    seen = cache.get(WORKER_SEEN)
    if seen is None:
        return Found(ERROR, message=gettext_noop("No tick was seen."))
    return graded(max(0.0, time.time() - seen), 60, 300, "s", gettext_noop("Ticks are late."))


def check_smtp() -> Found:
    """Open the platform's mail server and say good-bye; each tenant's own stands with its mails."""
    if not settings.EMAIL_URL:
        return Found(OFF, message=gettext_noop("No mail server is set: mails are written to files."))
    server = get_connection(timeout=SECONDS)
    took = _milliseconds(server.open)
    server.close()
    return graded(took, 2000, 1000 * SECONDS, "ms", gettext_noop("The mail server answers slowly."))


def check_model() -> Found:
    """Ask the language model of the environment which models it has: that costs nothing."""
    if not settings.LLM_BASE_URL:
        return Found(OFF, message=gettext_noop("No language model is set."))
    return _asked(settings.LLM_BASE_URL, settings.LLM_API_KEY)


def check_embeddings() -> Found:
    """Embed a word here, or ask the embedding service of the environment which models it has."""
    if not embeddings.is_offline():
        return _asked(settings.EMBEDDING_BASE_URL or settings.LLM_BASE_URL, settings.EMBEDDING_API_KEY)
    took = _milliseconds(lambda: embeddings.embed(["health"]))
    return graded(took, 2000, 20_000, "ms", gettext_noop("Texts are embedded slowly."))


def _asked(base: str, key: str) -> Found:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    begun = time.perf_counter()
    try:
        answer = outbound.request(
            "GET", f"{base.rstrip('/')}/models", headers=headers, timeout=SECONDS, max_bytes=2_000_000, trusted=True
        )
    except OutboundError as error:
        return Found(ERROR, message=note(gettext_noop("It cannot be reached (%(kind)s)."), kind=error.kind))
    took = round((time.perf_counter() - begun) * 1000, 1)
    if answer.status in (401, 403):
        return Found(ERROR, took, "ms", gettext_noop("It refuses the key."))
    if answer.status >= 500 or answer.status == 429:
        return Found(WARNING, took, "ms", note(gettext_noop("It answered %(status)s."), status=answer.status))
    return Found(OK, took, "ms")


def _set(name: str) -> int:
    """Return a bound as the platform has set it."""
    with tenant_scope(PLATFORM_ID):
        return int(Setting.effective(name))


def check_disk() -> Found:
    """Look how much room is left where the data lie: little below 15 %, too little below 5 %, or as the platform has set it."""
    usage = shutil.disk_usage(settings.DATA_DIR)
    free = usage.free * 100 / usage.total
    state = ERROR if free < _set("health_disk_error_percent") else WARNING if free < _set("health_disk_percent") else OK
    return Found(state, round(free, 1), "%", gettext_noop("The disk is nearly full.") if state != OK else "")


def check_queues() -> Found:
    """Look how long the oldest due row of any queue, or event, has waited: late above 5 minutes, stuck above an hour, or as set."""
    with platform_scope(reason="the oldest row of every queue"):
        ages = {one.key: one.oldest_due_at for one in count_queues() if one.oldest_due_at}
    if not ages:
        return Found(OK, 0, "s")
    key, oldest = min(ages.items(), key=lambda pair: pair[1])
    age = max(0.0, (timezone.now() - oldest).total_seconds())
    late, stuck = 60 * _set("health_queue_minutes"), 60 * _set("health_queue_error_minutes")
    return graded(age, late, stuck, "s", note(gettext_noop("The oldest that is due waits in %(queue)s."), queue=key))


def check_audit() -> Found:
    """Follow every tenant's chain of the audit to its end."""
    with platform_scope(reason="every tenant's audit is verified"):
        tenants = list(Tenant.objects.values_list("id", flat=True))
    entries = 0
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            verdict = verify()
        entries += verdict.entries
        if verdict.broken:
            return Found(ERROR, entries, "", gettext_noop("The audit of a tenant was altered: run verify_audit."))
    return Found(OK, entries)


CHECKS = (
    Check("database", _("Database"), check_database),
    Check("redis", _("Redis"), check_redis),
    Check("worker", _("Worker"), check_worker),
    Check("beat", _("Beat"), check_beat),
    Check("queues", _("Queues"), check_queues),
    Check("smtp", _("Mail server"), check_smtp, timedelta(minutes=5)),
    Check("llm", _("Language model"), check_model, timedelta(minutes=5)),
    Check("embeddings", _("Embeddings"), check_embeddings, timedelta(minutes=5)),
    Check("disk", _("Disk"), check_disk, timedelta(minutes=5)),
    Check("audit", _("Audit"), check_audit, timedelta(hours=24), is_slow=True),
)
