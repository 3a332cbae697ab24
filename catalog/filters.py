"""Narrowing a search to offerings with these attributes and this price, in the same statement as the search."""

from collections.abc import Mapping
from decimal import Decimal

from catalog.search import Only, priced_between
from tenants.scope import current_tenant_id

# The key and the value of an attribute or option are compared without case: an imported option is called "Color".
DESCRIBED = """
    SELECT n.offering_id FROM catalog_offeringversion AS n, jsonb_each_text(n.attributes) AS a
    WHERE n.tenant_id = %s AND n.status = 'active' AND lower(a.key) = lower(%s) AND lower(a.value) = lower(%s)
    UNION
    SELECT v.offering_id FROM catalog_variant AS v, jsonb_each_text(v.attributes) AS a
    WHERE v.tenant_id = %s AND v.status = 'active' AND lower(a.key) = lower(%s) AND lower(a.value) = lower(%s)
"""


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
