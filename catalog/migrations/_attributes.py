"""What keeps attributes right: their definitions' limits, and their copy in the version."""

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
NO_LIMITS = "DROP FUNCTION catalog_limits_fit CASCADE"

VALUES = """
CREATE FUNCTION catalog_attributes_copy() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    at timestamptz := now();
    touched uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT offering_version_id) INTO touched FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(DISTINCT offering_version_id) INTO touched FROM old_rows;
    ELSE
        SELECT array_agg(offering_version_id) INTO touched
        FROM (SELECT offering_version_id FROM old_rows UNION SELECT offering_version_id FROM new_rows) AS both_rows;
    END IF;
    UPDATE catalog_offeringversion AS version SET attributes = copy.attributes, updated_at = at
    FROM (
        SELECT v.tenant_id, v.id, coalesce(
            jsonb_object_agg(d.key, coalesce(to_jsonb(a.value_text), to_jsonb(trim_scale(a.value_number)),
                             to_jsonb(a.value_bool), a.value_json)) FILTER (WHERE d.key IS NOT NULL), '{}') AS attributes
        FROM catalog_offeringversion v
        LEFT JOIN catalog_attributevalue a ON a.tenant_id = v.tenant_id AND a.offering_version_id = v.id
        LEFT JOIN catalog_attributedefinition d ON d.id = a.attribute_definition_id
        WHERE v.tenant_id = nullif(current_setting('backroom.tenant', true), '')::uuid AND v.id = ANY (touched)
        GROUP BY v.tenant_id, v.id
    ) AS copy
    WHERE version.tenant_id = copy.tenant_id AND version.id = copy.id AND version.attributes IS DISTINCT FROM copy.attributes;
    RETURN NULL;
END $$;

CREATE FUNCTION catalog_attributes_kept() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.attributes := OLD.attributes;
    RETURN NEW;
END $$;

CREATE FUNCTION catalog_attributes_checked() RETURNS trigger
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

CREATE TRIGGER attributes_copy_insert AFTER INSERT ON catalog_attributevalue
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_attributes_copy();
CREATE TRIGGER attributes_copy_update AFTER UPDATE ON catalog_attributevalue
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_attributes_copy();
CREATE TRIGGER attributes_copy_delete AFTER DELETE ON catalog_attributevalue
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_attributes_copy();
CREATE TRIGGER attributes_kept BEFORE UPDATE OF attributes ON catalog_offeringversion FOR EACH ROW
WHEN (NEW.attributes IS DISTINCT FROM OLD.attributes AND pg_trigger_depth() = 0) EXECUTE FUNCTION catalog_attributes_kept();
CREATE CONSTRAINT TRIGGER attributes_checked AFTER INSERT ON catalog_offeringversion DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (NEW.attributes <> '{}') EXECUTE FUNCTION catalog_attributes_checked();
"""
NO_VALUES = "DROP FUNCTION catalog_attributes_checked, catalog_attributes_kept, catalog_attributes_copy CASCADE"

DEFINITIONS = """
CREATE FUNCTION catalog_definition_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'domain, key, type and scope of an attribute stay' USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER definition_stays BEFORE UPDATE ON catalog_attributedefinition FOR EACH ROW
WHEN ((NEW.domain_id, NEW.key, NEW.value_type, NEW.scope) IS DISTINCT FROM (OLD.domain_id, OLD.key, OLD.value_type, OLD.scope))
EXECUTE FUNCTION catalog_definition_stays();
"""
NO_DEFINITIONS = "DROP FUNCTION catalog_definition_stays CASCADE"
