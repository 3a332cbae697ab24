"""Versions of an offering side by side, and on sale at a moment chosen beforehand.

A plan is a row of its own, ``ScheduledActivation``, one a version, and its own place in the queue: a worker claims it when
it is due and activates the version in the transaction that marks the row done, so it happens at most once. What customers
saw when it was planned is kept with it: a version put on sale by hand or by an import meanwhile, or an offering archived
meanwhile, stays, and the plan ends as ``failed`` with the reason. So does one that cannot be carried out (a required
attribute is missing). Nothing is tried twice but what failed for a reason of the machine.

What others build on::

    version_diff(version, other) -> list[FieldChange]        # from version to other; empty: no difference
    schedule_activation(version=…, at=…, planned_by=None)    # plans, or moves the plan
    cancel_activation(version=…)                             # the plan is gone
    version.plan                                             # its ScheduledActivation, or None
    activate_version(version=…)  (catalog.services)          # now; also goes back to an archived version
    create_offering(…, translations={"en": {"name": …, "description": …}}), create_version(…, translations=…)
    Offering.objects.in_language("en"), OfferingVersion.objects.in_language("en"), version.translations
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from catalog.attributes import check_nothing_missing
from catalog.models import Offering, OfferingVersion, ScheduledActivation, Status
from catalog.services import activate_version, lock
from tenants.errors import Conflict, DomainError
from tenants.models import Tenant, User
from tenants.queue import QueueState, fail, owned, work

logger = logging.getLogger(__name__)

TASK = "catalog.activate_versions"
BATCH = 20


@dataclass(frozen=True, slots=True)
class FieldChange:
    """What one field says in two versions. ``field`` is a dotted path (``attributes.brand``); None: not there."""

    field: str
    before: Any
    after: Any


def version_diff(version: OfferingVersion, other: OfferingVersion) -> list[FieldChange]:
    """Return what changes from ``version`` to ``other``, field by field: name, description, attributes, translations."""
    before, after = _flat(version), _flat(other)
    fields = dict.fromkeys([*before, *after])
    return [
        FieldChange(field, before.get(field), after.get(field)) for field in fields if before.get(field) != after.get(field)
    ]


def _flat(version: OfferingVersion) -> dict[str, Any]:
    said: dict[str, Any] = {"name": version.name, "description": version.description}
    said |= {f"attributes.{key}": version.attributes[key] for key in sorted(version.attributes)}
    for words in sorted(version.translations.all(), key=lambda one: one.language):
        said[f"translations.{words.language}.name"] = words.name
        said[f"translations.{words.language}.description"] = words.description
    return said


@transaction.atomic
def schedule_activation(*, version: OfferingVersion, at: datetime, planned_by: User | None = None) -> ScheduledActivation:
    """Plan to put this version on sale at ``at`` (aware); a plan it has already is moved.

    Raises ``Conflict`` (``already_active``), and ``DomainError`` for a moment that has passed (``in_the_past``) and for
    what ``activate_version`` would refuse today (``required``).
    """
    offering = lock(version.offering)
    version.refresh_from_db(fields=["status"])
    if version.status == Status.ACTIVE:
        raise Conflict("already_active", _("Customers see this version already."))
    if at <= timezone.now():
        raise DomainError("in_the_past", _("Choose a moment to come."), field="at")
    check_nothing_missing(offering.domain, version)
    plan: ScheduledActivation = ScheduledActivation.objects.update_or_create(
        offering_version=version,
        defaults={
            "activate_at": at,
            "due_at": at,
            "planned_over": _seen_by_customers(offering),
            "created_by": planned_by,
            "state": QueueState.PENDING,
            "attempt": 0,
            "lease_until": None,
            "last_error": "",
        },
    )[0]
    return plan


@transaction.atomic
def cancel_activation(*, version: OfferingVersion) -> None:
    """Take back the plan, also one that failed; raises ``Conflict`` (``not_planned``) when there is none to take back."""
    lock(version.offering)  # a worker that is at it has it first, and then the plan is over
    plans = ScheduledActivation.objects.filter(offering_version=version).exclude(state=QueueState.DONE)
    if not plans.delete()[0]:
        raise Conflict("not_planned", _("Nothing is planned for this version."))


def activate_due_versions() -> int:
    """Carry out what is due, of all tenants; returns how many plans were looked at."""
    return work(ScheduledActivation, _carry_out, batch=BATCH)


def _carry_out(plans: Sequence[ScheduledActivation]) -> None:
    with translation.override(Tenant.objects.get().locale):  # the reason is for the tenant's people to read
        for plan in plans:
            try:
                _activate(plan)
            except DomainError as error:
                fail(plan, error.message, permanent=True)
            except Exception:
                logger.exception("plan %s cannot be carried out", plan.pk)
                fail(plan, _("Something went wrong here. It has been logged."))


@transaction.atomic
def _activate(plan: ScheduledActivation) -> None:
    version = OfferingVersion.objects.select_related("offering").get(pk=plan.offering_version_id)
    offering = lock(version.offering)
    if not owned(plan).select_for_update().exists():
        return  # cancelled, moved, or done by hand; or another worker has it
    if _seen_by_customers(offering) != plan.planned_over:
        raise DomainError("overtaken", _("What customers see was changed by hand after this was planned; it stays."))
    activate_version(version=version)
    waiting = ScheduledActivation.objects.filter(offering_version__offering=offering, planned_over=plan.planned_over)
    _still_open(waiting).update(planned_over=_seen_by_customers(lock(offering)))


def _still_open(plans: models.QuerySet[ScheduledActivation]) -> models.QuerySet[ScheduledActivation]:
    return plans.filter(state__in=ScheduledActivation.OPEN)


def _seen_by_customers(offering: Offering) -> str:
    """Return what customers see, to compare later: the offering's status and the number of its active version."""
    active = offering.versions.filter(status=Status.ACTIVE).values_list("version", flat=True).first()
    return f"{offering.status}:{active or 0}"
