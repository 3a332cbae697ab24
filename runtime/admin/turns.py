"""The admin of messages: every one of every conversation, to search."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import truncatechars
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from runtime.models import DecisionEvent, Tier, Turn
from runtime.models.decisions import ANSWERING
from tenants.admin import LedgerAdmin
from tenants.admin.filters import TimeFilter


class AnsweredFilter(admin.SimpleListFilter):
    """Messages of customers by whether the bot knew an answer."""

    title = _("answered by the bot")
    parameter_name = "answered"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list."""
        tiers = {"yes": ANSWERING, "no": (Tier.HANDOFF,), "any": (*ANSWERING, Tier.HANDOFF)}.get(self.value() or "")
        if tiers is None:
            return queryset
        kind = DecisionEvent.EventType.TIER_SELECTION
        return queryset.filter(
            Exists(DecisionEvent.objects.filter(input_turn=OuterRef("pk"), event_type=kind, tier__in=tiers))
        )


@admin.register(Turn)
class TurnAdmin(LedgerAdmin):
    """Every message of every conversation, to search; each leads to its transcript."""

    list_display = ("said", "speaker_label", "created_at", "conversation")
    list_filter = ("speaker", "language", AnsweredFilter, ("created_at", TimeFilter))
    list_filter_submit = True
    list_select_related = ("session__bot",)
    search_fields = ("message",)
    ordering = ("-id",)
    fields = ("session", "speaker", "message", "language", "created_at")
    link_filters = ("session", "session__bot")
    empty_message = _("What customers and bots say stands here, from all conversations.")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Find what was said as the API does."""
        found = search_term.strip()
        return (queryset.filter(pk__in=Turn.objects.saying(found).values("pk")) if found else queryset), False

    @display(description=_("message"))
    def said(self, turn: Turn) -> str:
        """Show how the message begins."""
        return truncatechars(turn.message, 120)

    @display(
        description=_("speaker"),
        ordering="speaker",
        label={
            Turn.Speaker.USER: "info",
            Turn.Speaker.ASSISTANT: "primary",
            Turn.Speaker.AGENT: "success",
            **dict.fromkeys((Turn.Speaker.SYSTEM, Turn.Speaker.TOOL), "default"),
        },
    )
    def speaker_label(self, turn: Turn) -> tuple[str, str]:
        """Show the speaker as a label."""
        return turn.speaker, turn.get_speaker_display()

    @display(description=_("conversation"))
    def conversation(self, turn: Turn) -> str:
        """Lead to the transcript."""
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:runtime_session_change", args=[turn.session_id]), turn.session.bot
        )
