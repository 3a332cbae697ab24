"""A compact copy of each vector in the index that finds the nearest: an exact search reads a twelfth of the memory."""

import pgvector.django.halfvec
from django.db import migrations, models

from catalog.migrations import _candidates, _search

# Out of line it would be fetched one by one.
STORED_PLAIN = "ALTER TABLE catalog_searchvector ALTER COLUMN compact SET STORAGE PLAIN"

# The function belongs to backroom_search, and only its owner replaces it.
AS_OWNER = """
GRANT CREATE ON SCHEMA public TO backroom_search;
SET LOCAL ROLE backroom_search;
{sql}
SET LOCAL ROLE NONE;
REVOKE CREATE ON SCHEMA public FROM backroom_search;
"""
BEFORE = _search.CANDIDATES.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0003_domains'),
        ('tenants', '0002_bots'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='searchvector',
            name='searchvector_near',
        ),
        migrations.AddField(
            model_name='searchvector',
            name='compact',
            field=models.GeneratedField(db_persist=True, expression=models.Func('embedding', template='CASE WHEN vector_norm(subvector(%(expressions)s, 257, 1280)) = 0 THEN subvector(%(expressions)s, 1, 256)::halfvec(256) END'), help_text='The numbers of a model that has no more than 256, at half the precision; null for larger ones.', output_field=pgvector.django.halfvec.HalfVectorField(dimensions=256)),
        ),
        migrations.RunSQL(STORED_PLAIN, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name='searchvector',
            index=models.Index(condition=models.Q(('compact__isnull', False)), fields=['tenant', 'kind', 'model'], include=('text_id', 'owner_id', 'bot_id', 'compact'), name='searchvector_near'),
        ),
        migrations.AddIndex(
            model_name='searchvector',
            index=models.Index(condition=models.Q(('compact__isnull', True), ('embedding__isnull', False)), fields=['tenant', 'kind', 'model'], include=('id', 'owner_id', 'bot_id', 'bits'), name='searchvector_signs'),
        ),
        migrations.RunSQL(AS_OWNER.format(sql=_candidates.CANDIDATES), AS_OWNER.format(sql=BEFORE)),
    ]
