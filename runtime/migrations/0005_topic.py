"""What the last answer of a conversation was about: the subject of a question that names none."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('runtime', '0004_offers_a_person'),
    ]

    operations = [
        migrations.AddField(
            model_name='session',
            name='topic',
            field=models.CharField(blank=True, db_default='', default='', editable=False, help_text='What the last answer was about.', max_length=200),
        ),
    ]
