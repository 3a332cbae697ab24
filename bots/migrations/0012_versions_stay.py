"""A version that was ever active stays as it is, whoever writes: conversations rely on it."""

from django.db import migrations, models

# Only the platform, which deletes whole tenants, deletes a version that spoke. Its author may go, and it may be active again.
CREATE = """
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

DROP = "DROP FUNCTION bots_version_stays, bots_version_capability_stays CASCADE"


class Migration(migrations.Migration):
    dependencies = [("bots", "0011_order_capabilities")]

    operations = [
        migrations.RunSQL(CREATE, DROP),
        migrations.AlterField(
            model_name='botversion',
            name='flow_config',
            field=models.JSONField(blank=True, db_default={}, default=dict, help_text='default_state, steps, idle_minutes, claim_minutes, greeting, quick_replies, tools; and what you add.', verbose_name='flow'),
        ),
        migrations.AlterField(
            model_name='botversion',
            name='system_prompt',
            field=models.TextField(blank=True, help_text="Who the bot is and how it speaks. It may name {{ bot_name }}, {{ business_name }}, {{ today }}, {{ language }}, {{ customer_name }} and the bot's memory, such as {{ memory.opening_hours }}.", verbose_name='personality and instructions'),
        ),
    ]
