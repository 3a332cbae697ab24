"""The writes to the catalogue, from the tables of the comparison.

Every row written bears the beginning of the transaction, ``now()``: undoing tells by it what was written since.
"""

# What is there already, before anything is added to it.
UPDATES = (
    """
    UPDATE catalog_variant live SET name = v.name, attributes = v.options, inventory_policy = v.policy, status = v.status,
        metadata = v.metadata, updated_at = now()
    FROM pg_temp.import_variant v WHERE live.tenant_id = %(tenant)s AND live.id = v.id AND v.is_changed
    """,
    """
    UPDATE catalog_offeringversion old SET status = 'archived', updated_at = now()
    FROM pg_temp.import_version v WHERE old.tenant_id = %(tenant)s AND old.id = v.active_id
    """,
    """
    UPDATE catalog_variantprice live SET amount = p.amount, compare_at = p.compare_at, updated_at = now()
    FROM pg_temp.import_price p WHERE live.tenant_id = %(tenant)s AND live.id = p.live_id AND p.is_changed
    """,
    """
    UPDATE catalog_offering live SET offering_type = o.offering_type, domain_id = o.domain_id, category = o.category,
        tags = o.tags, metadata = o.metadata, status = o.status, updated_at = now()
    FROM pg_temp.import_offering o WHERE live.tenant_id = %(tenant)s AND live.id = o.id AND o.is_changed
    """,
    """
    UPDATE catalog_offering live SET status = 'archived', updated_at = now()
    FROM pg_temp.import_missing m WHERE live.tenant_id = %(tenant)s AND live.id = m.id
    """,
)

INSERTS = (
    """
    INSERT INTO catalog_pricelist (id, tenant_id, code, name, priority, created_at, updated_at)
    SELECT id, %(tenant)s, code, name, priority, now(), now() FROM pg_temp.import_price_list WHERE is_new ORDER BY code
    """,
    """
    INSERT INTO catalog_inventorylocation (id, tenant_id, code, name, type)
    SELECT id, %(tenant)s, code, name, 'warehouse' FROM pg_temp.import_location WHERE is_new ORDER BY code
    """,
    """
    INSERT INTO catalog_variant (id, tenant_id, offering_id, sku, name, status, attributes, inventory_policy, position, metadata,
        created_at, updated_at)
    SELECT v.id, %(tenant)s, v.offering_id, v.sku, v.name, v.status, v.options, v.policy,
        row_number() OVER (PARTITION BY v.offering_id ORDER BY v.row) - 1 + coalesce(last.position + 1, 0), v.metadata,
        now(), now()
    FROM pg_temp.import_variant v
    LEFT JOIN (
        SELECT p.offering_id, max(p.position) AS position FROM catalog_variant p WHERE p.tenant_id = %(tenant)s
        AND p.offering_id IN (SELECT offering_id FROM pg_temp.import_variant WHERE is_new AND NOT is_of_new_offering)
        GROUP BY p.offering_id
    ) AS last ON last.offering_id = v.offering_id
    WHERE v.is_new ORDER BY v.row
    """,
    """
    INSERT INTO catalog_offeringversion
        (id, tenant_id, offering_id, version, name, description, status, attributes, created_by_id, created_at, updated_at)
    SELECT v.id, %(tenant)s, v.offering_id, coalesce(newest.version, 0) + 1, v.name, v.description, 'active', v.attributes,
        %(author)s, now(), now()
    FROM pg_temp.import_version v
    LEFT JOIN (
        SELECT n.offering_id, max(n.version) AS version FROM catalog_offeringversion n WHERE n.tenant_id = %(tenant)s
        AND n.offering_id IN (SELECT offering_id FROM pg_temp.import_version WHERE NOT is_new) GROUP BY n.offering_id
    ) AS newest ON newest.offering_id = v.offering_id
    ORDER BY v.id
    """,
    # What the file does not speak of, the version before says.
    """
    INSERT INTO catalog_offeringtranslation (tenant_id, offering_version_id, language, name, description, created_at, updated_at)
    SELECT %(tenant)s, v.id, t.key, t.value ->> 'name', t.value ->> 'description', now(), now()
    FROM pg_temp.import_version v CROSS JOIN LATERAL jsonb_each(v.translations) AS t ORDER BY v.id
    """,
    """
    INSERT INTO catalog_attributevalue
        (tenant_id, offering_version_id, attribute_definition_id, value_text, value_number, value_bool, value_json)
    SELECT %(tenant)s, v.id, a.definition_id, a.value_text, a.value_number, a.value_bool, a.value_json
    FROM pg_temp.import_attribute a JOIN pg_temp.import_version v ON v.offering_id = a.offering_id ORDER BY v.id
    """,
    """
    INSERT INTO catalog_variantprice
        (id, tenant_id, price_list_id, variant_id, currency, amount, compare_at, created_at, updated_at)
    SELECT id, %(tenant)s, price_list_id, variant_id, currency, amount, compare_at, now(), now()
    FROM pg_temp.import_price WHERE live_id IS NULL ORDER BY variant_id
    """,
    """
    INSERT INTO catalog_stockmovement (tenant_id, variant_id, location_id, quantity, reason, note, created_by_id)
    SELECT %(tenant)s, variant_id, location_id, quantity - old_quantity, 'import', '', %(author)s
    FROM pg_temp.import_stock WHERE quantity <> old_quantity ORDER BY variant_id
    """,
    # Counted, and none there: no movement makes that item.
    """
    INSERT INTO catalog_inventoryitem (tenant_id, variant_id, location_id, safety_stock, created_at, updated_at)
    SELECT %(tenant)s, variant_id, location_id, safety_stock, now(), now()
    FROM pg_temp.import_stock WHERE live_id IS NULL AND quantity = 0 ORDER BY variant_id
    """,
    """
    UPDATE catalog_inventoryitem live SET safety_stock = s.safety_stock, updated_at = now()
    FROM pg_temp.import_stock s WHERE live.tenant_id = %(tenant)s AND live.variant_id = s.variant_id
    AND live.location_id = s.location_id AND live.safety_stock <> s.safety_stock
    """,
    """
    INSERT INTO catalog_offeringimage (id, tenant_id, offering_id, url, alt, position, created_at)
    SELECT id, %(tenant)s, offering_id, url, alt, position, now() FROM pg_temp.import_image ORDER BY offering_id, position
    """,
)

# The offerings come last: their keys are checked at commit, and search indexes each one once, when all of it is there.
# In slices, so that the texts search holds at a time are few.
NEW_OFFERINGS = """
INSERT INTO catalog_offering (id, tenant_id, code, offering_type, domain_id, category, tags, identity_key, status, metadata,
    created_at, updated_at)
SELECT id, %(tenant)s, code, offering_type, domain_id, category, tags, '', status, metadata, now(), now()
FROM pg_temp.import_offering WHERE is_new AND slice = %(slice)s ORDER BY id
"""
SLICES = "SELECT coalesce(max(slice) + 1, 0) FROM pg_temp.import_offering"
