"""The admin of messages: every one of every conversation, to search."""

from django.contrib import admin
from django.template.defaultfilters import truncatechars
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from runtime.models import Turn
from tenants.admin import LedgerAdmin


@admin.register(Turn)
class TurnAdmin(LedgerAdmin):
    """Every message of every conversation, to search; each leads to its transcript."""

    list_display = ("said", "speaker_label", "created_at", "conversation")
    list_filter = ("speaker", "language")
    list_select_related = ("session__bot",)
    search_fields = ("message",)
    ordering = ("-id",)
    fields = ("session", "speaker", "message", "language", "created_at")
    link_filters = ("session",)
    empty_message = _("What customers and bots say stands here, from all conversations.")

    @display(description=_("message"))
    def said(self, turn: Turn) -> str:
        """Show how the message begins."""
        return truncatechars(turn.message, 120)

    @display(
        description=_("speaker"),
        ordering="speaker",
        label={Turn.Speaker.USER: "info", Turn.Speaker.ASSISTANT: "primary", Turn.Speaker.AGENT: "success"},
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
