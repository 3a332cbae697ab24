"""The event of changed prices tells SKU and price list as people call them, and amounts as the API writes them."""

from django.db import migrations

HEAD = """
CREATE OR REPLACE FUNCTION catalog_price_events() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
"""
NAMED = f"""{HEAD}
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
END $$
"""
BEFORE = f"""{HEAD}
    INSERT INTO tenants_event (tenant_id, kind, subject_kind, data)
    SELECT tenant_id, 'price.changed', 'catalog.pricechange', jsonb_build_object(
        'count', count(*),
        'changes', jsonb_agg(jsonb_build_object(
            'variant', variant_id, 'price_list', price_list_id, 'currency', currency,
            'old_amount', old_amount::text, 'amount', new_amount::text)) FILTER (WHERE number <= 100))
    FROM (SELECT *, row_number() OVER (PARTITION BY tenant_id ORDER BY id) AS number FROM new_rows) AS numbered
    GROUP BY tenant_id;
    RETURN NULL;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0029_cached_answers")]

    operations = [migrations.RunSQL(NAMED, BEFORE)]
