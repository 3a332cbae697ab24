"""Offerings in bulk for the benchmarks that need tens of thousands: each with a version, a variant, prices and stock."""

from collections.abc import Sequence

import numpy as np
from django.db import connection

from catalog.models import InventoryLocation, PriceList
from tenants.models import new_ids
from tenants.scope import current_tenant_id

PART = 1_000
"""Offerings of one statement."""

GRADES = 100
"""Values of the option ``grade``: one of them narrows to 1 %."""

# In one statement: the triggers of the search index then find everything in its place.
OFFERINGS = """
WITH given AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(variants)s::uuid[], %(names)s::text[], %(descriptions)s::text[])
    WITH ORDINALITY AS given (id, variant, name, description, number)
), offerings AS (
    INSERT INTO catalog_offering
        (id, tenant_id, code, offering_type, category, tags, identity_key, status, metadata, updated_at)
    SELECT id, %(tenant)s, 'item-' || id, 'physical', 'Shelf ' || number %% 20, '{}', '', 'active', '{}', now() FROM given
), variants AS (
    INSERT INTO catalog_variant (id, tenant_id, offering_id, sku, name, attributes, updated_at)
    SELECT variant, %(tenant)s, id, 'SKU-' || id, '', jsonb_build_object('Grade', number %% %(grades)s), now() FROM given
)
INSERT INTO catalog_offeringversion (tenant_id, offering_id, version, name, description, status, updated_at)
SELECT %(tenant)s, id, 1, name, description, 'active', now() FROM given
"""
PRICES = """
INSERT INTO catalog_variantprice (tenant_id, price_list_id, variant_id, currency, amount, updated_at)
SELECT %(tenant)s, list, variant, 'VND', amount, now() FROM (
    SELECT %(standard)s::uuid, variant, amount FROM unnest(%(variants)s::uuid[], %(amounts)s::int[]) AS given (variant, amount)
    UNION ALL
    SELECT %(sale)s::uuid, variant, amount * 9 / 10
    FROM unnest(%(variants)s::uuid[], %(amounts)s::int[]) WITH ORDINALITY AS given (variant, amount, number)
    WHERE number %% 10 = 0
) AS priced (list, variant, amount)
"""
STOCK = """
INSERT INTO catalog_inventoryitem (tenant_id, variant_id, location_id, updated_at)
SELECT %(tenant)s, variant, %(location)s, now()
FROM unnest(%(variants)s::uuid[]) WITH ORDINALITY AS given (variant, number) WHERE number %% 2 = 0
"""


def fill_shelves(names: Sequence[str], descriptions: Sequence[str], *, generator: np.random.Generator) -> np.ndarray:
    """Put an active offering into the scope's tenant for each name; returns their ids.

    The price, evenly from 1 to 1,000,000, stands in the list ``standard``, of every tenth also in ``sale``, which comes
    before it; every other one is counted and sold out.
    """
    sale = PriceList.objects.create(code="sale", priority=5)
    fixed = {
        "tenant": current_tenant_id(),
        "standard": PriceList.objects.get(code="standard").pk,
        "sale": sale.pk,
        "location": InventoryLocation.objects.get(code="main").pk,
        "grades": GRADES,
    }
    ids = new_ids(len(names))
    for start in range(0, len(names), PART):
        part = ids[start : start + PART]
        values = {
            **fixed,
            "ids": part,
            "variants": new_ids(len(part)),
            "amounts": generator.integers(1, 1_000_001, len(part)).tolist(),
            "names": list(names[start : start + PART]),
            "descriptions": list(descriptions[start : start + PART]),
        }
        with connection.cursor() as cursor:
            for statement in (OFFERINGS, PRICES, STOCK):
                cursor.execute(statement, values)
    return np.array(ids)
