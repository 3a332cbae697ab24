"""The language of each chunk: a document may have sections in several."""

from django.db import migrations, models

INDEX = """
CREATE OR REPLACE FUNCTION search_index_chunks(tenant uuid, touched uuid[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT search_write(
        tenant, 'document', touched, coalesce(array_agg(k.id), '{}'), array_agg(c.bot_id), array_agg(LANGUAGE_OF),
        array_agg(array_to_string(d.name::text || k.heading_path, ' › ')), array_agg(k.text), array_agg(0)
    )
    FROM public.bots_knowledgechunk AS k
    JOIN public.bots_knowledgedocument AS d ON d.tenant_id = tenant AND d.id = k.document_id
    JOIN public.bots_knowledgecollection AS c ON c.tenant_id = tenant AND c.id = d.collection_id
    WHERE k.tenant_id = tenant AND k.id = ANY (touched)
$$;

CREATE OR REPLACE FUNCTION search_chunk_updated() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM search_index_chunks(tenant_id, array_agg(id)) FROM changed JOIN before USING (tenant_id, id)
        WHERE (changed.document_id, changed.heading_path, CHANGEDchanged.text)
            IS DISTINCT FROM (before.document_id, before.heading_path, BEFOREbefore.text)
        GROUP BY tenant_id;
    RETURN NULL;
END $$;
"""


def _index(language_of: str, *, compares: bool) -> str:
    """Return the functions that index chunks; ``compares``: a changed language is written too."""
    changed, before = ("changed.language, ", "before.language, ") if compares else ("", "")
    return INDEX.replace("LANGUAGE_OF", language_of).replace("CHANGED", changed).replace("BEFORE", before)


class Migration(migrations.Migration):

    dependencies = [
        ('bots', '0002_capabilities'),
    ]

    operations = [
        migrations.AddField(
            model_name='knowledgechunk',
            name='language',
            field=models.CharField(blank=True, default='', help_text='Told from its words; empty where these tell none: that of the document.', max_length=8, verbose_name='language'),
            preserve_default=False,
        ),
        migrations.RunSQL(
            _index("coalesce(nullif(k.language, ''), d.language)::text", compares=True),
            _index("d.language::text", compares=False),
        ),
    ]
