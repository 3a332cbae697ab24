"""How texts are found since the index holds a compact copy of their vectors."""

CANDIDATES = """
-- The nearest vectors and the best texts of each kind, with their raw parts; scores are made in Python.
--   words: a tsquery of folded words, null: none.  numbers: the query's vector, null: none.
--   bot: rows of another bot are left out, null: every row.  only_owners: null: every owner.
--   how_many: of each part and kind, so up to 2 * how_many * kinds rows come back.
--   phrases, typed: those of the question, to look for their synonyms; what these mean comes back in each row.
--   signs: those of the query's vector (catalog/search/signs.py), null: every vector is compared.
-- Of a model of up to 256 numbers every vector of a kind is compared by its compact copy, in the index alone: half the precision
-- orders them as the whole does but for ties. Of a larger model up to 1,000 are, whole; above, the 750 nearest by their signs.
-- Its statements are planned once a session: each way in is right for tenants of all sizes. That holds for owners in a
-- sub-select, which is hashed, and not for ANY (only_owners).
-- Runs as backroom_search, past row security, and therefore compares the tenant itself.
CREATE OR REPLACE FUNCTION search_candidates(
    words tsquery, numbers real[], model_name text, kinds text[], bot uuid, only_owners uuid[], how_many integer,
    phrases text[] DEFAULT NULL, typed text[] DEFAULT NULL, signs bit varying DEFAULT NULL
) RETURNS TABLE (
    kind text, owner_id uuid, title text, body text, language text, priority integer, similarity real,
    synonyms text[]
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan  -- planning took a quarter of the time
SET max_parallel_workers_per_gather = 0  -- starting a worker takes longer than the search
AS $$
#variable_conflict use_column
DECLARE
    tenant CONSTANT uuid := nullif(current_setting('backroom.tenant', true), '')::uuid;
    meant CONSTANT text[] := search_synonyms(tenant, phrases, typed);
    wanted_words CONSTANT tsquery := words || coalesce(search_meanings(meant), '');
    tenant_words CONSTANT tsquery := quote_literal(search_tenant_lexeme(tenant))::tsquery && wanted_words;
    query public.vector := search_vector(numbers);
    short CONSTANT public.halfvec := CASE
        WHEN cardinality(numbers) <= 256 THEN public.subvector(search_vector(numbers), 1, 256)::public.halfvec(256) END;
    wanted text;
    nearest uuid[];
    best uuid[];
BEGIN
    IF tenant IS NULL THEN
        RETURN;
    END IF;
    FOREACH wanted IN ARRAY kinds LOOP
        nearest := '{}';
        IF query IS NULL THEN
            NULL;
        ELSIF short IS NOT NULL THEN
            nearest := ARRAY(
                SELECT v.text_id FROM public.catalog_searchvector AS v
                WHERE v.tenant_id = tenant AND v.kind = wanted AND v.model = model_name AND v.compact IS NOT NULL
                AND (bot IS NULL OR v.bot_id IS NULL OR v.bot_id = bot)
                AND (only_owners IS NULL OR v.owner_id IN (SELECT unnest(only_owners)))
                ORDER BY v.compact <#> short LIMIT how_many
            );
        ELSIF signs IS NOT NULL AND EXISTS (
            SELECT FROM public.catalog_searchvector AS v
            WHERE v.tenant_id = tenant AND v.kind = wanted AND v.model = model_name AND v.embedding IS NOT NULL AND v.compact IS NULL
            OFFSET 1000
        ) THEN
            nearest := ARRAY(
                SELECT v.text_id FROM public.catalog_searchvector AS v
                WHERE v.tenant_id = tenant AND v.id = ANY (ARRAY(
                    SELECT b.id FROM public.catalog_searchvector AS b
                    WHERE b.tenant_id = tenant AND b.kind = wanted AND b.model = model_name AND b.embedding IS NOT NULL AND b.compact IS NULL
                    AND (bot IS NULL OR b.bot_id IS NULL OR b.bot_id = bot)
                    AND (only_owners IS NULL OR b.owner_id IN (SELECT unnest(only_owners)))
                    ORDER BY b.bits <~> signs LIMIT 750
                ))
                ORDER BY v.embedding <#> query LIMIT how_many
            );
        ELSE
            nearest := ARRAY(
                SELECT v.text_id FROM public.catalog_searchvector AS v
                WHERE v.tenant_id = tenant AND v.kind = wanted AND v.model = model_name AND v.embedding IS NOT NULL AND v.compact IS NULL
                AND (bot IS NULL OR v.bot_id IS NULL OR v.bot_id = bot)
                AND (only_owners IS NULL OR v.owner_id IN (SELECT unnest(only_owners)))
                ORDER BY v.embedding <#> query LIMIT how_many
            );
        END IF;
        best := '{}';
        IF wanted_words IS NOT NULL THEN
            best := ARRAY(
                SELECT t.id FROM public.catalog_searchtext AS t
                WHERE t.tsv @@ tenant_words AND t.tenant_id = tenant AND t.kind = wanted
                AND (bot IS NULL OR t.bot_id IS NULL OR t.bot_id = bot)
                AND (only_owners IS NULL OR t.owner_id IN (SELECT unnest(only_owners)))
                ORDER BY ts_rank(t.tsv, wanted_words, 1) DESC, t.priority DESC, t.id LIMIT how_many
            );
        END IF;
        RETURN QUERY
            SELECT t.kind::text, t.owner_id, t.title, t.body, t.language::text, t.priority,
                (-(v.embedding <#> query))::real, meant
            FROM public.catalog_searchtext AS t
            LEFT JOIN public.catalog_searchvector AS v ON v.tenant_id = tenant AND v.text_id = t.id
                AND v.model = model_name AND v.content_hash = t.content_hash
            WHERE t.tenant_id = tenant AND t.id = ANY (nearest || best);
    END LOOP;
END $$;
"""
