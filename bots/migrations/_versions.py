"""A version that was once active stays as it was."""

STAYS = """
CREATE FUNCTION bots_version_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = 'backroom_platform' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a version that was active stays as it is' USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER version_stays BEFORE UPDATE ON bots_botversion FOR EACH ROW
WHEN (OLD.activated_at IS NOT NULL AND (NEW.bot_id, NEW.version, NEW.flow_config, NEW.system_prompt, NEW.activated_at IS NULL)
    IS DISTINCT FROM (OLD.bot_id, OLD.version, OLD.flow_config, OLD.system_prompt, false))
EXECUTE FUNCTION bots_version_stays();
CREATE TRIGGER version_kept BEFORE DELETE ON bots_botversion FOR EACH ROW
WHEN (OLD.activated_at IS NOT NULL) EXECUTE FUNCTION bots_version_stays();
"""
NO_STAYS = "DROP FUNCTION bots_version_stays CASCADE"

CAPABILITIES_STAY = """
CREATE FUNCTION bots_version_capability_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND NOT (TG_OP = 'DELETE' AND current_user = 'backroom_platform') AND EXISTS (
        SELECT FROM bots_botversion
        WHERE tenant_id = OLD.tenant_id AND id = OLD.bot_version_id AND activated_at IS NOT NULL
    ) OR TG_OP <> 'DELETE' AND EXISTS (
        SELECT FROM bots_botversion
        WHERE tenant_id = NEW.tenant_id AND id = NEW.bot_version_id AND activated_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'what a version that was active may use stays as it is' USING ERRCODE = 'check_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER version_capability_stays BEFORE INSERT OR UPDATE OR DELETE ON bots_botversioncapability FOR EACH ROW
EXECUTE FUNCTION bots_version_capability_stays();
"""
NO_CAPABILITIES_STAY = "DROP FUNCTION bots_version_capability_stays CASCADE"
