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

from django.db import connection, models
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.errors import DomainError
from tenants.scope import current_tenant_id

PRICES_NOW = """(
    SELECT id, price_list_id, currency, amount, compare_at
    FROM catalog_variantprice WHERE tenant_id = %(tenant)s AND variant_id = {variant}
)"""
PRICES_THEN = """(
    SELECT * FROM (
        SELECT DISTINCT ON (price_list_id, currency) id, price_list_id, currency,
            new_amount AS amount, new_compare_at AS compare_at
        FROM catalog_pricechange
        WHERE tenant_id = %(tenant)s AND variant_id = {variant} AND created_at <= %(at)s
        ORDER BY price_list_id, currency, created_at DESC, id DESC
    ) AS ledger WHERE amount IS NOT NULL
)"""
"""The prices of now stand in their table, those of another instant in the ledger (without amount: deleted by then)."""

LIST_NOW = """(
    SELECT l.id, l.code, l.priority, l.valid_from, l.valid_to, l.channel_id,
        c.code AS channel, coalesce(c.is_active, true) AS is_active
    FROM catalog_pricelist AS l
    LEFT JOIN catalog_saleschannel AS c ON c.tenant_id = %(tenant)s AND c.id = l.channel_id
    WHERE l.tenant_id = %(tenant)s AND l.id = p.price_list_id
)"""
LIST_THEN = """(
    SELECT l.id, l.code, t.priority, t.valid_from, t.valid_to, t.channel_id, c.code AS channel, t.is_active
    FROM catalog_pricelistchange AS t
    JOIN catalog_pricelist AS l ON l.tenant_id = %(tenant)s AND l.id = t.price_list_id
    LEFT JOIN catalog_saleschannel AS c ON c.tenant_id = %(tenant)s AND c.id = t.channel_id
    WHERE t.tenant_id = %(tenant)s AND t.price_list_id = p.price_list_id AND t.created_at <= %(at)s
    ORDER BY t.created_at DESC, t.id DESC LIMIT 1
)"""
"""The terms of a price's list: channel, priority and window of now, or those it had at that instant."""

WINNING = "priority DESC, (channel IS NULL), valid_from DESC NULLS LAST, price_list"
"""Which price list wins: the order of its terms. The filters of the search take prices in the same order."""

LISTED = """(
    SELECT p.id, p.currency, p.amount, p.compare_at, l.id AS price_list_id, l.code AS price_list,
        l.channel, l.is_active, l.priority, l.valid_from, l.valid_to,
        l.channel_id IS NULL OR (l.channel IS NOT DISTINCT FROM %(channel)s AND l.is_active) AS serves,
        (l.valid_from IS NULL OR l.valid_from <= moment.at) AND (l.valid_to IS NULL OR moment.at < l.valid_to) AS is_open
    FROM {prices} AS p CROSS JOIN LATERAL {lists} AS l
)"""
"""Every price of a variant, with the terms of its list, and whether it serves the channel and is open."""

MOMENT = """(
    SELECT coalesce(%(at)s::timestamptz, statement_timestamp()) AS at, currency AS home
    FROM tenants_tenant WHERE id = %(tenant)s
) AS moment"""

# One variant at a time: by index, whatever the planner believes about tables that were filled a second ago.
PRICE = """LATERAL (
    SELECT contest.*, is_open AND place = 1 AND currency = coalesce(%(currency)s::text,
        CASE WHEN first_currency = last_currency THEN first_currency ELSE moment.home END) AS chosen
    FROM (
        SELECT listed.*, row_number() OVER rivals AS place,
            array_agg(price_list) OVER (rivals ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS outranked,
            array_agg(currency) FILTER (WHERE is_open) OVER () AS currencies,
            min(currency) FILTER (WHERE is_open) OVER () AS first_currency,
            max(currency) FILTER (WHERE is_open) OVER () AS last_currency,
            least(min(valid_from) FILTER (WHERE valid_from > moment.at) OVER (),
                min(valid_to) FILTER (WHERE valid_to > moment.at) OVER ()) AS next_edge
        FROM {listed} AS listed WHERE serves
        WINDOW rivals AS (PARTITION BY is_open, currency
            ORDER BY {winning})
    ) AS contest
    ORDER BY chosen DESC NULLS LAST LIMIT 1
) AS price"""
"""Beside ``MOMENT``: at most one row for a variant. ``chosen``: it is the price; else it only tells the ``currencies``
there are. ``next_edge`` is the next instant at which a window opens or closes."""

COLUMNS = [
    *("id", "amount", "currency", "compare_at", "price_list_id", "price_list", "channel"),
    *("priority", "valid_from", "valid_to", "outranked"),
]
SELECTED = ", ".join(["price.chosen", *(f"price.{column}" for column in COLUMNS)])
"""What a query beside ``PRICE`` selects, in the order ``ResolvedPrice.from_columns`` takes it."""

RESOLVED = """
SELECT wanted.variant_id, {columns}
FROM unnest(%(variants)s::uuid[]) AS wanted (variant_id) CROSS JOIN {moment} CROSS JOIN {price}
"""

EXPLAINED = """
SELECT moment.at, {columns}, listed.price_list, listed.channel, listed.priority, listed.valid_from, listed.valid_to,
    listed.currency, listed.amount, listed.compare_at, CASE
        WHEN price.chosen AND listed.id = price.id THEN 'won'
        WHEN listed.channel = %(channel)s AND NOT listed.is_active THEN 'closed_channel'
        WHEN NOT listed.serves THEN 'other_channel'
        WHEN listed.valid_from > moment.at THEN 'not_yet'
        WHEN listed.valid_to <= moment.at THEN 'over'
        WHEN %(currency)s::text IS NULL AND price.chosen IS NOT TRUE THEN 'no_currency'
        WHEN listed.currency <> coalesce(%(currency)s::text, price.currency) THEN 'other_currency'
        WHEN listed.priority < price.priority THEN 'lower_priority'
        ELSE 'gives_way'
    END AS verdict
FROM {moment} LEFT JOIN LATERAL {listed} AS listed ON true LEFT JOIN {price} ON true
ORDER BY price.chosen AND listed.id = price.id DESC, listed.is_open AND listed.serves DESC, listed.priority DESC,
    listed.price_list, listed.currency
"""

RANGES = """
SELECT DISTINCT ON (v.offering_id) v.offering_id, min(price.amount), max(price.amount), price.currency
FROM catalog_variant AS v CROSS JOIN {moment} JOIN {price} ON price.chosen
WHERE v.tenant_id = %(tenant)s AND v.offering_id = ANY (%(offerings)s::uuid[]) AND v.status = 'active'
GROUP BY v.offering_id, price.currency, moment.home
ORDER BY v.offering_id, price.currency = moment.home DESC, price.currency
"""


@dataclass(frozen=True, slots=True)
class ResolvedPrice:
    """The price that won, and everything needed to say why. ``channel`` is None for a list that serves all.

    ``id`` is the row it was read from: the price, or for another instant the line of the ledger.
    """

    id: UUID
    amount: Decimal
    currency: str
    compare_at: Decimal | None
    price_list_id: UUID
    price_list: str
    channel: str | None
    priority: int
    valid_from: datetime | None
    valid_to: datetime | None
    outranked: tuple[str, ...]

    @classmethod
    def from_columns(cls, *columns: Any) -> "ResolvedPrice | None":
        """Build from ``SELECTED``; None when the variant has no price."""
        chosen, *values_in_order = columns
        if not chosen:
            return None
        values = dict(zip(COLUMNS, values_in_order, strict=True))
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


class Verdict(models.TextChoices):
    """What became of a price in the contest. Why it lost is the first of these that is true."""

    WON = "won", gettext_lazy("is the price that counts")
    CLOSED_CHANNEL = "closed_channel", gettext_lazy("its channel %(channel)s is not active")
    OTHER_CHANNEL = "other_channel", gettext_lazy("it is for channel %(channel)s only")
    NOT_YET = "not_yet", gettext_lazy("it begins on %(valid_from)s")
    OVER = "over", gettext_lazy("it ended on %(valid_to)s")
    NO_CURRENCY = "no_currency", gettext_lazy("there are several currencies, and it was not said which")
    OTHER_CURRENCY = "other_currency", gettext_lazy("it is in %(currency)s")
    LOWER_PRIORITY = "lower_priority", gettext_lazy("its priority %(priority)s is lower")
    GIVES_WAY = "gives_way", gettext_lazy("its priority is the same, and the channel's own list comes first")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A price that stands in some list, and what became of it."""

    price_list: str
    channel: str | None
    priority: int
    valid_from: datetime | None
    valid_to: datetime | None
    currency: str
    amount: Decimal
    compare_at: Decimal | None
    verdict: str

    @property
    def reason(self) -> str:
        """Why it won or lost, in the reader's language."""
        edges = {
            name: edge and _local(edge) for name, edge in (("valid_from", self.valid_from), ("valid_to", self.valid_to))
        }
        said = {"channel": self.channel, "currency": self.currency, "priority": self.priority, **edges}
        return str(Verdict(self.verdict).label) % said


@dataclass(frozen=True, slots=True)
class PriceExplanation:
    """The price of a variant at ``at``, if it has one, and every price that was looked at: the winner first."""

    at: datetime
    price: ResolvedPrice | None
    candidates: tuple[Candidate, ...]

    @property
    def text(self) -> str:
        """Why this price, or why none, as one sentence."""
        if self.price:
            return self.price.explanation
        if not self.candidates:
            return _("The variant has no price in any list.")
        return _("None of its prices counts.")


def _local(moment: datetime) -> str:
    """Return the moment as the admin writes it, with its offset: an explanation is read far from the tenant, too."""
    local = timezone.localtime(moment)
    return f"{formats.date_format(local, 'DATETIME_FORMAT')} {local:%z}"


def price_of(variant: str, at: datetime | None) -> str:
    """Return ``PRICE`` for the SQL expression ``variant``: of now, or (``at``) of that instant."""
    return PRICE.format(listed=_listed(variant, at), winning=WINNING)


def _listed(variant: str, at: datetime | None) -> str:
    prices, lists = (PRICES_THEN, LIST_THEN) if at else (PRICES_NOW, LIST_NOW)
    return LISTED.format(prices=prices.format(variant=variant), lists=lists)


def resolve_prices(
    variant_ids: Collection[UUID], *, channel: str | None = None, at: datetime | None = None, currency: str | None = None
) -> dict[UUID, ResolvedPrice]:
    """Return the price of each variant that has one: in ``channel`` (code), at ``at`` (now), in ``currency``.

    Without a currency a variant that has several, none of them the tenant's, has no price.
    """
    sql = RESOLVED.format(columns=SELECTED, moment=MOMENT, price=price_of("wanted.variant_id", at))
    params = {"tenant": current_tenant_id(), "channel": channel, "at": at, "currency": currency}
    with connection.cursor() as cursor:
        cursor.execute(sql, {**params, "variants": list(variant_ids)})
        rows = cursor.fetchall()
    prices = {variant_id: ResolvedPrice.from_columns(*columns) for variant_id, *columns in rows}
    return {variant_id: price for variant_id, price in prices.items() if price}


def explain_price(
    variant_id: UUID, *, channel: str | None = None, at: datetime | None = None, currency: str | None = None
) -> PriceExplanation:
    """Return the price that ``resolve_prices`` finds, and what became of every other price of the variant."""
    texts = {"moment": MOMENT, "listed": _listed("%(variant)s", at), "price": price_of("%(variant)s", at)}
    params = {"tenant": current_tenant_id(), "variant": variant_id, "channel": channel, "at": at, "currency": currency}
    with connection.cursor() as cursor:
        cursor.execute(EXPLAINED.format(columns=SELECTED, **texts), params)
        rows = cursor.fetchall()
    split = 2 + len(COLUMNS)  # the instant, whether chosen, and the columns of the price
    candidates = tuple(Candidate(*row[split:]) for row in rows if row[split] is not None)
    return PriceExplanation(rows[0][0], ResolvedPrice.from_columns(*rows[0][1:split]), candidates)


def price_ranges(offering_ids: Collection[UUID]) -> dict[UUID, tuple[Decimal, Decimal, str]]:
    """Return the lowest and highest price now, and their currency, of each offering that has any: what lists show."""
    sql = RANGES.format(moment=MOMENT, price=price_of("v.id", None))
    params = {"tenant": current_tenant_id(), "channel": None, "at": None, "currency": None}
    with connection.cursor() as cursor:
        cursor.execute(sql, {**params, "offerings": list(offering_ids)})
        return {offering_id: (low, high, currency) for offering_id, low, high, currency in cursor.fetchall()}


def require_one_currency(currencies: Collection[str] | None) -> None:
    """Raise ``currency_required`` naming the choices; call it when no price was found although none was asked for."""
    if currencies:
        message = _("Say in which currency: %(choices)s.") % {"choices": ", ".join(sorted(set(currencies)))}
        raise DomainError("currency_required", message, field="currency")
