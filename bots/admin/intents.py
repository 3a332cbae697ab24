"""The admin of intents: what customers want, with a wording a line."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from bots.intents import MOST_EXAMPLES, save_intent
from bots.models import Intent, IntentExample
from tenants.admin import TenantAdmin


class IntentForm(forms.ModelForm):
    """An intent with its examples, each on a line of its own."""

    examples = forms.CharField(
        required=False,
        label=_("Examples"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12}),
        help_text=_("One a line, as customers say it, in every language they use. Ten are a good beginning."),
    )

    class Meta:
        model = Intent
        fields = ("code", "name", "description", "bot", "is_active", "metadata")
        widgets: ClassVar[dict[str, forms.Widget]] = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial.setdefault("examples", "\n".join(self.instance.wordings))

    def clean_examples(self) -> list[str]:
        """Return the lines; refuse more, or longer ones, than an intent takes."""
        longest = IntentExample._meta.get_field("text").max_length or 0
        lines = [line.strip() for line in self.cleaned_data["examples"].splitlines() if line.strip()]
        if len(lines) > MOST_EXAMPLES:
            raise forms.ValidationError(_("An intent has at most %d examples.") % MOST_EXAMPLES)
        for number, line in enumerate(lines, 1):
            if len(line) > longest:
                text = _("Line %(line)d has more than %(longest)d characters.")
                raise forms.ValidationError(text % {"line": number, "longest": longest})
        return lines


@admin.register(Intent)
class IntentAdmin(TenantAdmin):
    """What customers want."""

    form = IntentForm
    list_display = ("name", "code", "bot", "wordings", "is_active", "updated_at")
    list_filter = ("is_active", "bot")
    list_select_related = ("bot",)
    search_fields = ("name", "code", "description", "examples__text")
    fieldsets = (
        (None, {"fields": (("name", "code"), "description", "examples", ("bot", "is_active"))}),
        (_("More"), {"classes": ("tab",), "fields": ("metadata",)}),
    )
    empty_message = _("An intent is something customers want, such as “where is my order”, told by examples.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the intents with how many examples they have."""
        return super().get_queryset(request).annotate(example_count=Count("examples"))

    @display(description=_("examples"), ordering="example_count")
    def wordings(self, intent: Any) -> int:
        """Show how many examples tell it."""
        return intent.example_count

    @display(description=_("examples"))
    def examples(self, intent: Intent) -> str:
        """Show the wordings to who may read only: for them the form has no field."""
        return "\n".join(intent.wordings)

    def save_model(self, request: HttpRequest, obj: Intent, form: ModelForm, change: bool) -> None:
        """Save the intent with its examples."""
        save_intent(intent=obj, values={}, examples=form.cleaned_data["examples"])
