"""How messages are searched: `SessionQuerySet.saying`, `TurnQuerySet.saying`."""

WORDS = """
-- The words of a message and the lexeme of its tenant, so that the index intersects both by itself.
CREATE FUNCTION turn_words(tenant uuid, message text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN search_words(message, '') || search_tenant_lexeme(tenant)::tsvector;

CREATE INDEX turn_said ON runtime_turn USING gin (turn_words(tenant_id, message));
"""
NO_WORDS = "DROP INDEX turn_said; DROP FUNCTION turn_words"

SAYING = r"""
-- The messages that hold a folded phrase, and their conversations; `said` are its words as a tsquery.
-- Row security would ask its own condition first and leave the index aside: no operator of text search is leak-proof. So it
-- runs as backroom_search, past row security, and compares the tenant itself; by a comparison that leads to no other index.
CREATE FUNCTION turns_saying(said tsquery, phrase text) RETURNS TABLE (turn_id uuid, session_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    tenant CONSTANT uuid := nullif(current_setting('backroom.tenant', true), '')::uuid;
    wanted CONSTANT tsquery := search_tenant_lexeme(tenant)::tsquery && said;
BEGIN
    RETURN QUERY SELECT t.id, t.session_id FROM public.runtime_turn AS t
        WHERE turn_words(t.tenant_id, t.message) @@ wanted AND t.tenant_id IS NOT DISTINCT FROM tenant
        AND strpos(regexp_replace(text_fold(t.message), '\s+', ' ', 'g'), phrase) > 0;
END $$;

GRANT SELECT (id, tenant_id, session_id, message) ON runtime_turn TO backroom_search;
CREATE POLICY search ON runtime_turn FOR SELECT TO backroom_search USING (true);
GRANT CREATE ON SCHEMA public TO backroom_search;
ALTER FUNCTION turns_saying OWNER TO backroom_search;
REVOKE CREATE ON SCHEMA public FROM backroom_search;
-- As the former owner the next two would be warnings only.
SET LOCAL ROLE backroom_search;
REVOKE EXECUTE ON FUNCTION turns_saying FROM PUBLIC;
GRANT EXECUTE ON FUNCTION turns_saying TO backroom_app;
SET LOCAL ROLE NONE;
"""
NO_SAYING = r"""
SET LOCAL ROLE backroom_search;
DROP FUNCTION turns_saying;
SET LOCAL ROLE NONE;
DROP POLICY search ON runtime_turn;
REVOKE SELECT (id, tenant_id, session_id, message) ON runtime_turn FROM backroom_search;
"""
