"""JSON in forms, written as people read it."""

import json
from typing import Any

from django.forms import BaseForm, JSONField


class IndentedEncoder(json.JSONEncoder):
    """Writes JSON on many lines."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "indent": 2})


def json_text(value: Any) -> str:
    """Return a value as JSON on many lines."""
    return json.dumps(value, ensure_ascii=False, cls=IndentedEncoder)


def indent_json(form: BaseForm) -> None:
    """Show the JSON of every such field of the form on many lines."""
    for field in form.fields.values():
        if isinstance(field, JSONField):
            field.encoder = IndentedEncoder
