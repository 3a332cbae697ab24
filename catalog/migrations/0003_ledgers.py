"""The ledgers: prices, stock and attributes are right however a row is written (ORM, admin, import, shell).

Every trigger is a statement's (one pass over its transition tables), names the tenant and touches only rows of the
same tenant. Row security stays on inside them: they run as whoever wrote the row.
"""

from django.db import migrations

PRICE_LEDGER = """
CREATE FUNCTION catalog_price_ledger() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    -- Not the start of the transaction: of two writers of one price, the later commit must have the later time.
    at timestamptz := clock_timestamp();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO catalog_pricechange (tenant_id, price_list_id, variant_id, currency, new_amount, new_compare_at, created_at)
        SELECT tenant_id, price_list_id, variant_id, currency, amount, compare_at, at FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO catalog_pricechange (tenant_id, price_list_id, variant_id, currency, old_amount, old_compare_at, created_at)
        SELECT tenant_id, price_list_id, variant_id, currency, amount, compare_at, at FROM old_rows;
    ELSE
        -- A price moved to another list, variant or currency ends here and begins there.
        INSERT INTO catalog_pricechange (
            tenant_id, price_list_id, variant_id, currency, old_amount, new_amount, old_compare_at, new_compare_at, created_at)
        SELECT tenant_id, price_list_id, variant_id, currency, o.amount, n.amount, o.compare_at, n.compare_at, at
        FROM old_rows o FULL JOIN new_rows n USING (tenant_id, price_list_id, variant_id, currency)
        WHERE (o.amount, o.compare_at) IS DISTINCT FROM (n.amount, n.compare_at);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER price_ledger_insert AFTER INSERT ON catalog_variantprice
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_price_ledger();
CREATE TRIGGER price_ledger_update AFTER UPDATE ON catalog_variantprice
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_price_ledger();
CREATE TRIGGER price_ledger_delete AFTER DELETE ON catalog_variantprice
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_price_ledger();
"""

STOCK = """
CREATE FUNCTION catalog_stock_sum() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    at timestamptz := now();
BEGIN
    -- In the order of the keys: two statements that touch the same items never wait for each other in a circle.
    INSERT INTO catalog_inventoryitem (tenant_id, variant_id, location_id, stock_qty, created_at, updated_at)
    SELECT tenant_id, variant_id, location_id, sum(quantity), at, at
    FROM new_rows GROUP BY tenant_id, variant_id, location_id ORDER BY tenant_id, variant_id, location_id
    ON CONFLICT (tenant_id, variant_id, location_id) DO UPDATE
    SET stock_qty = catalog_inventoryitem.stock_qty + excluded.stock_qty, updated_at = excluded.updated_at;
    RETURN NULL;
END $$;

CREATE TRIGGER stock_sum AFTER INSERT ON catalog_stockmovement
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_stock_sum();
"""

# A privilege on the column would not do: Django writes all columns of a row it saves, changed or not.
STOCK_GUARD = """
CREATE FUNCTION catalog_stock_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'stock changes by movements only' USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER stock_guard_insert BEFORE INSERT ON catalog_inventoryitem FOR EACH ROW
WHEN (NEW.stock_qty <> 0 AND pg_trigger_depth() = 0) EXECUTE FUNCTION catalog_stock_guard();
CREATE TRIGGER stock_guard_update BEFORE UPDATE OF stock_qty ON catalog_inventoryitem FOR EACH ROW
WHEN (NEW.stock_qty <> OLD.stock_qty AND pg_trigger_depth() = 0) EXECUTE FUNCTION catalog_stock_guard();
"""

ATTRIBUTES = """
CREATE FUNCTION catalog_attributes_copy() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    at timestamptz := now();
    touched uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT offering_version_id) INTO touched FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(DISTINCT offering_version_id) INTO touched FROM old_rows;
    ELSE
        SELECT array_agg(offering_version_id) INTO touched
        FROM (SELECT offering_version_id FROM old_rows UNION SELECT offering_version_id FROM new_rows) AS both_rows;
    END IF;
    UPDATE catalog_offeringversion AS version SET attributes = copy.attributes, updated_at = at
    FROM (
        SELECT v.tenant_id, v.id, coalesce(
            jsonb_object_agg(d.key, coalesce(to_jsonb(a.value_text), to_jsonb(trim_scale(a.value_number)),
                             to_jsonb(a.value_bool), a.value_json)) FILTER (WHERE d.key IS NOT NULL), '{}') AS attributes
        FROM catalog_offeringversion v
        LEFT JOIN catalog_attributevalue a ON a.tenant_id = v.tenant_id AND a.offering_version_id = v.id
        LEFT JOIN catalog_attributedefinition d ON d.id = a.attribute_definition_id
        WHERE v.tenant_id = nullif(current_setting('backroom.tenant', true), '')::uuid AND v.id = ANY (touched)
        GROUP BY v.tenant_id, v.id
    ) AS copy
    WHERE version.tenant_id = copy.tenant_id AND version.id = copy.id AND version.attributes IS DISTINCT FROM copy.attributes;
    RETURN NULL;
END $$;

CREATE TRIGGER attributes_copy_insert AFTER INSERT ON catalog_attributevalue
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_attributes_copy();
CREATE TRIGGER attributes_copy_update AFTER UPDATE ON catalog_attributevalue
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_attributes_copy();
CREATE TRIGGER attributes_copy_delete AFTER DELETE ON catalog_attributevalue
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_attributes_copy();
"""

# Who made a movement may be forgotten with the person; nothing else of a ledger changes.
APPEND_ONLY = """
REVOKE UPDATE ON catalog_pricechange, catalog_stockmovement FROM backroom_app, backroom_platform;
GRANT UPDATE (created_by_id) ON catalog_stockmovement TO backroom_app, backroom_platform;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_offering_bot")]

    operations = [
        migrations.RunSQL(PRICE_LEDGER, "DROP FUNCTION catalog_price_ledger CASCADE"),
        migrations.RunSQL(STOCK, "DROP FUNCTION catalog_stock_sum CASCADE"),
        migrations.RunSQL(STOCK_GUARD, "DROP FUNCTION catalog_stock_guard CASCADE"),
        migrations.RunSQL(ATTRIBUTES, "DROP FUNCTION catalog_attributes_copy CASCADE"),
        migrations.RunSQL(
            APPEND_ONLY, "GRANT UPDATE ON catalog_pricechange, catalog_stockmovement TO backroom_app, backroom_platform"
        ),
    ]
