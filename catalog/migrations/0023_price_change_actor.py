"""The ledger of prices says who changed one: the person, key, job or command that the audit names, too."""

from django.db import migrations, models

FUNCTION = """
CREATE OR REPLACE FUNCTION catalog_price_ledger() RETURNS trigger LANGUAGE plpgsql
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
"""

FUNCTION_BEFORE = """
CREATE OR REPLACE FUNCTION catalog_price_ledger() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    at timestamptz := clock_timestamp();
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO catalog_pricechange (tenant_id, price_list_id, variant_id, currency, new_amount, new_compare_at, created_at)
        SELECT tenant_id, price_list_id, variant_id, currency, amount, compare_at, at FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO catalog_pricechange (tenant_id, price_list_id, variant_id, currency, old_amount, old_compare_at, created_at)
        SELECT tenant_id, price_list_id, variant_id, currency, amount, compare_at, at FROM old_rows;
    ELSE
        INSERT INTO catalog_pricechange (
            tenant_id, price_list_id, variant_id, currency, old_amount, new_amount, old_compare_at, new_compare_at, created_at)
        SELECT tenant_id, price_list_id, variant_id, currency, o.amount, n.amount, o.compare_at, n.compare_at, at
        FROM old_rows o FULL JOIN new_rows n USING (tenant_id, price_list_id, variant_id, currency)
        WHERE (o.amount, o.compare_at) IS DISTINCT FROM (n.amount, n.compare_at);
    END IF;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0022_more_domains")]

    operations = [
        migrations.AddField(
            model_name="pricechange",
            name="actor_kind",
            field=models.CharField(
                choices=[
                    ("user", "Person"),
                    ("api_key", "API key"),
                    ("session", "Customer in a conversation"),
                    ("task", "Background job"),
                    ("command", "Command"),
                    ("system", "System"),
                ],
                db_default="system",
                default="system",
                editable=False,
                max_length=16,
                verbose_name="by",
            ),
        ),
        migrations.AddField(
            model_name="pricechange",
            name="actor_id",
            field=models.UUIDField(editable=False, null=True, verbose_name="id of who did it"),
        ),
        migrations.RunSQL(FUNCTION, FUNCTION_BEFORE),
    ]
