"""Background work of the vault: each task claims from its own queue and holds no logic."""

from celery import shared_task

from vault.budgets import sweep_reservations
from vault.deliveries import deliver_due
from vault.events_out import DISPATCH_TASK, dispatch_events
from vault.expiry import tell_expiring
from vault.models.events_out import DELIVER_TASK
from vault.oauth import refresh_platform_tokens


@shared_task(name=DISPATCH_TASK, ignore_result=True)
def dispatch() -> None:
    """Make a delivery of every new event for each destination that wants it."""
    dispatch_events()


@shared_task(name=DELIVER_TASK, ignore_result=True)
def deliver() -> None:
    """Send the deliveries that are due."""
    deliver_due()


@shared_task(name="vault.sweep_reservations", ignore_result=True)
def sweep_lost_calls() -> None:
    """End the calls of models whose caller died."""
    sweep_reservations()


@shared_task(name="vault.refresh_platform_tokens", ignore_result=True)
def refresh_platform() -> None:
    """Bring new tokens for the platform's credentials."""
    refresh_platform_tokens()


@shared_task(name="vault.tell_expiring", ignore_result=True)
def tell() -> None:
    """Tell of credentials that end soon."""
    tell_expiring()
