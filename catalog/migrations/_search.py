"""How rows become texts to search, and how these are found (`catalog/search/` scores them)."""

WORDS = r"""
-- HTML as a reader sees it, near enough to search: no tags, the usual entities decoded.
CREATE FUNCTION text_plain(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF strpos(t, '<') > 0 THEN
        t := regexp_replace(t, '<!--.*?-->', ' ', 'g');
        t := regexp_replace(t, '<script\M.*?</script\s*>', ' ', 'gi');
        t := regexp_replace(t, '<style\M.*?</style\s*>', ' ', 'gi');
        t := btrim(regexp_replace(t, '\s*(?:</?[a-z][^>]*>\s*)+', ' ', 'gi'));
    END IF;
    IF strpos(t, '&') > 0 THEN
        t := regexp_replace(t, '&([a-z])(?:grave|acute|circ|tilde|uml|ring|cedil|caron|slash);', '\1', 'gi');
        t := replace(replace(replace(replace(t, '&nbsp;', ' '), '&lt;', '<'), '&gt;', '>'), '&quot;', '"');
        t := replace(replace(t, '&#39;', ''''), '&amp;', '&');
    END IF;
    RETURN t;
END $$;

-- Words only, cut where tenants.text.words cuts: at ASCII signs, punctuation, currencies and symbols. PostgreSQL's own parser
-- would read 5E7K as a number and a letter. A word of more than 100 letters is none.
CREATE FUNCTION search_words(t text, weight text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT coalesce(string_agg(word || ':' || least(place, 16383) || weight, ' '), '')::tsvector
    FROM string_to_table(
        regexp_replace(
            text_fold(t),
            '[\u0001-\u002f\u003a-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u2000-\u206f'
            '\u20a0-\u20cf\u2122\u2190-\u245f\u249c-\u2bff\u3000-\u3004\u3008-\u3020\u3030\ufe00-\ufe0f\uff01-\uff0f'
            '\uff1a-\uff20\U0001f000-\U0001faff]+',
            ' ', 'g'
        ),
        ' '
    ) WITH ORDINALITY AS spoken (word, place)
    WHERE word <> '' AND char_length(word) <= 100
);

-- The lexeme lets the GIN index intersect tenant and words by itself.
CREATE FUNCTION search_tenant_lexeme(tenant uuid) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN 'tn' || replace(tenant::text, '-', '');

-- A model's own numbers, zero-padded to the width of the column.
CREATE FUNCTION search_vector(numbers real[]) RETURNS public.vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (numbers || array_fill(0::real, ARRAY[1536 - cardinality(numbers)]))::public.vector;

-- Scalars of a JSON value as words: "key: value", the key alone for a true one, nothing for a false one.
CREATE FUNCTION search_attributes(attributes jsonb) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT string_agg(CASE WHEN value = 'true' THEN key ELSE key || ': ' || words END, ', ' ORDER BY key)
    FROM jsonb_each(attributes), LATERAL (
        SELECT string_agg(leaf #>> '{}', ' ') FROM jsonb_path_query(value, 'strict $.**') AS leaf
        WHERE jsonb_typeof(leaf) IN ('string', 'number')
    ) AS scalars (words)
    WHERE value = 'true' OR words <> ''
);

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
NO_WORDS = (
    "DROP FUNCTION "
    "search_synonym_keys, search_phrase, search_attributes, search_vector, search_tenant_lexeme, search_words, "
    "text_plain CASCADE"
)

TEXTS = r"""
-- Make the index hold exactly these texts for the owners in "touched": what is not among "owners" is removed, what
-- is unchanged is not written, and a changed title or body empties the vector and queues it again.
CREATE FUNCTION search_write(
    tenant uuid, text_kind text, touched uuid[],
    owners uuid[], bots uuid[], languages text[], titles text[], bodies text[], priorities integer[]
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    moment timestamptz := now();
    gone uuid[] := ARRAY(SELECT unnest(touched) EXCEPT SELECT unnest(owners));
BEGIN
    IF gone <> '{}' THEN
        DELETE FROM public.catalog_searchvector AS v USING public.catalog_searchtext AS t
            WHERE t.tenant_id = tenant AND t.kind = text_kind AND t.owner_id = ANY (gone)
            AND v.tenant_id = tenant AND v.text_id = t.id;
        DELETE FROM public.catalog_searchtext AS t
            WHERE t.tenant_id = tenant AND t.kind = text_kind AND t.owner_id = ANY (gone);
    END IF;
    WITH given AS (
        SELECT owner, bot, lang, title, body, prio, sha256(convert_to(title || E'\n' || body, 'UTF8')) AS hash
        FROM unnest(owners, bots, languages, titles, bodies, priorities) AS g (owner, bot, lang, title, body, prio)
    ), changed AS (
        SELECT given.* FROM given LEFT JOIN public.catalog_searchtext AS t
            ON t.tenant_id = tenant AND t.kind = text_kind AND t.owner_id = given.owner
        WHERE (t.content_hash, t.bot_id, t.language, t.priority) IS DISTINCT FROM (hash, bot, lang, prio)
    ), written AS (
        INSERT INTO public.catalog_searchtext AS t
            (tenant_id, kind, owner_id, bot_id, language, title, body, priority, content_hash, tsv)
        SELECT tenant, text_kind, owner, bot, lang, title, body, prio, hash,
            search_words(title, 'A') || search_words(left(body, 50000), 'B')
            || array_to_tsvector(ARRAY[search_tenant_lexeme(tenant)])
        FROM changed ORDER BY owner
        ON CONFLICT (tenant_id, kind, owner_id) DO UPDATE SET
            bot_id = excluded.bot_id, language = excluded.language, title = excluded.title, body = excluded.body,
            priority = excluded.priority, content_hash = excluded.content_hash, tsv = excluded.tsv
        RETURNING t.id, t.owner_id, t.bot_id, t.content_hash
    )
    INSERT INTO public.catalog_searchvector AS v (tenant_id, text_id, kind, owner_id, bot_id, content_hash, due_at)
    SELECT tenant, written.id, text_kind, written.owner_id, written.bot_id, written.content_hash, moment FROM written
    ON CONFLICT (tenant_id, text_id) DO UPDATE SET
        bot_id = excluded.bot_id,
        content_hash = excluded.content_hash,
        (embedding, model, state, attempt, due_at, lease_until, last_error) = (
            SELECT kept.embedding, kept.model, kept.state, kept.attempt, kept.due_at, kept.lease_until, kept.last_error
            FROM (VALUES
                (true, v.embedding, v.model, v.state, v.attempt, v.due_at, v.lease_until, v.last_error),
                (false, NULL, '', 'pending', 0, excluded.due_at, NULL, '')
            ) AS kept (same, embedding, model, state, attempt, due_at, lease_until, last_error)
            WHERE kept.same = (v.content_hash = excluded.content_hash)
        );
END $$;

-- An offering is found by its active version, in every language, and its active variants.
CREATE FUNCTION search_index_offerings(tenant uuid, touched uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- Two transactions that change parts of one offering must not each index a text without the other's part.
    PERFORM FROM public.catalog_offering AS o WHERE o.tenant_id = tenant AND o.id = ANY (touched)
        ORDER BY o.id FOR NO KEY UPDATE;
    PERFORM search_write(
        tenant, 'offering', touched, coalesce(array_agg(id), '{}'), array_agg(bot_id), array_agg(''::text),
        array_agg(name), array_agg(body), array_agg(0)
    ) FROM (
        SELECT o.id, o.bot_id, version.name::text, concat_ws(E'\n',
            nullif(text_plain(version.description), ''), nullif(o.category, ''),
            nullif(array_to_string(o.tags, ', '), ''), search_attributes(version.attributes), variants.words, translations.words
        ) AS body
        FROM public.catalog_offering AS o
        JOIN public.catalog_offeringversion AS version
            ON version.tenant_id = tenant AND version.offering_id = o.id AND version.status = 'active'
        -- Lateral: grouped beside the offerings, all would be read again for each offering of a bulk write.
        CROSS JOIN LATERAL (
            SELECT string_agg(concat_ws(' ', p.sku, nullif(p.name, ''), search_attributes(p.attributes)),
                E'\n' ORDER BY p.position, p.id) AS words
            FROM public.catalog_variant AS p
            WHERE p.tenant_id = tenant AND p.offering_id = o.id AND p.status = 'active'
        ) AS variants
        CROSS JOIN LATERAL (
            SELECT string_agg(concat_ws(E'\n', t.name, nullif(text_plain(t.description), '')), E'\n' ORDER BY t.language) AS words
            FROM public.catalog_offeringtranslation AS t
            WHERE t.tenant_id = tenant AND t.offering_version_id = version.id
        ) AS translations
        WHERE o.tenant_id = tenant AND o.id = ANY (touched) AND o.status = 'active'
    ) AS found;
END $$;

CREATE FUNCTION search_offering_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_offerings(tenant_id, array_agg(id)) FROM changed GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE FUNCTION search_offering_updated() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_offerings(tenant_id, array_agg(id)) FROM changed JOIN before USING (tenant_id, id)
        WHERE (changed.status, changed.bot_id, changed.category, changed.tags)
            IS DISTINCT FROM (before.status, before.bot_id, before.category, before.tags)
        GROUP BY tenant_id;
    RETURN NULL;
END $$;

-- For versions and variants alike.
CREATE FUNCTION search_offering_part_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_offerings(tenant_id, array_agg(DISTINCT offering_id)) FROM changed GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE FUNCTION search_version_updated() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_offerings(tenant_id, array_agg(DISTINCT touched))
        FROM changed JOIN before USING (tenant_id, id), unnest(ARRAY[changed.offering_id, before.offering_id]) AS touched
        WHERE (changed.offering_id, changed.status, changed.name, changed.description, changed.attributes)
            IS DISTINCT FROM (before.offering_id, before.status, before.name, before.description, before.attributes)
        GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE FUNCTION search_variant_updated() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_offerings(tenant_id, array_agg(DISTINCT touched))
        FROM changed JOIN before USING (tenant_id, id), unnest(ARRAY[changed.offering_id, before.offering_id]) AS touched
        WHERE (changed.offering_id, changed.status, changed.sku, changed.name, changed.attributes, changed.position)
            IS DISTINCT FROM (before.offering_id, before.status, before.sku, before.name, before.attributes, before.position)
        GROUP BY tenant_id;
    RETURN NULL;
END $$;

CREATE FUNCTION search_translation_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_offerings(changed.tenant_id, array_agg(DISTINCT version.offering_id))
        FROM changed JOIN public.catalog_offeringversion AS version
            ON version.tenant_id = changed.tenant_id AND version.id = changed.offering_version_id
        WHERE version.status = 'active' GROUP BY changed.tenant_id;
    RETURN NULL;
END $$;

CREATE TRIGGER search_insert AFTER INSERT ON catalog_offering REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_offering_changed();
CREATE TRIGGER search_delete AFTER DELETE ON catalog_offering REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_offering_changed();
CREATE TRIGGER search_update AFTER UPDATE ON catalog_offering REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_offering_updated();
CREATE TRIGGER search_insert AFTER INSERT ON catalog_offeringversion REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_offering_part_changed();
CREATE TRIGGER search_delete AFTER DELETE ON catalog_offeringversion REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_offering_part_changed();
CREATE TRIGGER search_insert AFTER INSERT ON catalog_variant REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_offering_part_changed();
CREATE TRIGGER search_delete AFTER DELETE ON catalog_variant REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_offering_part_changed();
CREATE TRIGGER search_update AFTER UPDATE ON catalog_offeringversion REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_version_updated();
CREATE TRIGGER search_update AFTER UPDATE ON catalog_variant REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_variant_updated();
CREATE TRIGGER search_insert AFTER INSERT ON catalog_offeringtranslation REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_translation_changed();
CREATE TRIGGER search_update AFTER UPDATE ON catalog_offeringtranslation REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_translation_changed();
CREATE TRIGGER search_delete AFTER DELETE ON catalog_offeringtranslation REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_translation_changed();
"""
NO_TEXTS = (
    "DROP FUNCTION "
    "search_translation_changed, search_variant_updated, search_version_updated, search_offering_part_changed, "
    "search_offering_updated, search_offering_changed, search_index_offerings, search_write CASCADE"
)

# The row is always wide, and PostgreSQL would move every column it may out of line: those that are read with the vector
# then cost more than the vector.
STORED_PLAIN = """
ALTER TABLE catalog_searchvector
    ALTER COLUMN embedding SET STORAGE PLAIN, ALTER COLUMN bits SET STORAGE PLAIN, ALTER COLUMN kind SET STORAGE PLAIN,
    ALTER COLUMN model SET STORAGE PLAIN, ALTER COLUMN state SET STORAGE PLAIN,
    ALTER COLUMN content_hash SET STORAGE PLAIN, ALTER COLUMN last_error SET STORAGE MAIN;
"""

SYNONYMS = """
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
NO_SYNONYMS = "DROP FUNCTION search_meanings, search_synonyms CASCADE"

# As it began; what is in use since `0004_compact_vectors` stands in `_candidates.py`.
CANDIDATES = """
-- The nearest vectors and the best texts of each kind, with their raw parts; scores are made in Python.
--   words: a tsquery of folded words, null: none.  numbers: the query's vector, null: none.
--   bot: rows of another bot are left out, null: every row.  only_owners: null: every owner.
--   how_many: of each part and kind, so up to 2 * how_many * kinds rows come back.
--   phrases, typed: those of the question, to look for their synonyms; what these mean comes back in each row.
--   signs: those of the query's vector (catalog/search/signs.py), null: every vector is compared.
-- Up to 1,000 vectors of a kind every one is compared; above, the 750 nearest by their signs are.
-- Its statements are planned once a session: each way in is right for tenants of all sizes. That holds for owners in a
-- sub-select, which is hashed, and not for ANY (only_owners).
-- Runs as backroom_search, past row security, and therefore compares the tenant itself.
CREATE FUNCTION search_candidates(
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
            OFFSET 1000
        ) THEN
            nearest := ARRAY(
                SELECT v.text_id FROM public.catalog_searchvector AS v
                WHERE v.tenant_id = tenant AND v.id = ANY (ARRAY(
                    SELECT b.id FROM public.catalog_searchvector AS b
                    WHERE b.tenant_id = tenant AND b.kind = wanted AND b.model = model_name AND b.embedding IS NOT NULL
                    AND (bot IS NULL OR b.bot_id IS NULL OR b.bot_id = bot)
                    AND (only_owners IS NULL OR b.owner_id IN (SELECT unnest(only_owners)))
                    ORDER BY b.bits <~> signs LIMIT 750
                ))
                ORDER BY v.embedding <#> query LIMIT how_many
            );
        ELSE
            nearest := ARRAY(
                SELECT v.text_id FROM public.catalog_searchvector AS v
                WHERE v.tenant_id = tenant AND v.kind = wanted AND v.model = model_name AND v.embedding IS NOT NULL
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

# `search_candidates` reads past row security, as a role that may read just this.
OWNED = """
GRANT SELECT ON catalog_searchtext, catalog_searchvector, catalog_searchsynonym TO backroom_search;
CREATE POLICY search ON catalog_searchtext FOR SELECT TO backroom_search USING (true);
CREATE POLICY search ON catalog_searchvector FOR SELECT TO backroom_search USING (true);
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
NO_CANDIDATES = """
SET LOCAL ROLE backroom_search;
DROP FUNCTION search_candidates;
SET LOCAL ROLE NONE;
DROP POLICY search ON catalog_searchtext;
DROP POLICY search ON catalog_searchvector;
DROP POLICY search ON catalog_searchsynonym;
REVOKE SELECT ON catalog_searchtext, catalog_searchvector, catalog_searchsynonym FROM backroom_search;
"""
