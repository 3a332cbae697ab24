"""Narrowing a search by what stands in other tables: evaluated under row security in the same statement."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from catalog.search.query import Only, Statement
from tenants.scope import current_tenant_id

PRICED = """
    SELECT v.offering_id FROM catalog_variantprice AS p
    JOIN catalog_variant AS v ON v.tenant_id = p.tenant_id AND v.id = p.variant_id AND v.status = 'active'
    JOIN catalog_pricelist AS l ON l.tenant_id = p.tenant_id AND l.id = p.price_list_id
    LEFT JOIN catalog_saleschannel AS c ON c.tenant_id = l.tenant_id AND c.id = l.channel_id
    WHERE p.tenant_id = %s AND p.currency = %s
      AND p.amount >= coalesce(%s, 0) AND p.amount <= coalesce(%s, 'Infinity'::numeric)
      AND (l.channel_id IS NULL OR c.code = %s)
      AND (l.valid_from IS NULL OR l.valid_from <= statement_timestamp())
      AND (l.valid_to IS NULL OR l.valid_to > statement_timestamp())
"""


LISTED = """
    SELECT t.kind, t.owner_id, t.title, t.body, t.language, t.priority, NULL::real
    FROM catalog_searchtext AS t
    WHERE t.tenant_id = %s AND t.kind = 'offering' AND (t.bot_id IS NULL OR t.bot_id = %s) AND t.owner_id IN ({only})
    ORDER BY t.owner_id LIMIT %s
"""

# The key and the value of an attribute or option are compared without case: an imported option is called "Color".
DESCRIBED = """
    SELECT n.offering_id FROM catalog_offeringversion AS n, jsonb_each_text(n.attributes) AS a
    WHERE n.tenant_id = %s AND n.status = 'active' AND lower(a.key) = lower(%s) AND lower(a.value) = lower(%s)
    UNION
    SELECT v.offering_id FROM catalog_variant AS v, jsonb_each_text(v.attributes) AS a
    WHERE v.tenant_id = %s AND v.status = 'active' AND lower(a.key) = lower(%s) AND lower(a.value) = lower(%s)
"""


def priced_between(minimum: Decimal | None, maximum: Decimal | None, *, currency: str, channel: str | None = None) -> Only:
    """Return the offerings that have a price within the bounds (inclusive) in any list that applies now.

    A list may be outranked by another: whoever quotes resolves the price (``catalog.facts``) and looks again.
    """
    return Only(PRICED, (current_tenant_id(), currency, minimum, maximum, channel))


def listed(only: Only, *, bot_id: UUID | None, limit: int) -> Statement:
    """Return the statement that lists offerings without any words to look for, as candidates: “anything under 200k”."""
    return Statement(LISTED.format(only=only.sql), [current_tenant_id(), bot_id, *only.params, limit])


def described_as(key: str, value: str) -> Only:
    """Return the offerings of which the active version or a variant has this attribute."""
    return Only(DESCRIBED, (current_tenant_id(), key, value) * 2)


def narrowed(
    attributes: Mapping[str, str],
    *,
    minimum: Decimal | None,
    maximum: Decimal | None,
    currency: str,
    channel: str | None,
) -> Only | None:
    """Return the offerings that have all attributes and a price within the bounds; None when nothing is asked."""
    parts = [described_as(key, value) for key, value in attributes.items()]
    if minimum is not None or maximum is not None:
        parts.append(priced_between(minimum, maximum, currency=currency, channel=channel))
    if not parts:
        return None
    return Only(" INTERSECT ".join(f"({part.sql})" for part in parts), [one for part in parts for one in part.params])
