"""Who may call what: the one permission class of the API. Views declare, they never check; the default is no."""

from collections.abc import Mapping
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants.models import User
from tenants.scope import active_scope

VERBS = {"GET": "view", "HEAD": "view", "POST": "add", "PATCH": "change", "DELETE": "delete"}


class RolePermission(BasePermission):
    """Asks the role (or the key's scopes) for ``app.verb_model`` of the view's model, reading included.

    An extra action declares its verb, ``@action(…, verb="change")``; a view without a model, or an action that
    concerns another one, declares ``required_permission`` (a string, or one per HTTP method).
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller may; False for an anonymous one becomes 401, else 403."""
        scope = active_scope()
        if not request.user or not request.user.is_authenticated or scope is None or scope.is_platform:
            return False
        if not _is_handled(request, view):
            return True  # the view answers 405
        permission = required_permission(view, str(request.method))
        return permission is not None and request.user.has_perm(permission)


class IsPerson(BasePermission):
    """People only, whatever their role: a program has no account page."""

    code = "wrong_principal"

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether a person's token was sent."""
        return isinstance(request.user, User) and active_scope() is not None


def person_of(request: Request) -> User:
    """Return the caller, whom ``IsPerson`` has let in."""
    assert isinstance(request.user, User)
    return request.user


def _is_handled(request: Request, view: Any) -> bool:
    method = str(request.method).lower()
    return method in view.http_method_names and getattr(view, method, None) is not None


def required_permission(view: Any, method: str) -> str | None:
    """Return the ``app.verb_model`` that ``method`` needs on the view; None means nobody may."""
    declared = getattr(view, "required_permission", None)
    if isinstance(declared, Mapping):
        return declared.get("GET" if method == "HEAD" else method)
    if declared:
        return str(declared)
    queryset = getattr(view, "queryset", None)
    verb = _verb(view, method)
    if queryset is None or verb is None:
        return None
    return f"{queryset.model._meta.app_label}.{verb}_{queryset.model._meta.model_name}"


def _verb(view: Any, method: str) -> str | None:
    if declared := getattr(view, "verb", None):
        return str(declared)
    # A POST to an extra action may mean anything: it has to say so.
    return VERBS.get(method) if method != "POST" or getattr(view, "action", "") == "create" else None
