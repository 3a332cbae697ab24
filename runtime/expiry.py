"""Ending what nobody goes on with: claims without an answer go back to the queue, idle conversations are ended.

The sweep goes tenant by tenant. A claim is put back, and a conversation ended, by a transaction of its own that looks
again under the session's lock: an answer, or a message, of the last moment keeps it.
"""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from bots.flow import read_flow
from bots.models import BotVersion
from runtime.escalations import put_back_overdue
from runtime.models import Escalation, Session
from runtime.services import end_session
from tenants.models import Setting, Tenant, TenantModel
from tenants.scope import platform_scope, tenant_scope

SHORTEST = timedelta(minutes=1)
"""No conversation is idle before."""

BATCH = 200
"""Conversations of one version that are ended before the next one's turn."""


def put_overdue_claims_back() -> int:
    """Put claims back that were not answered in time, of all active tenants in random turn; returns how many."""
    done = 0
    for tenant_id in _tenants(Escalation, state=Escalation.State.CLAIMED):
        with tenant_scope(tenant_id):
            done += _put_back_of_tenant(timedelta(minutes=Setting.effective("claim_minutes")))
    return done


def end_idle_sessions() -> int:
    """End conversations in which nothing was said for long, of all active tenants in random turn; returns how many."""
    done = 0
    for tenant_id in _tenants(Session, ended_at=None, state_updated_at__lt=Now() - SHORTEST):
        with tenant_scope(tenant_id):
            done += _end_idle_of_tenant(timedelta(minutes=Setting.effective("session_idle_minutes")))
    return done


def _tenants(model: type[TenantModel], **where: Any) -> list[UUID]:
    with platform_scope(reason="name the tenants with claims, and with open conversations"):
        rows = model._default_manager.filter(tenant__status=Tenant.Status.ACTIVE, **where)
        tenants = list(rows.values_list("tenant_id", flat=True).distinct().order_by())
    random.shuffle(tenants)
    return tenants


def _put_back_of_tenant(usual: timedelta) -> int:
    claimed = Escalation.objects.filter(session__bot_version=OuterRef("pk"), state=Escalation.State.CLAIMED)
    return sum(
        put_back_overdue(read_flow(version.flow_config).claim or usual, session__bot_version=version)
        for version in BotVersion.objects.filter(Exists(claimed))
    )


def _end_idle_of_tenant(usual: timedelta) -> int:
    versions = BotVersion.objects.filter(Exists(Session.objects.filter(bot_version=OuterRef("pk"), ended_at=None)))
    return sum(_end_idle_of_version(version, read_flow(version.flow_config).idle or usual) for version in versions)


def _end_idle_of_version(version: BotVersion, idle_after: timedelta) -> int:
    """End what is idle. What waits for a person is left to people."""
    unresolved = Escalation.objects.unresolved().filter(session=OuterRef("pk"))
    idle = Session.objects.filter(
        ~Exists(unresolved), bot_version=version, ended_at=None, state_updated_at__lt=Now() - idle_after
    )
    return sum(_end_if_idle(idle, session_id) for session_id in idle.order_by("pk").values_list("pk", flat=True)[:BATCH])


@transaction.atomic
def _end_if_idle(idle: QuerySet[Session], session_id: UUID) -> bool:
    session = idle.filter(pk=session_id).select_for_update(of=("self",), skip_locked=True).first()
    if session is not None:
        end_session(session, reason="idle")
    return session is not None
