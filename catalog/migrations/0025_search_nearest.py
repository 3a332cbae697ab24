"""Search in large tenants: how many vectors are compared follows their number, so that recall holds at 50,000."""

from django.db import migrations

ESTIMATE = r"""
-- About how many vectors a tenant has of a kind, as the planner knows it since the last ANALYZE: counting 50,000 would
-- take as long as the search. Wrong by half it costs some time or some recall, no more. Volatile, for EXPLAIN has to be.
CREATE FUNCTION search_estimate(tenant uuid, wanted text, model_name text) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE format(
        'EXPLAIN (FORMAT JSON) SELECT FROM public.catalog_searchvector '
        'WHERE tenant_id = %L AND kind = %L AND model = %L AND embedding IS NOT NULL', tenant, wanted, model_name
    ) INTO plan;
    RETURN least((plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric, 2000000000);
END $$;
"""

BEGIN = """
GRANT CREATE ON SCHEMA public TO backroom_search;
SET LOCAL ROLE backroom_search;
"""

END = """
SET LOCAL ROLE NONE;
REVOKE CREATE ON SCHEMA public FROM backroom_search;
"""

SEARCH = r"""
-- The nearest vectors and the best texts of each kind, with their raw parts; scores are made in Python.
--   words: a tsquery of folded words, null: none.  numbers: the query's vector, null: none.
--   bot: rows of another bot are left out, null: every row.  only_owners: null: every owner.
--   how_many: of each part and kind, so up to 2 * how_many * kinds rows come back.
--   phrases, typed: those of the question, to look for their synonyms; what these mean comes back in each row.
-- Up to 3,000 vectors of a kind every one is compared; above, the nearest by their signs alone are: 2,000, and of more
-- than 24,000 vectors one in twelve up to 5,000 (1,000 of 50,000 offerings would hold 93 % of the ten nearest).
-- Runs as backroom_search, past row security, and therefore compares the tenant itself.
CREATE OR REPLACE FUNCTION search_candidates(
    words tsquery, numbers real[], model_name text, kinds text[], bot uuid, only_owners uuid[], how_many integer,
    phrases text[] DEFAULT NULL, typed text[] DEFAULT NULL
) RETURNS TABLE (
    kind text, owner_id uuid, title text, body text, language text, priority integer, similarity real, text_rank real,
    synonyms text[]
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_custom_plan  -- a generic plan would be chosen once for tenants of all sizes
SET max_parallel_workers_per_gather = 0  -- starting a worker takes longer than the search
AS $$
#variable_conflict use_column
DECLARE
    tenant CONSTANT uuid := nullif(current_setting('backroom.tenant', true), '')::uuid;
    meant CONSTANT text[] := search_synonyms(tenant, phrases, typed);
    wanted_words CONSTANT tsquery := words || coalesce(search_meanings(meant), '');
    tenant_words CONSTANT tsquery := quote_literal(search_tenant_lexeme(tenant))::tsquery && wanted_words;
    query public.vector := search_vector(numbers);
    query_bits bit varying := binary_quantize(query);
    how_near integer;
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
        ELSIF EXISTS (
            SELECT FROM public.catalog_searchvector AS v
            WHERE v.tenant_id = tenant AND v.kind = wanted AND v.model = model_name AND v.embedding IS NOT NULL
            OFFSET 3000
        ) THEN
            how_near := greatest(2000, least(5000, search_estimate(tenant, wanted, model_name) / 12));
            nearest := ARRAY(
                SELECT v.text_id FROM public.catalog_searchvector AS v
                WHERE v.tenant_id = tenant AND v.id = ANY (ARRAY(
                    SELECT b.id FROM public.catalog_searchvector AS b
                    WHERE b.tenant_id = tenant AND b.kind = wanted AND b.model = model_name AND b.embedding IS NOT NULL
                    AND (bot IS NULL OR b.bot_id IS NULL OR b.bot_id = bot)
                    AND (only_owners IS NULL OR b.owner_id = ANY (only_owners))
                    ORDER BY b.bits <~> query_bits LIMIT how_near
                ))
                ORDER BY v.embedding <#> query LIMIT how_many
            );
        ELSE
            nearest := ARRAY(
                SELECT v.text_id FROM public.catalog_searchvector AS v
                WHERE v.tenant_id = tenant AND v.kind = wanted AND v.model = model_name AND v.embedding IS NOT NULL
                AND (bot IS NULL OR v.bot_id IS NULL OR v.bot_id = bot)
                AND (only_owners IS NULL OR v.owner_id = ANY (only_owners))
                ORDER BY v.embedding <#> query LIMIT how_many
            );
        END IF;
        best := '{}';
        IF wanted_words IS NOT NULL THEN
            best := ARRAY(
                SELECT t.id FROM public.catalog_searchtext AS t
                WHERE t.tsv @@ tenant_words AND t.tenant_id = tenant AND t.kind = wanted
                AND (bot IS NULL OR t.bot_id IS NULL OR t.bot_id = bot)
                AND (only_owners IS NULL OR t.owner_id = ANY (only_owners))
                ORDER BY ts_rank(t.tsv, wanted_words, 1) DESC, t.priority DESC, t.id LIMIT how_many
            );
        END IF;
        RETURN QUERY
            SELECT t.kind::text, t.owner_id, t.title, t.body, t.language::text, t.priority,
                (-(v.embedding <#> query))::real, coalesce(ts_rank(t.tsv, wanted_words, 1), 0), meant
            FROM public.catalog_searchtext AS t
            LEFT JOIN public.catalog_searchvector AS v ON v.tenant_id = tenant AND v.text_id = t.id
                AND v.model = model_name AND v.content_hash = t.content_hash
            WHERE t.tenant_id = tenant AND t.id = ANY (nearest || best);
    END LOOP;
END $$;
"""

FORMER = r"""
CREATE OR REPLACE FUNCTION search_candidates(
    words tsquery, numbers real[], model_name text, kinds text[], bot uuid, only_owners uuid[], how_many integer,
    phrases text[] DEFAULT NULL, typed text[] DEFAULT NULL
) RETURNS TABLE (
    kind text, owner_id uuid, title text, body text, language text, priority integer, similarity real, text_rank real,
    synonyms text[]
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_custom_plan  -- a generic plan would be chosen once for tenants of all sizes
SET max_parallel_workers_per_gather = 0  -- starting a worker takes longer than the search
AS $$
#variable_conflict use_column
DECLARE
    tenant CONSTANT uuid := nullif(current_setting('backroom.tenant', true), '')::uuid;
    meant CONSTANT text[] := search_synonyms(tenant, phrases, typed);
    wanted_words CONSTANT tsquery := words || coalesce(search_meanings(meant), '');
    tenant_words CONSTANT tsquery := quote_literal(search_tenant_lexeme(tenant))::tsquery && wanted_words;
    query public.vector := search_vector(numbers);
    query_bits bit varying := binary_quantize(query);
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
        ELSIF EXISTS (
            SELECT FROM public.catalog_searchvector AS v
            WHERE v.tenant_id = tenant AND v.kind = wanted AND v.model = model_name AND v.embedding IS NOT NULL
            OFFSET 3000
        ) THEN
            nearest := ARRAY(
                SELECT v.text_id FROM public.catalog_searchvector AS v
                WHERE v.tenant_id = tenant AND v.id = ANY (ARRAY(
                    SELECT b.id FROM public.catalog_searchvector AS b
                    WHERE b.tenant_id = tenant AND b.kind = wanted AND b.model = model_name AND b.embedding IS NOT NULL
                    AND (bot IS NULL OR b.bot_id IS NULL OR b.bot_id = bot)
                    AND (only_owners IS NULL OR b.owner_id = ANY (only_owners))
                    ORDER BY b.bits <~> query_bits LIMIT 1000
                ))
                ORDER BY v.embedding <#> query LIMIT how_many
            );
        ELSE
            nearest := ARRAY(
                SELECT v.text_id FROM public.catalog_searchvector AS v
                WHERE v.tenant_id = tenant AND v.kind = wanted AND v.model = model_name AND v.embedding IS NOT NULL
                AND (bot IS NULL OR v.bot_id IS NULL OR v.bot_id = bot)
                AND (only_owners IS NULL OR v.owner_id = ANY (only_owners))
                ORDER BY v.embedding <#> query LIMIT how_many
            );
        END IF;
        best := ARRAY(
            SELECT t.id FROM public.catalog_searchtext AS t
            WHERE t.tsv @@ tenant_words AND t.tenant_id = tenant AND t.kind = wanted
            AND (bot IS NULL OR t.bot_id IS NULL OR t.bot_id = bot)
            AND (only_owners IS NULL OR t.owner_id = ANY (only_owners))
            ORDER BY ts_rank(t.tsv, wanted_words, 1) DESC, t.priority DESC, t.id LIMIT how_many
        );
        RETURN QUERY
            SELECT t.kind::text, t.owner_id, t.title, t.body, t.language::text, t.priority,
                (-(v.embedding <#> query))::real, coalesce(ts_rank(t.tsv, wanted_words, 1), 0), meant
            FROM public.catalog_searchtext AS t
            LEFT JOIN public.catalog_searchvector AS v ON v.tenant_id = tenant AND v.text_id = t.id
                AND v.model = model_name AND v.content_hash = t.content_hash
            WHERE t.tenant_id = tenant AND t.id = ANY (nearest || best);
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0024_attributes_check")]

    operations = [
        migrations.RunSQL(
            ESTIMATE + BEGIN + SEARCH + END, BEGIN + FORMER + END + "DROP FUNCTION search_estimate(uuid, text, text)"
        )
    ]
