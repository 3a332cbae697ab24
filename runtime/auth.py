"""A conversation's own token (``brs_…``): lets a browser continue that one conversation, and nothing else.

This module must not import view sets: REST framework imports it while they are being defined.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.request import Request

from runtime.models import Session
from runtime.services import SESSION_TOKEN_PREFIX
from tenants.actor import ActorKind
from tenants.auth import BearerAuthentication, bearer, enter_tenant, of_bound_bot
from tenants.models import Tenant, hash_token
from tenants.scope import platform_scope

PERMISSIONS = frozenset(
    {
        "runtime.view_session",
        "runtime.view_turn",
        "runtime.add_turn",
        "runtime.view_contextslot",
        "runtime.add_contextslot",
        "runtime.add_escalation",
        "runtime.add_rating",
        "runtime.view_uievent",
        "runtime.add_uievent",
    }
)
"""What the customer's browser may do, in its own conversation."""


@dataclass(frozen=True)
class SessionPrincipal:
    """The customer behind a conversation's token, where REST framework expects a user."""

    session: Session
    is_authenticated: bool = True
    is_active: bool = True
    is_superuser: bool = False

    @property
    def pk(self) -> UUID:
        """Id of the conversation."""
        return self.session.pk

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Whether a customer may do this."""
        return perm in PERMISSIONS

    def has_perms(self, perms: Iterable[str], obj: Any = None) -> bool:
        """Whether a customer may do all of this."""
        return all(self.has_perm(perm) for perm in perms)


class SessionTokenAuthentication(BearerAuthentication):
    """``Authorization: Bearer brs_…``. A view opens itself by ``session_token_may``, the names of its actions."""

    def authenticate(self, request: Request) -> tuple[SessionPrincipal, Session] | None:
        """Return the customer; raises ``AuthenticationFailed`` (unknown, ended) and ``PermissionDenied`` elsewhere."""
        token = bearer(request)
        if token is None or not token.startswith(SESSION_TOKEN_PREFIX):
            return None
        session = _find_session(token)
        # What is sent to an ended conversation is answered 409 by the service, so that a front end can tell.
        if session is None or (session.ended_at and request.method != "POST"):
            raise exceptions.AuthenticationFailed()
        view = request.parser_context["view"]
        if getattr(view, "action", None) not in getattr(view, "session_token_may", ()):
            raise exceptions.PermissionDenied(_("A conversation's token opens only that conversation."), "wrong_principal")
        tenant_id: Any = session.tenant_id  # never null
        enter_tenant(request, tenant_id, kind=ActorKind.SESSION, actor_id=session.pk)
        return SessionPrincipal(session), session


def _find_session(token: str) -> Session | None:
    with platform_scope(reason="a conversation's token names its tenant"):
        live = Session.objects.filter(tenant__status=Tenant.Status.ACTIVE)
        return live.only("tenant_id", "ended_at").filter(token_hash=hash_token(token)).first()


def is_own(principal: Any, path: str = "") -> Q:
    """Return the condition for the conversations the caller may see: all, those of a key's bot, or a browser's one.

    ``path`` leads from the rows to their conversation, such as ``session__``.
    """
    if isinstance(principal, SessionPrincipal):
        return Q(**{f"{path}id": principal.pk})
    return of_bound_bot(principal, f"{path}bot_id")
