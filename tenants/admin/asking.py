"""Actions of a row's page that change something: unfold makes them links, so they ask before they act."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

RowAction = Callable[..., HttpResponse]


def asks_first(action: RowAction) -> RowAction:
    """Answer the link with a page that has the button; only its POST (with the CSRF token) runs the action.

    Stands below ``@unfold.decorators.action``, whose description becomes question and button.
    """

    @wraps(action)
    def asking(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        row = admin.get_object(request, object_id)
        if row is None:
            return admin._get_obj_does_not_exist_redirect(request, admin.opts, object_id)
        if request.method == "POST":
            return action(admin, request, object_id)
        context = {
            **admin.admin_site.each_context(request),
            "title": getattr(admin, action.__name__).short_description,
            "opts": admin.opts,
            "original": row,
        }
        return TemplateResponse(request, "tenants/admin/ask_first.html", context)

    return asking
