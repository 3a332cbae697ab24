"""Events out: where they go, whether they arrive, and sending one again."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import display_for_value
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from tenants.admin import DeliveryAdmin, TenantAdmin, asks_first, asks_who, show_once
from tenants.events import EVENT_KINDS, TOLD_BY_RULE
from tenants.notes import told
from tenants.queue import QueueState
from vault.deliveries import send_test
from vault.events_out import create_destination, remove_destination, rotate_destination_secret
from vault.models import EventDelivery, EventDestination

STATES = {"active": _("Active"), "failing": _("Failing"), "paused": _("Paused"), "disabled": _("Switched off")}
SECRET_SHOWN = _("The signing secret, shown only now; the receiver checks our messages with it:")


class EventDestinationForm(forms.ModelForm):
    """A destination and the kinds it takes."""

    kinds = forms.MultipleChoiceField(
        label=_("Kinds of events"),
        choices=[(kind, kind) for kind in (*EVENT_KINDS, *TOLD_BY_RULE)],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("None means all of them."),
    )

    class Meta:
        model = EventDestination
        fields = ("name", "url", "kinds", "is_active")


@admin.register(EventDestination)
class EventDestinationAdmin(TenantAdmin):
    """Addresses that are told what happens."""

    form = EventDestinationForm
    list_display = ("name", "url", "wants", "state_label", "last_delivery", "last_problem")
    list_filter = ("is_active",)
    search_fields = ("name", "url")
    export_fields = ("name", "url", "kinds", "is_active", "failing_since", "disabled_at", "why_disabled", "created_at")
    actions_detail = ("test", "new_secret")
    empty_message = _("Another system of yours can be told of every order or escalation: give the address that listens.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the destinations with what came of the last delivery."""
        return super().get_queryset(request).with_last_delivery()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for what there is to decide; show how it goes afterwards."""
        asked = (None, {"fields": (("name", "is_active"), "url", "kinds")})
        told = (("state_text", "signs"), ("last_delivery", "last_problem"), ("failing_since", "disabled_at"))
        return ((_("How it goes"), {"fields": told}), asked) if obj else (asked,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What the product notes is only read."""
        return ("state_text", "signs", "last_delivery", "last_problem", "failing_since", "disabled_at") if obj else ()

    @display(description=_("kinds of events"))
    def wants(self, destination: EventDestination) -> str:
        """Show the kinds."""
        return ", ".join(destination.kinds) or gettext("all")

    @display(
        description=_("state"), label={"active": "success", "failing": "warning", "disabled": "danger", "paused": "info"}
    )
    def state_label(self, destination: EventDestination) -> tuple[str, str]:
        """Show how it stands."""
        return destination.state(), str(STATES[destination.state()])

    @display(description=_("state"))
    def state_text(self, destination: EventDestination) -> str:
        """Show how it stands, on its own page."""
        return str(STATES[destination.state()])

    @display(description=_("last tried"))
    def last_delivery(self, destination: Any) -> Any:
        """Show when something was last sent."""
        return display_for_value(destination.last_tried_at, "–")

    @display(description=_("last error"))
    def last_problem(self, destination: Any) -> str:
        """Show why it was switched off, or what went wrong last."""
        return destination.why_disabled or told(destination.last_error or "") or "–"

    @display(description=_("signatures"))
    def signs(self, destination: EventDestination) -> str:
        """Show how many secrets sign now."""
        if destination.overlaps():
            return gettext("Two: the secret before is good for another while.")
        return gettext("One")

    def save_model(self, request: HttpRequest, obj: EventDestination, form: ModelForm, change: bool) -> None:
        """Make the destination and show its secret once, or save what was changed."""
        if change:
            super().save_model(request, obj, form, change)
            return
        made, secret = create_destination(**form.cleaned_data, created_by=request.user)  # type: ignore[arg-type]
        obj.__dict__.update(made.__dict__)
        show_once(request, str(SECRET_SHOWN), secret)

    def delete_model(self, request: HttpRequest, obj: EventDestination) -> None:
        """Delete it with its deliveries and secrets."""
        remove_destination(destination=obj)

    def get_actions(self, request: HttpRequest) -> Any:
        """Leave out "delete selected": each takes its secrets along."""
        return {name: found for name, found in super().get_actions(request).items() if name != "delete_selected"}

    @action(description=_("Send a test"), icon="send", permissions=["change"])
    @asks_first
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send a ping and say how it went."""
        sent = send_test(destination=EventDestination.objects.get(pk=object_id))
        if sent.state == QueueState.DONE:
            said = gettext("The receiver took the test: status %(status)s in %(time)s ms.")
            messages.success(request, said % {"status": sent.status_code, "time": sent.latency_ms})
        else:
            messages.error(request, gettext("The test did not arrive. %(error)s") % {"error": sent.problem})
        return redirect("admin:vault_eventdestination_change", object_id)

    @action(description=_("New signing secret"), icon="key", permissions=["change"])
    @asks_who
    def new_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change the secret; the one before signs beside it for a day."""
        destination = EventDestination.objects.get(pk=object_id)
        secret = rotate_destination_secret(destination=destination, created_by=request.user)  # type: ignore[arg-type]
        show_once(request, str(SECRET_SHOWN), secret)
        return redirect("admin:vault_eventdestination_change", object_id)


@admin.register(EventDelivery)
class EventDeliveryAdmin(DeliveryAdmin):
    """What was sent where, and what came back."""

    list_display = (
        "kind",
        "destination",
        "state_label",
        "attempt",
        "status_code",
        "latency_ms",
        "last_problem",
        "created_at",
    )
    list_filter = ("state", "destination")
    list_select_related = ("destination",)
    search_fields = ("kind",)
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("kind", "destination"), ("state_text", "attempt"), ("created_at", "next_attempt"))}),
        (_("Last attempt"), {"fields": (("tried_at", "status_code", "latency_ms"), "last_problem", "answer")}),
        (_("What is sent"), {"fields": ("event_id", "body")}),
    )
    readonly_fields = ("state_text", "next_attempt", "last_problem")
    empty_message = _("Every message to your destinations is listed here, with what the receiver answered.")
    empty_links = ((_("Add a destination"), "admin:vault_eventdestination_add"),)

    @display(
        description=_("state"),
        ordering="state",
        label={
            "done": "success",
            "failed": "danger",
            "running": "info",
            "pending": "info",
            "unknown": "warning",
            **dict.fromkeys(("skipped", "cancelled"), "default"),
        },
    )
    def state_label(self, delivery: EventDelivery) -> tuple[str, str]:
        """Show the state as a label."""
        return delivery.state, self.state_text(delivery)

    @display(description=_("state"))
    def state_text(self, delivery: EventDelivery) -> str:
        """Show the state; one that was tried in vain waits for the next attempt."""
        if delivery.state == QueueState.PENDING and delivery.attempt:
            return gettext("Will be tried again")
        return delivery.get_state_display()

    @display(description=_("last error"))
    def last_problem(self, delivery: EventDelivery) -> str:
        """Show what went wrong last."""
        return delivery.problem or "–"

    @display(description=_("next attempt"))
    def next_attempt(self, delivery: EventDelivery) -> Any:
        """Show when it is tried next, if it is."""
        return display_for_value(delivery.due_at if delivery.state == QueueState.PENDING else None, "–")
