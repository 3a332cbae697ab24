"""What happens in the catalogue is told by events, however a row is written: prices, low stock, finished imports."""

from django.db import migrations

# One event for each statement, not for each price: an import of 100,000 rows is one thing that happened.
PRICES = """
CREATE FUNCTION catalog_price_events() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO tenants_event (tenant_id, kind, subject_kind, data)
    SELECT tenant_id, 'price.changed', 'catalog.pricechange', jsonb_build_object(
        'count', count(*),
        'changes', jsonb_agg(jsonb_build_object(
            'variant', variant_id, 'price_list', price_list_id, 'currency', currency,
            'old_amount', old_amount::text, 'amount', new_amount::text)) FILTER (WHERE number <= 100))
    FROM (SELECT *, row_number() OVER (PARTITION BY tenant_id ORDER BY id) AS number FROM new_rows) AS numbered
    GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE TRIGGER price_events AFTER INSERT ON catalog_pricechange
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_price_events();
"""

STOCK = """
CREATE FUNCTION catalog_stock_event() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO tenants_event (tenant_id, kind, subject_kind, subject_id, data)
    SELECT NEW.tenant_id, 'stock.low', 'catalog.inventoryitem', NEW.id, jsonb_build_object(
        'variant', v.id, 'sku', v.sku, 'location', l.code, 'stock_qty', NEW.stock_qty, 'safety_stock', NEW.safety_stock)
    FROM catalog_variant v, catalog_inventorylocation l
    WHERE v.tenant_id = NEW.tenant_id AND v.id = NEW.variant_id
      AND l.tenant_id = NEW.tenant_id AND l.id = NEW.location_id;
    RETURN NULL;
END $$;

CREATE TRIGGER stock_event AFTER UPDATE OF stock_qty, safety_stock ON catalog_inventoryitem FOR EACH ROW
WHEN (NEW.stock_qty <= NEW.safety_stock AND OLD.stock_qty > OLD.safety_stock) EXECUTE FUNCTION catalog_stock_event();
"""

IMPORTS = """
CREATE FUNCTION catalog_import_event() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO tenants_event (tenant_id, kind, subject_kind, subject_id, data)
    VALUES (NEW.tenant_id, 'import.finished', 'catalog.importjob', NEW.id,
            jsonb_build_object('status', NEW.status, 'summary', NEW.summary));
    RETURN NULL;
END $$;

CREATE TRIGGER import_event AFTER UPDATE OF status ON catalog_importjob FOR EACH ROW
WHEN (NEW.status IN ('completed', 'failed') AND OLD.status <> NEW.status) EXECUTE FUNCTION catalog_import_event();
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0008_audit")]

    operations = [
        migrations.RunSQL(PRICES, "DROP FUNCTION catalog_price_events CASCADE"),
        migrations.RunSQL(STOCK, "DROP FUNCTION catalog_stock_event CASCADE"),
        migrations.RunSQL(IMPORTS, "DROP FUNCTION catalog_import_event CASCADE"),
    ]
