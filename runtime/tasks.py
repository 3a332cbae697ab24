"""Background work of conversations: beat only ticks, the services find what is due."""

from celery import shared_task

from runtime.cache import sweep_cache
from runtime.expiry import end_idle_sessions, put_overdue_claims_back
from runtime.models.schedules import RUN_TASK
from runtime.schedules import dispatch_due, run_due


@shared_task(name="runtime.put_claims_back", ignore_result=True)
def put_claims_back() -> None:
    """Put claims back into the queue whose customers wait in vain."""
    put_overdue_claims_back()


@shared_task(name="runtime.end_idle", ignore_result=True)
def end_idle() -> None:
    """End conversations in which nothing was said for long."""
    end_idle_sessions()


@shared_task(name="runtime.sweep_cache", ignore_result=True)
def tidy_cache() -> None:
    """Count how often answers were given again, and delete those that can be given no more."""
    sweep_cache()


@shared_task(name="runtime.dispatch_schedules", ignore_result=True)
def dispatch_schedules() -> None:
    """Write what schedules are due for."""
    dispatch_due()


@shared_task(name=RUN_TASK, ignore_result=True)
def run_occurrences() -> None:
    """Run what schedules were due for."""
    run_due()
