"""The admin of tools: what bots can do beyond what the platform brings, and a page to try one."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import escape
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from bots.admin.json_fields import indent_json
from bots.functions import FUNCTIONS
from bots.models import Tool
from bots.tools import call_tool, check_may_send, complete_tool, prepare
from tenants.admin import TenantAdmin
from tenants.admin.json_fields import StrictJSONField
from tenants.errors import DomainError
from vault.testing import only_test

HTTP, FUNCTION, SCRIPT = "kind == 'http'", "kind == 'function'", "kind == 'script'"
PREFIX = "argument_"
"""Before the names of a trial's inputs, so that none is taken for one of the page's own."""


class FunctionSelect(UnfoldAdminSelectWidget):
    """The choice of a function, without the binding that unfold gives each field of a page with conditions.

    A binding names the field, and ``function`` is a word of JavaScript: the page would break. No condition asks for it.
    """

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        """Return the attributes of the element."""
        attrs = super().build_attrs(base_attrs, extra_attrs)
        return {name: value for name, value in attrs.items() if not name.startswith("x-model")}


class ToolForm(ModelForm):
    """A tool; which fields are asked for follows from its kind."""

    function = forms.ChoiceField(label=_("function"), required=False, widget=FunctionSelect)

    class Meta:
        model = Tool
        fields = (
            *("code", "name", "description", "bot", "kind", "method", "url", "headers", "body", "parameters", "credential"),
            *("timeout_seconds", "function", "script", "effect", "needs_confirmation", "is_active"),
        )
        widgets = {
            name: UnfoldAdminTextareaWidget(attrs={"rows": rows})
            for name, rows in (("description", 3), ("headers", 3), ("body", 4), ("parameters", 12))
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "function" in self.fields:
            choices = [("", "–"), *((one.name, f"{one.title} ({one.name})") for one in FUNCTIONS.values())]
            self.fields["function"].choices = choices  # type: ignore[attr-defined]
        indent_json(self)
        if self.instance.body is None:
            self.initial["body"] = InvalidJSONInput("")  # shown as it is, where None would be shown as null

    def clean_headers(self) -> Any:
        """Take an empty field for no headers."""
        return self.cleaned_data["headers"] or {}

    def clean_parameters(self) -> Any:
        """Take an empty field for no parameters."""
        return self.cleaned_data["parameters"] or {"type": "object", "properties": {}}


@admin.register(Tool)
class ToolAdmin(TenantAdmin):
    """Tools, each of one bot or of all."""

    form = ToolForm
    list_display = ("name", "code", "bot", "kind", "effect_label", "needs_confirmation", "is_active", "updated_at")
    list_filter = ("bot", "kind", "is_active")
    list_select_related = ("bot",)
    search_fields = ("name", "code", "description")
    autocomplete_fields = ("bot",)
    ordering = ("code",)
    export_fields = ("code", "name", "description", "bot", "kind", "method", "url", "effect", "is_active")
    link_filters = ("bot",)
    fieldsets = (
        (None, {"fields": (("name", "code"), "description", ("bot", "is_active"))}),
        (
            _("What it does"),
            {
                "fields": (
                    *("kind", "function", ("method", "url"), ("credential", "timeout_seconds"), "headers", "body"),
                    "script",
                )
            },
        ),
        (_("What it needs to be told"), {"fields": ("parameters",)}),
        (_("What it may do"), {"fields": ("effect", "needs_confirmation")}),
    )
    conditional_fields = {
        **dict.fromkeys(("method", "url", "headers", "body", "credential", "timeout_seconds"), HTTP),
        "function": FUNCTION,
        "script": SCRIPT,
    }
    actions_detail = ("try_out",)
    actions_row = ("try_out",)
    empty_message = _("A tool lets a bot ask your own systems, such as where a parcel is, or act in them.")

    @display(description=_("effect"), ordering="effect", label={"reads": "success", "repeatable": "info", "acts": "warning"})
    def effect_label(self, tool: Tool) -> tuple[str, str]:
        """Show what a call does as a label."""
        words = {"reads": gettext("Reads"), "repeatable": gettext("Acts once"), "acts": gettext("Acts")}
        return tool.effect, words[tool.effect]

    def get_readonly_fields(self, request: HttpRequest, obj: Tool | None = None) -> tuple[str, ...]:
        """Let only who manages credentials choose one."""
        return () if request.user.has_perm("vault.change_credential") else ("credential",)

    def save_model(self, request: HttpRequest, obj: Tool, form: ModelForm, change: bool) -> None:
        """Save a tool that can be called; what is refused is told at its field."""
        stored = Tool.objects.get(pk=obj.pk) if change else None
        check_may_send(obj, stored, manages_credentials=request.user.has_perm("vault.change_credential"))
        complete_tool(obj)
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    @action(description=_("Try it"), icon="play_arrow", permissions=["try"])
    def try_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the tool's parameters, show the request without the secret, and what comes back."""
        tool = self.get_object(request, object_id)
        if tool is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = TrialForm(tool, request.POST if request.method == "POST" else None)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Try “%(tool)s”") % {"tool": tool},
            "opts": self.opts,
            "original": tool,
            "form": form,
            "result": _tried(tool, form, sends="send" in request.POST) if form.is_bound and form.is_valid() else None,
            "back_url": reverse("admin:bots_tool_change", args=[tool.pk]),
        }
        return TemplateResponse(request, "bots/admin/try_tool.html", context)

    def has_try_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the person may change tools: a trial really happens outside."""
        return request.user.has_perm("bots.change_tool")


class ToolInline(TabularInline):
    """The tools of a bot alone, to look at; each has a page of its own."""

    model = Tool
    tab = True
    extra = 0
    fields = ("name", "code", "kind", "effect", "needs_confirmation", "is_active")
    readonly_fields = fields
    show_change_link = True
    can_delete = False
    verbose_name_plural = _("tools")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A tool is added on its own page."""
        return False


class TrialForm(forms.Form):
    """One input for each parameter of a tool."""

    def __init__(self, tool: Tool, data: Any = None) -> None:
        super().__init__(data)
        self.tool = tool
        required = tool.parameters.get("required", [])
        named = tool.parameters.get("properties", {}).items()
        for name, schema in sorted(named, key=lambda one: one[0] not in required):
            self.fields[PREFIX + name] = _input(name, schema if isinstance(schema, dict) else {}, name in required)

    def arguments(self) -> dict[str, Any]:
        """Return what was filled in; empty inputs are left out."""
        given = {name.removeprefix(PREFIX): value for name, value in self.cleaned_data.items()}
        return {name: _typed(value) for name, value in given.items() if value not in (None, "")}


def _typed(value: Any) -> Any:
    return float(value) if type(value).__name__ == "Decimal" else value


def _input(name: str, schema: dict[str, Any], required: bool) -> forms.Field:
    """Return the input for a parameter."""
    common: dict[str, Any] = {"label": schema.get("title") or name, "required": required}
    common["help_text"] = escape(schema.get("description", ""))  # the page takes it for markup
    if choices := schema.get("enum"):
        pairs = [(json.dumps(one), one if isinstance(one, str) else json.dumps(one)) for one in choices]
        blank = [] if required else [("", "–")]
        return forms.TypedChoiceField(
            choices=[*blank, *pairs], coerce=json.loads, empty_value=None, widget=UnfoldAdminSelectWidget, **common
        )
    match schema.get("type", "string"):
        case "integer":
            return forms.IntegerField(widget=UnfoldAdminIntegerFieldWidget, **common)
        case "number":
            return forms.DecimalField(widget=UnfoldAdminDecimalFieldWidget, **common)
        case "boolean":
            pairs = [*([] if required else [("", "–")]), ("true", gettext("Yes")), ("false", gettext("No"))]
            return forms.TypedChoiceField(
                choices=pairs, coerce=json.loads, empty_value=None, widget=UnfoldAdminSelectWidget, **common
            )
        case "string":
            return forms.CharField(widget=UnfoldAdminTextInputWidget, strip=False, **common)
    return StrictJSONField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), **common)


def _tried(tool: Tool, form: TrialForm, *, sends: bool) -> dict[str, Any] | None:
    """Return what came of a trial, ready to show; what is refused is told at its input."""
    try:
        if not sends:
            request = prepare(tool, form.arguments()).shown() if tool.kind == Tool.Kind.HTTP else {}
            return {"request": request}
        with only_test():
            result = call_tool(tool=tool, arguments=form.arguments())
    except DomainError as error:
        for problem in error.problems or ():
            name = PREFIX + (problem.field or "").removeprefix("arguments.")
            form.add_error(name if name in form.fields else None, ValidationError(problem.message))
        if not error.problems:
            form.add_error(None, error.message)
        return None
    output = result.output
    text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, indent=2)
    return {**vars(result), "text": "" if output is None else text, "colour": COLOURS[result.outcome]}


COLOURS = {"done": "text-green-700", "failed": "text-red-700", "unknown": "text-orange-700"}
