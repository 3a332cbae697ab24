"""The admin of FAQs."""

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.template.defaultfilters import truncatechars
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from bots.models import Faq
from tenants.admin import TenantAdmin
from tenants.queue import wake


@admin.register(Faq)
class FaqAdmin(TenantAdmin):
    """Questions and answers."""

    list_display = ("question_start", "answer_start", "language", "category", "bot", "priority", "is_active")
    list_display_links = ("question_start",)
    list_filter = ("language", "is_active", "category", "bot")
    list_select_related = ("bot",)
    search_fields = ("question", "answer", "category")
    fieldsets = (
        (None, {"fields": ("question", "answer", ("language", "category"))}),
        (_("Where it counts"), {"fields": (("bot", "domain"), "offering", ("priority", "is_active"))}),
    )
    empty_message = _("A FAQ is a question your customers ask, with the answer the bot gives word for word.")

    @display(description=_("question"), ordering="question")
    def question_start(self, faq: Faq) -> str:
        """Show how the question begins."""
        return truncatechars(faq.question, 80)

    @display(description=_("answer"))
    def answer_start(self, faq: Faq) -> str:
        """Show how the answer begins."""
        return truncatechars(faq.answer, 80)

    def save_model(self, request: HttpRequest, obj: Faq, form: ModelForm, change: bool) -> None:
        """Save, and wake the worker that embeds it."""
        super().save_model(request, obj, form, change)
        wake("catalog.embed_texts")
