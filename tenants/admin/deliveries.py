"""The admin of what is sent to others, one row for each copy: each may be sent once more, or given up."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from tenants.admin.asking import asks_first
from tenants.admin.base import LedgerAdmin
from tenants.errors import DomainError
from tenants.queue import give_up


class DeliveryAdmin(LedgerAdmin):
    """A list of copies that were sent or are to be. The model has ``send_again()``."""

    actions = ("resend_chosen", "give_up_chosen", "export")
    actions_detail = ("resend",)

    def has_resend_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the person may send something again."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    @action(description=_("Send again"), icon="replay", permissions=["resend"])
    @asks_first
    def resend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send it once more, as it is kept."""
        self.get_queryset(request).get(pk=object_id).send_again()
        messages.success(request, gettext("It is on its way again."))
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", object_id)

    @admin.action(description=_("Send the chosen ones again"), permissions=["resend"])
    def resend_chosen(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Send them once more, but for those that were sent or are on their way."""
        sent = sum(_sent_again(delivery) for delivery in queryset)
        messages.success(request, gettext("On their way again: %(count)d") % {"count": sent})

    @admin.action(description=_("Give the chosen ones up"), permissions=["resend"])
    def give_up_chosen(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Let the failed and unclear ones be."""
        given_up = give_up(self.model._default_manager.filter(pk__in=[one.pk for one in queryset]))
        messages.success(request, gettext("Given up: %(number)d") % {"number": given_up})


def _sent_again(delivery: Any) -> bool:
    try:
        delivery.send_again()
    except DomainError:
        return False
    return True
