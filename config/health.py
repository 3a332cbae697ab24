"""Three addresses for machines: `/healthz` (the process lives), `/readyz` (it can work), `/metrics` (Prometheus)."""

import secrets
import time
from collections.abc import Callable

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView

from tenants.tasks import WORKER_SEEN

WORKER_SECONDS = 60
LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_VIA")


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers; touches nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when every part answers, else 503; the body says which part does not."""
    parts = {name: check() for name, check in CHECKS.items()}
    ready = all(parts.values())
    body = {"status": "ready" if ready else "not ready", **{name: "ok" if ok else "failed" for name, ok in parts.items()}}
    return JsonResponse(body, status=200 if ready else 503)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures of all web processes, for whoever has METRICS_TOKEN or, without one, asks from this machine."""
    if not _may_read_metrics(request):
        return HttpResponseForbidden("forbidden\n", content_type="text/plain")
    return ExportToDjangoView(request)


def _may_read_metrics(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return secrets.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not any(name in request.META for name in FORWARDED)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis() -> bool:
    try:
        cache.get(WORKER_SEEN)
    except redis.RedisError:
        return False
    return True


_migrated_until = 0.0  # monotonic time up to which "all applied" is believed


def _migrations() -> bool:
    """Whether the database has every migration of this code; a yes is believed for a minute."""
    global _migrated_until
    if time.monotonic() < _migrated_until:
        return True
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return False
    if not pending:
        _migrated_until = time.monotonic() + 60
    return not pending


def _worker() -> bool:
    """Whether a worker ran its tick within the last minute."""
    try:
        seen = cache.get(WORKER_SEEN)
    except redis.RedisError:
        return False
    return seen is not None and time.time() - seen < WORKER_SECONDS


CHECKS: dict[str, Callable[[], bool]] = {
    "database": _database,
    "redis": _redis,
    "migrations": _migrations,
    "worker": _worker,
}
