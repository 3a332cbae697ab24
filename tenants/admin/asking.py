"""Actions of a row's page that change something: unfold makes them links, so they ask before they act."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from tenants.views.proof import LASTS, is_proved, proof_form

RowAction = Callable[..., HttpResponse]


def asks_first(action: RowAction) -> RowAction:
    """Answer the link with a page that has the button; only its POST (with the CSRF token) runs the action.

    Stands below ``@unfold.decorators.action``, whose description becomes question and button.
    """
    return _asking(action, lambda _request: None)


def asks_who(action: RowAction) -> RowAction:
    """Ask as ``asks_first`` does, and for the password (or the second factor) of who has not proved it lately."""
    return _asking(action, proof_form)


def is_past(admin: Any, request: HttpRequest, page: str, object_id: str | None) -> bool:
    """Whether the person may take this step of a row, and the row does not stand so that it can be taken; then tells them.

    A link of before, the way back, or a second click leads there.
    """
    action = getattr(admin, page.removeprefix(f"{admin.opts.label_lower.replace('.', '_')}_"), None)
    rules = [getattr(admin, f"has_{name}_permission", None) for name in getattr(action, "allowed_permissions", ())]
    if object_id is None or not rules or not all(rule and rule(request) for rule in rules):
        return False
    if all(rule and rule(request, object_id) for rule in rules):  # the step itself refused
        return False
    row = admin.get_object(request, object_id)
    if row is None:
        return False
    told = {"step": getattr(action, "short_description", ""), "state": _state_of(admin, row)}
    messages.info(request, _("“%(step)s” is not possible as it stands now: “%(state)s”.") % told)
    return True


def _state_of(admin: Any, row: Any) -> str:
    """Return how the row stands, as its list shows it."""
    for name in ("status_label", "state_label"):
        if shown := getattr(admin, name, None):
            label = shown(row)
            return str(label[1] if isinstance(label, tuple) else label)
    return str(row)


def _asking(action: RowAction, form_for: Callable[[HttpRequest], forms.Form | None]) -> RowAction:
    @wraps(action)
    def asking(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        row = admin.get_object(request, object_id)
        if row is None:
            return admin._get_obj_does_not_exist_redirect(request, admin.opts, object_id)
        form = form_for(request)
        if request.method == "POST" and (form is None or is_proved(request, form)):
            return action(admin, request, object_id)
        context = {
            **admin.admin_site.each_context(request),
            "title": getattr(admin, action.__name__).short_description,
            "opts": admin.opts,
            "original": row,
            "form": form,
            "consequence": admin.consequences.get(action.__name__, ""),
            "minutes": LASTS // 60,
        }
        return TemplateResponse(request, "tenants/admin/ask_first.html", context)

    return asking
