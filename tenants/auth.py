"""The API's door: who sends the bearer token, and so whose rows the request may see.

A token is an API key (``brk_…``) or a person's JWT; the tenant follows from it, no request names one. The class
enters the scope on the request's ``ExitStack``, which ``ScopeMiddleware`` closes after the response was rendered.
This module must not import view sets: REST framework imports it while they are being defined.
"""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import structlog
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import authentication, exceptions
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, Token

from tenants.actor import Actor, ActorKind, acting
from tenants.keys import key_permissions
from tenants.models import PLATFORM_ID, ApiKey, Membership, Tenant, User, hash_token
from tenants.models.people import API_KEY_PREFIX
from tenants.scope import platform_scope, tenant_scope
from tenants.settings import setting_type

LAST_USED_PRECISION = timedelta(minutes=1)
"""``ApiKey.last_used_at`` is written at most this often."""


@dataclass(frozen=True)
class KeyPrincipal:
    """The program behind an API key, where REST framework expects a user."""

    key: ApiKey
    is_authenticated: bool = True
    is_active: bool = True
    is_superuser: bool = False
    permissions: frozenset[str] = field(default_factory=frozenset)

    @property
    def pk(self) -> UUID:
        """Id of the key."""
        return self.key.pk

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Whether the key's scopes allow ``app.verb_model``."""
        return perm in self.permissions

    def has_perms(self, perms: list[str], obj: Any = None) -> bool:
        """Whether the key's scopes allow all of them."""
        return all(self.has_perm(perm) for perm in perms)


def bearer(request: Request) -> str | None:
    """Return the bearer token of the request, or None when it sends another scheme or nothing."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def enter_tenant(request: Request, tenant_id: UUID, *, kind: ActorKind, actor_id: UUID) -> None:
    """Open the tenant's scope, and act in it as the caller, until the response has been rendered."""
    raw: Any = request._request
    raw.scopes.enter_context(tenant_scope(tenant_id))
    raw.scopes.enter_context(acting(Actor(kind, actor_id, raw.request_id)))
    structlog.contextvars.bind_contextvars(tenant=str(tenant_id))


class BearerAuthentication(authentication.BaseAuthentication):
    """What both kinds of token share: the challenge of a 401."""

    def authenticate_header(self, request: Request) -> str:
        """Return the WWW-Authenticate header."""
        return 'Bearer realm="backroom"'


class ApiKeyAuthentication(BearerAuthentication):
    """``Authorization: Bearer brk_…``."""

    def authenticate(self, request: Request) -> tuple[KeyPrincipal, ApiKey] | None:
        """Return the key's principal; raises ``AuthenticationFailed`` for an unknown, expired or revoked key."""
        token = bearer(request)
        if token is None or not token.startswith(API_KEY_PREFIX):
            return None
        with platform_scope(reason="an API key names its tenant"):
            key = ApiKey.objects.opening(hash_token(token))
        if key is None:
            raise exceptions.AuthenticationFailed()
        tenant_id: Any = key.tenant_id  # never null
        enter_tenant(request, tenant_id, kind=ActorKind.API_KEY, actor_id=key.pk)
        _note_use(key)
        return KeyPrincipal(key, permissions=key_permissions(key)), key


def _note_use(key: ApiKey) -> None:
    if key.last_used_at is None or timezone.now() - key.last_used_at > LAST_USED_PRECISION:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=Now())


def bound_bot(principal: Any) -> UUID | None:
    """Return the bot that the caller's API key is bound to."""
    return principal.key.bot_id if isinstance(principal, KeyPrincipal) else None


def of_bound_bot(principal: Any, column: str = "bot_id") -> Q:
    """Return the condition for the rows of the caller's bot; a caller who is bound to none sees those of all."""
    bot_id = bound_bot(principal)
    return Q(**{column: bot_id}) if bot_id else Q()


def author_of(request: Request) -> User | None:
    """Return the person who sends the request, for ``created_by`` and the like; None for a program."""
    return request.user if isinstance(request.user, User) else None


class PersonAuthentication(BearerAuthentication, JWTAuthentication):
    """A person's JWT. The membership is read at every request: a removed member is out at once."""

    def authenticate(self, request: Request) -> tuple[Any, AccessToken] | None:
        """Return the person; raises ``AuthenticationFailed`` for a bad token or an ended membership."""
        token = bearer(request)
        if token is None:
            return None
        try:
            access = AccessToken(token)  # type: ignore[arg-type]
        except TokenError as error:
            raise exceptions.AuthenticationFailed() from error
        membership = find_membership(access)
        if membership is None:
            raise exceptions.AuthenticationFailed()
        tenant_id: Any = membership.tenant_id
        membership.user.remember_role(tenant_id, membership.role)
        enter_tenant(request, tenant_id, kind=ActorKind.USER, actor_id=membership.user_id)
        if membership.wants_second_factor and not membership.has_second_factor:  # type: ignore[attr-defined]
            message = _("This tenant asks for a second factor. Set one up in the admin, on the page of your account.")
            raise exceptions.PermissionDenied(message, "second_factor_required")
        return membership.user, access


LIVE_MEMBER = """
SELECT person.*, member.id AS membership_id, member.role AS membership_role,
    EXISTS (SELECT FROM tenants_authidentity WHERE user_id = person.id AND confirmed_at IS NOT NULL) AS has_second_factor,
    coalesce(
        (SELECT value FROM tenants_setting WHERE tenant_id = %(tenant)s AND name = 'require_second_factor'),
        (SELECT value FROM tenants_setting WHERE tenant_id = %(platform)s AND name = 'require_second_factor'),
        %(default)s::jsonb
    ) = 'true' AS wants_second_factor
FROM tenants_membership AS member
JOIN tenants_user AS person ON person.id = member.user_id
JOIN tenants_tenant AS tenant ON tenant.id = member.tenant_id
WHERE member.tenant_id = %(tenant)s AND member.user_id = %(user)s AND person.is_active AND tenant.status = %(active)s
    AND NOT EXISTS (
        SELECT FROM token_blacklist_blacklistedtoken AS ended
        JOIN token_blacklist_outstandingtoken AS issued ON issued.id = ended.token_id
        WHERE issued.jti = %(session)s
    )
"""
"""The person a token speaks for. Written out: put together by the ORM it took as long as all else of a small request."""


def find_membership(token: Token) -> Membership | None:
    """Return the membership a person's token speaks for, or None when it speaks for nobody any more.

    One query: is the person active and a member, the tenant active, and the refresh token, with which an access token
    ends, not revoked? On the answer ``has_second_factor`` tells whether the person has one, and
    ``wants_second_factor`` whether the tenant asks for it.
    """
    try:
        user_id, tenant_id, session, epoch = (token[claim] for claim in ("user_id", "tenant", "session", "epoch"))
        named: dict[str, Any] = {"user": UUID(user_id), "tenant": UUID(tenant_id), "session": str(session)}
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    default = json.dumps(setting_type("require_second_factor").default)
    asked = {**named, "active": Tenant.Status.ACTIVE, "platform": PLATFORM_ID, "default": default}
    with platform_scope(reason="a token names its tenant"):
        user: Any = next(iter(User.objects.raw(LIVE_MEMBER, asked)), None)
    if user is None or user.session_epoch != epoch:
        return None
    membership: Any = Membership(pk=user.membership_id, tenant_id=named["tenant"], user=user, role=user.membership_role)
    membership.has_second_factor, membership.wants_second_factor = user.has_second_factor, user.wants_second_factor
    return cast(Membership, membership)
