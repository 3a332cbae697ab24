"""Changes of many offerings at once: one statement each; who reads "how many" gets those that really changed."""

from django.db.models import F, Func, QuerySet, Value
from django.db.models.functions import Now

from catalog.models import Offering
from tenants.text import nfc


class _ArrayAppend(Func):
    function = "array_append"


class _ArrayRemove(Func):
    function = "array_remove"


def add_tag(*, offerings: QuerySet[Offering], tag: str) -> int:
    """Give the tag to the offerings that lack it; returns how many did."""
    tag = nfc(tag).strip()
    return offerings.exclude(tags__contains=[tag]).update(tags=_ArrayAppend(F("tags"), Value(tag)), updated_at=Now())


def remove_tag(*, offerings: QuerySet[Offering], tag: str) -> int:
    """Take the tag away from the offerings that have it; returns how many did."""
    tag = nfc(tag).strip()
    return offerings.filter(tags__contains=[tag]).update(tags=_ArrayRemove(F("tags"), Value(tag)), updated_at=Now())


def set_category(*, offerings: QuerySet[Offering], category: str) -> int:
    """Put the offerings into a category (empty: into none); returns how many were in another."""
    category = nfc(category).strip()
    return offerings.exclude(category=category).update(category=category, updated_at=Now())
