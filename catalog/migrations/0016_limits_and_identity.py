"""Before limits and identity keys are held to their rules: the rule itself, and what would break it put right.

Limits that no value can be held against are taken away (the audit keeps them), and of several offerings with one
identity key the oldest keeps it; the others have it in their metadata.
"""

from django.db import migrations

# All of catalog/limits.py but the syntax of a pattern.
LIMITS = """
CREATE FUNCTION catalog_limits_fit(value_type text, limits jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kind constant text := CASE value_type WHEN 'number' THEN 'number' ELSE 'string' END;
    known constant text[] := CASE value_type WHEN 'number' THEN '{min,max,enum}' WHEN 'text' THEN '{enum,pattern}' ELSE '{}' END;
BEGIN
    IF jsonb_typeof(limits) <> 'object' THEN
        RETURN false;
    END IF;
    IF EXISTS (SELECT FROM jsonb_each(limits) AS l (name, value) WHERE name <> ALL (known)
               OR jsonb_typeof(value) <> CASE name WHEN 'enum' THEN 'array' ELSE kind END) THEN
        RETURN false;
    END IF;
    IF (limits ->> 'min')::numeric > (limits ->> 'max')::numeric THEN
        RETURN false;
    END IF;
    IF limits ? 'enum' AND (limits -> 'enum' = '[]'
            OR EXISTS (SELECT FROM jsonb_array_elements(limits -> 'enum') AS choice WHERE jsonb_typeof(choice) <> kind)) THEN
        RETURN false;
    END IF;
    RETURN coalesce(char_length(limits ->> 'pattern') BETWEEN 1 AND 500, true);
END $$;
"""

# Over all tenants, and audited: row security binds the owner of the tables too.
PUT_RIGHT = """
SET LOCAL ROLE backroom_platform;
UPDATE catalog_attributedefinition SET value_constraint = '{}' WHERE NOT catalog_limits_fit(value_type, value_constraint);
UPDATE catalog_offering AS o SET identity_key = '', metadata = o.metadata || jsonb_build_object('identity_key', o.identity_key)
WHERE o.identity_key <> '' AND EXISTS (
    SELECT FROM catalog_offering AS older
    WHERE older.tenant_id = o.tenant_id AND older.identity_key = o.identity_key AND older.id < o.id);
SET LOCAL ROLE NONE;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0015_import_mapping"), ("bots", "0004_audit")]

    operations = [
        migrations.RunSQL(LIMITS, "DROP FUNCTION catalog_limits_fit"),
        migrations.RunSQL(PUT_RIGHT, migrations.RunSQL.noop),
    ]
