"""An index of the words that were said."""

from django.db import migrations

from runtime.migrations import _turns


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0001_tables'),
        ('runtime', '0001_tables'),
    ]

    operations = [
        migrations.RunSQL(_turns.WORDS, _turns.NO_WORDS),
        migrations.RunSQL(_turns.SAYING, _turns.NO_SAYING),
    ]
