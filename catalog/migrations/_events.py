"""The events that the tables tell themselves, whoever writes them."""

PRICES = """
CREATE FUNCTION catalog_price_events() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN

    INSERT INTO tenants_event (tenant_id, kind, subject_kind, data)
    SELECT tenant_id, 'price.changed', 'catalog.pricechange', jsonb_build_object('count', count(*), 'changes', (
        SELECT jsonb_agg(jsonb_build_object(
            'variant', one.variant_id, 'price_list', one.price_list_id, 'currency', one.currency,
            'sku', (SELECT v.sku FROM catalog_variant v WHERE v.tenant_id = one.tenant_id AND v.id = one.variant_id),
            'price_list_code', (
                SELECT l.code FROM catalog_pricelist l WHERE l.tenant_id = one.tenant_id AND l.id = one.price_list_id),
            'old_amount', round(one.old_amount, greatest(2, min_scale(one.old_amount)))::text,
            'amount', round(one.new_amount, greatest(2, min_scale(one.new_amount)))::text) ORDER BY one.id)
        FROM (SELECT * FROM new_rows n WHERE n.tenant_id = told.tenant_id ORDER BY n.id LIMIT 100) AS one))
    FROM new_rows AS told GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE TRIGGER price_events AFTER INSERT ON catalog_pricechange
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_price_events();
"""
NO_PRICES = "DROP FUNCTION catalog_price_events CASCADE"

STOCK = """
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

CREATE FUNCTION catalog_stock_event() RETURNS trigger
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
NO_STOCK = "DROP FUNCTION catalog_allocation_event, catalog_stock_event, catalog_tell_low_stock CASCADE"

IMPORTS = """
CREATE FUNCTION catalog_import_event() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO tenants_event (tenant_id, kind, subject_kind, subject_id, data)
    VALUES (NEW.tenant_id, 'import.finished', 'catalog.importjob', NEW.id,
            jsonb_build_object('status', NEW.status, 'summary', NEW.summary));
    RETURN NULL;
END $$;

CREATE TRIGGER import_event AFTER UPDATE OF status ON catalog_importjob FOR EACH ROW
WHEN (NEW.status IN ('completed', 'failed') AND OLD.status NOT IN (NEW.status, 'undoing')
      OR NEW.status = 'undone' AND OLD.status = 'undoing') EXECUTE FUNCTION catalog_import_event();
"""
NO_IMPORTS = "DROP FUNCTION catalog_import_event CASCADE"
