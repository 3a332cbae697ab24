"""Changes of many offerings at once: one statement each; they tell how many were really changed."""

from django.db.models import F, Func, QuerySet, TextField, Value
from django.db.models.functions import Concat, Lower, Now

from catalog.filing import LONGEST_TAG, MOST_TAGS, one_spelling
from catalog.models import Offering, Status

EDGE = "\x1f"
"""Stands between tags where they are compared as one text; no tag can hold it."""


class _Joined(Func):
    function = "array_to_string"
    output_field = TextField()


class _Appended(Func):
    function = "array_append"


class _Removed(Func):
    function = "array_remove"


def add_tag(*, offerings: QuerySet[Offering], tag: str) -> int:
    """Give the tag to the offerings that lack it, in whatever case, and have less than 100; returns how many did."""
    tag = one_spelling(tag)[:LONGEST_TAG]
    folded = Concat(Value(EDGE), Lower(_Joined(F("tags"), Value(EDGE))), Value(EDGE), output_field=TextField())
    lacking = offerings.alias(folded=folded).exclude(folded__contains=f"{EDGE}{tag.lower()}{EDGE}")
    room = lacking.exclude(tags__len__gte=MOST_TAGS)
    return room.update(tags=_Appended(F("tags"), Value(tag)), updated_at=Now())


def remove_tag(*, offerings: QuerySet[Offering], tag: str) -> int:
    """Take the tag away from the offerings that have it; returns how many did."""
    tag = one_spelling(tag)
    return offerings.filter(tags__contains=[tag]).update(tags=_Removed(F("tags"), Value(tag)), updated_at=Now())


def set_category(*, offerings: QuerySet[Offering], category: str) -> int:
    """Put the offerings into a category (empty: into none); returns how many were in another."""
    category = one_spelling(category)
    return offerings.exclude(category=category).update(category=category, updated_at=Now())


def archive(*, offerings: QuerySet[Offering]) -> int:
    """Take the offerings off sale; returns how many were not archived before."""
    return offerings.exclude(status=Status.ARCHIVED).update(status=Status.ARCHIVED, updated_at=Now())
