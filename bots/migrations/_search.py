"""How FAQs, passages of documents and intents become texts to search (`catalog/migrations/_search.py`)."""

FAQS = """
CREATE FUNCTION search_faq_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_write(
        tenant_id, 'faq', array_agg(id),
        coalesce(array_agg(id) FILTER (WHERE is_active AND review_state = 'approved'), '{}'), array_agg(bot_id) FILTER (WHERE is_active AND review_state = 'approved'),
        array_agg(language::text) FILTER (WHERE is_active AND review_state = 'approved'), array_agg(question) FILTER (WHERE is_active AND review_state = 'approved'),
        array_agg(answer) FILTER (WHERE is_active AND review_state = 'approved'), array_agg(priority) FILTER (WHERE is_active AND review_state = 'approved')
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
NO_FAQS = "DROP FUNCTION search_faq_deleted, search_faq_changed CASCADE"

PASSAGES = """
-- A chunk is found under the name of its document and its headings, by the bots of its collection.
CREATE FUNCTION search_index_chunks(tenant uuid, touched uuid[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT search_write(
        tenant, 'document', touched, coalesce(array_agg(k.id), '{}'), array_agg(c.bot_id), array_agg(d.language::text),
        array_agg(array_to_string(d.name::text || k.heading_path, ' › ')), array_agg(k.text), array_agg(0)
    )
    FROM public.bots_knowledgechunk AS k
    JOIN public.bots_knowledgedocument AS d ON d.tenant_id = tenant AND d.id = k.document_id
    JOIN public.bots_knowledgecollection AS c ON c.tenant_id = tenant AND c.id = d.collection_id
    WHERE k.tenant_id = tenant AND k.id = ANY (touched)
$$;

CREATE FUNCTION search_chunk_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_chunks(tenant_id, array_agg(id)) FROM changed GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE FUNCTION search_chunk_updated() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_chunks(tenant_id, array_agg(id)) FROM changed JOIN before USING (tenant_id, id)
        WHERE (changed.document_id, changed.heading_path, changed.text)
            IS DISTINCT FROM (before.document_id, before.heading_path, before.text)
        GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE FUNCTION search_chunk_deleted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_write(tenant_id, 'document', array_agg(id), '{}', '{}', '{}', '{}', '{}', '{}')
        FROM changed GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE FUNCTION search_document_updated() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_chunks(changed.tenant_id, array_agg(k.id))
        FROM changed JOIN before USING (tenant_id, id)
        JOIN public.bots_knowledgechunk AS k ON k.tenant_id = changed.tenant_id AND k.document_id = changed.id
        WHERE (changed.name, changed.language, changed.collection_id)
            IS DISTINCT FROM (before.name, before.language, before.collection_id)
        GROUP BY changed.tenant_id;
    RETURN NULL;
END $$;

CREATE FUNCTION search_collection_updated() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_chunks(changed.tenant_id, array_agg(k.id))
        FROM changed JOIN before USING (tenant_id, id)
        JOIN public.bots_knowledgedocument AS d ON d.tenant_id = changed.tenant_id AND d.collection_id = changed.id
        JOIN public.bots_knowledgechunk AS k ON k.tenant_id = changed.tenant_id AND k.document_id = d.id
        WHERE changed.bot_id IS DISTINCT FROM before.bot_id
        GROUP BY changed.tenant_id;
    RETURN NULL;
END $$;

CREATE TRIGGER search_insert AFTER INSERT ON bots_knowledgechunk REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_chunk_changed();
CREATE TRIGGER search_update AFTER UPDATE ON bots_knowledgechunk REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_chunk_updated();
CREATE TRIGGER search_delete AFTER DELETE ON bots_knowledgechunk REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_chunk_deleted();
CREATE TRIGGER search_update AFTER UPDATE ON bots_knowledgedocument REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_document_updated();
CREATE TRIGGER search_update AFTER UPDATE ON bots_knowledgecollection REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_collection_updated();
"""
NO_PASSAGES = (
    "DROP FUNCTION "
    "search_collection_updated, search_document_updated, search_chunk_deleted, search_chunk_updated, "
    "search_chunk_changed, search_index_chunks CASCADE"
)

INTENTS = """
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
NO_INTENTS = "DROP FUNCTION search_intent_updated, search_example_changed, search_index_intents CASCADE"
