"""Orders keep the bot they were placed through, also when their conversation is swept: as far as it is known still."""

from django.db import connection, migrations, models

from tenants.scope import platform_scope

BACKFILL = """
UPDATE catalog_order SET bot_id = session.bot_id FROM runtime_session AS session
WHERE session.tenant_id = catalog_order.tenant_id AND session.id = catalog_order.session_id
"""


def fill(apps, schema_editor):
    """Take the bot from the conversation there is."""
    with platform_scope(reason="orders of every tenant get their bot"), connection.cursor() as cursor:
        cursor.execute(BACKFILL)


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0004_compact_vectors'),
        ('runtime', '0001_tables'),
    ]

    operations = [
        migrations.AddField(
            model_name='order',
            name='bot_id',
            field=models.UUIDField(blank=True, editable=False, help_text='The bot through which it was placed. It outlives the conversation, which is deleted after its days.', null=True, verbose_name='bot'),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
