"""What a bot is set up with, and what it remembers."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.db.models.lookups
import tenants.fields
from django.db import migrations, models

from tenants.postgres.audit import audit


class Migration(migrations.Migration):

    dependencies = [
        ('bots', '0012_versions_stay'),
        ('catalog', '0027_search_documents'),
        ('tenants', '0009_invitations_audited'),
    ]

    operations = [
        migrations.CreateModel(
            name='BotMemory',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('key', models.CharField(max_length=100, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\\Z', 'Write letters, digits, _, . and -, up to 100.')], verbose_name='key')),
                ('value', models.TextField(max_length=10000, verbose_name='value')),
                ('expires_at', models.DateTimeField(blank=True, help_text='Empty: never.', null=True, verbose_name='forgotten at')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='updated')),
                ('bot', tenants.fields.TenantForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memories', to='bots.bot', verbose_name='bot')),
                ('customer', tenants.fields.TenantForeignKey(blank=True, help_text='Empty: remembered for everybody.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalog.customer', verbose_name='customer')),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, referenced=False, to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'memory',
                'verbose_name_plural': 'memories',
                'ordering': ['key'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(condition=models.Q(('customer__isnull', False)), fields=['tenant', 'customer'], name='botmemory_customer'), models.Index(condition=models.Q(('expires_at__isnull', False)), fields=['expires_at'], name='botmemory_expiry')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'bot', 'customer', 'key'), name='botmemory_once', nulls_distinct=False, violation_error_message='The bot remembers something of this key already.'), models.CheckConstraint(condition=django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length('value'), 10000), name='botmemory_size', violation_error_message='Up to 10,000 characters are remembered.')],
            },
        ),
        migrations.CreateModel(
            name='BotSetting',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('key', models.CharField(max_length=100, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\\Z', 'Write letters, digits, _, . and -, up to 100.')], verbose_name='key')),
                ('value_type', models.CharField(choices=[('text', 'Text'), ('integer', 'Whole number'), ('number', 'Number'), ('boolean', 'Yes or no'), ('json', 'Object or list')], default='text', max_length=16, verbose_name='type')),
                ('value', models.JSONField(verbose_name='value')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='updated')),
                ('bot', tenants.fields.TenantForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='settings', to='bots.bot', verbose_name='bot')),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'setting of a bot',
                'verbose_name_plural': 'settings of a bot',
                'ordering': ['key'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'bot', 'key'), name='botsetting_once', violation_error_message='The bot has a setting of this key already.')],
            },
        ),
        audit("bots.botsetting"),
    ]
