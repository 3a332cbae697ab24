"""The admin of guardrails: the rules in their order, and a form that explains the language of conditions."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import TextField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import truncatechars
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from bots.expressions import NAMES
from bots.guardrails import Action, Stage
from bots.models import Guardrail
from bots.models.guardrails import LONGEST_FALLBACK
from tenants.admin import TenantAdmin

EXAMPLES = (
    ("size(message.card_numbers) > 0", _("The customer typed the number of a payment card.")),
    (
        "['hoan tien', 'refund'].exists(word, message.folded.contains(word))",
        _("One of these words, however it is written: folded text has small letters and no diacritics."),
    ),
    ("has(slots.quantity) && int(slots.quantity) > 50", _("More than 50 pieces are wanted. Ask with “has” first.")),
    ("price > 20000000 && reply.tier == 'llm'", _("The language model is about to name a high price.")),
    ("reply.folded.contains('guarantee') || reply.contains('100%')", _("The reply promises too much.")),
    (r"message.matches('\\bVN[0-9]{6}\\b')", _("A pattern: a letter code and six digits.")),
)
"""Conditions to start from."""

LANGUAGES = ("vi", "en")
"""That have a field of their own for what the bot says instead."""
COLOURS = {Action.BLOCK: "danger", Action.WARN: "warning", Action.MASK: "info", Action.HANDOFF: "success"}


SHORT = {Stage.MESSAGE: _("message"), Stage.REPLY: _("reply")}

KINDS = {
    "string": _("text"),
    "int": _("whole number"),
    "number": _("number"),
    "list": _("list of texts"),
    "map": _("texts by name"),
}
"""The types of the language, as people call them."""


class GuardrailForm(forms.ModelForm):
    """A rule with its words in two languages; those of further languages, which the API writes, stay."""

    fallback_vi = forms.CharField(
        label=_("In Vietnamese the bot says instead"),
        required=False,
        max_length=LONGEST_FALLBACK,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    fallback_en = forms.CharField(
        label=_("In English the bot says instead"),
        required=False,
        max_length=LONGEST_FALLBACK,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        texts = self.instance.fallback_messages
        self.initial = {**{f"fallback_{language}": texts.get(language, "") for language in LANGUAGES}, **self.initial}

    def texts(self) -> dict[str, str]:
        """Return what is said instead, by language; an empty field says nothing."""
        typed = {language: self.cleaned_data.get(f"fallback_{language}", "") for language in LANGUAGES}
        return {language: text for language, text in {**self.instance.fallback_messages, **typed}.items() if text}


@admin.register(Guardrail)
class GuardrailAdmin(TenantAdmin):
    """Guardrails, first asked first."""

    form = GuardrailForm
    list_display = ("label", "condition", "looks_at", "action_label", "bot", "priority", "is_active")
    list_display_links = ("label",)
    list_filter = ("violation_action", "is_active", "bot")
    list_select_related = ("bot",)
    search_fields = ("code", "name", "condition_expression")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "code"),
                    "condition_expression",
                    ("violation_action", "bot"),
                    "fallback_message",
                    ("fallback_vi", "fallback_en"),
                )
            },
        ),
        (_("When it counts"), {"fields": (("priority", "is_active"),)}),
    )
    actions_list = ("try_all",)
    actions_detail = ("try_one",)
    change_form_after_template = "bots/admin/guardrail_help.html"
    empty_message = _(
        "A guardrail watches what customers write and what bots answer: it blocks, hides card numbers, hands over to a "
        "person, or only takes a note."
    )
    empty_links = ((_("Try the guardrails"), "admin:bots_guardrail_try_all"),)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Show the condition as code."""
        if isinstance(db_field, TextField):
            is_code = db_field.name == "condition_expression"
            attrs = {"rows": 3, "spellcheck": "false", "style": "font-family: monospace"} if is_code else {"rows": 2}
            kwargs["widget"] = UnfoldAdminTextareaWidget(attrs=attrs)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @display(description=_("guardrail"), ordering="code")
    def label(self, guardrail: Guardrail) -> str:
        """Show the name, or the code without one."""
        return str(guardrail)

    @display(description=_("condition"))
    def condition(self, guardrail: Guardrail) -> str:
        """Show how the condition begins."""
        return format_html("<code>{}</code>", truncatechars(guardrail.condition_expression, 60))

    @display(description=_("looks at"))
    def looks_at(self, guardrail: Guardrail) -> str:
        """Show whether the rule is asked before the answer or after it."""
        return str(SHORT[guardrail.applies_to])

    @display(description=_("what happens"), ordering="violation_action", label=COLOURS)
    def action_label(self, guardrail: Guardrail) -> tuple[str, str]:
        """Show what happens as a label."""
        return guardrail.violation_action, guardrail.get_violation_action_display()

    def save_model(self, request: HttpRequest, obj: Guardrail, form: Any, change: bool) -> None:
        """Note who made the rule, and keep what is said instead in each language."""
        obj.fallback_messages = form.texts()
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Explain the names beneath the form, with conditions to start from."""
        names = [(name, KINDS[one.type], one.means) for name, one in NAMES.items()]
        return super().render_change_form(request, {**context, "names": names, "examples": EXAMPLES}, *args, **kwargs)

    @action(description=_("Try the guardrails"), icon="science", url_path="try", permissions=["view"])
    def try_all(self, request: HttpRequest) -> HttpResponse:
        """Open the page that asks every rule about a message."""
        return redirect("admin:runtime_session_try_guardrails")

    @action(description=_("Try it out"), icon="science", permissions=["view"])
    def try_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Open that page with the condition of this rule."""
        rule = self.get_object(request, object_id)
        if rule is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        given = {"condition": rule.condition_expression, "action": rule.violation_action}
        given |= {"bot": str(rule.bot_id)} if rule.bot_id else {}
        return redirect(f"{reverse('admin:runtime_session_try_guardrails')}?{urlencode(given)}")
