"""Keeps the search index of intents right at commit, whoever writes them; and audits them."""

from django.db import migrations

from tenants.postgres.audit import audit

# Its code is the body: what the turn needs to know of a hit. An example counts while its intent is active.
CREATE = r"""
CREATE FUNCTION search_index_intents(tenant uuid, touched uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_write(
        tenant, 'intent', touched, coalesce(array_agg(e.id), '{}'), array_agg(i.bot_id), array_agg(e.language::text),
        array_agg(e.text::text), array_agg(i.code::text), array_agg(0)
    )
    FROM public.bots_intentexample AS e
    JOIN public.bots_intent AS i ON i.tenant_id = tenant AND i.id = e.intent_id
    WHERE e.tenant_id = tenant AND e.id = ANY (touched) AND i.is_active;
END $$;

CREATE FUNCTION search_example_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_intents(tenant_id, array_agg(id)) FROM changed GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE FUNCTION search_intent_updated() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_intents(changed.tenant_id, array_agg(e.id))
        FROM changed JOIN before USING (tenant_id, id)
        JOIN public.bots_intentexample AS e ON e.tenant_id = changed.tenant_id AND e.intent_id = changed.id
        WHERE (changed.code, changed.bot_id, changed.is_active) IS DISTINCT FROM (before.code, before.bot_id, before.is_active)
        GROUP BY changed.tenant_id;
    RETURN NULL;
END $$;

CREATE TRIGGER search_insert AFTER INSERT ON bots_intentexample REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_example_changed();
CREATE TRIGGER search_update AFTER UPDATE ON bots_intentexample REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_example_changed();
CREATE TRIGGER search_delete AFTER DELETE ON bots_intentexample REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_example_changed();
CREATE TRIGGER search_update AFTER UPDATE ON bots_intent REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_intent_updated();
"""

DROP = "DROP FUNCTION search_example_changed, search_intent_updated, search_index_intents CASCADE"


class Migration(migrations.Migration):
    dependencies = [("bots", "0008_intents"), ("catalog", "0028_search_intents")]

    operations = [migrations.RunSQL(CREATE, DROP), audit("bots.intent"), audit("bots.intentexample")]
