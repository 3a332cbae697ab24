"""What bots can do beyond what the platform brings."""

import bots.models.tools
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import tenants.fields
from django.conf import settings
from django.db import migrations, models

from tenants.postgres.audit import audit


class Migration(migrations.Migration):

    dependencies = [
        ('bots', '0006_knowledge_search'),
        ('tenants', '0009_invitations_audited'),
        ('vault', '0010_uses_limited'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Tool',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('code', models.CharField(help_text='What the language model calls it by, such as order_tracking.', max_length=63, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9_]*$', 'Write small letters, digits and _, with a letter first.')], verbose_name='code')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('description', models.TextField(blank=True, help_text='When to use it and what comes back: the model reads this.', max_length=2000, verbose_name='description')),
                ('kind', models.CharField(choices=[('http', 'Call of a server'), ('function', 'Function of Backroom'), ('script', 'Script, kept as text')], default='http', max_length=16, verbose_name='kind')),
                ('parameters', models.JSONField(blank=True, default=bots.models.tools.no_parameters, help_text='A JSON schema of type “object”; what does not fit it is refused before the call.', verbose_name='parameters')),
                ('method', models.CharField(choices=[('GET', 'GET'), ('POST', 'POST'), ('PUT', 'PUT'), ('PATCH', 'PATCH'), ('DELETE', 'DELETE')], default='GET', max_length=8, verbose_name='method')),
                ('url', models.CharField(blank=True, help_text='Parameters stand in double braces, but not in the host: https://api.example.com/orders/{{ number }}', max_length=2000, verbose_name='address')),
                ('headers', models.JSONField(blank=True, db_default={}, default=dict, help_text='Of a secret say which part is sent: {"X-Api-Key": "{{ secret.api_key }}"}. None said: as is usual.', verbose_name='headers')),
                ('body', models.JSONField(blank=True, help_text='A JSON object with parameters in double braces. Empty: all that the address does not name.', null=True, verbose_name='body')),
                ('timeout_seconds', models.PositiveSmallIntegerField(db_default=10, default=10, help_text='From 1 to 30, for the whole call.', verbose_name='longest wait (seconds)')),
                ('function', models.CharField(blank=True, max_length=63, verbose_name='function')),
                ('script', models.TextField(blank=True, help_text="General Bots' BASIC. It is kept, and not run.", max_length=100000, verbose_name='script')),
                ('effect', models.CharField(choices=[('reads', 'Only reads'), ('repeatable', 'Acts; a repeated call does nothing twice'), ('acts', 'Acts with every call')], default='acts', help_text='A call that acts and ends without an answer is “unclear” and never repeated by itself.', max_length=16, verbose_name='effect')),
                ('needs_confirmation', models.BooleanField(db_default=True, default=True, help_text='For all that costs or changes something.', verbose_name='the customer must agree first')),
                ('is_active', models.BooleanField(db_default=True, default=True, verbose_name='active')),
                ('metadata', models.JSONField(blank=True, db_default={}, default=dict, verbose_name='metadata')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='updated')),
                ('bot', tenants.fields.TenantForeignKey(blank=True, help_text='Empty: every bot may use it.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='tools', to='bots.bot', verbose_name='bot')),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('credential', tenants.fields.TenantForeignKey(blank=True, help_text='Each bot that calls the tool needs a grant to it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='tools', to='vault.credential', verbose_name='credential')),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'tool',
                'verbose_name_plural': 'tools',
                'ordering': ['code'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', 'bot'], name='tool_of_bot')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'code'), name='tool_code_once', violation_error_message='A tool with this code exists already.'), models.CheckConstraint(condition=models.Q(('timeout_seconds__gte', 1), ('timeout_seconds__lte', 30)), name='tool_timeout', violation_error_message='Wait from 1 to 30 seconds.'), models.CheckConstraint(condition=models.Q(('kind', 'http'), ('url', ''), _negated=True), name='tool_address', violation_error_message='A call of a server needs an address.'), models.CheckConstraint(condition=models.Q(('function', ''), ('kind', 'function'), _negated=True), name='tool_function', violation_error_message='Choose a function.')],
            },
        ),
        audit("bots.tool"),
    ]
