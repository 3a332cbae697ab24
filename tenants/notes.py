"""Texts that one process stores and another person reads: kept in English, told in the language of whoever reads them.

What is stored is the text as translators know it; with values for its gaps, or a detail that nobody translates, it is
JSON of both. Whatever else stands in such a column, such as a text of an older version, is shown as it is.
"""

import json
from typing import Any

from django.utils import translation


def note(text: str, *, detail: str = "", **values: Any) -> str:
    """Return what is stored of ``text``, marked by ``gettext_noop`` where it is written; ``values`` fill its gaps."""
    if not values and not detail:
        return text
    parts = {"text": text, "values": values, "detail": detail}
    return json.dumps({name: part for name, part in parts.items() if part}, ensure_ascii=False)


def told(stored: str) -> str:
    """Return a stored text for the person who reads it now. Translators know it from where ``note`` was called."""
    if not stored.startswith('{"text": '):
        return translation.gettext(stored) if stored else ""
    try:
        parts = json.loads(stored)
        text = translation.gettext(parts["text"]) % parts.get("values", {})
    except (ValueError, KeyError, TypeError, AttributeError):  # cut off, or no note after all
        return stored
    return f"{text} ({parts['detail']})" if parts.get("detail") else text
