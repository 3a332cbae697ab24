"""Actions of a row's page that change something: unfold makes them links, so they ask before they act."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

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
