"""The terms of price lists (channel, priority, window) get a ledger, so that what counted at any instant can be told.

A line is written by a trigger however a list is changed, and for all lists of a channel that opens or closes.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import connection, migrations, models

import tenants.fields
from tenants.scope import platform_scope

LEDGER = """
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

REVOKE UPDATE ON catalog_pricelistchange FROM backroom_app, backroom_platform;
"""

NO_LEDGER = """
DROP FUNCTION catalog_price_list_channel CASCADE;
DROP FUNCTION catalog_price_list_relisted CASCADE;
DROP FUNCTION catalog_price_list_ledger CASCADE;
"""

BEGIN_WITH = """
INSERT INTO catalog_pricelistchange
    (tenant_id, price_list_id, channel_id, is_active, priority, valid_from, valid_to, created_at)
SELECT l.tenant_id, l.id, l.channel_id, coalesce(c.is_active, true), l.priority, l.valid_from, l.valid_to, l.created_at
FROM catalog_pricelist AS l
LEFT JOIN catalog_saleschannel AS c ON c.tenant_id = l.tenant_id AND c.id = l.channel_id
"""


def begin(apps, schema_editor):
    """Write the first line of every list: nothing is known of earlier terms, so those of today hold from its beginning."""
    with platform_scope(reason="every list's ledger begins"), connection.cursor() as cursor:
        cursor.execute(BEGIN_WITH)
        cursor.execute("SELECT (SELECT count(*) FROM catalog_pricelist), (SELECT count(*) FROM catalog_pricelistchange)")
        lists, lines = cursor.fetchone()
    assert lists == lines


class Migration(migrations.Migration):
    dependencies = [("catalog", "0012_order_ledgers"), ("tenants", "0009_invitations_audited")]

    operations = [
        migrations.CreateModel(
            name="PriceListChange",
            fields=[
                (
                    "id",
                    models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                ("channel_id", models.UUIDField(null=True, verbose_name="channel")),
                ("is_active", models.BooleanField(verbose_name="channel active")),
                ("priority", models.IntegerField(verbose_name="priority")),
                ("valid_from", models.DateTimeField(null=True, verbose_name="valid from")),
                ("valid_to", models.DateTimeField(null=True, verbose_name="valid to")),
                (
                    "price_list",
                    tenants.fields.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="catalog.pricelist",
                        verbose_name="price list",
                    ),
                ),
                (
                    "tenant",
                    tenants.fields.TenantField(
                        on_delete=django.db.models.deletion.CASCADE, referenced=False, to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "terms of a price list",
                "verbose_name_plural": "terms of price lists",
                "ordering": ["-id"],
                "abstract": False,
                "base_manager_name": "objects",
                "default_manager_name": "objects",
                "indexes": [
                    models.Index(fields=["tenant", "price_list", "-created_at", "-id"], name="pricelistchange_of_list")
                ],
            },
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
        migrations.RunSQL(LEDGER, NO_LEDGER),
    ]
