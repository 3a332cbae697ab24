"""What an import leaves behind so that it can be undone, and undoing it.

`catalog_importchange` has a line for every row that was changed (with the columns it had before) and for every row that
was made; what hangs on an offering or a variant that was made has none of its own. All that an import writes bears the
beginning of its transaction as ``updated_at``: a row that bears another time was written by somebody since. Undoing
puts the old time back with the old values, so that the import before this one can be undone as well.

Parameters: tenant, job; applied_at for `CHANGED_SINCE`. The templates are filled with names of tables and columns.
"""

from collections.abc import Iterable
from string import Template

CHANGED_COLUMNS = {
    "offering": ("offering_type", "domain_id", "category", "tags", "metadata", "status", "updated_at"),
    "offeringversion": ("status", "updated_at"),
    "variant": ("name", "attributes", "inventory_policy", "metadata", "status", "updated_at"),
    "variantprice": ("amount", "compare_at", "updated_at"),
    "inventoryitem": ("stock_qty", "safety_stock", "updated_at"),
}
"""By table: the columns an import may change. Whoever lets it change more adds them here."""

PARENTS = {
    "offering": "",
    "offeringversion": "offering",
    "offeringtranslation": "offeringversion",
    "offeringimage": "offering",
    "variant": "offering",
    "variantprice": "variant",
    "inventoryitem": "variant",
}
"""By table: what its rows hang on, and come and go with. In the order in which they are looked at."""

_CHANGED = {
    "offering": """SELECT id FROM pg_temp.import_offering WHERE is_changed
        UNION ALL SELECT id FROM pg_temp.import_missing""",
    "offeringversion": "SELECT active_id FROM pg_temp.import_version WHERE active_id IS NOT NULL",
    "variant": "SELECT id FROM pg_temp.import_variant WHERE is_changed",
    "variantprice": "SELECT id FROM pg_temp.import_price WHERE is_changed",
    "inventoryitem": "SELECT live_id FROM pg_temp.import_stock WHERE is_changed",
}
_MADE = {
    "offering": "SELECT id FROM pg_temp.import_offering WHERE is_new",
    "offeringversion": "SELECT id FROM pg_temp.import_version WHERE NOT is_new",
    "offeringimage": "SELECT id FROM pg_temp.import_image WHERE NOT is_of_new_offering",
    "variant": "SELECT id FROM pg_temp.import_variant WHERE is_new AND NOT is_of_new_offering",
    "variantprice": "SELECT id FROM pg_temp.import_price WHERE live_id IS NULL AND NOT is_of_new_variant",
    # Most items are made by the trigger of their first movement.
    "inventoryitem": """SELECT i.id FROM catalog_inventoryitem i JOIN pg_temp.import_stock s
        ON s.variant_id = i.variant_id AND s.location_id = i.location_id
        WHERE i.tenant_id = %(tenant)s AND s.live_id IS NULL AND NOT s.is_of_new_variant""",
    "pricelist": "SELECT id FROM pg_temp.import_price_list WHERE is_new",
    "inventorylocation": "SELECT id FROM pg_temp.import_location WHERE is_new",
}


_REMEMBER_CHANGED = Template("""
INSERT INTO catalog_importchange (tenant_id, job_id, kind, subject_id, before)
SELECT %(tenant)s, %(job)s, '$kind', live.id, jsonb_build_object($pairs)
FROM catalog_$kind live WHERE live.tenant_id = %(tenant)s AND live.id IN ($ids)
""")
_REMEMBER_MADE = Template("""
INSERT INTO catalog_importchange (tenant_id, job_id, kind, subject_id)
SELECT %(tenant)s, %(job)s, '$kind', made.id FROM ($ids) AS made
""")


def _remember_changed(kind: str, columns: tuple[str, ...]) -> str:
    pairs = ", ".join(f"'{column}', live.{column}" for column in columns)
    return _REMEMBER_CHANGED.substitute(kind=kind, pairs=pairs, ids=_CHANGED[kind])


REMEMBER_CHANGED = tuple(_remember_changed(kind, columns) for kind, columns in CHANGED_COLUMNS.items())
"""Before anything is changed."""
REMEMBER_MADE = tuple(_REMEMBER_MADE.substitute(kind=kind, ids=ids) for kind, ids in _MADE.items())
"""When everything is there."""

_LINES = Template("""
SELECT subject_id AS id FROM catalog_importchange
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND kind = '$kind' AND before IS $which
""")
_HANGING = Template("""
UNION SELECT live.id FROM catalog_$kind live JOIN pg_temp.undo_$parent parent ON live.$column = parent.id
WHERE live.tenant_id = %(tenant)s
""")


def _made(kind: str, parent: str) -> str:
    lines = _LINES.substitute(kind=kind, which="NULL")
    column = "offering_version_id" if parent == "offeringversion" else f"{parent}_id"
    hanging = _HANGING.substitute(kind=kind, parent=parent, column=column) if parent else ""
    return f"CREATE TEMP TABLE pg_temp.undo_{kind} ON COMMIT DROP AS {lines} {hanging}"


CLEAR = f"DROP TABLE IF EXISTS {', '.join(f'pg_temp.undo_{kind}' for kind in PARENTS)}"
MADE = (CLEAR, *(_made(kind, parent) for kind, parent in PARENTS.items()))
"""All that the import made, by table, whether it has a line or hangs on what has one."""

_LOCK = Template("""
SELECT count(*) FROM (
    SELECT FROM catalog_$kind live WHERE live.tenant_id = %(tenant)s
    AND live.id IN (SELECT id FROM pg_temp.undo_$kind UNION ALL $changed) ORDER BY $keys FOR UPDATE
) AS locked
""")
# In everybody's order, which is told at the locks of the comparison.
_LOCKED = {
    "offering": "live.id",
    "inventoryitem": "live.variant_id, live.location_id",
    "variantprice": "live.id",
    "variant": "live.id",
}
LOCKS = tuple(
    _LOCK.substitute(kind=kind, keys=keys, changed=_LINES.substitute(kind=kind, which="NOT NULL"))
    for kind, keys in _LOCKED.items()
)
"""What will refer to such a row waits for this transaction; whoever was faster is found by `CHANGED_SINCE`."""

_CHANGED_SINCE = Template("""
SELECT 'catalog_$kind' AS source, touched.id, live.$time AS at
FROM (SELECT id FROM pg_temp.undo_$kind UNION ALL $changed) AS touched
LEFT JOIN catalog_$kind live ON live.tenant_id = %(tenant)s AND live.id = touched.id
WHERE live.$time IS DISTINCT FROM %(applied_at)s
""")
# Of the pieces an import has brought, some are promised to somebody.
_RESERVED_SINCE = """
SELECT 'catalog_stockreservation', r.id, r.created_at
FROM catalog_importchange c
JOIN catalog_inventoryitem i ON i.tenant_id = %(tenant)s AND i.id = c.subject_id
JOIN catalog_stockreservation r ON r.tenant_id = %(tenant)s AND r.variant_id = i.variant_id AND r.state = 'open'
JOIN catalog_stockallocation a ON a.tenant_id = %(tenant)s AND a.reservation_id = r.id AND a.location_id = i.location_id
WHERE c.tenant_id = %(tenant)s AND c.job_id = %(job)s AND c.kind = 'inventoryitem'
AND r.created_at > %(applied_at)s AND (r.expires_at IS NULL OR r.expires_at > statement_timestamp())
"""


def _changed_since(kind: str) -> str:
    time = "created_at" if kind == "offeringimage" else "updated_at"
    return _CHANGED_SINCE.substitute(kind=kind, time=time, changed=_LINES.substitute(kind=kind, which="NOT NULL"))


CHANGED_SINCE = (*(_changed_since(kind) for kind in PARENTS), _RESERVED_SINCE)

_REFERRING = Template("""
SELECT '$table', r.id, r.created_at FROM $table r JOIN pg_temp.undo_$kind made ON r.$column = made.id
WHERE r.tenant_id = %(tenant)s
""")


def referring(table: str, column: str, kind: str) -> str:
    """Return the statement that finds the rows of a table which refer to what the import made."""
    return _REFERRING.substitute(table=table, column=column, kind=kind)


# A ledger is never rewritten: what was there before has its stock back by a movement of its own.
_STOCK_BACK = """
INSERT INTO catalog_stockmovement (tenant_id, variant_id, location_id, quantity, reason, note)
SELECT %(tenant)s, i.variant_id, i.location_id, coalesce((c.before ->> 'stock_qty')::integer, 0) - i.stock_qty, 'import', 'undo'
FROM catalog_importchange c JOIN catalog_inventoryitem i ON i.tenant_id = %(tenant)s AND i.id = c.subject_id
WHERE c.tenant_id = %(tenant)s AND c.job_id = %(job)s AND c.kind = 'inventoryitem'
AND coalesce((c.before ->> 'stock_qty')::integer, 0) <> i.stock_qty ORDER BY i.variant_id
"""

_DELETE = Template("""
DELETE FROM catalog_$table live USING pg_temp.undo_$kind made
WHERE live.tenant_id = %(tenant)s AND live.$column = made.id
""")
# Owners first: keys are checked at commit, and search has nothing left to index. Of what was never anybody's but the
# import's the ledger goes too; the audit keeps both its coming and its going.
_DELETES = tuple(
    _DELETE.substitute(table=table, column=column, kind=kind)
    for table, column, kind in (
        ("offering", "id", "offering"),
        ("offeringversion", "id", "offeringversion"),
        ("offeringtranslation", "id", "offeringtranslation"),
        ("attributevalue", "offering_version_id", "offeringversion"),
        ("offeringimage", "id", "offeringimage"),
        ("variant", "id", "variant"),
        ("variantprice", "id", "variantprice"),
        ("pricechange", "variant_id", "variant"),
        ("stockmovement", "variant_id", "variant"),
        ("inventoryitem", "id", "inventoryitem"),
    )
)

_RESTORE = Template("""
UPDATE catalog_$kind live SET $values
FROM catalog_importchange c CROSS JOIN LATERAL jsonb_populate_record(NULL::catalog_$kind, c.before) AS old
WHERE live.tenant_id = %(tenant)s AND live.id = c.subject_id
AND c.tenant_id = %(tenant)s AND c.job_id = %(job)s AND c.kind = '$kind' AND c.before IS NOT NULL
""")


def _restore(kind: str, columns: tuple[str, ...]) -> str:
    # The quantity is that of the movements.
    values = ", ".join(f"{name} = old.{name}" for name in columns if name != "stock_qty")
    return _RESTORE.substitute(kind=kind, values=values)


UNDO = (_STOCK_BACK, *_DELETES, *(_restore(kind, columns) for kind, columns in CHANGED_COLUMNS.items()))
FORGET = "DELETE FROM catalog_importchange WHERE tenant_id = %(tenant)s AND job_id = %(job)s"

# Price lists and locations that the file brought along, as they were made, once nothing names them any more: not even a
# line in the ledger of a variant that was there before.
AS_MADE = {
    "pricelist": "live.updated_at = %(applied_at)s",
    "inventorylocation": """live.channel_id IS NULL AND live.type = 'warehouse'
        AND live.name = %(makes)s::jsonb -> 'locations' ->> live.code""",
}
_REMOVE = Template("""
DELETE FROM catalog_$kind live USING catalog_importchange c
WHERE live.tenant_id = %(tenant)s AND live.id = c.subject_id AND $as_made
AND c.tenant_id = %(tenant)s AND c.job_id = %(job)s AND c.kind = '$kind' AND c.before IS NULL
""")
_UNNAMED = Template("AND NOT EXISTS (SELECT FROM $table r WHERE r.tenant_id = %(tenant)s AND r.$column = live.id)")
# The terms of a list are its own ledger.
TERMS_OF_REMOVED = """
DELETE FROM catalog_pricelistchange t USING catalog_importchange c
WHERE t.tenant_id = %(tenant)s AND t.price_list_id = c.subject_id
AND c.tenant_id = %(tenant)s AND c.job_id = %(job)s AND c.kind = 'pricelist'
AND NOT EXISTS (SELECT FROM catalog_pricelist live WHERE live.tenant_id = %(tenant)s AND live.id = c.subject_id)
"""


def remove_unnamed(kind: str, columns: Iterable[tuple[str, str]]) -> str:
    """Return the statement that removes what no row names in these columns, each with its table."""
    unnamed = " ".join(_UNNAMED.substitute(table=table, column=column) for table, column in columns)
    return f"{_REMOVE.substitute(kind=kind, as_made=AS_MADE[kind])} {unnamed}"
