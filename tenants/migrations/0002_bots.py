"""Keys may be a bot's."""

import django.db.models.deletion
import tenants.fields
from django.db import migrations


class Migration(migrations.Migration):

    replaces = [
        ('tenants', '0002_api_key_bot'),
    ]

    dependencies = [
        ('bots', '0001_tables'),
        ('tenants', '0001_tables'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='bot',
            field=tenants.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to='bots.bot', verbose_name='bot'),
        ),
    ]
