"""Ledgers of prices and stock: written by triggers, and never changed after."""

PRICES = """
CREATE FUNCTION catalog_price_ledger() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    -- Not the start of the transaction: of two writers of one price, the later commit must have the later time.
    at timestamptz := clock_timestamp();
    actor constant text[] := string_to_array(nullif(current_setting('backroom.actor', true), ''), ':');
    actor_kind constant text := coalesce(actor[1], 'system');
    actor_id constant uuid := nullif(actor[2], '')::uuid;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO catalog_pricechange (tenant_id, price_list_id, variant_id, currency,
            new_amount, new_compare_at, created_at, actor_kind, actor_id)
        SELECT tenant_id, price_list_id, variant_id, currency, amount, compare_at, at, actor_kind, actor_id FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO catalog_pricechange (tenant_id, price_list_id, variant_id, currency,
            old_amount, old_compare_at, created_at, actor_kind, actor_id)
        SELECT tenant_id, price_list_id, variant_id, currency, amount, compare_at, at, actor_kind, actor_id FROM old_rows;
    ELSE
        -- A price moved to another list, variant or currency ends here and begins there.
        INSERT INTO catalog_pricechange (tenant_id, price_list_id, variant_id, currency,
            old_amount, new_amount, old_compare_at, new_compare_at, created_at, actor_kind, actor_id)
        SELECT tenant_id, price_list_id, variant_id, currency,
            o.amount, n.amount, o.compare_at, n.compare_at, at, actor_kind, actor_id
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
NO_PRICES = "DROP FUNCTION catalog_price_ledger CASCADE"

PRICE_LISTS = """
CREATE FUNCTION catalog_price_list_ledger() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    -- As in the ledger of prices: the later commit must have the later time.
    at timestamptz := clock_timestamp();
BEGIN
    INSERT INTO catalog_pricelistchange
        (tenant_id, price_list_id, channel_id, is_active, priority, valid_from, valid_to, created_at)
    SELECT l.tenant_id, l.id, l.channel_id, coalesce(c.is_active, true), l.priority, l.valid_from, l.valid_to, at
    FROM new_rows AS l
    LEFT JOIN catalog_saleschannel AS c ON c.tenant_id = l.tenant_id AND c.id = l.channel_id;
    RETURN NULL;
END $$;

CREATE FUNCTION catalog_price_list_relisted() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    at timestamptz := clock_timestamp();
BEGIN
    INSERT INTO catalog_pricelistchange
        (tenant_id, price_list_id, channel_id, is_active, priority, valid_from, valid_to, created_at)
    SELECT l.tenant_id, l.id, l.channel_id, coalesce(c.is_active, true), l.priority, l.valid_from, l.valid_to, at
    FROM new_rows AS l
    JOIN old_rows AS o ON o.tenant_id = l.tenant_id AND o.id = l.id
    LEFT JOIN catalog_saleschannel AS c ON c.tenant_id = l.tenant_id AND c.id = l.channel_id
    WHERE (l.channel_id, l.priority, l.valid_from, l.valid_to)
        IS DISTINCT FROM (o.channel_id, o.priority, o.valid_from, o.valid_to);
    RETURN NULL;
END $$;

CREATE FUNCTION catalog_price_list_channel() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    at timestamptz := clock_timestamp();
BEGIN
    INSERT INTO catalog_pricelistchange
        (tenant_id, price_list_id, channel_id, is_active, priority, valid_from, valid_to, created_at)
    SELECT l.tenant_id, l.id, l.channel_id, c.is_active, l.priority, l.valid_from, l.valid_to, at
    FROM new_rows AS c
    JOIN old_rows AS o ON o.tenant_id = c.tenant_id AND o.id = c.id AND o.is_active <> c.is_active
    JOIN catalog_pricelist AS l ON l.tenant_id = c.tenant_id AND l.channel_id = c.id;
    RETURN NULL;
END $$;

CREATE TRIGGER price_list_ledger_insert AFTER INSERT ON catalog_pricelist
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_price_list_ledger();
CREATE TRIGGER price_list_ledger_update AFTER UPDATE ON catalog_pricelist
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_price_list_relisted();
CREATE TRIGGER price_list_ledger_channel AFTER UPDATE ON catalog_saleschannel
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_price_list_channel();
"""
NO_PRICE_LISTS = "DROP FUNCTION catalog_price_list_channel, catalog_price_list_relisted, catalog_price_list_ledger CASCADE"

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

CREATE FUNCTION catalog_stock_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'stock changes by movements only' USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER stock_sum AFTER INSERT ON catalog_stockmovement
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_stock_sum();
CREATE TRIGGER stock_guard_insert BEFORE INSERT ON catalog_inventoryitem FOR EACH ROW
WHEN (NEW.stock_qty <> 0 AND pg_trigger_depth() = 0) EXECUTE FUNCTION catalog_stock_guard();
CREATE TRIGGER stock_guard_update BEFORE UPDATE OF stock_qty ON catalog_inventoryitem FOR EACH ROW
WHEN (NEW.stock_qty <> OLD.stock_qty AND pg_trigger_depth() = 0) EXECUTE FUNCTION catalog_stock_guard();
"""
NO_STOCK = "DROP FUNCTION catalog_stock_guard, catalog_stock_sum CASCADE"

# Who made a movement may be forgotten with the person; nothing else of a ledger changes.
APPEND_ONLY = """
REVOKE UPDATE ON catalog_pricechange, catalog_pricelistchange, catalog_stockmovement, catalog_orderentry
FROM backroom_app, backroom_platform;
GRANT UPDATE (created_by_id) ON catalog_stockmovement, catalog_orderentry TO backroom_app, backroom_platform;
"""
NOT_APPEND_ONLY = """
GRANT UPDATE ON catalog_pricechange, catalog_pricelistchange, catalog_stockmovement, catalog_orderentry
TO backroom_app, backroom_platform;
"""
