"""JSON typed into a form, held to what the API takes: what PostgreSQL cannot keep is refused at its field."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from rest_framework.exceptions import ParseError

from tenants.parsers import parse_json


class StrictJSONField(forms.JSONField):
    """Refuses, as the API does, NaN, numbers beyond a float, NUL, halves of characters, a key twice and deep nesting."""

    def to_python(self, value: Any) -> Any:
        """Return the value; raises ``ValidationError``."""
        if isinstance(value, str) and value not in self.empty_values and not _is_strict(value):
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value})
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what is shown again: what cannot be read, as it was typed."""
        if isinstance(data, str) and not self.disabled and not _is_strict(data):
            return InvalidJSONInput(data)
        return super().bound_data(data, initial)


def _is_strict(text: str) -> bool:
    try:
        parse_json(text.encode("utf-8", "surrogatepass"))
    except ParseError:
        return False
    return True
