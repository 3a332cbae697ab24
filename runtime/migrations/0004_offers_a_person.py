"""What the tier “handoff” is called: it offers a person, and has handed over nothing yet."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('runtime', '0003_language_choices'),
    ]

    operations = [
        migrations.AlterField(
            model_name='decisionevent',
            name='tier',
            field=models.CharField(blank=True, choices=[('guardrail', 'Guardrail'), ('cache', 'Cache'), ('faq', 'FAQ'), ('catalog', 'Catalogue'), ('llm', 'Language model'), ('handoff', 'Offers a person'), ('human', 'Person'), ('none', 'Nothing to answer')], max_length=16, verbose_name='tier'),
        ),
    ]
