"""Offerings may be a bot's, orders come from a session."""

import django.db.models.deletion
import tenants.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('catalog', '0002_offering_bot'),
    ]

    dependencies = [
        ('bots', '0001_tables'),
        ('catalog', '0001_tables'),
        ('runtime', '0001_tables'),
    ]

    operations = [
        migrations.AddField(
            model_name='offering',
            name='bot',
            field=tenants.fields.TenantForeignKey(blank=True, help_text='Empty: every bot sells it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='offerings', to='bots.bot', verbose_name='bot'),
        ),
        migrations.AddField(
            model_name='order',
            name='session',
            field=tenants.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='orders', to='runtime.session', verbose_name='conversation'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(fields=['tenant', 'session'], name='order_of_session'),
        ),
    ]
