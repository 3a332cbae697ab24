"""How the numbers of an import's file are written can be said when it is handed in."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0025_search_signs'),
    ]

    operations = [
        migrations.AddField(
            model_name='importjob',
            name='decimals',
            field=models.CharField(blank=True, choices=[('plain', '1234.50, without thousands'), ('point', '1,234.50'), ('comma', '1.234,50')], db_default='', default='', help_text='In a table of your own; not for the files of other shop systems. Empty: as the file proves it.', max_length=8, verbose_name='how numbers are written'),
        ),
    ]
