"""What can still be had: the one place where stock, safety stock and reservations become ``available``.

``available`` = max(0, sum over the locations of (stock - safety stock - what is held there)), and null for a variant
that is counted nowhere, which can always be had. In a channel only the locations that serve it count; without a channel
all do. A reservation past its end holds nothing, whether or not it was swept.
"""

from uuid import UUID

from django.db import connection

from catalog.models import InventoryItem, InventoryLocation, StockAllocation, Variant
from tenants.scope import current_tenant_id

STOCK_NOW = "i.stock_qty::bigint"  # wider than its column: less a safety stock as large, it must not overflow
STOCK_THEN = """(SELECT coalesce(sum(m.quantity), 0) FROM catalog_stockmovement AS m
        WHERE m.tenant_id = %(tenant)s AND m.variant_id = i.variant_id AND m.location_id = i.location_id
            AND m.created_at <= %(at)s)"""

HOLDS_NOW = "r.state = 'open' AND (r.expires_at IS NULL OR r.expires_at > statement_timestamp())"
HOLDS_THEN = """r.created_at <= %(at)s AND (r.expires_at IS NULL OR r.expires_at > %(at)s)
            AND (r.closed_at IS NULL OR r.closed_at > %(at)s)"""

HELD = """coalesce((SELECT sum(a.quantity) FROM catalog_stockreservation AS r
        JOIN catalog_stockallocation AS a ON a.tenant_id = %(tenant)s AND a.reservation_id = r.id
        WHERE r.tenant_id = %(tenant)s AND r.variant_id = i.variant_id AND a.location_id = i.location_id
            AND {holds}), 0)"""

ITEMS = """catalog_inventoryitem AS i
    JOIN catalog_inventorylocation AS l ON l.tenant_id = %(tenant)s AND l.id = i.location_id
    LEFT JOIN catalog_saleschannel AS c ON c.tenant_id = %(tenant)s AND c.id = l.channel_id"""
SERVES = "(%(channel)s::text IS NULL OR l.channel_id IS NULL OR c.code = %(channel)s)"

AVAILABLE = """
    SELECT CASE WHEN count(*) > 0 THEN greatest(0, coalesce(
        sum({stock} - i.safety_stock - {held}) FILTER (WHERE {serves}), 0)) END AS available
    FROM {items}
    WHERE i.tenant_id = %(tenant)s AND i.variant_id = {variant}
"""

COUNTED = f"""(
        SELECT i.variant_id, sum({STOCK_NOW} - i.safety_stock - coalesce(held.quantity, 0)) FILTER (
            WHERE {SERVES}) AS available
        FROM {ITEMS}
        LEFT JOIN (
            SELECT r.variant_id, a.location_id, sum(a.quantity) AS quantity FROM catalog_stockreservation AS r
            JOIN catalog_stockallocation AS a ON a.tenant_id = %(tenant)s AND a.reservation_id = r.id
            WHERE r.tenant_id = %(tenant)s AND {HOLDS_NOW} GROUP BY r.variant_id, a.location_id
        ) AS held ON held.variant_id = i.variant_id AND held.location_id = i.location_id
        WHERE i.tenant_id = %(tenant)s GROUP BY i.variant_id
    ) AS counted"""  # noqa: S608 - our own SQL

SELLABLE_VARIANTS = f"""
    SELECT s.id FROM catalog_variant AS s
    LEFT JOIN {COUNTED} ON counted.variant_id = s.id
    WHERE s.tenant_id = %(tenant)s AND s.status = 'active'
      AND (s.inventory_policy = 'continue' OR counted.variant_id IS NULL OR counted.available > 0)
"""  # noqa: S608 - our own SQL
"""The active variants that facts call sellable, all of a tenant at once: to narrow a search. Parameters: tenant, channel."""

SELLABLE_OFFERINGS = f"""
    SELECT m.offering_id FROM catalog_variant AS m WHERE m.tenant_id = %(tenant)s AND m.id IN ({SELLABLE_VARIANTS})
"""  # noqa: S608 - our own SQL
"""The offerings with such a variant; parameters as above."""

SHELVES = """
SELECT i.variant_id, i.location_id, {stock} - i.safety_stock - {held}
FROM {items}
WHERE i.tenant_id = %(tenant)s AND i.variant_id = ANY (%(variants)s::uuid[]) AND {serves}
ORDER BY i.variant_id, l.code
"""

SOLD_OUT = f"""
SELECT s.id FROM catalog_variant AS s
JOIN catalog_offering AS o ON o.tenant_id = %(tenant)s AND o.id = s.offering_id AND o.status = 'active'
JOIN {COUNTED} ON counted.variant_id = s.id AND coalesce(counted.available, 0) <= 0
WHERE s.tenant_id = %(tenant)s AND s.status = 'active' AND s.inventory_policy = 'deny'
"""  # noqa: S608 - our own SQL


def sold_out() -> list[UUID]:
    """Return which variants on sale cannot be had any more."""
    with connection.cursor() as cursor:
        cursor.execute(SOLD_OUT, {"tenant": current_tenant_id(), "channel": None})
        return [variant_id for (variant_id,) in cursor.fetchall()]


def count_sold_out() -> int:
    """Return how many they are."""
    return len(sold_out())


def shelves_sql() -> str:
    """Return what each location of the channel has of each variant beyond its safety stock and what is held there."""
    return SHELVES.format(stock=STOCK_NOW, held=HELD.format(holds=HOLDS_NOW), items=ITEMS, serves=SERVES)


def available_sql(variant: str, *, in_the_past: bool = False) -> str:
    """Return a sub-select of ``available`` for the SQL expression ``variant``; parameters: tenant, channel (code or
    null) and, ``in_the_past``, the instant ``at``: then of what was counted and held at that time.
    """
    stock, holds = (STOCK_THEN, HOLDS_THEN) if in_the_past else (STOCK_NOW, HOLDS_NOW)
    sql = AVAILABLE.format(stock=stock, held=HELD.format(holds=holds), serves=SERVES, items=ITEMS, variant=variant)
    return f"{sql} AND i.created_at <= %(at)s" if in_the_past else sql


def beyond_held(variant: Variant, location: InventoryLocation) -> int:
    """Return the pieces at the location that nobody holds; below zero when less is there than is held."""
    stock: int = InventoryItem.objects.values_list("stock_qty", flat=True).get(variant=variant, location=location)
    return stock - StockAllocation.objects.filter(reservation__variant=variant, location=location).held()
