"""What the database itself sees to: copies that stay copies, definitions that stay, and words found in every language."""

from django.db import migrations

from tenants.postgres.audit import audit

# Nobody writes the copy but the trigger that makes it. An update keeps what is there (Django writes all columns of a row it
# saves, also one read before the values changed). An insert may bring the copy along, as an import does that writes the
# values next: it is looked at when the transaction ends, and put right.
ATTRIBUTES = """
CREATE FUNCTION catalog_attributes_kept() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.attributes := OLD.attributes;
    RETURN NEW;
END $$;

CREATE TRIGGER attributes_kept BEFORE UPDATE OF attributes ON catalog_offeringversion FOR EACH ROW
WHEN (NEW.attributes IS DISTINCT FROM OLD.attributes AND pg_trigger_depth() = 0) EXECUTE FUNCTION catalog_attributes_kept();

CREATE FUNCTION catalog_attributes_checked() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    truth jsonb := (
        SELECT coalesce(jsonb_object_agg(d.key, coalesce(to_jsonb(a.value_text), to_jsonb(trim_scale(a.value_number)),
                                         to_jsonb(a.value_bool), a.value_json)), '{}')
        FROM catalog_attributevalue a JOIN catalog_attributedefinition d ON d.id = a.attribute_definition_id
        WHERE a.tenant_id = NEW.tenant_id AND a.offering_version_id = NEW.id);
BEGIN
    UPDATE catalog_offeringversion SET attributes = truth
    WHERE tenant_id = NEW.tenant_id AND id = NEW.id AND attributes <> truth;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER attributes_checked AFTER INSERT ON catalog_offeringversion DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (NEW.attributes <> '{}') EXECUTE FUNCTION catalog_attributes_checked();
"""

DEFINITIONS = """
CREATE FUNCTION catalog_definition_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'domain, key, type and scope of an attribute stay' USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER definition_stays BEFORE UPDATE ON catalog_attributedefinition FOR EACH ROW
WHEN ((NEW.domain_id, NEW.key, NEW.value_type, NEW.scope) IS DISTINCT FROM (OLD.domain_id, OLD.key, OLD.value_type, OLD.scope))
EXECUTE FUNCTION catalog_definition_stays();
"""

INDEX_OFFERINGS = r"""
-- An offering is found by its active version, in every language, and its active variants.
CREATE OR REPLACE FUNCTION search_index_offerings(tenant uuid, touched uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- Two transactions that change parts of one offering must not each index a text without the other's part.
    PERFORM FROM public.catalog_offering AS o WHERE o.tenant_id = tenant AND o.id = ANY (touched)
        ORDER BY o.id FOR NO KEY UPDATE;
    PERFORM search_write(
        tenant, 'offering', touched, coalesce(array_agg(id), '{}'), array_agg(bot_id), array_agg(''::text),
        array_agg(name), array_agg(body), array_agg(0)
    ) FROM (
        SELECT o.id, o.bot_id, version.name::text, concat_ws(E'\n',
            nullif(text_plain(version.description), ''), nullif(o.category, ''),
            nullif(array_to_string(o.tags, ', '), ''), search_attributes(version.attributes), variants.words__LANGUAGES__
        ) AS body
        FROM public.catalog_offering AS o
        JOIN public.catalog_offeringversion AS version
            ON version.tenant_id = tenant AND version.offering_id = o.id AND version.status = 'active'
        -- Lateral: grouped beside the offerings, all would be read again for each offering of a bulk write.
        CROSS JOIN LATERAL (
            SELECT string_agg(concat_ws(' ', p.sku, nullif(p.name, ''), search_attributes(p.attributes)),
                E'\n' ORDER BY p.position, p.id) AS words
            FROM public.catalog_variant AS p
            WHERE p.tenant_id = tenant AND p.offering_id = o.id AND p.status = 'active'
        ) AS variants__TRANSLATIONS__
        WHERE o.tenant_id = tenant AND o.id = ANY (touched) AND o.status = 'active'
    ) AS found;
END $$;
"""

TRANSLATIONS = r"""
        CROSS JOIN LATERAL (
            SELECT string_agg(concat_ws(E'\n', t.name, nullif(text_plain(t.description), '')), E'\n' ORDER BY t.language) AS words
            FROM public.catalog_offeringtranslation AS t
            WHERE t.tenant_id = tenant AND t.offering_version_id = version.id
        ) AS translations"""

SEARCH = (
    INDEX_OFFERINGS.replace("__LANGUAGES__", ", translations.words").replace("__TRANSLATIONS__", TRANSLATIONS)
    + r"""
CREATE FUNCTION search_translation_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_offerings(changed.tenant_id, array_agg(DISTINCT version.offering_id))
        FROM changed JOIN public.catalog_offeringversion AS version
            ON version.tenant_id = changed.tenant_id AND version.id = changed.offering_version_id
        WHERE version.status = 'active' GROUP BY changed.tenant_id;
    RETURN NULL;
END $$;

CREATE TRIGGER search_insert AFTER INSERT ON catalog_offeringtranslation REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_translation_changed();
CREATE TRIGGER search_update AFTER UPDATE ON catalog_offeringtranslation REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_translation_changed();
CREATE TRIGGER search_delete AFTER DELETE ON catalog_offeringtranslation REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_translation_changed();
"""
)
NO_SEARCH = "DROP FUNCTION search_translation_changed CASCADE;" + INDEX_OFFERINGS.replace("__LANGUAGES__", "").replace(
    "__TRANSLATIONS__", ""
)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0017_versions")]

    operations = [
        migrations.RunSQL(ATTRIBUTES, "DROP FUNCTION catalog_attributes_kept, catalog_attributes_checked CASCADE"),
        migrations.RunSQL(DEFINITIONS, "DROP FUNCTION catalog_definition_stays CASCADE"),
        migrations.RunSQL(SEARCH, NO_SEARCH),
        audit("catalog.offeringtranslation"),
        audit("catalog.scheduledactivation", ignore=["due_at", "lease_until", "attempt", "priority"]),
    ]
