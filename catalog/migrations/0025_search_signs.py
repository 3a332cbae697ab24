"""Large tenants' vectors are compared by their signs along fixed directions first: recall holds at 50,000, and is cheap.

The column was generated from the vector's own numbers, of which the offline model has 256: too few signs to tell by.
"""

import numpy as np
import pgvector.django
from django.db import connection, migrations, models

from catalog.search.signs import signs_literal
from tenants.scope import platform_scope

BATCH = 500

DROP = """
SET LOCAL ROLE backroom_search;
DROP FUNCTION search_candidates;
SET LOCAL ROLE NONE;
"""

OWNED = """
GRANT CREATE ON SCHEMA public TO backroom_search;
ALTER FUNCTION search_candidates OWNER TO backroom_search;
REVOKE CREATE ON SCHEMA public FROM backroom_search;
-- As the former owner the next two would be warnings only.
SET LOCAL ROLE backroom_search;
REVOKE EXECUTE ON FUNCTION search_candidates FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_candidates TO backroom_app;
SET LOCAL ROLE NONE;
"""

PLAIN = "ALTER TABLE catalog_searchvector ALTER COLUMN bits SET STORAGE PLAIN"

SEARCH = r"""
-- The nearest vectors and the best texts of each kind, with their raw parts; scores are made in Python.
--   words: a tsquery of folded words, null: none.  numbers: the query's vector, null: none.
--   bot: rows of another bot are left out, null: every row.  only_owners: null: every owner.
--   how_many: of each part and kind, so up to 2 * how_many * kinds rows come back.
--   phrases, typed: those of the question, to look for their synonyms; what these mean comes back in each row.
--   signs: those of the query's vector (catalog/search/signs.py), null: every vector is compared.
-- Up to 3,000 vectors of a kind every one is compared; above, the 500 nearest by their signs are.
-- Runs as backroom_search, past row security, and therefore compares the tenant itself.
CREATE FUNCTION search_candidates(
    words tsquery, numbers real[], model_name text, kinds text[], bot uuid, only_owners uuid[], how_many integer,
    phrases text[] DEFAULT NULL, typed text[] DEFAULT NULL, signs bit varying DEFAULT NULL
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
        ELSIF signs IS NOT NULL AND EXISTS (
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
                    ORDER BY b.bits <~> signs LIMIT 500
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
CREATE FUNCTION search_candidates(
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

SIGN = """
UPDATE catalog_searchvector AS v SET bits = made.signs::bit(1536)
FROM unnest(%s::uuid[], %s::text[]) AS made (id, signs) WHERE v.id = made.id
"""


def sign(apps, schema_editor):
    """Give every vector its signs, so that none has to be embedded again."""
    with platform_scope(reason="vectors of all tenants get their signs"), connection.cursor() as cursor:
        while rows := _unsigned(cursor):
            signs = [signs_literal(np.array(vector[1:-1].split(","), dtype=np.float32)) for _pk, vector in rows]
            cursor.execute(SIGN, [[pk for pk, _vector in rows], signs])


def _unsigned(cursor):
    cursor.execute(
        "SELECT id, embedding::text FROM catalog_searchvector WHERE embedding IS NOT NULL AND bits IS NULL LIMIT %s", [BATCH]
    )
    return cursor.fetchall()


class Migration(migrations.Migration):
    dependencies = [("catalog", "0024_attributes_check")]

    operations = [
        migrations.RunSQL(DROP, FORMER + OWNED),
        migrations.RemoveIndex("searchvector", "searchvector_near"),
        migrations.RunSQL(migrations.RunSQL.noop, PLAIN),
        migrations.RemoveField("searchvector", "bits"),
        migrations.AddField(
            "searchvector",
            "bits",
            pgvector.django.BitField(
                length=1536, null=True, help_text="Signs of the embedding along fixed directions; null without one."
            ),
        ),
        migrations.RunSQL(PLAIN, migrations.RunSQL.noop),
        migrations.RunPython(sign, migrations.RunPython.noop),
        migrations.AddConstraint(
            "searchvector",
            models.CheckConstraint(
                condition=models.Q(embedding=None) | models.Q(bits__isnull=False),
                name="searchvector_signed",
                violation_error_message="A vector has signs.",
            ),
        ),
        migrations.AddIndex(
            "searchvector",
            models.Index(
                fields=["tenant", "kind", "model"],
                include=("id", "owner_id", "bot_id", "bits"),
                name="searchvector_near",
                condition=models.Q(embedding__isnull=False),
            ),
        ),
        migrations.RunSQL(SEARCH + OWNED, DROP),
    ]
