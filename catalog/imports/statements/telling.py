"""What people are shown of a comparison: beside each row, and in the summary."""

# What the rows do, told beside each one. Written only where it differs: the rows of a first import are made as new.
OUTCOMES = """
WITH effects AS (
    SELECT row_id, is_new AS creates, is_changed AS changes, jsonb_build_object(
        'status', CASE WHEN old_status <> status THEN jsonb_build_array(old_status, status) END,
        'category', CASE WHEN live_category <> category THEN jsonb_build_array(live_category, category) END) AS details
    FROM pg_temp.import_offering o
    UNION ALL
    SELECT row_id, is_new, NOT is_new, jsonb_build_object(
        'name', CASE WHEN old_name <> name THEN jsonb_build_array(old_name, name) END,
        'description', CASE WHEN old_description <> description
            THEN jsonb_build_array(left(old_description, 200), left(description, 200)) END,
        'attributes', CASE WHEN old_attributes <> attributes THEN jsonb_build_array(old_attributes, attributes) END,
        'translations', CASE WHEN old_translations <> translations THEN jsonb_build_array(old_translations, translations) END)
    FROM pg_temp.import_version
    UNION ALL
    SELECT row_id, is_new, is_changed, CASE WHEN is_changed THEN jsonb_build_object(
        'variant', CASE WHEN old_name <> name THEN jsonb_build_array(old_name, name) END,
        'options', CASE WHEN old_options <> options THEN jsonb_build_array(old_options, options) END,
        'policy', CASE WHEN old_policy <> policy THEN jsonb_build_array(old_policy, policy) END,
        'variant_status', CASE WHEN old_status <> status THEN jsonb_build_array(old_status, status) END) END
    FROM pg_temp.import_variant
    UNION ALL
    SELECT row_id, is_of_new_variant, is_changed OR live_id IS NULL, CASE WHEN is_changed THEN jsonb_build_object(
        'price', jsonb_build_array(trim_scale(old_amount)::text || ' ' || currency, trim_scale(amount)::text || ' ' || currency),
        'compare_at', CASE WHEN old_compare_at IS DISTINCT FROM compare_at
            THEN jsonb_build_array(trim_scale(old_compare_at)::text, trim_scale(compare_at)::text) END) END
    FROM pg_temp.import_price
    UNION ALL
    SELECT row_id, is_of_new_variant, is_changed OR live_id IS NULL, CASE WHEN is_changed THEN jsonb_build_object(
        'stock', CASE WHEN old_quantity <> quantity THEN jsonb_build_array(old_quantity, quantity) END,
        'safety_stock', CASE WHEN old_safety_stock <> safety_stock
            THEN jsonb_build_array(old_safety_stock, safety_stock) END) END
    FROM pg_temp.import_stock
    UNION ALL
    SELECT row_id, true, false, NULL FROM pg_temp.import_image
), told AS (
    SELECT row_id, bool_or(creates) AS creates, bool_or(changes) AS changes FROM effects GROUP BY row_id
), detailed AS (
    SELECT row_id, jsonb_object_agg(detail.key, detail.value) AS details
    FROM effects CROSS JOIN LATERAL jsonb_each(effects.details) AS detail
    WHERE NOT creates AND effects.details IS NOT NULL AND detail.value <> 'null' GROUP BY row_id
), refused AS (
    SELECT row_id, jsonb_build_array(jsonb_build_object('level', 'error', 'code', error, 'found_late', true,
        'column', CASE error WHEN 'sku_of_other_offering' THEN 'sku' WHEN 'unknown_price_list' THEN 'price_list'
            WHEN 'conflicting_price' THEN 'price' WHEN 'unknown_location' THEN 'location'
            WHEN 'missing_option' THEN 'option.' || lacking ELSE 'stock_qty' END,
        'value', CASE error WHEN 'sku_of_other_offering' THEN left(sku, 100) WHEN 'unknown_price_list' THEN price_list
            WHEN 'conflicting_price' THEN trim_scale(price)::text WHEN 'unknown_location' THEN location
            WHEN 'missing_option' THEN '' ELSE quantity::text END,
        'params', CASE WHEN other_row IS NULL THEN '{}' ELSE jsonb_build_object('row', other_row) END,
        'message', replace(%(messages)s::jsonb ->> error, '{row}', coalesce(other_row, 0)::text))) AS problems
    FROM pg_temp.import_variant_row WHERE error IS NOT NULL
), corrected AS (
    SELECT row_id, jsonb_agg(jsonb_build_object('level', 'warning', 'code', 'missing_attribute', 'found_late', true,
        'column', lacking.name, 'value', '', 'message', %(messages)s::jsonb ->> 'missing_attribute')) AS problems
    FROM pg_temp.import_offering, unnest(missing) AS lacking (name) GROUP BY row_id
), found AS (
    SELECT coalesce(refused.row_id, corrected.row_id) AS row_id,
        coalesce(refused.problems, '[]') || coalesce(corrected.problems, '[]') AS problems
    FROM refused FULL JOIN corrected ON corrected.row_id = refused.row_id
), wanted AS (
    SELECT r.id, coalesce(detailed.details, '{}') AS changes,
        CASE WHEN r.problems = '[]' THEN coalesce(found.problems, '[]')
            ELSE jsonb_path_query_array(r.problems, '$[*] ? (!exists(@.found_late))') || coalesce(found.problems, '[]')
        END AS problems,
        CASE
            WHEN refused.row_id IS NOT NULL OR jsonb_path_exists(r.problems,
                '$[*] ? (@.level == "error" && !exists(@.found_late))') THEN 'error'
            WHEN told.creates THEN 'create'
            WHEN told.changes THEN 'change'
            ELSE 'unchanged'
        END AS outcome
    FROM catalog_importrow r
    LEFT JOIN told ON told.row_id = r.id
    LEFT JOIN detailed ON detailed.row_id = r.id
    LEFT JOIN refused ON refused.row_id = r.id
    LEFT JOIN found ON found.row_id = r.id
    WHERE r.tenant_id = %(tenant)s AND r.job_id = %(job)s AND r.kind <> 'missing'
)
UPDATE catalog_importrow r SET outcome = wanted.outcome, problems = wanted.problems, changes = wanted.changes
FROM wanted WHERE r.tenant_id = %(tenant)s AND r.id = wanted.id
AND (r.outcome, r.problems, r.changes) IS DISTINCT FROM (wanted.outcome, wanted.problems, wanted.changes)
"""

# What the file does not have stands in no row of it: these lines have the number 0.
MISSING_ROWS = (
    "DELETE FROM catalog_importrow WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND kind = 'missing'",
    """
    INSERT INTO catalog_importrow (tenant_id, job_id, row, kind, handle, sku, data, problems, outcome, changes)
    SELECT %(tenant)s, %(job)s, 0, 'missing', code, '', '{}', '[]', 'archive',
        jsonb_build_object('status', jsonb_build_array(old_status, 'archived'))
    FROM pg_temp.import_missing ORDER BY id
    """,
)

SUMMARY = """
SELECT jsonb_build_object(
    'rows', rows.total,
    'offerings', (SELECT jsonb_build_object('created', count(*) FILTER (WHERE o.is_new),
        'changed', count(*) FILTER (WHERE NOT o.is_new AND (o.is_changed OR v.id IS NOT NULL)),
        'unchanged', count(*) FILTER (WHERE NOT (o.is_new OR o.is_changed OR v.id IS NOT NULL)))
        || CASE WHEN %(archives)s THEN jsonb_build_object('archived', (SELECT count(*) FROM pg_temp.import_missing))
            ELSE '{}' END
        FROM pg_temp.import_offering o LEFT JOIN pg_temp.import_version v ON v.offering_id = o.id),
    'variants', (SELECT jsonb_build_object('created', count(*) FILTER (WHERE is_new),
        'changed', count(*) FILTER (WHERE is_changed), 'unchanged', count(*) FILTER (WHERE NOT (is_new OR is_changed)))
        FROM pg_temp.import_variant),
    'prices', (SELECT jsonb_build_object('created', count(*) FILTER (WHERE live_id IS NULL),
        'changed', count(*) FILTER (WHERE is_changed), 'unchanged', count(*) FILTER (WHERE live_id IS NOT NULL AND NOT is_changed))
        FROM pg_temp.import_price),
    'stock', (SELECT jsonb_build_object('created', count(*) FILTER (WHERE live_id IS NULL),
        'changed', count(*) FILTER (WHERE is_changed), 'unchanged', count(*) FILTER (WHERE live_id IS NOT NULL AND NOT is_changed))
        FROM pg_temp.import_stock),
    'images', (SELECT count(*) FROM pg_temp.import_image),
    'warnings', rows.warnings,
    'errors', rows.errors
) || CASE WHEN %(archives)s AND rows.unnamed IS NOT NULL THEN jsonb_build_object('not_archived', jsonb_build_object(
    'code', 'nothing_archived', 'row', rows.unnamed, 'params', jsonb_build_object('row', rows.unnamed),
    'message', replace(%(messages)s::jsonb ->> 'nothing_archived', '{row}', rows.unnamed::text))) ELSE '{}' END
|| (SELECT CASE WHEN count(*) > 0 THEN jsonb_build_object('without_variants', count(*)) ELSE '{}' END
    FROM pg_temp.import_offering o WHERE o.is_new
    AND o.code NOT IN (SELECT w.handle FROM pg_temp.import_variant_row w WHERE w.error IS NULL)
    AND o.code IN (SELECT r.handle FROM catalog_importrow r
        WHERE r.tenant_id = %(tenant)s AND r.job_id = %(job)s AND r.outcome = 'error'))
|| (SELECT CASE WHEN count(*) > 0 THEN jsonb_build_object('still_drafts', count(*)) ELSE '{}' END
    FROM pg_temp.import_offering o WHERE o.old_status = 'draft' AND o.status = 'draft')
FROM (
    SELECT count(*) AS total, min(row) FILTER (WHERE handle = '') AS unnamed,
        count(*) FILTER (WHERE outcome = 'error') AS errors,
        count(*) FILTER (WHERE outcome <> 'error' AND problems <> '[]') AS warnings
    FROM catalog_importrow WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND kind <> 'missing'
) AS rows
"""
