"""Changes of many offerings at once: a few statements each; they tell how many were really changed."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import F, Func, QuerySet, TextField, Value
from django.db.models.functions import Concat, Lower, Now

from catalog.attributes import missing_values
from catalog.filing import LONGEST_TAG, MOST_TAGS, one_spelling
from catalog.models import AttributeDefinition, Offering, OfferingVersion, ScheduledActivation, Status
from tenants.queue import QueueState

CHUNK = 500
"""Offerings put on sale in one transaction."""

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


def put_on_sale(*, offerings: QuerySet[Offering]) -> tuple[int, list[str]]:
    """Activate the version of each that is shown; returns how many are on sale by it, and what each of the others lacks.

    As ``activate_version`` does it for one, in a few statements for each ``CHUNK`` of them.
    """
    ids = list(offerings.order_by("pk").values_list("pk", flat=True))
    done, refused = 0, list[str]()
    for start in range(0, len(ids), CHUNK):
        ready, lacking = _sell(ids[start : start + CHUNK])
        done, refused = done + ready, [*refused, *lacking]
    return done, refused


@transaction.atomic
def _sell(ids: Sequence[UUID]) -> tuple[int, list[str]]:
    chosen = Offering.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True)
    required: dict[UUID, list[AttributeDefinition]] = {}
    for one in AttributeDefinition.objects.filter(is_required=True):
        required.setdefault(one.domain_id, []).append(one)
    ready, refused = [], []
    for offering in chosen.with_shown().prefetch_related("variants"):
        problems = missing_values(required.get(offering.domain_id, []), offering.current)
        if problems:
            refused.append(f"{offering}: {' '.join(one.message for one in problems)}")
        else:
            ready.append(offering.current.pk)
    _activate(ready)
    return len(ready), refused


def _activate(versions: Sequence[UUID]) -> None:
    shown = OfferingVersion.objects.filter(pk__in=versions)
    others = OfferingVersion.objects.filter(offering__in=shown.values("offering"), status=Status.ACTIVE)
    others.exclude(pk__in=versions).update(status=Status.ARCHIVED, updated_at=Now())
    shown.exclude(status=Status.ACTIVE).update(status=Status.ACTIVE, updated_at=Now())
    offerings = Offering.objects.filter(pk__in=shown.values("offering")).exclude(status=Status.ACTIVE)
    offerings.update(status=Status.ACTIVE, updated_at=Now())
    plans = ScheduledActivation.objects.filter(offering_version__in=versions).exclude(state=QueueState.DONE)
    plans.update(state=QueueState.DONE, lease_until=None, last_error="")
