"""Synonyms: the words of a tenant that mean the same, and a search that looks for them in the same round trip."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import tenants.fields
from django.db import migrations, models

from tenants.postgres.audit import audit

PHRASES = r"""
-- The folded words of a text with single spaces between them, as tenants.text.words cuts them (see search_words).
CREATE FUNCTION search_phrase(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN btrim(regexp_replace(
    text_fold(t),
    '[\u0001-\u002f\u003a-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u2000-\u206f'
    '\u20a0-\u20cf\u2122\u2190-\u245f\u249c-\u2bff\u3000-\u3004\u3008-\u3020\u3030\ufe00-\ufe0f\uff01-\uff0f'
    '\uff1a-\uff20\U0001f000-\U0001faff]+',
    ' ', 'g'
));

-- At which folded phrases a row of synonyms is found: the term, and both ways each of the others.
CREATE FUNCTION search_synonym_keys(term text, synonyms text[], is_two_way boolean) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT array_agg(DISTINCT search_phrase(one))
    FROM unnest(CASE WHEN is_two_way THEN term || synonyms ELSE ARRAY[term] END) AS one
);
"""

SYNONYMS = r"""
-- What else is meant by a question: "said=meant" for every phrase of it that has synonyms, both sides folded.
--   phrases: the question's, folded; typed: the same as they were spelled, in lower case.
-- Typed without diacritics a phrase may mean any word of these letters; with them only the word that is spelled so.
CREATE FUNCTION search_synonyms(tenant uuid, phrases text[], typed text[]) RETURNS text[]
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = auto
AS $$
    SELECT array_agg(DISTINCT phrase.said || '=' || other.meant)
    FROM public.catalog_searchsynonym AS s
    CROSS JOIN LATERAL unnest(CASE WHEN s.is_two_way THEN s.term || s.synonyms ELSE ARRAY[s.term]::text[] END) AS terms (term)
    CROSS JOIN LATERAL (VALUES (search_phrase(terms.term), lower(terms.term COLLATE pg_c_utf8))) AS mine (said, spelled)
    JOIN unnest(phrases, typed) AS phrase (said, spelled) ON phrase.said = mine.said
        AND (phrase.spelled = phrase.said OR mine.spelled IN (phrase.spelled, phrase.said))
    CROSS JOIN LATERAL unnest(CASE WHEN s.is_two_way THEN s.term || s.synonyms ELSE s.synonyms END) AS others (term)
    CROSS JOIN LATERAL search_phrase(others.term) AS other (meant)
    WHERE s.tenant_id = tenant AND s.keys && phrases AND other.meant <> phrase.said
$$;

-- The same as words to look for: each meaning a phrase, any of them.
CREATE FUNCTION search_meanings(synonyms text[]) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT string_agg('(''' || replace(split_part(one, '=', 2), ' ', ''' <-> ''') || ''')', ' | ')::tsquery
    FROM unnest(synonyms) AS one
);
"""

SEARCH = r"""
SET LOCAL ROLE backroom_search;
DROP FUNCTION search_candidates;
SET LOCAL ROLE NONE;

-- The nearest vectors and the best texts of each kind, with their raw parts; scores are made in Python.
--   words: a tsquery of folded words, null: none.  numbers: the query's vector, null: none.
--   bot: rows of another bot are left out, null: every row.  only_owners: null: every owner.
--   how_many: of each part and kind, so up to 2 * how_many * kinds rows come back.
--   phrases, typed: those of the question, to look for their synonyms; what these mean comes back in each row.
-- Up to 3,000 vectors of a kind every one is compared; above, the 1,000 nearest by their signs alone are.
-- Runs as backroom_search, past row security, and therefore compares the tenant itself.
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

-- A third table that backroom_search may see all of, to read it.
GRANT SELECT ON catalog_searchsynonym TO backroom_search;
CREATE POLICY search ON catalog_searchsynonym FOR SELECT TO backroom_search USING (true);
GRANT CREATE ON SCHEMA public TO backroom_search;
ALTER FUNCTION search_candidates OWNER TO backroom_search;
REVOKE CREATE ON SCHEMA public FROM backroom_search;
-- As the former owner the next two would be warnings only.
SET LOCAL ROLE backroom_search;
REVOKE EXECUTE ON FUNCTION search_candidates FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_candidates TO backroom_app;
SET LOCAL ROLE NONE;
"""

FORMER = r"""
SET LOCAL ROLE backroom_search;
DROP FUNCTION search_candidates;
SET LOCAL ROLE NONE;
DROP POLICY search ON catalog_searchsynonym;
REVOKE SELECT ON catalog_searchsynonym FROM backroom_search;
DROP FUNCTION search_meanings, search_synonyms;
-- The nearest vectors and the best texts of each kind, with their raw parts; scores are made in Python.
--   words: a tsquery of folded words, null: none.  numbers: the query's vector, null: none.
--   bot: rows of another bot are left out, null: every row.  only_owners: null: every owner.
--   how_many: of each part and kind, so up to 2 * how_many * kinds rows come back.
-- Up to 3,000 vectors of a kind every one is compared; above, the 1,000 nearest by their signs alone are.
-- Runs as backroom_search, past row security, and therefore compares the tenant itself.
CREATE FUNCTION search_candidates(
    words tsquery, numbers real[], model_name text, kinds text[], bot uuid, only_owners uuid[], how_many integer
) RETURNS TABLE (
    kind text, owner_id uuid, title text, body text, language text, priority integer, similarity real, text_rank real
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_custom_plan  -- a generic plan would be chosen once for tenants of all sizes
SET max_parallel_workers_per_gather = 0  -- starting a worker takes longer than the search
AS $$
#variable_conflict use_column
DECLARE
    tenant CONSTANT uuid := nullif(current_setting('backroom.tenant', true), '')::uuid;
    tenant_words CONSTANT tsquery := quote_literal(search_tenant_lexeme(tenant))::tsquery && words;
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
            ORDER BY ts_rank(t.tsv, words, 1) DESC, t.priority DESC, t.id LIMIT how_many
        );
        RETURN QUERY
            SELECT t.kind::text, t.owner_id, t.title, t.body, t.language::text, t.priority,
                (-(v.embedding <#> query))::real, coalesce(ts_rank(t.tsv, words, 1), 0)
            FROM public.catalog_searchtext AS t
            LEFT JOIN public.catalog_searchvector AS v ON v.tenant_id = tenant AND v.text_id = t.id
                AND v.model = model_name AND v.content_hash = t.content_hash
            WHERE t.tenant_id = tenant AND t.id = ANY (nearest || best);
    END LOOP;
END $$;
GRANT CREATE ON SCHEMA public TO backroom_search;
ALTER FUNCTION search_candidates OWNER TO backroom_search;
REVOKE CREATE ON SCHEMA public FROM backroom_search;
-- As the former owner the next two would be warnings only.
SET LOCAL ROLE backroom_search;
REVOKE EXECUTE ON FUNCTION search_candidates FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_candidates TO backroom_app;
SET LOCAL ROLE NONE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0018_version_triggers'),
        ('tenants', '0009_invitations_audited'),
    ]

    operations = [
        migrations.RunSQL(PHRASES, "DROP FUNCTION search_synonym_keys, search_phrase"),
        migrations.CreateModel(
            name='SearchSynonym',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('term', models.CharField(help_text='What customers say, such as “tivi”.', max_length=100, verbose_name='word or phrase')),
                ('synonyms', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), help_text='Separate them by commas, such as “tv, television”.', size=20, verbose_name='means the same as')),
                ('is_two_way', models.BooleanField(db_default=True, default=True, help_text='Each of the words finds all others. Off: only the first finds the others, not they it.', verbose_name='both ways')),
                ('keys', models.GeneratedField(db_persist=True, expression=models.Func('term', 'synonyms', 'is_two_way', function='search_synonym_keys'), help_text='The words, folded, at which the rest is looked for.', output_field=django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None))),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='updated')),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'synonym',
                'verbose_name_plural': 'synonyms',
                'ordering': ['term'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'term'), name='searchsynonym_term_once', violation_error_message='This word has synonyms already.'), models.CheckConstraint(condition=models.Q(('synonyms__len__gt', 0)), name='searchsynonym_some', violation_error_message='Give at least one synonym.')],
            },
        ),
        audit("catalog.searchsynonym"),
        migrations.RunSQL(SYNONYMS + SEARCH, FORMER),
    ]
