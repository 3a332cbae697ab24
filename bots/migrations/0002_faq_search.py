"""Keeps the search index of FAQs right at commit, whoever writes them."""

from django.db import migrations

# catalog's 0006_search made search_write.
CREATE = r"""
CREATE FUNCTION search_faq_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_write(
        tenant_id, 'faq', array_agg(id),
        coalesce(array_agg(id) FILTER (WHERE is_active), '{}'), array_agg(bot_id) FILTER (WHERE is_active),
        array_agg(language::text) FILTER (WHERE is_active), array_agg(question) FILTER (WHERE is_active),
        array_agg(answer) FILTER (WHERE is_active), array_agg(priority) FILTER (WHERE is_active)
    ) FROM changed GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE FUNCTION search_faq_deleted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_write(tenant_id, 'faq', array_agg(id), '{}', '{}', '{}', '{}', '{}', '{}')
        FROM changed GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE TRIGGER search_insert AFTER INSERT ON bots_faq REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_faq_changed();
CREATE TRIGGER search_update AFTER UPDATE ON bots_faq REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_faq_changed();
CREATE TRIGGER search_delete AFTER DELETE ON bots_faq REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_faq_deleted();
"""

DROP = "DROP FUNCTION search_faq_changed, search_faq_deleted CASCADE"


class Migration(migrations.Migration):
    dependencies = [("bots", "0001_initial"), ("catalog", "0006_search")]

    operations = [migrations.RunSQL(CREATE, DROP)]
