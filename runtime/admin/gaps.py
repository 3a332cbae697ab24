"""The admin of knowledge gaps: what customers ask in vain, and the answer one click away."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import truncatechars
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from bots.models import Bot, Faq
from bots.models.retrieval import QUESTION_LENGTH
from runtime.gaps import answer_gap
from runtime.models import KnowledgeGap
from tenants.admin import LedgerAdmin
from tenants.admin.base import LINK
from tenants.admin.filters import TimeFilter
from tenants.errors import DomainError
from tenants.models import Tenant


class GapAnswerForm(forms.ModelForm):
    """The missing FAQ."""

    bot = forms.ModelChoiceField(
        Bot.objects.all(), label=_("Bot"), required=False, empty_label=_("Every bot"), widget=UnfoldAdminSelectWidget
    )
    language = forms.ChoiceField(choices=Tenant.Locale.choices, label=_("Language"), widget=UnfoldAdminSelectWidget)

    class Meta:
        model = Faq
        fields = ("question", "answer", "language", "category", "bot")
        widgets = {
            "question": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
            "answer": UnfoldAdminTextareaWidget(attrs={"rows": 5, "autofocus": True}),
            "category": UnfoldAdminTextInputWidget,
        }


OPEN_FIRST = Case(When(state=KnowledgeGap.State.OPEN, then=0), default=1)


@admin.register(KnowledgeGap)
class KnowledgeGapAdmin(LedgerAdmin):
    """Questions without a good answer: the open ones first, of these the most frequent."""

    list_display = ("asked", "next_step", "times_asked", "last_asked_at", "reason_label", "where", "bot", "state_label")
    list_display_links = ("asked",)
    list_filter = ("state", "reason", "bot", "language", ("created_at", TimeFilter))
    list_filter_submit = True
    list_select_related = ("bot", "faq", "turn__session")
    search_fields = ("question",)
    ordering = (OPEN_FIRST, "-times_asked", "-id")
    fields = (
        "question",
        "language",
        "bot",
        "times_asked",
        "last_asked_at",
        "reason",
        "where",
        "state",
        "example",
        "in_lab",
        "faq",
    )
    readonly_fields = ("where", "example", "in_lab")
    actions: Any = ("ignore", "reopen", "export")
    actions_detail = ("write_faq",)
    export_fields = ("question", "language", "bot", "times_asked", "last_asked_at", "reason", "state")
    empty_message = _("Questions your bots could not answer, and answers that were rated badly, will be listed here.")

    @display(description=_("question"), ordering="question")
    def asked(self, gap: KnowledgeGap) -> str:
        """Show how the question begins."""
        return truncatechars(gap.question, 100)

    @display(description=_("reason"), ordering="reason", label={"unanswered": "warning", "badly_rated": "danger"})
    def reason_label(self, gap: KnowledgeGap) -> tuple[str, str]:
        """Show the reason as a label."""
        return gap.reason, gap.get_reason_display()

    @display(description=_("state"), ordering="state", label={"open": "info", "answered": "success", "ignored": "default"})
    def state_label(self, gap: KnowledgeGap) -> tuple[str, str]:
        """Show the state as a label."""
        return gap.state, gap.get_state_display()

    @display(description=_("asked where"))
    def where(self, gap: KnowledgeGap) -> str:
        """Tell of a conversation that may use some collections only: another one may answer the question."""
        is_limited = gap.turn is not None and gap.turn.session.limits_collections
        return gettext("Some collections only") if is_limited else "–"

    @display(description=_("next step"))
    def next_step(self, gap: KnowledgeGap) -> str:
        """Lead to the form, or to what was written."""
        if gap.faq_id:
            return format_html(
                '<a class="{}" href="{}">{}</a>', LINK, reverse("admin:bots_faq_change", args=[gap.faq_id]), gap.faq
            )
        address = reverse("admin:runtime_knowledgegap_write_faq", args=[gap.pk])
        return format_html('<a class="{} whitespace-nowrap" href="{}">{}</a>', LINK, address, _("Write the FAQ"))

    @display(description=_("example"))
    def example(self, gap: KnowledgeGap) -> str:
        """Lead to the conversation in which it was asked last."""
        if gap.turn is None:
            return "–"
        address = reverse("admin:runtime_session_change", args=[gap.turn.session_id])
        return format_html('<a class="{}" href="{}">{}</a>', LINK, address, _("Conversation"))

    @display(description=_("retrieval lab"))
    def in_lab(self, gap: KnowledgeGap) -> str:
        """Lead to what the bot finds for the question now, and why none of it answers."""
        asked = urlencode({"bot": gap.bot_id, "q": gap.question[:QUESTION_LENGTH]})
        address = f"{reverse('admin:bots_retrievalmark_lab')}?{asked}"
        return format_html('<a class="{}" href="{}">{}</a>', LINK, address, _("What is found for it"))

    def has_write_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the person may write FAQs and close gaps."""
        return request.user.has_perms(["runtime.change_knowledgegap", "bots.add_faq"])

    @action(description=_("Write the FAQ"), icon="edit_note", url_path="faq", permissions=["write"])
    def write_faq(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write what was missing; it is answered from then on."""
        gap = self.get_object(request, object_id)
        if gap is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        prefilled = {"question": gap.question[:1000], "language": gap.language, "bot": gap.bot}
        form = GapAnswerForm(request.POST or None, initial=prefilled)
        if request.method == "POST" and form.is_valid():
            try:
                answer_gap(gap=gap, faq=form.save(commit=False))
            except DomainError as error:
                form.add_error(None, error.message)
            else:
                messages.success(request, _("Written. Whoever asks next gets this answer."))
                return redirect("admin:runtime_knowledgegap_changelist")
        context = {"title": _("Write the FAQ"), "step": _("Save"), "opts": self.opts, "original": gap, "form": form}
        return TemplateResponse(
            request, "runtime/admin/write_faq.html", {**self.admin_site.each_context(request), **context}
        )

    @admin.action(description=_("Ignore"), permissions=["write"])
    def ignore(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Leave the chosen questions without an answer; they are only counted."""
        open_ones = queryset.filter(state=KnowledgeGap.State.OPEN)
        open_ones.update(state=KnowledgeGap.State.IGNORED)

    @admin.action(description=_("Open again"), permissions=["write"])
    def reopen(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Put the chosen questions back among those that need an answer."""
        queryset.update(state=KnowledgeGap.State.OPEN, faq=None)
