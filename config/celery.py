"""The Celery application: it only wakes workers, PostgreSQL is the queue of record (DESIGN section 6)."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

IMPORTS_QUEUE = "imports"
"""Imports take minutes, and documents may: they have a worker of their own, so that everything else never waits for them."""

app = Celery("backroom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_routes={
        name: {"queue": IMPORTS_QUEUE} for name in ("catalog.run_imports", "bots.read_documents", "tenants.export_tenants")
    },
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_soft_time_limit=540,
    task_time_limit=600,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=500,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 3600, "socket_keepalive": True, "health_check_interval": 10},
    beat_schedule={
        "worker-seen": {"task": "tenants.worker_seen", "schedule": 10.0, "options": {"expires": 10}},
        "audit": {"task": "tenants.seal_audit", "schedule": 10.0, "options": {"expires": 10}},
        "exports": {"task": "tenants.export_tenants", "schedule": 60.0, "options": {"expires": 60}},
        "deletions": {"task": "tenants.delete_tenants", "schedule": 60.0, "options": {"expires": 60}},
        "health": {"task": "reports.check_health", "schedule": 20.0, "options": {"expires": 20}},
        "slow-health": {"task": "reports.check_health_slowly", "schedule": 600.0, "options": {"expires": 600}},
        "nights": {"task": "tenants.forget_old", "schedule": 600.0, "options": {"expires": 600}},
        "login-links": {"task": "tenants.send_login_links", "schedule": 5.0, "options": {"expires": 5}},
        "ways-in": {"task": "tenants.forget_ways_in", "schedule": 3600.0, "options": {"expires": 3600}},
        "embeddings": {"task": "catalog.embed_texts", "schedule": 3.0, "options": {"expires": 3}},
        "other-models": {"task": "catalog.requeue_other_models", "schedule": 3600.0, "options": {"expires": 3600}},
        "lost-calls": {"task": "vault.sweep_reservations", "schedule": 60.0, "options": {"expires": 60}},
        "events-out": {"task": "vault.dispatch_events", "schedule": 2.0, "options": {"expires": 2}},
        "deliveries": {"task": "vault.deliver_events", "schedule": 5.0, "options": {"expires": 5}},
        "expiring": {"task": "vault.tell_expiring", "schedule": 60.0, "options": {"expires": 60}},
        "platform-tokens": {"task": "vault.refresh_platform_tokens", "schedule": 60.0, "options": {"expires": 60}},
        "activations": {"task": "catalog.activate_versions", "schedule": 5.0, "options": {"expires": 5}},
        "expired": {"task": "catalog.end_expired", "schedule": 10.0, "options": {"expires": 10}},
        "cache": {"task": "runtime.sweep_cache", "schedule": 60.0, "options": {"expires": 60}},
        "claims": {"task": "runtime.put_claims_back", "schedule": 10.0, "options": {"expires": 10}},
        "idle": {"task": "runtime.end_idle", "schedule": 60.0, "options": {"expires": 60}},
        "schedules": {"task": "runtime.dispatch_schedules", "schedule": 3.0, "options": {"expires": 3}},
        "occurrences": {"task": "runtime.run_occurrences", "schedule": 5.0, "options": {"expires": 5}},
        "memories": {"task": "bots.forget_memories", "schedule": 60.0, "options": {"expires": 60}},
        "thresholds": {"task": "bots.calibrate", "schedule": 60.0, "options": {"expires": 60}},
        "reports": {"task": "reports.read_reports", "schedule": 5.0, "options": {"expires": 5}},
        "daily-figures": {"task": "reports.roll_up", "schedule": 30.0, "options": {"expires": 30}},
        "emails": {"task": "reports.send_emails", "schedule": 5.0, "options": {"expires": 5}},
        "exports-told": {"task": "reports.tell_of_exports", "schedule": 60.0, "options": {"expires": 60}},
        "insights-out": {"task": "reports.deliver_insights", "schedule": 5.0, "options": {"expires": 5}},
        "insights-rephrased": {"task": "reports.rephrase_insights", "schedule": 30.0, "options": {"expires": 30}},
        "mailboxes": {"task": "reports.sync_mailboxes", "schedule": 10.0, "options": {"expires": 10}},
        "daily-insights": {"task": "reports.find_metric_insights", "schedule": 60.0, "options": {"expires": 60}},
        "documents": {"task": "bots.read_documents", "schedule": 5.0, "options": {"expires": 5}},
        "imports": {"task": "catalog.run_imports", "schedule": 5.0, "options": {"expires": 5}},
    },
)
app.autodiscover_tasks()


@worker_init.connect
def _check_keys(**_options: Any) -> None:
    # Only here: beat and whoever just sends a task read no data.
    from config.startup import stop_on_wrong_key

    stop_on_wrong_key()
