"""The admin of the semantic cache: what the language model's answers save, and how to forget one."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import truncatechars
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from runtime.models import SemanticCacheEntry
from tenants.admin import LedgerAdmin


@admin.register(SemanticCacheEntry)
class SemanticCacheEntryAdmin(LedgerAdmin):
    """Answers that are given again while the texts they rest on are as they were."""

    list_display = ("query_text", "answer_start", "bot", "bot_version", "language", "hit_count", "last_hit_at", "expires_at")
    list_display_links = ("query_text",)
    list_filter = ("bot", "language")
    list_select_related = ("bot", "bot_version")
    search_fields = ("query_text", "response_text")
    fields = (
        *("query_text", "response_text", ("bot", "bot_version", "language"), "rests_on"),
        *(("hit_count", "last_hit_at"), ("created_at", "expires_at")),
    )
    readonly_fields = ("rests_on",)
    empty_message = _(
        "When a language model answers from FAQs and documents, its answer is kept for those who ask the same."
    )

    @display(description=_("answer"))
    def answer_start(self, entry: SemanticCacheEntry) -> str:
        """Show how the answer begins."""
        return truncatechars(entry.response_text, 80)

    @display(description=_("rests on"))
    def rests_on(self, entry: SemanticCacheEntry) -> str:
        """Name the texts that the answer rests on: a change of one of them ends it."""
        return "; ".join(source.get("title", "") for source in entry.sources)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change conversations' answers may forget one."""
        return request.user.has_perm("runtime.delete_semanticcacheentry")
