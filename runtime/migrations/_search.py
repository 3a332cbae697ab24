"""How cached answers become texts to search (`catalog/migrations/_search.py`)."""

ANSWERS = """
CREATE FUNCTION search_answer_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_write(
        tenant_id, 'answer', array_agg(id), array_agg(id), array_agg(bot_version_id), array_agg(language::text),
        array_agg(query_text::text), array_agg(''::text), array_agg(0)
    ) FROM changed GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE FUNCTION search_answer_deleted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_write(tenant_id, 'answer', array_agg(id), '{}', '{}', '{}', '{}', '{}', '{}')
        FROM changed GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE TRIGGER search_insert AFTER INSERT ON runtime_semanticcacheentry REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_answer_changed();
CREATE TRIGGER search_update AFTER UPDATE ON runtime_semanticcacheentry REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_answer_changed();
CREATE TRIGGER search_delete AFTER DELETE ON runtime_semanticcacheentry REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_answer_deleted();
"""
NO_ANSWERS = "DROP FUNCTION search_answer_deleted, search_answer_changed CASCADE"
