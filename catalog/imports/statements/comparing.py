"""What each staged part becomes, set against the catalogue: one temporary table per kind."""

# One import of a tenant at a time; sales and people may go on.
TURN = "SELECT pg_try_advisory_xact_lock(hashtextextended('catalog.import ' || %(tenant)s::text, 0))"

# The order in which everybody locks: offerings, stock, prices, and last the variants, which whatever names them needs at
# its commit; of each the rows in the order of their keys. People lock no more of an offering and a variant than they
# change (NO KEY), so that an order, which holds the stock, need not wait for them at its commit.
LOCKS = (
    """
    SELECT count(*) FROM (
        SELECT FROM catalog_offering o WHERE o.tenant_id = %(tenant)s AND o.code IN (
            SELECT r.handle FROM catalog_importrow r WHERE r.tenant_id = %(tenant)s AND r.job_id = %(job)s)
        ORDER BY o.id FOR NO KEY UPDATE
    ) AS locked
    """,
    """
    SELECT count(*) FROM (
        SELECT FROM catalog_inventoryitem i JOIN catalog_variant v ON v.tenant_id = i.tenant_id AND v.id = i.variant_id
        WHERE i.tenant_id = %(tenant)s AND v.tenant_id = %(tenant)s AND v.sku IN (
            SELECT r.sku FROM catalog_importrow r WHERE r.tenant_id = %(tenant)s AND r.job_id = %(job)s)
        ORDER BY i.tenant_id, i.variant_id, i.location_id FOR UPDATE OF i
    ) AS locked
    """,
    """
    SELECT count(*) FROM (
        SELECT FROM catalog_variantprice p JOIN catalog_variant v ON v.tenant_id = p.tenant_id AND v.id = p.variant_id
        WHERE p.tenant_id = %(tenant)s AND v.tenant_id = %(tenant)s AND v.sku IN (
            SELECT r.sku FROM catalog_importrow r WHERE r.tenant_id = %(tenant)s AND r.job_id = %(job)s)
        ORDER BY p.id FOR NO KEY UPDATE OF p
    ) AS locked
    """,
)

# Where prices and stock may belong: what there is, and what the file brings along (a channel's list, a warehouse). A new
# list comes before all others, as one made by hand does.
PRICE_LISTS = """
CREATE TEMP TABLE pg_temp.import_price_list ON COMMIT DROP AS
SELECT id, code::text, name::text, priority, false AS is_new FROM catalog_pricelist WHERE tenant_id = %(tenant)s
UNION ALL
SELECT uuidv7(), made.key, made.value, highest.priority + row_number() OVER (ORDER BY made.key DESC)::integer, true
FROM jsonb_each_text(%(makes)s::jsonb -> 'price_lists') AS made
CROSS JOIN (SELECT coalesce(max(priority), 0) AS priority FROM catalog_pricelist WHERE tenant_id = %(tenant)s) AS highest
WHERE made.key NOT IN (SELECT code FROM catalog_pricelist WHERE tenant_id = %(tenant)s)
"""
LOCATIONS = """
CREATE TEMP TABLE pg_temp.import_location ON COMMIT DROP AS
SELECT id, code::text, name::text, false AS is_new FROM catalog_inventorylocation WHERE tenant_id = %(tenant)s
UNION ALL
SELECT uuidv7(), made.key, made.value, true FROM jsonb_each_text(%(makes)s::jsonb -> 'locations') AS made
WHERE made.key NOT IN (SELECT code FROM catalog_inventorylocation WHERE tenant_id = %(tenant)s)
"""

# Each row that sells something, with the ids of what it names and what stands against it.
VARIANT_ROWS = """
CREATE TEMP TABLE pg_temp.import_variant_row ON COMMIT DROP AS
SELECT r.id AS row_id, r.row, r.handle, r.sku, v.name, v.options, v.policy, v.status, v.metadata, v.price, v.compare_at,
    r.data -> 'variant' ? 'compare_at' AS says_compare_at, coalesce(v.currency, %(currency)s) AS currency,
    v.price_list, l.id AS price_list_id, v.tracked, v.quantity, v.safety_stock, v.location, s.id AS location_id,
    live.id AS live_id, NULL::integer AS other_row, NULL::text AS lacking,
    CASE
        WHEN v.price IS NOT NULL AND l.id IS NULL THEN 'unknown_price_list'
        WHEN v.tracked AND s.id IS NULL THEN 'unknown_location'
        WHEN o.code <> r.handle THEN 'sku_of_other_offering'
    END AS error
FROM catalog_importrow r
CROSS JOIN LATERAL jsonb_to_record(r.data -> 'variant') AS v (
    name text, options jsonb, policy text, status text, metadata jsonb, price numeric(19, 4), compare_at numeric(19, 4), currency text,
    price_list text, tracked boolean, quantity integer, safety_stock integer, location text)
LEFT JOIN pg_temp.import_price_list l ON l.code = v.price_list
LEFT JOIN pg_temp.import_location s ON s.code = v.location
LEFT JOIN catalog_variant live ON live.tenant_id = %(tenant)s AND live.sku = r.sku
LEFT JOIN catalog_offering o ON o.tenant_id = %(tenant)s AND o.id = live.offering_id
WHERE r.tenant_id = %(tenant)s AND r.job_id = %(job)s AND r.data ? 'variant'
"""

# What is on sale, and stays so, gets no variant without an option that its domain requires: as by hand.
LACKING_OPTIONS = """
UPDATE pg_temp.import_variant_row w SET error = 'missing_option', lacking = found.key
FROM (
    SELECT DISTINCT ON (w.row_id) w.row_id, k.key FROM pg_temp.import_variant_row w
    JOIN catalog_offering o ON o.tenant_id = %(tenant)s AND o.code = w.handle AND o.status = 'active'
    JOIN catalog_attributedefinition k ON k.domain_id = o.domain_id AND k.scope = 'variant' AND k.is_required
    LEFT JOIN catalog_variant live ON live.tenant_id = %(tenant)s AND live.id = w.live_id
    LEFT JOIN catalog_importrow r ON r.tenant_id = %(tenant)s AND r.job_id = %(job)s AND r.handle = w.handle
        AND r.data -> 'offering' ->> 'status' IN ('draft', 'archived')
    WHERE w.error IS NULL AND r.id IS NULL AND coalesce(w.status, live.status, 'active') = 'active'
    AND NOT EXISTS (
        SELECT FROM jsonb_each_text(coalesce(w.options, live.attributes, '{}')) AS said
        WHERE lower(said.key) = lower(k.key) AND said.value <> '')
    AND (live.id IS NULL OR live.status <> 'active' OR EXISTS (
        SELECT FROM jsonb_each_text(live.attributes) AS said WHERE lower(said.key) = lower(k.key) AND said.value <> ''))
    ORDER BY w.row_id, k.key
) AS found WHERE found.row_id = w.row_id
"""

# Two rows may say the same of a price or a stock, which is one fact; never two different things.
CONFLICTING_PRICES = """
UPDATE pg_temp.import_variant_row w SET error = 'conflicting_price', other_row = first.row
FROM (
    SELECT DISTINCT ON (sku, price_list_id, currency) sku, price_list_id, currency, row, price, compare_at
    FROM pg_temp.import_variant_row WHERE error IS NULL AND price IS NOT NULL ORDER BY sku, price_list_id, currency, row
) AS first
WHERE w.sku = first.sku AND w.price_list_id = first.price_list_id AND w.currency = first.currency AND w.row > first.row
AND w.error IS NULL AND w.price IS NOT NULL AND (w.price, w.compare_at) IS DISTINCT FROM (first.price, first.compare_at)
"""
CONFLICTING_STOCK = """
UPDATE pg_temp.import_variant_row w SET error = 'conflicting_stock', other_row = first.row
FROM (
    SELECT DISTINCT ON (sku, location_id) sku, location_id, row, quantity, safety_stock
    FROM pg_temp.import_variant_row WHERE error IS NULL AND tracked ORDER BY sku, location_id, row
) AS first
WHERE w.sku = first.sku AND w.location_id = first.location_id AND w.row > first.row AND w.error IS NULL AND w.tracked
AND (w.quantity, w.safety_stock) IS DISTINCT FROM (first.quantity, first.safety_stock)
"""

# What each offering becomes. A part that does not say something keeps what is there; a broken one changes nothing.
# Without what its domain requires of it and of its variants it is no more on sale than by hand. A file that cannot speak of
# attributes (Shopify's) is not asked for them.
OFFERINGS = """
CREATE TEMP TABLE pg_temp.import_offering ON COMMIT DROP AS
SELECT *, NOT is_new AND (offering_type, domain_id, category, tags, metadata, status)
    IS DISTINCT FROM (live_type, live_domain, live_category, live_tags, live_metadata, old_status) AS is_changed,
    (row_number() OVER (ORDER BY row) - 1) / 2000 AS slice
FROM (
SELECT r.id AS row_id, r.row, r.handle AS code, coalesce(live.id, uuidv7()) AS id, live.id IS NULL AS is_new,
    p.name IS NOT NULL AS has_words, coalesce(p.name, old.name, r.handle) AS name,
    coalesce(p.description, old.description, '') AS description, coalesce(p.attributes, '{}') AS given,
    old.id AS old_id, CASE WHEN old.status = 'active' THEN old.id END AS active_id, old.name AS old_name,
    old.description AS old_description, old.attributes AS old_attributes,
    coalesce(p.translations, words.translations, '{}') AS translations,
    coalesce(words.translations, '{}') AS old_translations,
    coalesce(p.offering_type, live.offering_type, 'physical') AS offering_type, coalesce(d.id, live.domain_id) AS domain_id,
    coalesce(p.category, live.category, '') AS category, coalesce(p.tags, live.tags::text[], '{}') AS tags,
    coalesce(live.metadata, '{}') || coalesce(p.metadata, '{}') AS metadata, live.status AS old_status, required.missing,
    CASE
        WHEN required.missing IS NOT NULL AND coalesce(p.status, live.status, 'active') = 'active' THEN 'draft'
        WHEN live.id IS NULL AND (p.is_broken OR NOT sells.in_file) AND coalesce(p.status, 'active') = 'active' THEN 'draft'
        WHEN p.status = 'active' AND live.status IS DISTINCT FROM 'active' AND NOT (sells.in_file OR sells.already) THEN 'draft'
        ELSE coalesce(p.status, live.status, 'active')
    END AS status,
    live.offering_type AS live_type, live.domain_id AS live_domain, live.category AS live_category,
    live.tags::text[] AS live_tags, live.metadata AS live_metadata
FROM catalog_importrow r
LEFT JOIN catalog_offering live ON live.tenant_id = %(tenant)s AND live.code = r.handle
LEFT JOIN (
    SELECT DISTINCT ON (shown.offering_id) shown.* FROM catalog_offeringversion shown WHERE shown.tenant_id = %(tenant)s
    ORDER BY shown.offering_id, (shown.status = 'active') DESC, shown.version DESC
) AS old ON old.offering_id = live.id
LEFT JOIN (
    SELECT t.offering_version_id, jsonb_object_agg(
        t.language, jsonb_build_object('name', t.name, 'description', t.description)) AS translations
    FROM catalog_offeringtranslation t WHERE t.tenant_id = %(tenant)s GROUP BY t.offering_version_id
) AS words ON words.offering_version_id = old.id
CROSS JOIN LATERAL jsonb_to_record(
    CASE WHEN live.id IS NOT NULL AND r.data -> 'offering' ? 'is_broken' THEN '{}' ELSE r.data -> 'offering' END
) AS p (name text, description text, category text, tags text[], status text, offering_type text, domain text,
        attributes jsonb, metadata jsonb, translations jsonb, is_broken boolean)
LEFT JOIN catalog_knowledgedomain d ON d.code = p.domain
LEFT JOIN (
    SELECT DISTINCT w.handle FROM pg_temp.import_variant_row w WHERE w.error IS NULL
) AS selling ON selling.handle = r.handle
CROSS JOIN LATERAL (
    SELECT selling.handle IS NOT NULL AS in_file, live.id IS NOT NULL AND EXISTS (
        SELECT FROM catalog_variant v WHERE v.tenant_id = %(tenant)s AND v.offering_id = live.id AND v.status = 'active'
    ) AS already
) AS sells
LEFT JOIN (
    SELECT w.handle, jsonb_agg(coalesce(w.options, s.attributes, '{}')) AS options FROM pg_temp.import_variant_row w
    LEFT JOIN catalog_variant s ON s.tenant_id = %(tenant)s AND s.id = w.live_id
    WHERE w.error IS NULL AND coalesce(w.status, s.status, 'active') = 'active'
    AND EXISTS (SELECT FROM catalog_attributedefinition WHERE scope = 'variant' AND is_required)
    GROUP BY w.handle
) AS optioned ON optioned.handle = r.handle
CROSS JOIN LATERAL (
    SELECT array_agg(CASE k.scope WHEN 'variant' THEN 'option.' ELSE 'attr.' END || k.key ORDER BY k.scope, k.key) AS missing
    FROM catalog_attributedefinition k
    WHERE k.domain_id = coalesce(d.id, live.domain_id) AND k.is_required AND p.is_broken IS NOT TRUE AND CASE k.scope
        WHEN 'variant' THEN live.status IS DISTINCT FROM 'active' AND EXISTS (
            SELECT FROM jsonb_array_elements(optioned.options) AS one (options) WHERE NOT EXISTS (
                SELECT FROM jsonb_each_text(one.options) AS said WHERE lower(said.key) = lower(k.key) AND said.value <> ''))
        ELSE p.attributes IS NOT NULL AND p.attributes ->> k.key IS NULL AND (k.domain_id IS DISTINCT FROM live.domain_id
            OR live.status <> 'active' OR old.attributes ? k.key AND p.attributes ? k.key)
        END
) AS required
WHERE r.tenant_id = %(tenant)s AND r.job_id = %(job)s AND r.data ? 'offering'
ORDER BY r.row
) AS wanted
"""

# The attributes of each offering: those given, and those it has that the file does not speak of.
ATTRIBUTES = """
CREATE TEMP TABLE pg_temp.import_attribute ON COMMIT DROP AS
SELECT o.id AS offering_id, d.id AS definition_id, d.key,
    CASE WHEN d.value_type = 'text' THEN a.value END AS value_text,
    CASE WHEN d.value_type = 'number' THEN a.value::numeric(19, 4) END AS value_number,
    CASE WHEN d.value_type = 'boolean' THEN a.value::boolean END AS value_bool,
    CASE WHEN d.value_type = 'json' THEN a.value::jsonb END AS value_json
FROM pg_temp.import_offering o
CROSS JOIN LATERAL jsonb_each_text(o.given) AS a (key, value)
JOIN catalog_attributedefinition d ON d.domain_id = o.domain_id AND d.key = a.key AND d.scope = 'offering'
WHERE a.value IS NOT NULL
UNION ALL
SELECT o.id, d.id, d.key, v.value_text, v.value_number, v.value_bool, v.value_json
FROM pg_temp.import_offering o
JOIN catalog_attributevalue v ON v.tenant_id = %(tenant)s AND v.offering_version_id = o.old_id
JOIN catalog_attributedefinition d ON d.id = v.attribute_definition_id AND d.domain_id = o.domain_id
WHERE NOT o.given ? d.key
"""

# The offerings whose words or attributes are new: each gets a version.
VERSIONS = """
CREATE TEMP TABLE pg_temp.import_version ON COMMIT DROP AS
SELECT uuidv7() AS id, o.id AS offering_id, o.row_id, o.is_new, o.active_id, o.translations, o.old_translations, o.name,
    o.description, o.old_name,
    coalesce(a.attributes, '{}') AS attributes, o.old_description, o.old_attributes
FROM pg_temp.import_offering o
LEFT JOIN (
    SELECT offering_id, jsonb_object_agg(key, coalesce(to_jsonb(value_text), to_jsonb(trim_scale(value_number)),
        to_jsonb(value_bool), value_json)) AS attributes
    FROM pg_temp.import_attribute GROUP BY offering_id
) AS a ON a.offering_id = o.id
WHERE o.is_new OR (o.has_words AND (o.old_id IS NULL
    OR (o.name, o.description, coalesce(a.attributes, '{}'), o.translations)
        IS DISTINCT FROM (o.old_name, o.old_description, o.old_attributes, o.old_translations)))
ORDER BY o.row
"""

# An option is text in a file, whatever it is here: 42 and "42" are the same. A variant without a name of its own is called
# by its options, so that name is none.
VARIANTS = """
CREATE TEMP TABLE pg_temp.import_variant ON COMMIT DROP AS
SELECT *, NOT is_new AND (name, options, policy, status) IS DISTINCT FROM (old_name, old_options, old_policy, old_status)
    OR NOT is_new AND NOT old_metadata @> metadata AS is_changed
FROM (
SELECT w.row_id, w.row, w.sku, o.id AS offering_id, o.is_new AS is_of_new_offering, coalesce(live.id, uuidv7()) AS id,
    live.id IS NULL AS is_new, live.name AS old_name, live.attributes AS old_options, live.inventory_policy AS old_policy,
    live.status AS old_status, live.metadata AS old_metadata,
    CASE WHEN live.name = '' AND w.name = left(
        (SELECT string_agg(value, ' / ' ORDER BY key COLLATE "C") FROM jsonb_each_text(w.options)), 500) THEN ''
        ELSE coalesce(w.name, live.name, '') END AS name,
    CASE WHEN live.attributes <> w.options AND w.options = (
        SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each_text(live.attributes) WHERE value <> ''
    ) THEN live.attributes ELSE coalesce(w.options, live.attributes, '{}') END AS options,
    coalesce(w.policy, live.inventory_policy, 'deny') AS policy, coalesce(w.status, live.status, 'active') AS status,
    coalesce(live.metadata, '{}') || coalesce(w.metadata, '{}') AS metadata
FROM (SELECT DISTINCT ON (sku) * FROM pg_temp.import_variant_row WHERE error IS NULL ORDER BY sku, row) AS w
JOIN pg_temp.import_offering o ON o.code = w.handle
LEFT JOIN catalog_variant live ON live.tenant_id = %(tenant)s AND live.id = w.live_id
ORDER BY w.row
) AS wanted
"""

PRICES = """
CREATE TEMP TABLE pg_temp.import_price ON COMMIT DROP AS
SELECT w.row_id, v.id AS variant_id, v.is_new AS is_of_new_variant, w.price_list_id, w.currency, w.price AS amount,
    live.id AS live_id, coalesce(live.id, uuidv7()) AS id,
    CASE WHEN w.says_compare_at THEN w.compare_at ELSE live.compare_at END AS compare_at,
    live.amount AS old_amount, live.compare_at AS old_compare_at, live.id IS NOT NULL AND (live.amount <> w.price
        OR (w.says_compare_at AND live.compare_at IS DISTINCT FROM w.compare_at)) AS is_changed
FROM (
    SELECT DISTINCT ON (sku, price_list_id, currency) * FROM pg_temp.import_variant_row
    WHERE error IS NULL AND price IS NOT NULL ORDER BY sku, price_list_id, currency, row
) AS w
JOIN pg_temp.import_variant v ON v.sku = w.sku
LEFT JOIN catalog_variantprice live ON live.tenant_id = %(tenant)s AND live.variant_id = w.live_id
    AND live.price_list_id = w.price_list_id AND live.currency = w.currency
"""

STOCK = """
CREATE TEMP TABLE pg_temp.import_stock ON COMMIT DROP AS
SELECT w.row_id, v.id AS variant_id, v.is_new AS is_of_new_variant, w.location_id, w.quantity,
    coalesce(w.safety_stock, live.safety_stock, 0) AS safety_stock, live.id AS live_id, coalesce(live.stock_qty, 0) AS old_quantity,
    coalesce(live.safety_stock, 0) AS old_safety_stock,
    live.id IS NOT NULL AND (live.stock_qty <> w.quantity OR (live.safety_stock <> w.safety_stock) IS TRUE) AS is_changed
FROM (
    SELECT DISTINCT ON (sku, location_id) * FROM pg_temp.import_variant_row
    WHERE error IS NULL AND tracked ORDER BY sku, location_id, row
) AS w
JOIN pg_temp.import_variant v ON v.sku = w.sku
LEFT JOIN catalog_inventoryitem live ON live.tenant_id = %(tenant)s AND live.variant_id = w.live_id
    AND live.location_id = w.location_id
"""

IMAGES = """
CREATE TEMP TABLE pg_temp.import_image ON COMMIT DROP AS
SELECT DISTINCT ON (o.id, i.src) r.id AS row_id, uuidv7() AS id, o.id AS offering_id, o.is_new AS is_of_new_offering,
    i.src AS url, coalesce(i.alt, '') AS alt, coalesce(i.position, greatest(r.row - o.row, 0) + 1) AS position
FROM catalog_importrow r
CROSS JOIN LATERAL jsonb_to_record(r.data -> 'image') AS i (src text, alt text, position integer)
JOIN pg_temp.import_offering o ON o.code = r.handle
WHERE r.tenant_id = %(tenant)s AND r.job_id = %(job)s AND r.data ? 'image' AND NOT EXISTS (
    SELECT FROM catalog_offeringimage live
    WHERE live.tenant_id = %(tenant)s AND live.offering_id = o.id AND live.url = i.src)
ORDER BY o.id, i.src, r.row
"""


# What earlier imports of the same source and format made and the file has no more. Not asked when a row cannot tell
# which offering it belongs to: it may be one of these.
MISSING = """
CREATE TEMP TABLE pg_temp.import_missing ON COMMIT DROP AS
SELECT o.id, o.code, o.status AS old_status
FROM catalog_offering o
WHERE o.tenant_id = %(tenant)s AND %(archives)s AND o.status <> 'archived'
AND o.id IN (
    SELECT c.subject_id FROM catalog_importchange c JOIN catalog_importjob j ON j.tenant_id = %(tenant)s AND j.id = c.job_id
    WHERE c.tenant_id = %(tenant)s AND c.kind = 'offering' AND c.before IS NULL
    AND j.id <> %(job)s AND j.format = %(format)s AND j.source = %(source)s)
AND o.code NOT IN (
    SELECT r.handle FROM catalog_importrow r WHERE r.tenant_id = %(tenant)s AND r.job_id = %(job)s AND r.kind <> 'missing')
AND NOT EXISTS (
    SELECT FROM catalog_importrow r WHERE r.tenant_id = %(tenant)s AND r.job_id = %(job)s AND r.handle = '')
"""


def _named(*names: str) -> str:
    return ", ".join(f"pg_temp.import_{name}" for name in names)


def _analyze(*names: str) -> str:
    return f"ANALYZE {_named(*names)}"


# A transaction that compares twice (staged and applied in one) begins anew.
CLEAR = f"""DROP TABLE IF EXISTS
    {_named("price_list", "location", "variant_row", "offering", "attribute", "version", "variant", "price", "stock")},
    {_named("image", "missing")}"""

DIFF = (
    CLEAR,
    PRICE_LISTS,
    LOCATIONS,
    VARIANT_ROWS,
    _analyze("variant_row"),
    LACKING_OPTIONS,
    CONFLICTING_PRICES,
    CONFLICTING_STOCK,
    OFFERINGS,
    _analyze("offering"),
    ATTRIBUTES,
    VERSIONS,
    VARIANTS,
    _analyze("attribute", "version", "variant"),
    PRICES,
    STOCK,
    IMAGES,
    MISSING,
    _analyze("price", "stock", "image", "missing"),
)
