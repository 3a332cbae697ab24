"""Form fields for what a schedule does, made of what each kind of target needs to be told (``runtime/targets.py``)."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.apps import apps
from django.forms.fields import InvalidJSONInput
from django.utils.html import escape
from django.utils.text import capfirst
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from bots.admin.json_fields import IndentedEncoder
from runtime.targets import TARGETS
from tenants.admin.json_fields import StrictJSONField

EMPTY: tuple[Any, ...] = (None, "", {}, [])


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        """Return the texts as they are edited."""
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        """Return the lines that say something."""
        return [line.strip() for line in str(super().clean(value)).splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether other texts were typed."""
        return bool(super().has_changed(self.prepare_value(initial), data))


def field_name(kind: str, option: str) -> str:
    """Return what the field of an option is called in the form; a name of JavaScript as well."""
    return f"{kind}__{option}"


def options() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (kind, option, schema) of everything a target may be told."""
    for kind in TARGETS.values():
        for option, schema in kind.properties.items():
            yield kind.name, option, schema


def target_fields(user: Any) -> dict[str, forms.Field]:
    """Return a field for every option; none for rows that the person may not see."""
    return {field_name(kind, option): _field(schema) for kind, option, schema in options() if _may_choose(user, schema)}


def initial_of(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the fields show of a stored target."""
    kind = str(target.get("kind", ""))
    defaults = {field_name(name, option): schema["default"] for name, option, schema in options() if "default" in schema}
    return {**defaults, **{field_name(kind, option): value for option, value in target.items() if option != "kind"}}


def target_from(kind: str, cleaned: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the target that was filled in; what the person was not asked for stays as it is stored."""
    target: dict[str, Any] = {"kind": kind}
    for option in TARGETS[kind].properties:
        name = field_name(kind, option)
        kept = stored.get(option) if stored.get("kind") == kind else None
        value = _plain(cleaned[name], TARGETS[kind].properties[option]) if name in cleaned else kept
        if not any(value is empty or value == empty for empty in EMPTY):
            target[option] = value
    return target


def _plain(value: Any, schema: Mapping[str, Any]) -> Any:
    return str(getattr(value, schema.get("by", "pk"))) if "reference" in schema and value else value


def _may_choose(user: Any, schema: Mapping[str, Any]) -> bool:
    if "reference" not in schema:
        return True
    app, model = schema["reference"].lower().split(".")
    return bool(user.has_perm(f"{app}.view_{model}"))


def _field(schema: Mapping[str, Any]) -> forms.Field:
    common: dict[str, Any] = {
        "label": capfirst(str(schema.get("title", ""))),
        "help_text": escape(schema.get("description", "")),  # "Binh <binh@example.com>" is no tag
        "required": False,
    }
    if "reference" in schema:
        rows = apps.get_model(schema["reference"])._default_manager.all()
        named = {"to_field_name": schema["by"]} if "by" in schema else {}
        return forms.ModelChoiceField(rows, empty_label="–", widget=UnfoldAdminSelectWidget, **named, **common)
    if "enum" in schema:
        choices = [("", "–"), *((one, one) for one in schema["enum"])]
        return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget, **common)
    if schema.get("type") == "array" and schema["items"].get("type") == "string":
        return LinesField(**common)
    match schema.get("type"):
        case "boolean":
            return forms.BooleanField(widget=UnfoldBooleanWidget, **common)
        case "integer":
            limits: dict[str, Any] = {"min_value": schema.get("minimum"), "max_value": schema.get("maximum")}
            return forms.IntegerField(widget=UnfoldAdminIntegerFieldWidget, **limits, **common)
        case "object" | "array":
            empty = InvalidJSONInput("")  # shown as it is, where None would be shown as null
            widget = UnfoldAdminTextareaWidget(attrs={"rows": 4})
            return StrictJSONField(encoder=IndentedEncoder, initial=empty, widget=widget, **common)
    return forms.CharField(widget=UnfoldAdminTextInputWidget, **common)
