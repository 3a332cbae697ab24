"""Attribute definitions as form fields: a number with its limits and unit, a choice, yes or no, a text with a pattern."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from catalog.models import AttributeDefinition

NOTHING = "–"
"""Label of the choice that means "not said"."""
SPOKEN = str.maketrans("_-", "  ")
SPOKEN_UNITS = {"min": _("minutes"), "h": _("hours"), "month": _("months"), "year": _("years")}
"""What stands behind a number for units that are words; any other, such as "mAh", is the same in every language."""
SHORTEST_CODE = 4
"""Characters from which a lower-case word is taken for a code and not for a unit."""


class NumberWidget(UnfoldAdminTextInputWidget):
    """A number with its unit behind it."""

    input_type = "number"


class SpacedTextarea(UnfoldAdminTextareaWidget):
    """Some lines for what has a structure."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"rows": 3, **(attrs or {})})


class NumberField(forms.DecimalField):
    """A number as JSON holds it: whole where it is whole."""

    def clean(self, value: Any) -> Any:
        """Return an int or a float, None for nothing."""
        number = super().clean(value)
        return None if number is None else plain_number(number)


class StructuredField(forms.CharField):
    """A list, one entry a line; anything else that has a structure, as JSON."""

    def prepare_value(self, value: Any) -> Any:
        """Return what is stored as one types it; what was typed stays as it is."""
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, list) and value and all(_is_a_line(entry) for entry in value):
            return "\n".join(value)
        return json.dumps(value, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        """Read JSON, else a list of lines."""
        text = str(super().to_python(value)).strip()
        if not text:
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            if text[0] in "[{":
                raise ValidationError(_("This JSON cannot be read."), code="invalid") from None
        return [line.strip() for line in text.splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare what is meant, not how it is written."""
        try:
            return bool(self.to_python(data) != (self.to_python(initial) if isinstance(initial, str) else initial))
        except ValidationError:
            return True


def _is_a_line(entry: Any) -> bool:
    return isinstance(entry, str) and entry == entry.strip() and len(entry.splitlines()) == 1 and not _is_json(entry)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text[0] in "[{"
    return True


def plain_number(number: Decimal) -> int | float:
    """Return a number that JSON can hold."""
    return int(number) if number == number.to_integral_value() else float(number)


def definition_field(definition: AttributeDefinition, **widget: Any) -> forms.Field:
    """Return the field of an attribute. It is never required: a draft may be begun, and putting it on sale asks."""
    options: dict[str, Any] = {"label": label_of(definition), "required": False, "help_text": hint(definition)}
    limits: Mapping[str, Any] = definition.value_constraint
    kinds = AttributeDefinition.ValueType
    if choices := limits.get("enum"):
        coerce = _number_of if definition.value_type == kinds.NUMBER else str
        return _choice([(str(one), definition.choice_label(one) or spoken(one)) for one in choices], coerce, widget, options)
    match definition.value_type:
        case kinds.NUMBER:
            attrs = {"step": "any", **{name: limits[name] for name in ("min", "max") if name in limits}, **widget}
            suffix = {"suffix": SPOKEN_UNITS.get(definition.unit, definition.unit)} if definition.unit else {}
            return NumberField(widget=NumberWidget({**attrs, **suffix}), **options)
        case kinds.BOOLEAN:
            return _choice([("true", _("Yes")), ("false", _("No"))], _truth, widget, options)
        case kinds.JSON:
            return StructuredField(widget=SpacedTextarea(widget), **options)
    return forms.CharField(widget=UnfoldAdminTextInputWidget(widget), **options)


def _choice(choices: list[Any], coerce: Any, widget: dict[str, Any], options: dict[str, Any]) -> forms.TypedChoiceField:
    shown = UnfoldAdminSelectWidget(widget)
    return forms.TypedChoiceField(
        choices=[("", NOTHING), *choices], coerce=coerce, empty_value=None, widget=shown, **options
    )


def _truth(text: str) -> bool:
    return text == "true"


def _number_of(text: str) -> int | float:
    return plain_number(Decimal(text))


def spoken(value: Any) -> str:
    """Return a code as one says it: ``home_appliance`` is "Home appliance"; a unit or anything else stays as it is."""
    text = str(value)
    is_code = text.islower() and text.isascii() and len(text) >= SHORTEST_CODE
    return text.translate(SPOKEN).capitalize() if is_code else text


def label_of(definition: AttributeDefinition) -> SafeString | str:
    """Return the name, marked when it is needed on sale."""
    if not definition.is_required:
        return str(definition)
    return format_html(
        '{} <span class="text-red-600 dark:text-red-500" title="{}">*</span>',
        definition,
        gettext("Needed before it can be sold."),
    )


def hint(definition: AttributeDefinition) -> str:
    """Return what may be typed, as far as the field does not show it by itself."""
    limits: Mapping[str, Any] = definition.value_constraint
    shown = {name: number_format(limits[name], force_grouping=True) for name in ("min", "max") if name in limits}
    said = [gettext("Needed before it can be sold.")] if definition.is_required else []
    if "min" in limits and "max" in limits:
        said.append(gettext("From %(least)s to %(most)s.") % {"least": shown["min"], "most": shown["max"]})
    elif "min" in limits:
        said.append(gettext("At least %(least)s.") % {"least": shown["min"]})
    elif "max" in limits:
        said.append(gettext("At most %(most)s.") % {"most": shown["max"]})
    if definition.value_type == AttributeDefinition.ValueType.JSON:
        said.append(gettext("One entry a line, or JSON."))
    if "pattern" in limits:
        said.append(gettext("Pattern: %(pattern)s") % {"pattern": limits["pattern"]})
    return " ".join(said)


def initial_of(field: forms.Field, value: Any) -> Any:
    """Return a stored value as its field shows it; a choice that is offered no more is offered for this row."""
    if not isinstance(field, forms.TypedChoiceField) or value is None:
        return value
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    known: list[Any] = list(field.choices)  # type: ignore[arg-type] # the list it was made with
    if shown not in {str(key) for key, _label in known}:
        field.choices = [*known, (shown, shown)]
    return shown


def rows_of_two(names: list[str]) -> list[Any]:
    """Return the fields as a page lays them out: two beside each other."""
    return [tuple(names[start : start + 2]) for start in range(0, len(names), 2)]
