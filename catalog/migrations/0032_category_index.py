"""The categories there are, found by one step in an index each; and words that people read."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0031_customer_phone'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='inventoryitem',
            options={'base_manager_name': 'objects', 'default_manager_name': 'objects', 'ordering': ['variant', 'location'], 'verbose_name': 'inventory item', 'verbose_name_plural': 'stock'},
        ),
        migrations.AlterField(
            model_name='importjob',
            name='decimals',
            field=models.CharField(blank=True, choices=[('plain', '1234.50, without thousands'), ('point', '1,234.50'), ('comma', '1.234,50')], db_default='', default='', help_text='In a table, a file of Shopify too; JSON has numbers of its own. Empty: as the file proves it.', max_length=8, verbose_name='how numbers are written'),
        ),
        migrations.AddIndex(
            model_name='offering',
            index=models.Index(fields=['tenant', 'category'], name='offering_by_category'),
        ),
    ]
