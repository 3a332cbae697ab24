"""Ending what nobody goes on with: claims without an answer go back to the queue, idle conversations are ended, and silence
leads on from the steps of a flow that say so.

The sweep goes tenant by tenant. A claim is put back, and a conversation ended or moved on, by a transaction of its own that looks
again under the session's lock: an answer, or a message, of the last moment keeps it.
"""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Greatest, Now

from bots.flow import ENDED, Flow, Step, read_flow
from bots.models import BotVersion
from runtime.escalations import put_back_overdue
from runtime.models import Escalation, Session
from runtime.services import TIMEOUT, end_session, move_session
from tenants.models import Setting, Tenant, TenantModel
from tenants.scope import platform_scope, tenant_scope

SHORTEST = timedelta(minutes=1)
"""No conversation is idle before."""

BATCH = 200
"""Conversations of one version, and of one of its steps, that are ended or moved on before the next one's turn."""


def put_overdue_claims_back() -> int:
    """Put claims back that were not answered in time, of all active tenants in random turn; returns how many."""
    done = 0
    for tenant_id in _tenants(Escalation, state=Escalation.State.CLAIMED):
        with tenant_scope(tenant_id):
            done += _put_back_of_tenant(timedelta(minutes=Setting.effective("claim_minutes")))
    return done


def end_idle_sessions() -> int:
    """End conversations in which nothing was said for long, or move them on where their flow says so, of all active tenants
    in random turn; returns how many.
    """
    done = 0
    for tenant_id in _tenants(Session, ended_at=None, state_updated_at__lt=Now() - SHORTEST):
        with tenant_scope(tenant_id):
            done += end_idle_of_tenant()
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


def end_idle_of_tenant(*, minutes: int | None = None, bot_id: UUID | None = None) -> int:
    """Lead silent conversations of the scope's tenant on, and end idle ones; of one bot or all. Returns how many.

    ``minutes`` of silence come before what flows and the settings say is idle.
    """
    versions = BotVersion.objects.filter(Exists(Session.objects.filter(bot_version=OuterRef("pk"), ended_at=None)))
    versions = versions.filter(bot=bot_id) if bot_id else versions
    usual = timedelta(minutes=Setting.effective("session_idle_minutes"))
    asked = timedelta(minutes=minutes) if minutes else None
    flows = [(version, read_flow(version.flow_config)) for version in versions]
    moved = sum(_move_on(version, flow) for version, flow in flows)
    return moved + sum(_end_idle_of_version(version, asked or flow.idle or usual) for version, flow in flows)


def _move_on(version: BotVersion, flow: Flow) -> int:
    """Move what has stood in silence for too long to the step that follows then, and end what a turn has led to the end."""
    steps = {**flow.steps, ENDED: Step(timeout=timedelta(0))} if flow.steps else {}
    return sum(_move_on_from(version, name, step) for name, step in steps.items() if step.timeout is not None)


def _move_on_from(version: BotVersion, name: str, step: Step) -> int:
    assert step.timeout is not None
    alone = _left_alone(version).annotate(silent_since=Greatest("state_updated_at", "step_since"))
    silent = alone.filter(flow_step=name, silent_since__lt=Now() - step.timeout)
    return _each(silent, lambda session: move_session(session, step.on_timeout, by=TIMEOUT))


def _end_idle_of_version(version: BotVersion, idle_after: timedelta) -> int:
    idle = _left_alone(version).filter(state_updated_at__lt=Now() - idle_after)
    return _each(idle, lambda session: end_session(session, reason="idle"))


def _left_alone(version: BotVersion) -> QuerySet[Session]:
    """Return the open conversations of a version. What waits for a person is left to people."""
    unresolved = Escalation.objects.unresolved().filter(session=OuterRef("pk"))
    sessions: QuerySet[Session] = Session.objects.filter(~Exists(unresolved), bot_version=version, ended_at=None)
    return sessions


def _each(sessions: QuerySet[Session], act: Callable[[Session], object]) -> int:
    ids = sessions.order_by("pk").values_list("pk", flat=True)[:BATCH]
    return sum(_act_if_still(sessions, session_id, act) for session_id in ids)


@transaction.atomic
def _act_if_still(sessions: QuerySet[Session], session_id: UUID, act: Callable[[Session], object]) -> bool:
    locked = sessions.filter(pk=session_id).select_for_update(of=("self",), skip_locked=True)
    session = locked.select_related("bot_version").first()
    if session is not None:
        act(session)
    return session is not None
