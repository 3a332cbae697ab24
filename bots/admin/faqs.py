"""The admin of FAQs."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.forms import ModelForm
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import truncatechars
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget

from bots.faq_files import COLUMNS, MAX_FILE_BYTES, WrongRows, export_faqs, import_faqs
from bots.models import Faq
from tenants.admin import TenantAdmin
from tenants.errors import DomainError
from tenants.queue import wake


class FaqFileForm(forms.Form):
    """A file of FAQs."""

    file = forms.FileField(label=_("File"), widget=UnfoldAdminFileFieldWidget(), help_text=_("Up to 10 MB."))

    def clean_file(self) -> Any:
        """Refuse what is too large."""
        file = self.cleaned_data["file"]
        if file.size > MAX_FILE_BYTES:
            raise ValidationError(_("The file is larger than 10 MB."), code="too_large")
        return file


def _place(path: str | None) -> tuple[str, str]:
    """Return row and column of ``rows.2.priority``."""
    _rows, row, *column = (path or "").split(".")
    return row, column[0] if column else "–"


@admin.register(Faq)
class FaqAdmin(TenantAdmin):
    """Questions and answers."""

    list_display = ("question_start", "answer_start", "language", "category", "bot", "priority", "review", "is_active")
    list_display_links = ("question_start",)
    list_filter = ("review_state", "language", "is_active", "category", "bot")
    list_select_related = ("bot",)
    search_fields = ("question", "answer", "category")
    fieldsets = (
        (None, {"fields": ("question", "answer", ("language", "category"), "review_state")}),
        (_("Where it counts"), {"fields": (("bot", "domain"), "offering", ("priority", "is_active"))}),
    )
    actions = ("export", "approve", "send_to_review")
    actions_list = ("import_csv", "export_csv")
    empty_links = ((_("Import FAQs (CSV)"), "admin:bots_faq_import_csv"),)
    empty_message = _("A FAQ is a question your customers ask, with the answer the bot gives word for word.")

    @display(description=_("question"), ordering="question")
    def question_start(self, faq: Faq) -> str:
        """Show how the question begins."""
        return truncatechars(faq.question, 80)

    @display(description=_("answer"))
    def answer_start(self, faq: Faq) -> str:
        """Show how the answer begins."""
        return truncatechars(faq.answer, 80)

    @display(
        description=_("review"),
        ordering="review_state",
        label={"approved": "success", "needs_review": "warning", "draft": "info"},
    )
    def review(self, faq: Faq) -> tuple[str, str]:
        """Show the review state as a label."""
        return faq.review_state, faq.get_review_state_display()

    @admin.action(description=_("Approve"), permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Let the chosen ones be answered."""
        self._review(request, queryset, Faq.ReviewState.APPROVED)

    @admin.action(description=_("Send to review"), permissions=["change"])
    def send_to_review(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Answer with the chosen ones no more until they are approved."""
        self._review(request, queryset, Faq.ReviewState.NEEDS_REVIEW)

    def _review(self, request: HttpRequest, queryset: QuerySet, state: str) -> None:
        changed = queryset.exclude(review_state=state).update(review_state=state, updated_at=Now())
        wake("catalog.embed_texts")
        text = ngettext("%(count)d FAQ changed.", "%(count)d FAQs changed.", changed)
        messages.success(request, text % {"count": changed})

    @action(description=_("Import FAQs (CSV)"), icon="upload", permissions=["import_csv"])
    def import_csv(self, request: HttpRequest) -> HttpResponse:
        """Ask for a file, and import it; tell every row that has an error."""
        form = FaqFileForm(request.POST or None, request.FILES or None)
        problems: list[list[str]] = []
        if request.method == "POST" and form.is_valid():
            try:
                done = import_faqs(form.cleaned_data["file"])
            except DomainError as error:
                form.add_error(None if isinstance(error, WrongRows) else "file", error.message)
                problems = (
                    [[*_place(one.field), one.message] for one in error.problems] if isinstance(error, WrongRows) else []
                )
            else:
                text = _("%(created)d FAQs added, %(changed)d changed, %(unchanged)d as they were.")
                messages.success(request, text % done.as_json())
                return redirect("admin:bots_faq_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import FAQs (CSV)"),
            "opts": self.opts,
            "form": form,
            "step": _("Import"),
            "columns": ", ".join(COLUMNS),
            "problems": {"headers": [_("Row"), _("Column"), _("Error")], "rows": problems},
        }
        return TemplateResponse(request, "bots/admin/import_faqs.html", context)

    @action(description=_("Export FAQs (CSV)"), icon="download", permissions=["view"])
    def export_csv(self, request: HttpRequest) -> FileResponse:
        """Download all FAQs; imported again they change nothing."""
        name = f"faqs-{timezone.localdate()}.csv"
        faqs = export_faqs(Faq.objects.all())
        return FileResponse(faqs, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")

    def has_import_csv_permission(self, request: HttpRequest) -> bool:
        """Whoever may add FAQs and change them."""
        return self.has_add_permission(request) and self.has_change_permission(request)

    def save_model(self, request: HttpRequest, obj: Faq, form: ModelForm, change: bool) -> None:
        """Save, and wake the worker that embeds it."""
        super().save_model(request, obj, form, change)
        wake("catalog.embed_texts")
