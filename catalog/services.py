"""Writes to the catalogue: offerings and their versions, and price lists. Each is one transaction.

What a person reads as "the offering" is several rows: the offering, one active version with its attribute values, and
variants. Ledgers (price changes, stock quantities, the copy of the attributes) are kept by triggers, not here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from django.db import models, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from catalog.attributes import (
    attribute_rows,
    check_nothing_missing,
    check_offering_attributes,
    check_options,
    check_options_complete,
    definitions_of,
)
from catalog.filing import filed
from catalog.markup import clean_html
from catalog.models import (
    AttributeDefinition,
    InventoryLocation,
    KnowledgeDomain,
    Offering,
    OfferingImage,
    OfferingTranslation,
    OfferingVersion,
    PriceList,
    SalesChannel,
    ScheduledActivation,
    Status,
    Variant,
)
from tenants.errors import DomainError
from tenants.models import Tenant, User
from tenants.queue import QueueState
from tenants.text import nfc


class NewVariant(TypedDict, total=False):
    """A variant to make: ``sku`` is required."""

    sku: str
    name: str
    attributes: dict[str, Any]
    inventory_policy: str


class NewImage(TypedDict, total=False):
    """An image to add: ``url`` is required."""

    url: str
    alt: str


class NewTranslation(TypedDict, total=False):
    """The words of a version in another language: ``name`` is required."""

    name: str
    description: str


def create_defaults(tenant: Tenant) -> None:
    """Give a new tenant the channel ``web``, the price list ``standard`` and the location ``main``: enough to sell.

    They are named in the tenant's language.
    """
    SalesChannel.objects.create(code="web", name="Web")
    with translation.override(tenant.locale):
        PriceList.objects.create(code="standard", name=_("Standard prices"))
        InventoryLocation.objects.create(code="main", name=_("Main location"))


@transaction.atomic
def create_offering(
    *,
    name: str,
    description: str = "",
    attributes: Mapping[str, Any] | None = None,
    translations: Mapping[str, NewTranslation] | None = None,
    images: Sequence[NewImage] = (),
    variants: Sequence[NewVariant] = (),
    created_by: User | None = None,
    **fields: Any,
) -> Offering:
    """Make an offering (``fields``: code, offering_type, domain, bot, category, tags, …), its version 1 and its variants.

    Both are drafts: ``activate_version`` puts them on sale. ``translations`` are by language. Raises ``DomainError`` naming
    the attributes that are wrong.
    """
    offering = Offering(**filed(fields))
    _refuse_archived_domain(offering)
    offering.save()
    _add_version(offering, 1, name, description, attributes or {}, translations or {}, created_by)
    _add_images(offering, images)
    options = {f"variants.{position}.attributes": one.get("attributes", {}) for position, one in enumerate(variants)}
    check_options(offering.domain, options)
    Variant.objects.bulk_create(
        Variant(offering=offering, position=position, **variant) for position, variant in enumerate(variants)
    )
    return offering


def _refuse_archived_domain(offering: Offering) -> None:
    if offering.domain and offering.domain.status == KnowledgeDomain.Status.ARCHIVED:
        raise DomainError("archived", _("%s takes no new offerings.") % offering.domain, field="domain")


def _add_images(offering: Offering, images: Sequence[NewImage]) -> None:
    OfferingImage.objects.bulk_create(
        OfferingImage(offering=offering, position=position, **image) for position, image in enumerate(images)
    )


def _add_version(
    offering: Offering,
    number: int,
    name: str,
    description: str,
    attributes: Mapping[str, Any],
    translations: Mapping[str, NewTranslation],
    created_by: User | None,
) -> OfferingVersion:
    checked = check_offering_attributes(offering.domain, attributes)
    version = OfferingVersion.objects.create(
        offering=offering,
        version=number,
        name=nfc(name).strip(),
        description=clean_html(nfc(description)),
        created_by=created_by,
    )
    version.attribute_values.bulk_create(attribute_rows(version, checked))
    _translate(version, translations)
    version.refresh_from_db(fields=["attributes"])  # the copy is the trigger's
    return version


def _translate(version: OfferingVersion, translations: Mapping[str, NewTranslation]) -> None:
    OfferingTranslation.objects.bulk_create(
        OfferingTranslation(
            offering_version=version,
            language=language,
            name=nfc(words["name"]).strip(),
            description=clean_html(nfc(words.get("description", ""))),
        )
        for language, words in translations.items()
    )


@transaction.atomic
def create_version(
    *,
    offering: Offering,
    name: str | None = None,
    description: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    translations: Mapping[str, NewTranslation] | None = None,
    created_by: User | None = None,
) -> OfferingVersion:
    """Make the next version, a draft. What is left out is taken over from the words shown now.

    Attributes taken over are those whose key the offering's domain knows; ``translations``, when given, take the place of
    all there are. Raises ``DomainError`` as ``create_offering``.
    """
    lock(offering)
    shown = offering.current
    if translations is None:
        rows = shown.translations.values("language", "name", "description")
        translations = {row["language"]: {"name": row["name"], "description": row["description"]} for row in rows}
    if attributes is None:
        known = definitions_of(offering.domain, AttributeDefinition.Scope.OFFERING)
        values = shown.attribute_values.filter(attribute_definition__key__in=known).select_related("attribute_definition")
        attributes = {row.attribute_definition.key: row.value for row in values}
    return _add_version(
        offering,
        _next_number(offering),
        shown.name if name is None else name,
        shown.description if description is None else description,
        attributes,
        translations,
        created_by,
    )


def lock(offering: Offering) -> Offering:
    """Let nobody else change the versions of the offering until the transaction ends; returns it as it is stored."""
    stored: Offering = Offering.objects.select_for_update(no_key=True).get(pk=offering.pk)
    return stored


def _next_number(offering: Offering) -> int:
    newest: int = offering.versions.aggregate(newest=models.Max("version"))["newest"]
    return newest + 1


@transaction.atomic
def change_offering(
    *,
    offering: Offering,
    values: Mapping[str, Any],
    words: Mapping[str, Any],
    images: Sequence[NewImage] | None = None,
    created_by: User | None = None,
) -> Offering:
    """Change fields of an offering; changed ``words`` (name, description, attributes, translations) make a new version.

    So does another domain: it has attributes of its own, and what is not given is taken over as ``create_version`` does.
    ``images``, when given, takes the place of those there are.
    On an active offering the new version is active at once, as an import does it; else it waits as a draft.
    """
    stored = lock(offering)  # a form has put the new values on its own copy already
    for name, value in filed(values).items():
        setattr(offering, name, value)
    if offering.domain_id != stored.domain_id:
        _refuse_archived_domain(offering)
    offering.save()
    if images is not None:
        offering.images.all().delete()
        _add_images(offering, images)
    if words or offering.domain_id != stored.domain_id:
        version = create_version(offering=offering, created_by=created_by, **words)
        if offering.status == Status.ACTIVE:
            activate_version(version=version)
    return offering


@transaction.atomic
def activate_version(*, version: OfferingVersion) -> OfferingVersion:
    """Make this the version customers see and put the offering on sale; the one before is archived and can come back.

    A plan to do so later is carried out by it. Raises ``DomainError`` (``required``) naming the attributes its domain
    requires and it or one of the variants lacks.
    """
    offering = version.offering = lock(version.offering)
    version.refresh_from_db(fields=["status", "attributes"])  # somebody else may have had the lock before
    check_nothing_missing(offering.domain, version)
    others = offering.versions.filter(status=Status.ACTIVE).exclude(pk=version.pk)
    for other in others:
        _set_status(other, Status.ARCHIVED)
    _set_status(version, Status.ACTIVE)
    _set_status(offering, Status.ACTIVE)
    plans = ScheduledActivation.objects.filter(offering_version=version)
    plans.exclude(state=QueueState.DONE).update(state=QueueState.DONE, lease_until=None, last_error="")
    return version


@transaction.atomic
def archive_offering(*, offering: Offering) -> Offering:
    """Take the offering off sale. Nothing is lost: activating a version brings it back."""
    offering = lock(offering)
    _set_status(offering, Status.ARCHIVED)
    return offering


def _set_status(row: Offering | OfferingVersion, status: Status) -> None:
    if row.status != status:
        row.status = status
        row.save(update_fields=["status", "updated_at"])


def _check_variant(variant: Variant) -> None:
    """Raise ``DomainError`` for options its domain knows and that are wrong, or that are missing from what is on sale."""
    domain = variant.offering.domain
    check_options(domain, {"attributes": variant.attributes})
    if variant.offering.status == Status.ACTIVE and variant.status == Variant.Status.ACTIVE:
        check_options_complete(domain, {"attributes": variant})


def save_variant(*, variant: Variant, values: Mapping[str, Any]) -> Variant:
    """Save a new or changed variant; raises ``DomainError`` for options that are wrong, or missing from what is on sale."""
    for name, value in values.items():
        setattr(variant, name, value)
    _check_variant(variant)
    variant.save()
    return variant


def next_priority() -> int:
    """Return the priority of a new price list that names none: above all others."""
    highest: int | None = PriceList.objects.aggregate(highest=models.Max("priority"))["highest"]
    return 0 if highest is None else highest + 1
