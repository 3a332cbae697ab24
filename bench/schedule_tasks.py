"""The task of one schedule, for the worker that ``bench.schedules`` starts."""

from uuid import UUID

from celery import shared_task

from bench.schedules import ONE_EACH, dispatch_one
from tenants.scope import tenant_scope


@shared_task(name=ONE_EACH, ignore_result=True)
def dispatch(tenant_id: str, schedule_id: str) -> None:
    """Dispatch one schedule."""
    with tenant_scope(UUID(tenant_id)):
        dispatch_one(schedule_id)
