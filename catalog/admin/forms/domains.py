"""The limits of an attribute as fields one can fill in: least, most, choices one a line, pattern."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from catalog.admin.forms.attributes import NumberField, NumberWidget, SpacedTextarea, plain_number
from catalog.limits import LONGEST_PATTERN, check_limits
from catalog.models import AttributeDefinition

FIXED = {"key", "value_type", "scope"}
"""What stays as it was made: every value already given relies on it."""
LIMITS = {"least": "min", "most": "max", "choices": "enum", "pattern": "pattern"}
"""Which limit each field holds."""


class DefinitionForm(forms.ModelForm):
    """An attribute with its limits."""

    least = NumberField(
        label=_("At least"), required=False, widget=NumberWidget({"step": "any"}), help_text=_("Of a number.")
    )
    most = NumberField(label=_("At most"), required=False, widget=NumberWidget({"step": "any"}), help_text=_("Of a number."))
    choices = forms.CharField(
        label=_("Choices"),
        required=False,
        widget=SpacedTextarea(),
        help_text=_("One a line; then nothing else can be said. Of a text or a number."),
    )
    labels = forms.CharField(
        label=_("Choices in Vietnamese"),
        required=False,
        strip=False,
        widget=SpacedTextarea(),
        help_text=_("One a line, in the order of the choices: what people read in their place."),
    )
    pattern = forms.CharField(
        label=_("Pattern"),
        required=False,
        max_length=LONGEST_PATTERN,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("A regular expression (RE2) that the whole text must match, such as [0-9]+ ?GB. Of a text."),
    )

    class Meta:
        model = AttributeDefinition
        fields = ("key", "name", "name_vi", "value_type", "semantic_type", "unit", "scope", "is_required")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limits = self.instance.value_constraint
        self.initial.update({name: limits[limit] for name, limit in LIMITS.items() if limit in limits})
        if "enum" in limits:
            self.initial["choices"] = "\n".join(str(one) for one in limits["enum"])
            self.initial["labels"] = "\n".join(self.instance.choices_vi.get(str(one), "") for one in limits["enum"]).rstrip()
        for name in (*LIMITS, "labels"):
            setattr(self.instance, name, self.initial.get(name, ""))  # for who may only look
        for name in FIXED & self.fields.keys() if not self.instance._state.adding else ():
            self.fields[name].disabled = True

    def clean(self) -> dict[str, Any] | None:
        """Check the limits together with the type, and put them into the definition."""
        cleaned = super().clean()
        value_type = self.cleaned_data.get("value_type", self.instance.value_type)
        try:
            limits = self._limits(value_type)
            check_limits(value_type, limits)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from error
        self.instance.value_constraint = limits
        if "labels" in self.fields:
            self.instance.choices_vi = self._labels(limits)
        return cleaned

    def _labels(self, limits: dict[str, Any]) -> dict[str, str]:
        """What each choice is called; raises ``ValidationError`` for more lines than there are choices."""
        lines = [line.strip() for line in (self.cleaned_data.get("labels") or "").split("\n")]
        choices = [str(one) for one in limits.get("enum", [])]
        if any(lines[len(choices) :]):
            raise ValidationError({"labels": ValidationError(gettext("There are not so many choices."), code="invalid")})
        return {choice: line for choice, line in zip(choices, lines, strict=False) if line}

    def _limits(self, value_type: str) -> dict[str, Any]:
        typed = {limit: self.cleaned_data.get(name) for name, limit in LIMITS.items() if name in self.fields}
        limits = {limit: value for limit, value in typed.items() if value not in (None, "")}
        if "enum" in limits:
            lines = [line.strip() for line in limits["enum"].splitlines() if line.strip()]
            limits["enum"] = [_number(line) for line in lines] if value_type == "number" else lines
        return limits


def _number(line: str) -> int | float:
    try:
        return plain_number(Decimal(line))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise ValueError(gettext("%(choice)s is no number.") % {"choice": line}) from error
