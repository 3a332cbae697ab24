"""The admin of escalations: the conversations that wait, and the page on which a person answers in one."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import truncatechars
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from runtime.admin.pages import MESSAGE_LENGTH
from runtime.escalations import Colleague, answer, claim, put_back, resolve
from runtime.models import Escalation, Turn
from runtime.transcript import read_transcript
from tenants.admin import LedgerAdmin, asks_first
from tenants.admin.filters import TimeFilter
from tenants.errors import DomainError

STATE_COLOURS = {
    Escalation.State.WAITING: "warning",
    Escalation.State.CLAIMED: "info",
    Escalation.State.RESOLVED: "success",
}

MOST_WAITING = 200
"""Conversations on the page of those that wait."""
SHOWN = 2
"""Messages of the customer in that list: the last one is often only “yes”."""


class AnswerForm(forms.Form):
    """What to say to the customer. ``external_id`` makes a double click one message."""

    message = forms.CharField(
        max_length=MESSAGE_LENGTH,
        label=_("Message"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "placeholder": _("Answer the customer")}),
    )
    external_id = forms.CharField(max_length=64, widget=forms.HiddenInput)


@admin.register(Escalation)
class EscalationAdmin(LedgerAdmin):
    """Who asked for a person, who came, and what became of it."""

    list_display = ("who", "asked", "state_label", "claimed_by", "channel", "created_at", "resolved_at")
    list_display_links = ("who",)
    list_filter = ("state", "origin", "session__bot", ("created_at", TimeFilter))
    list_filter_submit = True
    list_select_related = ("session__customer", "session__channel", "claimed_by")
    link_filters = ("session",)
    search_fields = ("reason", "resolution", "session__customer__name")
    ordering = ("-id",)
    actions_list = ("waiting",)
    actions_detail = ("claim", "answer", "put_back", "resolve")
    export_fields = (
        *("session", "reason", "origin", "state", "claimed_by", "claimed_at", "replied_at", "resolved_at", "resolution"),
        "created_at",
    )
    empty_message = _("When a customer asks for a person, or a bot cannot go on, it stands here.")
    empty_links = ((_("Waiting conversations"), "admin:runtime_escalation_waiting"),)

    @display(description=_("customer"))
    def who(self, row: Escalation) -> str:
        """Show the customer."""
        return row.heading

    @display(description=_("reason"))
    def asked(self, row: Escalation) -> str:
        """Show how the reason begins."""
        return truncatechars(row.reason, 80) or str(row)

    @display(description=_("state"), ordering="state", label=dict(STATE_COLOURS))
    def state_label(self, row: Escalation) -> tuple[str, str]:
        """Show the state as a label."""
        return row.state, row.get_state_display()

    @display(description=_("channel"))
    def channel(self, row: Escalation) -> str:
        """Show where the conversation is held."""
        return str(row.session.channel)

    # --- the conversations that wait

    @action(description=_("Waiting conversations"), icon="support_agent", url_path="waiting", permissions=["view"])
    def waiting(self, request: HttpRequest) -> HttpResponse:
        """List what waits and what is claimed, the oldest first; with ``?part`` only the list, for its refreshing."""
        last = (
            Turn.objects.filter(session=OuterRef("session"), speaker=Turn.Speaker.USER).exclude(message="").order_by("-id")
        )
        related = ("session__customer", "session__bot", "session__channel", "claimed_by")
        rows = Escalation.objects.unresolved().select_related(*related)
        found = list(rows.annotate(said=ArraySubquery(last.values("message")[:SHOWN]))[:MOST_WAITING])
        context = {
            "title": _("Waiting conversations"),
            "opts": None,
            "content_title": _("Waiting conversations"),  # what the page is called above it
            "waiting": [row for row in found if row.state == Escalation.State.WAITING],
            "claimed": [row for row in found if row.state == Escalation.State.CLAIMED],
            "may_work": self.has_work_permission(request),
        }
        return self._page(request, "waiting_part" if "part" in request.GET else "waiting", context)

    # --- one of them

    def has_work_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the person may answer customers."""
        return request.user.has_perm("runtime.change_escalation")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the conversation, with what the person can do now; with ``?part`` only what changes by itself."""
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request, row):
            raise PermissionDenied
        return self._show(request, row, AnswerForm())

    def _show(self, request: HttpRequest, row: Escalation, form: AnswerForm) -> HttpResponse:
        context = {
            "title": row.heading,
            "escalation": row,
            "is_trial": row.session.is_trial,
            "original": row,
            "session": row.session,
            "transcript": read_transcript(row.session),
            "is_mine": row.state == Escalation.State.CLAIMED and row.claimant_id == request.user.pk,
            "may_work": self.has_work_permission(request),
            "form": form,
            "next_id": uuid.uuid4(),
        }
        return self._page(request, "handover_part" if "part" in request.GET else "handover", context)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the escalations with what their pages show of the conversation."""
        return (
            super().get_queryset(request).select_related("session__bot", "session__bot_version", *self.list_select_related)
        )

    @action(description=_("Claim"), icon="pan_tool", permissions=["work"])
    @asks_first
    def claim(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take the conversation over; the bot is silent from now on."""
        return self._step(request, object_id, claim)

    @action(description=_("Put back into the queue"), icon="undo", url_path="put-back", permissions=["work"])
    @asks_first
    def put_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let somebody else claim it."""
        return self._step(request, object_id, put_back)

    @action(description=_("Return to the bot"), icon="smart_toy", permissions=["work"])
    @asks_first
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the conversation back to the bot."""
        return self._step(request, object_id, resolve)

    def _step(self, request: HttpRequest, object_id: str, step: Any) -> HttpResponse:
        """Do a step and show where things stand; what is refused is told there."""
        row = self.get_object(request, object_id)
        try:
            step(escalation=row, by=_colleague(request))
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("admin:runtime_escalation_change", object_id)

    @action(description=_("Answer"), icon="send", permissions=["work"])
    def answer(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say something to the customer; what cannot be sent stays in the box."""
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = AnswerForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                answer(escalation=row, by=_colleague(request), **form.cleaned_data)
            except DomainError as error:
                row.refresh_from_db()
                form.add_error(None, error.message)
        if form.errors:
            return self._show(request, row, form)
        return redirect("admin:runtime_escalation_change", object_id)

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        site = {} if name.endswith("_part") else self.admin_site.each_context(request)
        return TemplateResponse(request, f"runtime/admin/{name}.html", {**site, "opts": self.opts, **context})


def _colleague(request: HttpRequest) -> Colleague:
    person: Any = request.user  # nobody anonymous gets here
    return Colleague(person.pk, person)
