"""How an offering is filed: category, tags and the key another system knows it by, each in one spelling."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from tenants.errors import DomainError
from tenants.text import nfc

MOST_TAGS = 100
LONGEST_TAG = 100


def one_spelling(text: str) -> str:
    """Return the form words are filed under: Unicode NFC, trimmed. Case and accents are kept."""
    return nfc(text).strip()


def once_each(tags: Iterable[str]) -> list[str]:
    """Return the tags in one spelling and their order, none empty; of two that differ in case only, the first."""
    found: dict[str, str] = {}
    for tag in map(one_spelling, tags):
        if tag:
            found.setdefault(tag.casefold(), tag)
    return list(found.values())


def distinct_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags ``once_each``; raises ``DomainError`` (``too_many``) for more than 100 of them."""
    found = once_each(tags)
    if len(found) > MOST_TAGS:
        raise DomainError("too_many", _("At most %(most)d tags.") % {"most": MOST_TAGS}, field="tags")
    return found


def filed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an offering with category, tags and identity key, where they are given, in one spelling."""
    spelled = dict(values)
    for name in {"category", "identity_key"} & values.keys():
        spelled[name] = one_spelling(values[name])
    if "tags" in values:
        spelled["tags"] = distinct_tags(values["tags"])
    return spelled
