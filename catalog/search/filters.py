"""Narrowing a search by what stands in other tables: evaluated under row security in the same statement.

Price, availability and attributes are asked of one and the same variant: “red, below 200,000, in stock” is a red one of
that price that is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from catalog.availability import SELLABLE_OFFERINGS, SELLABLE_VARIANTS
from catalog.pricing import WINNING
from catalog.search.query import Only, Statement
from tenants.scope import current_tenant_id
from tenants.text import fold

# The lists that serve the channel now, the first one first.
LISTS = f"""
    lists AS MATERIALIZED (
        SELECT id, row_number() OVER (ORDER BY {WINNING}) AS place
        FROM (
            SELECT l.id, l.priority, l.valid_from, l.code AS price_list, c.code AS channel
            FROM catalog_pricelist AS l
            LEFT JOIN catalog_saleschannel AS c ON c.tenant_id = l.tenant_id AND c.id = l.channel_id
            WHERE l.tenant_id = %(tenant)s AND (l.channel_id IS NULL OR (c.code = %(channel)s AND c.is_active))
              AND (l.valid_from IS NULL OR l.valid_from <= statement_timestamp())
              AND (l.valid_to IS NULL OR statement_timestamp() < l.valid_to)
        ) AS open
    )
"""  # noqa: S608 - our own SQL

# The variants of which the price that wins is within the bounds: it is, and no list before has a price.
PRICED_VARIANTS = """
    SELECT p.variant_id FROM catalog_variantprice AS p JOIN lists ON lists.id = p.price_list_id
    WHERE p.tenant_id = %(tenant)s AND p.currency = %(currency)s
      AND p.amount >= coalesce(%(minimum)s::numeric, 0) AND p.amount <= coalesce(%(maximum)s, 'Infinity'::numeric)
      AND NOT EXISTS (
        SELECT FROM catalog_variantprice AS q JOIN lists AS above ON above.id = q.price_list_id
        WHERE q.tenant_id = p.tenant_id AND q.variant_id = p.variant_id AND q.currency = p.currency
          AND above.place < lists.place AND above.place < (SELECT max(place) FROM lists)
      )
"""
# An array, because row security hides from the planner how many prices are within the bounds: it takes them for one.
PRICED_OFFERINGS = f"""
    WITH {LISTS} SELECT v.offering_id FROM catalog_variant AS v
    WHERE v.tenant_id = %(tenant)s AND v.status = 'active' AND v.id = ANY (ARRAY({PRICED_VARIANTS}))
"""  # noqa: S608 - our own SQL

OFFERINGS = """
    {lists} SELECT o.id FROM catalog_offering AS o
    JOIN catalog_offeringversion AS n ON n.tenant_id = o.tenant_id AND n.offering_id = o.id AND n.status = 'active'
    LEFT JOIN catalog_variant AS v ON v.tenant_id = o.tenant_id AND v.offering_id = o.id AND v.status = 'active'
    WHERE o.tenant_id = %(tenant)s AND o.status = 'active' AND {conditions}
"""

CONDITIONS = {
    "category": "text_fold(o.category) = %(category)s",
    "tag": "EXISTS (SELECT FROM unnest(o.tags) AS tag WHERE text_fold(tag) = %(tag)s)",
    "offering_type": "o.offering_type = %(offering_type)s",
    "domain_id": "o.domain_id = %(domain_id)s",
    "priced": f"v.id IN ({PRICED_VARIANTS})",
    "available": f"v.id IN ({SELLABLE_VARIANTS})",
    "unavailable": f"o.id NOT IN ({SELLABLE_OFFERINGS})",
}

# An option of the variant comes before an attribute of its offering. Keys and words are compared folded and without
# spaces (an imported option is called "Color"; 16GB is "16 gb"), numbers as numbers, and of a list any item counts.
# Of ASCII lower() is enough, and many times faster than text_fold: this is asked of every variant there is.
CLOSE = (
    "replace(CASE WHEN octet_length({text}) = char_length({text}) THEN lower({text}) ELSE text_fold({text}) END, ' ', '')"
)
DESCRIBED = """
    EXISTS (
        SELECT FROM jsonb_each(CASE WHEN v.attributes IS NULL THEN n.attributes ELSE n.attributes || v.attributes END)
            AS a (key, value)
        WHERE {key} = %(key)s AND CASE jsonb_typeof(a.value)
            WHEN 'array' THEN EXISTS (SELECT FROM jsonb_array_elements_text(a.value) AS one (text) WHERE {item})
            WHEN 'object' THEN false
            ELSE {scalar} END
    )
"""
# 8, "8" and "8 GB" are 8.
NUMBER = r"substring({text} FROM '^\s*([+-]?\d{{1,30}}(?:\.\d{{1,30}})?)\s*\D{{0,12}}$')::numeric"
SAYS = f"({CLOSE} = %(value)s OR {NUMBER} = %(number)s)"
BETWEEN = f"{NUMBER} BETWEEN coalesce(%(minimum)s, '-Infinity'::numeric) AND coalesce(%(maximum)s, 'Infinity'::numeric)"


def _described(test: str) -> str:
    scalar = "(a.value #>> '{}')"
    return DESCRIBED.format(
        key=CLOSE.format(text="a.key"), item=test.format(text="one.text"), scalar=test.format(text=scalar)
    )


LISTED = """
    SELECT t.kind, t.owner_id, t.title, t.body, t.language, t.priority, NULL::real, NULL::text[]
    FROM catalog_searchtext AS t
    WHERE t.tenant_id = %s AND t.kind = 'offering' AND (t.bot_id IS NULL OR t.bot_id = %s) AND t.owner_id IN ({only})
    ORDER BY t.owner_id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Described:
    """An attribute or option: it says ``value``, or is a number from ``minimum`` to ``maximum`` (inclusive)."""

    key: str
    value: str | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    @property
    def condition(self) -> Only:
        """What an offering (``n``) or its variant (``v``) must hold."""
        bounds = {"minimum": self.minimum, "maximum": self.maximum}
        if self.value is None:
            return Only.named(_described(BETWEEN), {"key": _close(self.key), **bounds})
        said = {"key": _close(self.key), "value": _close(self.value), "number": _number(self.value)}
        return Only.named(_described(SAYS), said)


def _close(text: str) -> str:
    return fold(text).replace(" ", "")


def _number(text: str) -> Decimal | None:
    digits = text.strip().removeprefix("-").replace(".", "", 1)
    return Decimal(text.strip()) if digits.isascii() and digits.isdigit() and len(digits) <= 60 else None


@dataclass(frozen=True, slots=True)
class Filters:
    """What offerings are narrowed to: each given condition holds. Prices are those of ``channel`` in ``currency``.

    ``category`` and ``tag`` are compared like words, whatever case and diacritics. ``available``: whether a variant that
    meets the rest can be sold now; False: none of the offering can.
    """

    minimum: Decimal | None = None
    maximum: Decimal | None = None
    currency: str = ""
    channel: str | None = None
    available: bool | None = None
    described: Sequence[Described] = ()
    category: str | None = None
    tag: str | None = None
    offering_type: str | None = None
    domain_id: UUID | None = None

    @property
    def is_priced(self) -> bool:
        """Whether a bound of the price is given."""
        return self.minimum is not None or self.maximum is not None

    @property
    def only(self) -> Only | None:
        """Return the offerings that meet everything; None when nothing is asked. Raises NoScope."""
        named = [CONDITIONS[name] for name, is_asked in self._asked.items() if is_asked]
        parts = [Only.named(sql, self._params) for sql in named] + [one.condition for one in self.described]
        if not parts:
            return None
        around = OFFERINGS.format(lists=f"WITH {LISTS}" if self.is_priced else "", conditions="{conditions}")
        begin, end = (Only.named(sql, self._params) for sql in around.split("{conditions}"))
        conditions = " AND ".join(part.sql for part in parts)
        params = [*begin.params, *(param for part in parts for param in part.params), *end.params]
        return Only(begin.sql + conditions + end.sql, params)

    @property
    def _asked(self) -> dict[str, bool]:
        words = {name: getattr(self, name) is not None for name in ("category", "tag", "offering_type", "domain_id")}
        return {
            **words,
            "priced": self.is_priced,
            "available": self.available is True,
            "unavailable": self.available is False,
        }

    @property
    def _params(self) -> dict[str, Any]:
        return {
            **{
                name: getattr(self, name)
                for name in ("minimum", "maximum", "currency", "channel", "offering_type", "domain_id")
            },
            "tenant": current_tenant_id(),
            "category": fold(self.category or ""),
            "tag": fold(self.tag or ""),
        }


def priced_between(minimum: Decimal | None, maximum: Decimal | None, *, currency: str, channel: str | None = None) -> Only:
    """Return the offerings that have a variant of which the price that counts now is within the bounds (inclusive)."""
    bounds = {"minimum": minimum, "maximum": maximum, "currency": currency, "channel": channel}
    return Only.named(PRICED_OFFERINGS, {"tenant": current_tenant_id(), **bounds})


def on_sale() -> Only:
    """Return every offering that is on sale."""
    sql = "SELECT o.id FROM catalog_offering AS o WHERE o.tenant_id = %(tenant)s AND o.status = 'active'"
    return Only.named(sql, {"tenant": current_tenant_id()})


def listed(only: Only, *, bot_id: UUID | None, limit: int) -> Statement:
    """Return the statement that lists offerings without any words to look for, as candidates: “anything under 200k”."""
    return Statement(LISTED.format(only=only.sql), [current_tenant_id(), bot_id, *only.params, limit])
