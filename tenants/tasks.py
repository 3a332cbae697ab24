"""``TenantTask``, the door of background work into a tenant's scope; and the tick that shows the worker lives."""

import logging
import time
from typing import Any
from uuid import UUID

from celery import Task, shared_task
from django.core.cache import cache

from tenants.actor import Actor, ActorKind, acting
from tenants.audit import seal_all
from tenants.deleting import run_deletions
from tenants.export_orders import run_exports
from tenants.lockout import forget_old_attempts
from tenants.login_links import forget_old_links
from tenants.mail import TASK as SEND_LOGIN_LINKS
from tenants.mail import send_due_links
from tenants.models import Tenant
from tenants.models.deletions import TASK as DELETE_TENANTS
from tenants.models.exports import TASK as EXPORT_TENANTS
from tenants.models.retention import TASK as FORGET_OLD
from tenants.retention import begin_sweeps, run_sweeps
from tenants.scope import NoScope, current_tenant_id, tenant_scope
from tenants.services import forget_expired_tokens

logger = logging.getLogger(__name__)

WORKER_SEEN = "backroom:worker-seen"


class TenantTask(Task):
    """A task that runs in the scope it was sent from: the tenant travels in the message's headers."""

    abstract = True

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        """Send the task with the current tenant; raises ``NoScope`` outside a tenant's scope."""
        headers = {**(options.pop("headers", None) or {}), "tenant": str(current_tenant_id())}
        return super().apply_async(args, kwargs, headers=headers, **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body in the tenant's scope; raises ``NoScope`` when the message names none.

        A suspended tenant's message is let go, as one that Redis lost: the row it woke for waits, and a tick finds it.
        """
        # A real worker lifts headers onto the request; eager mode leaves them in a dictionary.
        tenant = self.request.get("tenant") or (self.request.headers or {}).get("tenant")
        if not tenant:
            raise NoScope(f"{self.name} was sent without a tenant.")
        with tenant_scope(UUID(tenant)), acting(Actor(ActorKind.TASK)):
            if not Tenant.objects.filter(status=Tenant.Status.ACTIVE).exists():
                logger.info("%s waits: its tenant is suspended or gone", self.name)
                return None
            return super().__call__(*args, **kwargs)


@shared_task(name="tenants.worker_seen", ignore_result=True)
def worker_seen() -> None:
    """Leave the time (seconds since 1970) where ``/readyz`` looks for it."""
    cache.set(WORKER_SEEN, time.time(), timeout=600)


@shared_task(name="tenants.seal_audit", ignore_result=True)
def seal_audit() -> None:
    """Put the audit's new entries into their chains."""
    seal_all()


@shared_task(name=FORGET_OLD, ignore_result=True)
def forget_old() -> None:
    """Delete what tenants keep no longer, where a night has come."""
    begin_sweeps()
    run_sweeps()


@shared_task(name=DELETE_TENANTS, ignore_result=True)
def delete_tenants() -> None:
    """Go on with deleting the tenants that are to be deleted."""
    run_deletions()


@shared_task(name=EXPORT_TENANTS, ignore_result=True)
def export_tenants() -> None:
    """Write the exports of tenants that are ordered, and delete those that have expired."""
    run_exports()


@shared_task(name=SEND_LOGIN_LINKS, ignore_result=True)
def send_login_links() -> None:
    """Send the login links and invitations that wait."""
    send_due_links()


@shared_task(name="tenants.forget_ways_in", ignore_result=True)
def forget_ways_in() -> None:
    """Delete old links, counts of failed logins, and tokens that have expired."""
    forget_old_links()
    forget_old_attempts()
    forget_expired_tokens()
