"""The admin's door: enters the tenant a logged-in person has chosen, if it is among the own ones."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from uuid import UUID, uuid4

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject

from tenants.actor import Actor, ActorKind, acting
from tenants.models import Membership, Setting, Tenant, User
from tenants.scope import active_scope, platform_scope, tenant_scope
from tenants.second_factor import enrolled
from tenants.throttling import client_address

SESSION_KEY = "tenant"
SEEN_KEY, SEEN_PRECISION = "seen", 5 * 60  # seconds
OPEN_PAGES = frozenset(
    {"account_second_factor", "account_password", "admin:logout", "admin:jsi18n", "choose_language", "switch_tenant"}
)
"""What opens for a person who has yet to set up the second factor that the tenant asks for."""
API_PREFIX = "/api/"
MOST_CHOICES = 200
"""Tenants that the switcher offers platform staff; the page of tenants finds the others."""


class ScopeMiddleware:
    """Gives each request a stack of scopes, entered here (admin) or by the API's authentication, closed at the end.

    Sets ``request.tenant`` and ``request.tenants`` (those the switcher offers the person) for people outside the API,
    and for everybody ``request.request_id``: made here, told as ``X-Request-ID``, in every log line and audit entry.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request inside the person's scope."""
        with ExitStack() as stack:
            request.scopes = stack  # type: ignore[attr-defined]
            request.tenant, request.tenants = None, []  # type: ignore[attr-defined]
            person = None if request.path.startswith(API_PREFIX) else request.user
            _act(request, person, stack)
            if isinstance(person, User):
                _keep_session(request)
                _enter_chosen_tenant(request, person, stack)
            response = _second_factor_first(request, person) or self.get_response(request)
            response["X-Request-ID"] = str(request.request_id)  # type: ignore[attr-defined]
            return response


def _act(request: HttpRequest, person: object, stack: ExitStack) -> None:
    """Name the request, and the person who sends it; the API's authentication names its callers later."""
    request.request_id = uuid4()  # type: ignore[attr-defined]
    request_id = str(request.request_id)  # type: ignore[attr-defined]
    structlog.contextvars.bind_contextvars(request_id=request_id, ip=client_address(request))
    kind, actor_id = (ActorKind.USER, person.pk) if isinstance(person, User) else (ActorKind.SYSTEM, None)
    stack.enter_context(acting(Actor(kind, actor_id, request.request_id)))  # type: ignore[attr-defined]


def _keep_session(request: HttpRequest) -> None:
    """Let a session that is in use live on: it ends ``SESSION_COOKIE_AGE`` after the last request, to some minutes."""
    if time.time() - request.session.get(SEEN_KEY, 0) > SEEN_PRECISION:
        request.session[SEEN_KEY] = int(time.time())


def _second_factor_first(request: HttpRequest, person: object) -> HttpResponse | None:
    """Send who has no second factor to set one up, where the tenant (for its staff: the platform) asks for it."""
    if not isinstance(person, User) or not asks_for_second_factor(person) or enrolled(person):
        return None
    match = _resolve(request.path_info)
    return None if match is None or match.view_name in OPEN_PAGES else redirect("account_second_factor")


def asks_for_second_factor(person: User) -> bool:
    """Whether the tenant worked in asks this person for a second factor, or the platform its staff."""
    asked = active_scope() is not None and bool(Setting.effective("require_second_factor"))
    if asked or not person.is_superuser:
        return asked
    with platform_scope(reason="does the platform ask its staff for a second factor"):
        return bool(Setting.effective("require_second_factor"))


def _resolve(path: str) -> ResolverMatch | None:
    try:
        return resolve(path)
    except Resolver404:
        return None


def _enter_chosen_tenant(request: HttpRequest, user: User, stack: ExitStack) -> None:
    (_look_up_for_staff if user.is_superuser else _look_up_for_member)(request, user)
    chosen: Tenant | None = request.tenant  # type: ignore[attr-defined]
    stack.enter_context(translation.override(user.locale or translation.get_language()))
    if zone := user.time_zone or (chosen and chosen.time_zone):
        stack.enter_context(timezone.override(zone))
    if chosen is None:
        return
    stack.enter_context(tenant_scope(chosen))
    structlog.contextvars.bind_contextvars(tenant=str(chosen.id))


def _look_up_for_member(request: HttpRequest, user: User) -> None:
    """People work for few tenants: all are read with the chosen one. They start in their first."""
    with platform_scope(reason="a person's own tenants"):
        mine = Membership.objects.filter(user=user, tenant__status=Tenant.Status.ACTIVE)
        roles = {row.tenant: row.role for row in mine.select_related("tenant").order_by("tenant__name")}
    wanted = request.session.get(SESSION_KEY)
    chosen = next((tenant for tenant in roles if str(tenant.id) == wanted), next(iter(roles), None))
    request.tenant, request.tenants = chosen, list(roles)  # type: ignore[attr-defined]
    if chosen is not None:
        user.remember_role(chosen.id, roles[chosen])


def _look_up_for_staff(request: HttpRequest, _user: User) -> None:
    """Platform staff may enter every tenant and start in none; the list is read only by a page that shows it."""
    wanted = request.session.get(SESSION_KEY)
    request.tenant = _tenant(UUID(wanted)) if wanted else None  # type: ignore[attr-defined]
    request.tenants = SimpleLazyObject(_first_tenants)  # type: ignore[attr-defined]


def _tenant(tenant_id: UUID) -> Tenant | None:
    with platform_scope(reason="platform staff enter a tenant"):
        return Tenant.objects.filter(pk=tenant_id).first()


def _first_tenants() -> list[Tenant]:
    with platform_scope(reason="platform staff choose a tenant"):
        return list(Tenant.objects.order_by("name")[:MOST_CHOICES])


def count_tenants() -> int:
    """Return how many tenants there are on this installation, for platform staff."""
    with platform_scope(reason="platform staff see how many tenants there are"):
        return Tenant.objects.count()


def choose_tenant(request: HttpRequest, tenant_id: UUID | None) -> bool:
    """Remember the tenant to work in from the next request on; False when the person may not enter it."""
    if tenant_id is None:
        request.session.pop(SESSION_KEY, None)
        return True
    if may_enter(request, tenant_id) is None:
        return False
    request.session[SESSION_KEY] = str(tenant_id)
    return True


def may_enter(request: HttpRequest, tenant_id: UUID) -> Tenant | None:
    """Return the tenant if the person may work in it: one of their own, of platform staff any."""
    if request.user.is_superuser:
        return _tenant(tenant_id)
    return next((tenant for tenant in request.tenants if tenant.id == tenant_id), None)  # type: ignore[attr-defined]
