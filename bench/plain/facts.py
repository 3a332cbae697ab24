"""The peer's facts about price and stock: related rows by `prefetch_related`, the winner chosen in Python.

The same rules as `catalog/facts.py` at the present moment, and the same values: 7 statements where ours has one, for no
number of offerings more.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q
from django.utils import timezone

from catalog.facts import LIFETIME, AttributeFacts, OfferingFacts, VariantFacts
from catalog.models import (
    InventoryItem,
    OfferingTranslation,
    OfferingVersion,
    StockReservation,
    Variant,
    VariantPrice,
)
from catalog.pricing import ResolvedPrice
from tenants.models import Tenant
from tenants.scope import current_tenant_id

FIRST = datetime.min.replace(tzinfo=timezone.get_default_timezone())


def offering_facts(
    offering_ids: Collection[UUID],
    *,
    channel: str | None = None,
    currency: str | None = None,
    language: str | None = None,
    bot_id: UUID | None = None,
    defined: bool = False,
) -> list[OfferingFacts]:
    """Return the active ones of these offerings, in the order asked, with all their active variants."""
    home = cache(lambda: Tenant.objects.values_list("currency", flat=True).get(pk=current_tenant_id()))
    variants = Variant.objects.filter(status="active").order_by("position", "pk")
    variants = variants.prefetch_related(
        Prefetch("prices", VariantPrice.objects.select_related("price_list__channel")),
        Prefetch("inventory_items", InventoryItem.objects.select_related("location__channel").order_by("pk")),
        Prefetch("reservations", StockReservation.objects.holding().prefetch_related("allocations")),
    )
    versions = OfferingVersion.objects.filter(offering__in=offering_ids, status="active", offering__status="active")
    versions = versions.filter(Q(offering__bot=None) | Q(offering__bot=bot_id)).select_related("offering")
    versions = versions.prefetch_related(
        Prefetch("translations", OfferingTranslation.objects.filter(language=language or "")),
        "offering__images",
        Prefetch("offering__variants", variants),
    )
    if defined:
        versions = versions.prefetch_related("offering__domain__attribute_definitions")
    now = timezone.now()
    found = {one.offering_id: _facts(one, channel, currency, home, now, defined) for one in versions}
    return [found[offering_id] for offering_id in dict.fromkeys(offering_ids) if offering_id in found]


def _facts(
    version: Any, channel: str | None, currency: str | None, home: Callable[[], str], now: datetime, defined: bool
) -> OfferingFacts:
    offering = version.offering
    image = min(offering.images.all(), key=lambda one: (one.position, one.pk), default=None)
    translated = next(iter(version.translations.all()), version)
    return OfferingFacts(
        id=offering.pk,
        code=offering.code,
        offering_type=offering.offering_type,
        category=offering.category,
        version_id=version.pk,
        version=version.version,
        name=translated.name,
        attributes=version.attributes,
        image_url=image.url if image else "",
        image_alt=image.alt if image else "",
        variants=tuple(_variant(one, channel, currency, home, now) for one in offering.variants.all()),
        as_of=now,
        described=_described(version) if defined else (),
    )


def _described(version: Any) -> tuple[AttributeFacts, ...]:
    domain, values = version.offering.domain, version.attributes
    definitions = domain.attribute_definitions.all() if domain else ()
    held = sorted((one for one in definitions if one.scope == "offering" and one.key in values), key=lambda one: one.key)
    return tuple(
        AttributeFacts(
            one.key,
            one.name,
            one.name_vi,
            one.unit,
            values[one.key],
            one.choices_vi or {},
            tuple((one.value_constraint or {}).get("enum", ())),
        )
        for one in held
    )


def _variant(
    variant: Any, channel: str | None, currency: str | None, home: Callable[[], str], now: datetime
) -> VariantFacts:
    items = [one for one in variant.inventory_items.all() if _serves(one.location.channel, channel)]
    available = _available(variant, items)
    prices = [one for one in variant.prices.all() if _sells(one.price_list.channel, channel)]
    valid = [one for one in prices if _is_open(one.price_list, now)]
    currencies = tuple(sorted({one.currency for one in valid}))
    edges = [edge for one in prices for edge in (one.price_list.valid_from, one.price_list.valid_to) if edge and edge > now]
    return VariantFacts(
        id=variant.pk,
        sku=variant.sku,
        name=variant.name,
        options=variant.attributes,
        price=_price(valid, currency or (currencies[0] if len(currencies) == 1 else home() if currencies else "")),
        currencies=currencies,
        available=available,
        inventory_items=tuple(one.pk for one in items),
        sellable=available is None or available > 0 or variant.inventory_policy == Variant.Policy.CONTINUE,
        as_of=now,
        expires_at=min([now + LIFETIME, *edges]),
    )


def _serves(location_of: Any, channel: str | None) -> bool:
    return channel is None or location_of is None or location_of.code == channel


def _sells(list_of: Any, channel: str | None) -> bool:
    return list_of is None or (list_of.code == channel and list_of.is_active)


def _is_open(terms: Any, now: datetime) -> bool:
    return (terms.valid_from is None or terms.valid_from <= now) and (terms.valid_to is None or now < terms.valid_to)


def _available(variant: Any, items: Sequence[Any]) -> int | None:
    if not variant.inventory_items.all():
        return None
    held: defaultdict[UUID, int] = defaultdict(int)
    for reservation in variant.reservations.all():
        for one in reservation.allocations.all():
            held[one.location_id] += one.quantity
    return max(0, sum(one.stock_qty - one.safety_stock - held[one.location_id] for one in items))


def _price(valid: Sequence[Any], currency: str) -> ResolvedPrice | None:
    rivals = [one for one in valid if one.currency == currency]
    rivals.sort(key=lambda one: one.price_list.code)
    rivals.sort(key=lambda one: one.price_list.valid_from or FIRST, reverse=True)
    rivals.sort(key=lambda one: (-one.price_list.priority, one.price_list.channel_id is None))
    if not rivals:
        return None
    won, *others = rivals
    terms = won.price_list
    return ResolvedPrice(
        id=won.pk,
        amount=won.amount,
        currency=won.currency,
        compare_at=won.compare_at,
        price_list_id=terms.pk,
        price_list=terms.code,
        channel=terms.channel.code if terms.channel else None,
        priority=terms.priority,
        valid_from=terms.valid_from,
        valid_to=terms.valid_to,
        outranked=tuple(one.price_list.code for one in others),
    )
