"""Two versions side by side, with the words that changed marked."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import gettext

from catalog.models import AttributeDefinition, OfferingVersion
from catalog.versions import version_diff

MOST_WORDS = 3000
"""Beyond this many words texts are compared by lines: comparing takes the square of their number."""
Piece = tuple[bool, str]
"""Whether it changed, and a piece of text."""


@dataclass(frozen=True)
class ShownChange:
    """A field that differs, as a person reads it."""

    label: str
    before: list[Piece]
    after: list[Piece]


def shown_changes(older: OfferingVersion, newer: OfferingVersion) -> list[ShownChange]:
    """Return what changes from one version to the other, field by field."""
    names = {one.key: str(one) for one in AttributeDefinition.objects.filter(domain=older.offering.domain_id)}
    return [
        ShownChange(_label(change.field, names), *marked_words(as_text(change.before), as_text(change.after)))
        for change in version_diff(older, newer)
    ]


def marked_words(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Return both texts in pieces, those that the other lacks marked."""
    old, new = _words(before), _words(after)
    if max(len(old), len(new)) > MOST_WORDS:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    steps = SequenceMatcher(a=old, b=new, autojunk=len(old) > MOST_WORDS).get_opcodes()
    left = [(kind != "equal", "".join(old[start:end])) for kind, start, end, _from, _to in steps]
    right = [(kind != "equal", "".join(new[start:end])) for kind, _from, _to, start, end in steps]
    return list(_filled(left)), list(_filled(right))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|\s+|[^\w\s]", text)


def _filled(pieces: list[Piece]) -> Iterator[Piece]:
    yield from (piece for piece in pieces if piece[1])


def as_text(value: Any) -> str:
    """Return a value as a person compares it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _label(path: str, attributes: dict[str, str]) -> str:
    words = {"name": gettext("Name"), "description": gettext("Description")}
    first, _dot, rest = path.partition(".")
    if first == "attributes":
        return attributes.get(rest, capfirst(rest))
    if first == "translations":
        language, _dot, part = rest.partition(".")
        return f"{words.get(part, part)} ({dict(settings.LANGUAGES).get(language, language)})"
    return words.get(path, path)
