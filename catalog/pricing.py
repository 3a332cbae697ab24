"""What it costs: one resolver, one query, for any number of variants (WISHES D3: as of any instant, and why).

A price competes when its list serves the channel (a list without channel serves every one) and its window is open.
Per variant and currency the highest priority wins; on a tie the channel's own list, then the later begin, then the
code. Nothing converts: without a currency it is the tenant's, else the only one there is, else nobody can tell.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from tenants.errors import DomainError
from tenants.scope import current_tenant_id

NOW = "catalog_variantprice"
THEN = """(
    SELECT DISTINCT ON (variant_id, price_list_id, currency) tenant_id, price_list_id, variant_id, currency,
        new_amount AS amount, new_compare_at AS compare_at
    FROM catalog_pricechange
    WHERE tenant_id = %(tenant)s AND variant_id IN (SELECT variant_id FROM wanted) AND created_at <= %(at)s
    ORDER BY variant_id, price_list_id, currency, created_at DESC, id DESC
)"""
"""The prices of now stand in their table, those of another instant in the ledger (None once a price was deleted)."""

PRICES = """
    moment AS (
        SELECT coalesce(%(at)s::timestamptz, statement_timestamp()) AS at, currency AS home
        FROM tenants_tenant WHERE id = %(tenant)s
    ),
    listed AS (
        SELECT p.variant_id, p.currency, p.amount, p.compare_at, l.code AS price_list, c.code AS channel,
            l.priority, l.valid_from, l.valid_to, m.at, m.home,
            (l.valid_from IS NULL OR l.valid_from <= m.at) AND (l.valid_to IS NULL OR m.at < l.valid_to) AS applies
        FROM {source} AS p
        JOIN catalog_pricelist AS l ON l.tenant_id = %(tenant)s AND l.id = p.price_list_id
        LEFT JOIN catalog_saleschannel AS c ON c.tenant_id = %(tenant)s AND c.id = l.channel_id
        CROSS JOIN moment AS m
        WHERE p.tenant_id = %(tenant)s AND p.variant_id IN (SELECT variant_id FROM wanted) AND p.amount IS NOT NULL
            AND (l.channel_id IS NULL OR (c.code = %(channel)s AND c.is_active))
    ),
    priced AS (
        SELECT variant_id, array_agg(DISTINCT currency) FILTER (WHERE applies) AS currencies,
            least(min(valid_from) FILTER (WHERE valid_from > at), min(valid_to) FILTER (WHERE valid_to > at)) AS next_edge
        FROM listed GROUP BY variant_id
    ),
    ranked AS (
        SELECT listed.*, row_number() OVER contest AS place,
            array_agg(price_list) OVER (contest ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS outranked
        FROM listed WHERE applies
        WINDOW contest AS (PARTITION BY variant_id, currency
            ORDER BY priority DESC, (channel IS NULL), valid_from DESC NULLS LAST, price_list)
    ),
    price AS (
        SELECT ranked.* FROM ranked JOIN priced USING (variant_id)
        WHERE place = 1 AND currency = coalesce(%(currency)s::text,
            CASE WHEN cardinality(currencies) = 1 THEN currencies[1] ELSE home END)
    )
"""
"""Common table expressions that turn ``wanted (variant_id)`` into ``price`` (at most one row per variant) and
``priced`` (the currencies there are, and the next instant at which a window opens or closes)."""

COLUMNS = ["amount", "currency", "compare_at", "price_list", "channel", "priority", "valid_from", "valid_to", "outranked"]
SELECTED = ", ".join(f"price.{column}" for column in COLUMNS)
"""What a query over ``price`` selects, in the order ``ResolvedPrice`` takes it."""

RESOLVED = """
WITH wanted AS MATERIALIZED (SELECT unnest(%(variants)s::uuid[]) AS variant_id), {prices}
SELECT priced.variant_id, priced.currencies, {columns} FROM priced LEFT JOIN price USING (variant_id)
"""

RANGES = """
WITH wanted AS MATERIALIZED (
    SELECT id AS variant_id, offering_id FROM catalog_variant
    WHERE tenant_id = %(tenant)s AND offering_id = ANY (%(offerings)s::uuid[]) AND status = 'active'
), {prices}
SELECT DISTINCT ON (offering_id) offering_id, min(amount), max(amount), currency
FROM price JOIN wanted USING (variant_id)
GROUP BY offering_id, currency, home ORDER BY offering_id, currency = home DESC, currency
"""


@dataclass(frozen=True, slots=True)
class ResolvedPrice:
    """The price that won, and everything needed to say why. ``channel`` is None for a list that serves all."""

    amount: Decimal
    currency: str
    compare_at: Decimal | None
    price_list: str
    channel: str | None
    priority: int
    valid_from: datetime | None
    valid_to: datetime | None
    outranked: tuple[str, ...]

    @classmethod
    def from_columns(cls, *columns: Any) -> "ResolvedPrice | None":
        """Build from ``SELECTED``; None when the variant has no price."""
        values = dict(zip(COLUMNS, columns, strict=True))
        if values["amount"] is None:
            return None
        return cls(**{**values, "outranked": tuple(values["outranked"] or ())})

    @property
    def explanation(self) -> str:
        """Why this price, as one sentence in the reader's language."""
        where = _("channel %(code)s") % {"code": self.channel} if self.channel else _("every channel")
        parts = [where, _("priority %(number)d") % {"number": self.priority}, *self._window()]
        won = _("Price list %(list)s (%(details)s)") % {"list": self.price_list, "details": ", ".join(parts)}
        if not self.outranked:
            return _("%(winner)s is the only one that applies.") % {"winner": won}
        return _("%(winner)s comes before %(others)s.") % {"winner": won, "others": ", ".join(self.outranked)}

    def _window(self) -> list[str]:
        edges = ((_("from %(time)s"), self.valid_from), (_("until %(time)s"), self.valid_to))
        return [text % {"time": _local(edge)} for text, edge in edges if edge]


def _local(moment: datetime) -> str:
    return formats.date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")


def price_tables(at: datetime | None) -> str:
    """Return ``PRICES`` reading the prices of now, or (``at``) those of that instant."""
    return PRICES.format(source=THEN if at else NOW)


def resolve_prices(
    variant_ids: Collection[UUID], *, channel: str | None = None, at: datetime | None = None, currency: str | None = None
) -> dict[UUID, ResolvedPrice]:
    """Return the price of each variant that has one: in ``channel`` (code), at ``at`` (now), in ``currency``.

    Raises ``DomainError`` (``currency_required``) when a variant has several currencies, none of them the tenant's.
    """
    sql = RESOLVED.format(prices=price_tables(at), columns=SELECTED)
    params = {"tenant": current_tenant_id(), "channel": channel, "at": at, "currency": currency}
    with connection.cursor() as cursor:
        cursor.execute(sql, {**params, "variants": list(variant_ids)})
        rows = cursor.fetchall()
    found: dict[UUID, ResolvedPrice] = {}
    for variant_id, currencies, *columns in rows:
        if price := ResolvedPrice.from_columns(*columns):
            found[variant_id] = price
        elif currency is None:
            require_one_currency(currencies)
    return found


def price_ranges(offering_ids: Collection[UUID]) -> dict[UUID, tuple[Decimal, Decimal, str]]:
    """Return the lowest and highest price now, and their currency, of each offering that has any: what lists show."""
    sql = RANGES.format(prices=price_tables(None))
    params = {"tenant": current_tenant_id(), "channel": None, "at": None, "currency": None}
    with connection.cursor() as cursor:
        cursor.execute(sql, {**params, "offerings": list(offering_ids)})
        return {offering_id: (low, high, currency) for offering_id, low, high, currency in cursor.fetchall()}


def require_one_currency(currencies: Collection[str] | None) -> None:
    """Raise ``currency_required`` naming the choices; call it when no price was found although none was asked for."""
    if currencies:
        message = _("Say in which currency: %(choices)s.") % {"choices": ", ".join(sorted(currencies))}
        raise DomainError("currency_required", message, field="currency")
