"""The admin's door: enters the tenant a logged-in person has chosen, if it is among the own ones."""

from collections.abc import Callable
from contextlib import ExitStack
from uuid import UUID

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from tenants.models import Membership, Tenant, User
from tenants.scope import platform_scope, tenant_scope

SESSION_KEY = "tenant"
API_PREFIX = "/api/"


class ScopeMiddleware:
    """Gives each request a stack of scopes, entered here (admin) or by the API's authentication, closed at the end.

    Sets ``request.tenant`` and ``request.tenants`` (those the person may choose) for people outside the API.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request inside the person's scope."""
        with ExitStack() as stack:
            request.scopes = stack  # type: ignore[attr-defined]
            request.tenant, request.tenants = None, []  # type: ignore[attr-defined]
            if not request.path.startswith(API_PREFIX) and isinstance(request.user, User):
                _enter_chosen_tenant(request, request.user, stack)
            return self.get_response(request)


def _enter_chosen_tenant(request: HttpRequest, user: User, stack: ExitStack) -> None:
    roles = _choices(user)
    chosen = _chosen(request, list(roles), must_choose=user.is_superuser)
    request.tenant, request.tenants = chosen, list(roles)  # type: ignore[attr-defined]
    if chosen is None:
        return
    if role := roles[chosen]:
        user.remember_role(chosen.id, role)
    stack.enter_context(tenant_scope(chosen))
    stack.enter_context(timezone.override(chosen.time_zone))
    stack.enter_context(translation.override(user.locale or translation.get_language()))
    structlog.contextvars.bind_contextvars(tenant=str(chosen.id))


def _choices(user: User) -> dict[Tenant, str]:
    """Return the tenants the person may enter, with the role there (empty for platform staff)."""
    with platform_scope(reason="a person's own tenants"):
        if user.is_superuser:
            return dict.fromkeys(Tenant.objects.order_by("name"), "")
        mine = Membership.objects.filter(user=user, tenant__status=Tenant.Status.ACTIVE)
        return {membership.tenant: membership.role for membership in mine.select_related("tenant").order_by("tenant__name")}


def _chosen(request: HttpRequest, tenants: list[Tenant], *, must_choose: bool) -> Tenant | None:
    """Return the tenant of the session if the person may enter it; people start in their first one, staff in none."""
    wanted = request.session.get(SESSION_KEY)
    for tenant in tenants:
        if str(tenant.id) == wanted:
            return tenant
    return tenants[0] if tenants and not must_choose else None


def choose_tenant(request: HttpRequest, tenant_id: UUID | None) -> bool:
    """Remember the tenant to work in from the next request on; False when the person may not enter it."""
    if tenant_id is None:
        request.session.pop(SESSION_KEY, None)
        return True
    if tenant_id not in {tenant.id for tenant in request.tenants}:  # type: ignore[attr-defined]
        return False
    request.session[SESSION_KEY] = str(tenant_id)
    return True
