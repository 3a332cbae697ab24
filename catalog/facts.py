"""What is true right now: price, availability and attributes, each with its time and expiry, in one round trip.

Bots quote these and nothing else. ``available`` is what ``catalog/availability.py`` says: in the channel asked for, less
what is held for others, and None when the variant is not counted. The two doors differ only in what is asked for: one
SKU (the API) or whole offerings (cards). At a past instant, what was made later is not there yet.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection

from catalog.availability import available_sql
from catalog.models import Offering, Variant
from catalog.pricing import MOMENT, SELECTED, ResolvedPrice, price_of
from tenants.postgres.prepared import Prepared
from tenants.scope import current_tenant_id

LIFETIME = timedelta(seconds=60)
"""How long a fact may be repeated, unless a price window opens or closes earlier."""

FACTS = """
SELECT moment.at, o.id, o.code, o.offering_type, o.category, n.id, n.version, {name}, n.attributes, image.url, image.alt, {defined},
    v.id, v.sku, v.name, v.attributes, v.inventory_policy, stock.available,
    {items}, price.currencies, price.next_edge, {columns}
FROM catalog_offering AS o
JOIN catalog_offeringversion AS n ON n.tenant_id = %(tenant)s AND n.offering_id = o.id AND n.status = 'active'
LEFT JOIN catalog_variant AS v ON v.tenant_id = %(tenant)s AND v.offering_id = o.id AND v.status = 'active'
    AND (%(at)s::timestamptz IS NULL OR v.created_at <= %(at)s)
CROSS JOIN {moment}
LEFT JOIN LATERAL (
    SELECT url, alt FROM catalog_offeringimage AS i
    WHERE i.tenant_id = %(tenant)s AND i.offering_id = o.id ORDER BY position, id LIMIT 1
) AS image ON true
LEFT JOIN LATERAL ({available}) AS stock ON true
LEFT JOIN {price} ON true
WHERE o.tenant_id = %(tenant)s AND o.status = 'active' AND {asked}
    AND (%(at)s::timestamptz IS NULL OR o.created_at <= %(at)s)
ORDER BY o.id, v.position, v.id
"""

ITEMS = """ARRAY(
    SELECT i.id FROM catalog_inventoryitem AS i
    JOIN catalog_inventorylocation AS l ON l.tenant_id = %(tenant)s AND l.id = i.location_id
    LEFT JOIN catalog_saleschannel AS c ON c.tenant_id = %(tenant)s AND c.id = l.channel_id
    WHERE i.tenant_id = %(tenant)s AND i.variant_id = v.id AND (%(at)s::timestamptz IS NULL OR i.created_at <= %(at)s)
        AND (%(channel)s::text IS NULL OR l.channel_id IS NULL OR c.code = %(channel)s)
    ORDER BY i.id
)"""
"""The counts that ``available`` was read from."""

DEFINED = """(
    SELECT jsonb_agg(jsonb_build_array(d.key, d.name, d.name_vi, d.unit, d.choices_vi, d.value_constraint -> 'enum') ORDER BY d.key)
    FROM catalog_attributedefinition AS d
    WHERE d.domain_id = o.domain_id AND d.scope = 'offering' AND jsonb_exists(n.attributes, d.key)
)"""
"""What the attributes are called and measured in."""
NOT_DEFINED = "NULL::jsonb"

NAME = "n.name"
TRANSLATED = """coalesce((SELECT t.name FROM catalog_offeringtranslation AS t
    WHERE t.tenant_id = %(tenant)s AND t.offering_version_id = n.id AND t.language = %(language)s), n.name)"""
"""The version's own name, or the one in another language where it is translated."""

ASKED_OFFERINGS = "o.id = ANY (%(asked)s::uuid[])"
OF_BOT = " AND (o.bot_id IS NULL OR o.bot_id = %(bot)s)"
ASKED_SKU = "v.sku = %(asked)s"


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """One variant as it can be sold at ``as_of``; not to be repeated after ``expires_at``.

    ``price`` is None without one; ``currencies`` then names the choices when only the currency was missing.
    """

    id: UUID
    sku: str
    name: str
    options: dict[str, Any]
    price: ResolvedPrice | None
    currencies: tuple[str, ...]
    available: int | None
    inventory_items: tuple[UUID, ...]
    sellable: bool
    as_of: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AttributeFacts:
    """An attribute of an offering: what it is called in both languages, its value, the unit and what people call its choices."""

    key: str
    name: str
    name_vi: str
    unit: str
    value: Any
    choices_vi: dict[str, str]
    choices: tuple[Any, ...]

    def label(self, language: str) -> str:
        """Return what it is called in a language."""
        return (self.name_vi if language == "vi" else "") or self.name


@dataclass(frozen=True, slots=True)
class OfferingFacts:
    """An active offering in the words of its active version, with its active variants in their order."""

    id: UUID
    code: str
    offering_type: str
    category: str
    version_id: UUID
    version: int
    name: str
    attributes: dict[str, Any]
    image_url: str
    image_alt: str
    variants: tuple[VariantFacts, ...]
    as_of: datetime
    described: tuple[AttributeFacts, ...] = ()
    """The attributes with their definitions, where they were asked for."""

    @property
    def is_counted(self) -> bool:
        """Whether it makes sense to say that it is in stock: services and loans are not kept on shelves."""
        return self.offering_type not in (Offering.Type.SERVICE, Offering.Type.FINANCIAL) or not self.sellable

    @property
    def lowest_price(self) -> ResolvedPrice | None:
        """The cheapest variant's price, None without any. Variants of another currency are not compared."""
        return min(self._comparable(), key=_amount, default=None)

    @property
    def highest_price(self) -> ResolvedPrice | None:
        """The dearest variant's price in the currency of ``lowest_price``."""
        return max(self._comparable(), key=_amount, default=None)

    def _comparable(self) -> list[ResolvedPrice]:
        prices = [variant.price for variant in self.variants if variant.price]
        return [price for price in prices if price.currency == prices[0].currency]

    @property
    def available(self) -> int | None:
        """Pieces over all variants; None as soon as one of them is not counted (and so always to be had)."""
        counted = [variant.available for variant in self.variants if variant.available is not None]
        return sum(counted) if len(counted) == len(self.variants) else None

    @property
    def sellable(self) -> bool:
        """Whether any variant can be sold now."""
        return any(variant.sellable for variant in self.variants)


def _amount(price: ResolvedPrice) -> Decimal:
    return price.amount


def offering_facts(
    offering_ids: Collection[UUID],
    *,
    channel: str | None = None,
    currency: str | None = None,
    at: datetime | None = None,
    language: str | None = None,
    bot_id: UUID | None = None,
    defined: bool = False,
) -> list[OfferingFacts]:
    """Return the active ones of these offerings, in the order asked, with all their active variants. One round trip.

    Names are as ``facts_of_sku`` tells them. With a bot, those of other bots are left out. ``defined``: what the attributes
    are called and measured in is read, too.
    """
    asked = ASKED_OFFERINGS + (OF_BOT if bot_id else "")
    literal = "{" + ",".join(map(str, offering_ids)) + "}"
    facts = _facts(asked, literal, channel, currency, at, language, bot_id, defined=defined)
    found = {offering.id: offering for offering in facts}
    return [found[offering_id] for offering_id in dict.fromkeys(offering_ids) if offering_id in found]


def facts_of_sku(
    sku: str,
    *,
    channel: str | None = None,
    currency: str | None = None,
    at: datetime | None = None,
    language: str | None = None,
) -> tuple[OfferingFacts, VariantFacts] | None:
    """Return the facts of one SKU, or None when nothing active has it, or had it at ``at``.

    The name is in ``language`` where it is translated, else in the version's own words.
    """
    offerings = _facts(ASKED_SKU, sku, channel, currency, at, language)
    return (offerings[0], offerings[0].variants[0]) if offerings else None


@lru_cache(maxsize=64)
def facts_sql(asked: str, at: datetime | None = None, language: str | None = None, *, defined: bool = False) -> Prepared:
    """Return the one statement, for what is ``asked``; its parameters: tenant, asked, channel, currency, at, language."""
    sql = FACTS.format(
        name=TRANSLATED if language else NAME,
        asked=asked,
        defined=DEFINED if defined else NOT_DEFINED,
        items=ITEMS,
        available=available_sql("v.id", in_the_past=at is not None),
        price=price_of("v.id", at),
        moment=MOMENT,
        columns=SELECTED,
    )
    return Prepared(sql)


def _facts(
    asked_sql: str,
    asked: Any,
    channel: str | None,
    currency: str | None,
    at: datetime | None,
    language: str | None = None,
    bot_id: UUID | None = None,
    *,
    defined: bool = False,
) -> list[OfferingFacts]:
    params = {
        "tenant": current_tenant_id(),
        "asked": asked,
        "channel": channel,
        "currency": currency,
        "at": at,
        "bot": bot_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(facts_sql(asked_sql, at, language, defined=defined), {**params, "language": language})
        rows = cursor.fetchall()
    return [_offering(list(group)) for _offering_id, group in groupby(rows, key=lambda row: row[1])]


def _offering(rows: list[tuple[Any, ...]]) -> OfferingFacts:
    as_of, offering_id, code, offering_type, category, version_id, version, name, attributes, url, alt, defined = rows[0][
        :12
    ]
    values = _json(attributes)
    return OfferingFacts(
        id=offering_id,
        code=code,
        offering_type=offering_type,
        category=category,
        version_id=version_id,
        version=version,
        name=name,
        attributes=values,
        image_url=url or "",
        image_alt=alt or "",
        variants=tuple(_variant(as_of, row[12:]) for row in rows if row[12] is not None),
        as_of=as_of,
        described=tuple(_attribute(one, values) for one in _json(defined) or ()),
    )


def _attribute(definition: list[Any], values: dict[str, Any]) -> AttributeFacts:
    key, name, name_vi, unit, choices_vi, choices = definition
    return AttributeFacts(key, name, name_vi, unit, values[key], choices_vi or {}, tuple(choices or ()))


def _variant(as_of: datetime, columns: Iterable[Any]) -> VariantFacts:
    variant_id, sku, name, options, policy, available, items, currencies, next_edge, *price = columns
    sellable = available is None or available > 0 or policy == Variant.Policy.CONTINUE
    return VariantFacts(
        id=variant_id,
        sku=sku,
        name=name,
        options=_json(options),
        price=ResolvedPrice.from_columns(*price),
        currencies=tuple(sorted(set(currencies or ()))),
        available=None if available is None else int(available),
        inventory_items=tuple(items),
        sellable=sellable,
        as_of=as_of,
        expires_at=_expiry(as_of, next_edge),
    )


def _expiry(as_of: datetime, next_edge: datetime | None) -> datetime:
    latest = datetime.max.replace(tzinfo=as_of.tzinfo)
    return min(as_of + min(LIFETIME, latest - as_of), next_edge or latest)


def _json(value: Any) -> Any:
    # Django leaves jsonb to its own field; a raw cursor hands out the text.
    return json.loads(value) if isinstance(value, str) else value
