"""Orders are audited, their timeline only grows, and stock that is held for somebody counts as gone when it is low."""

from django.db import migrations

from tenants.postgres.audit import audit

# Who wrote an entry may be forgotten with the person; nothing else of a timeline changes.
APPEND_ONLY = """
REVOKE UPDATE ON catalog_orderentry FROM backroom_app, backroom_platform;
GRANT UPDATE (created_by_id) ON catalog_orderentry TO backroom_app, backroom_platform;
"""

LOW_STOCK = """
DROP TRIGGER stock_event ON catalog_inventoryitem;

-- An item is low when nothing is left beyond its safety stock and what is held. Told when it becomes so by `taken` pieces.
CREATE FUNCTION catalog_tell_low_stock(item catalog_inventoryitem, taken bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    held constant bigint := coalesce((
        SELECT sum(a.quantity) FROM catalog_stockreservation r
        JOIN catalog_stockallocation a ON a.tenant_id = r.tenant_id AND a.reservation_id = r.id
        WHERE r.tenant_id = item.tenant_id AND r.variant_id = item.variant_id AND r.state = 'open'
          AND (r.expires_at IS NULL OR r.expires_at > statement_timestamp()) AND a.location_id = item.location_id), 0);
    left_over constant bigint := item.stock_qty::bigint - item.safety_stock - held;
BEGIN
    IF left_over > 0 OR left_over + taken <= 0 THEN
        RETURN;
    END IF;
    INSERT INTO tenants_event (tenant_id, kind, subject_kind, subject_id, data)
    SELECT item.tenant_id, 'stock.low', 'catalog.inventoryitem', item.id, jsonb_build_object(
        'variant', v.id, 'sku', v.sku, 'location', l.code, 'stock_qty', item.stock_qty,
        'safety_stock', item.safety_stock, 'reserved', held)
    FROM catalog_variant v, catalog_inventorylocation l
    WHERE v.tenant_id = item.tenant_id AND v.id = item.variant_id
      AND l.tenant_id = item.tenant_id AND l.id = item.location_id;
END $$;

CREATE OR REPLACE FUNCTION catalog_stock_event() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM catalog_tell_low_stock(
        NEW, (OLD.stock_qty::bigint - OLD.safety_stock) - (NEW.stock_qty::bigint - NEW.safety_stock));
    RETURN NULL;
END $$;

CREATE FUNCTION catalog_allocation_event() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM catalog_tell_low_stock(i, NEW.quantity) FROM catalog_inventoryitem i
    JOIN catalog_stockreservation r ON r.tenant_id = i.tenant_id AND r.variant_id = i.variant_id
    WHERE i.tenant_id = NEW.tenant_id AND i.location_id = NEW.location_id AND r.id = NEW.reservation_id;
    RETURN NULL;
END $$;

CREATE TRIGGER stock_event AFTER UPDATE OF stock_qty, safety_stock ON catalog_inventoryitem FOR EACH ROW
WHEN (NEW.stock_qty::bigint - NEW.safety_stock < OLD.stock_qty::bigint - OLD.safety_stock)
EXECUTE FUNCTION catalog_stock_event();
CREATE TRIGGER allocation_event AFTER INSERT ON catalog_stockallocation FOR EACH ROW
EXECUTE FUNCTION catalog_allocation_event();
"""

NOT_LOW_STOCK = """
DROP FUNCTION catalog_allocation_event CASCADE;
DROP TRIGGER stock_event ON catalog_inventoryitem;

CREATE OR REPLACE FUNCTION catalog_stock_event() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
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
DROP FUNCTION catalog_tell_low_stock;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0011_orders")]

    operations = [
        # Addresses and notes are personal: they must be erasable, and an audit is not.
        audit("catalog.order", redact=["shipping_address", "note"]),
        audit("catalog.orderline"),
        audit("catalog.orderreturn", redact=["note"]),
        audit("catalog.orderreturnline"),
        audit("catalog.customermerge"),
        migrations.RunSQL(APPEND_ONLY, "GRANT UPDATE ON catalog_orderentry TO backroom_app, backroom_platform"),
        migrations.RunSQL(LOW_STOCK, NOT_LOW_STOCK),
    ]
