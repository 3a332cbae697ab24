"""A copy that comes with a new version is compared with one query instead of two: an import brings many."""

from django.db import migrations

# The row differs from its values only if they never touched it: whatever statement writes values makes the copy anew.
CHECK = """
CREATE OR REPLACE FUNCTION catalog_attributes_checked() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    truth jsonb := (
        SELECT coalesce(jsonb_object_agg(d.key, coalesce(to_jsonb(a.value_text), to_jsonb(trim_scale(a.value_number)),
                                         to_jsonb(a.value_bool), a.value_json)), '{}')
        FROM catalog_attributevalue a JOIN catalog_attributedefinition d ON d.id = a.attribute_definition_id
        WHERE a.tenant_id = NEW.tenant_id AND a.offering_version_id = NEW.id);
BEGIN
    IF NEW.attributes <> truth THEN
        UPDATE catalog_offeringversion SET attributes = truth
        WHERE tenant_id = NEW.tenant_id AND id = NEW.id AND attributes <> truth;
    END IF;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0023_price_change_actor")]

    operations = [migrations.RunSQL(CHECK, migrations.RunSQL.noop)]
