"""The admin of ratings: what customers and colleagues think of answers."""

from django.contrib import admin
from django.template.defaultfilters import truncatechars
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from runtime.models import Rating
from tenants.admin import LedgerAdmin
from tenants.admin.base import LINK


@admin.register(Rating)
class RatingAdmin(LedgerAdmin):
    """Thumbs on answers; each leads to its conversation."""

    list_display = ("rated", "vote_label", "comment_start", "rater", "created_by", "updated_at", "conversation")
    list_filter = ("vote", "rater", "session__bot")
    list_select_related = ("turn", "created_by", "session__bot")
    link_filters = ("session", "turn")
    search_fields = ("comment", "turn__message")
    ordering = ("-id",)
    fields = ("turn", "vote", "comment", "rater", "created_by", "created_at", "updated_at")
    empty_message = _("Thumbs that customers give to answers, and colleagues beside a transcript, stand here.")

    @display(description=_("answer"))
    def rated(self, rating: Rating) -> str:
        """Show how the answer begins."""
        return truncatechars(rating.turn.message, 80)

    @display(description=_("vote"), ordering="vote", label={Rating.Vote.UP: "success", Rating.Vote.DOWN: "danger"})
    def vote_label(self, rating: Rating) -> tuple[str, str]:
        """Show the vote as a label."""
        return rating.vote, rating.get_vote_display()

    @display(description=_("comment"))
    def comment_start(self, rating: Rating) -> str:
        """Show how the comment begins."""
        return truncatechars(rating.comment, 80)

    @display(description=_("conversation"))
    def conversation(self, rating: Rating) -> str:
        """Lead to the transcript."""
        address = reverse("admin:runtime_session_change", args=[rating.session_id])
        return format_html('<a class="{}" href="{}">{}</a>', LINK, address, rating.session.bot)
