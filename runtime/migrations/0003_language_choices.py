"""Languages of conversations, messages, gaps and cached answers have names. The tables stay as they are."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('runtime', '0002_search_of_messages'),
    ]

    operations = [
        migrations.AlterField(
            model_name='knowledgegap',
            name='language',
            field=models.CharField(blank=True, choices=[('vi', 'Tiếng Việt'), ('en', 'English')], db_default='', default='', max_length=8, verbose_name='language'),
        ),
        migrations.AlterField(
            model_name='semanticcacheentry',
            name='language',
            field=models.CharField(choices=[('vi', 'Tiếng Việt'), ('en', 'English')], max_length=8, verbose_name='language'),
        ),
        migrations.AlterField(
            model_name='session',
            name='language',
            field=models.CharField(blank=True, choices=[('vi', 'Tiếng Việt'), ('en', 'English')], db_default='', default='', help_text="Of the customer's last message.", max_length=8, verbose_name='language'),
        ),
        migrations.AlterField(
            model_name='turn',
            name='language',
            field=models.CharField(blank=True, choices=[('vi', 'Tiếng Việt'), ('en', 'English')], db_default='', default='', max_length=8, verbose_name='language'),
        ),
    ]
