"""The tables of `tenants`, their boundary and their audit."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import tenants.fields
import tenants.models.people
from django.conf import settings
from django.db import migrations, models

from tenants.migrations._text import FOLD
from tenants.postgres.audit import APPEND_ONLY, DIGEST, ERASURE, FORGET, FUNCTION, NO_ERASURE, SEALED, audit

# FORCE binds the owner too: the row may be written only in its own scope.
PLATFORM = """
SET LOCAL backroom.tenant = '00000000-0000-7000-8000-000000000000';
INSERT INTO tenants_tenant (id, name, slug, status, plan, locale, time_zone, currency, updated_at)
VALUES ('00000000-0000-7000-8000-000000000000', 'Platform', 'platform', 'active', 'enterprise', 'en', 'UTC', 'USD', now())
ON CONFLICT (id) DO NOTHING;
SET LOCAL backroom.tenant = '';
"""


class Migration(migrations.Migration):

    replaces = [
        ('tenants', '0001_initial'),
        ('tenants', '0003_platform'),
        ('tenants', '0004_text_fold'),
        ('tenants', '0005_audit_events_settings'),
        ('tenants', '0006_ways_in'),
        ('tenants', '0007_invitation_names'),
        ('tenants', '0008_key_rotated'),
        ('tenants', '0009_invitations_audited'),
        ('tenants', '0010_task_runs'),
        ('tenants', '0011_retention'),
        ('tenants', '0012_audit_erasure'),
        ('tenants', '0013_tenant_deletion'),
    ]

    dependencies = [
    ]

    operations = [
        migrations.RunSQL(FOLD, "DROP FUNCTION text_fold"),
        migrations.CreateModel(
            name='LoginFailure',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('email', models.CharField(max_length=254)),
                ('client', models.CharField(blank=True, max_length=64)),
                ('attempts', models.PositiveIntegerField()),
                ('since', models.DateTimeField(help_text='When the first of them was made: the count ends a while after.')),
            ],
            options={
                'verbose_name': 'failed login',
                'verbose_name_plural': 'failed logins',
                'indexes': [models.Index(fields=['since'], name='loginfailure_since')],
                'constraints': [models.UniqueConstraint(fields=('email', 'client'), name='loginfailure_once', violation_error_message='This count exists already.')],
            },
        ),
        migrations.CreateModel(
            name='Tenant',
            fields=[
                ('id', tenants.fields.TenantIdField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('slug', models.SlugField(help_text='Short name used in commands and log-in.', max_length=63, unique=True, verbose_name='slug')),
                ('status', models.CharField(choices=[('active', 'Active'), ('suspended', 'Suspended')], db_default='active', default='active', max_length=16, verbose_name='status')),
                ('plan', models.CharField(choices=[('free', 'Free'), ('pro', 'Pro'), ('enterprise', 'Enterprise')], db_default='free', default='free', max_length=16, verbose_name='plan')),
                ('locale', models.CharField(choices=[('vi', 'Tiếng Việt'), ('en', 'English')], default='vi', max_length=8, verbose_name='language')),
                ('time_zone', models.CharField(default='Asia/Ho_Chi_Minh', max_length=64, validators=[tenants.models.people.validate_time_zone], verbose_name='time zone')),
                ('currency', models.CharField(default='VND', max_length=3, validators=[django.core.validators.RegexValidator('^[A-Z]{3}$', 'Three capital letters.')], verbose_name='currency')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='updated')),
            ],
            options={
                'verbose_name': 'tenant',
                'verbose_name_plural': 'tenants',
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('status__in', ['active', 'suspended'])), name='tenant_status', violation_error_message='Unknown status.')],
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('tenant', tenants.fields.TenantField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, to='tenants.tenant')),
                ('verb', models.CharField(choices=[('insert', 'Added'), ('update', 'Changed'), ('delete', 'Deleted')], editable=False, max_length=8, verbose_name='what')),
                ('subject_kind', models.CharField(editable=False, max_length=64, verbose_name='kind')),
                ('subject_id', models.UUIDField(editable=False, verbose_name='id of the row')),
                ('actor_kind', models.CharField(choices=[('user', 'Person'), ('api_key', 'API key'), ('session', 'Customer in a conversation'), ('task', 'Background job'), ('command', 'Command'), ('system', 'System')], editable=False, max_length=16, verbose_name='by')),
                ('actor_id', models.UUIDField(editable=False, null=True, verbose_name='id of who did it')),
                ('request_id', models.UUIDField(editable=False, null=True, verbose_name='request')),
                ('before', models.JSONField(editable=False, help_text='Of a change only what differs.', null=True, verbose_name='before')),
                ('after', models.JSONField(editable=False, help_text='Of a change only what differs.', null=True, verbose_name='after')),
                ('erased_digest', models.BinaryField(help_text='Of the entry as it was, where values of a person were erased.', max_length=32, null=True)),
                ('position', models.BigIntegerField(editable=False, null=True, verbose_name='number')),
                ('hash', models.BinaryField(max_length=32, null=True)),
            ],
            options={
                'verbose_name': 'audit entry',
                'verbose_name_plural': 'audit',
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', 'subject_id'], name='auditentry_subject'), models.Index(condition=models.Q(('position', None)), fields=['tenant', 'id'], name='auditentry_unsealed')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('position__isnull', False)), fields=('tenant', 'position'), name='auditentry_position', violation_error_message='The chain has this link already.'), models.CheckConstraint(condition=models.Q(models.Q(('hash__isnull', True), ('position__isnull', True)), models.Q(('hash__isnull', False), ('position__isnull', False)), _connector='OR'), name='auditentry_sealed_whole', violation_error_message='A sealed entry has a number and a hash.')],
            },
        ),
        migrations.CreateModel(
            name='AuditSeal',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('tenant', tenants.fields.TenantField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, referenced=False, to='tenants.tenant')),
                ('last_position', models.BigIntegerField(editable=False, verbose_name='number of the last entry')),
                ('hash', models.BinaryField(max_length=32)),
            ],
            options={
                'verbose_name': 'audit seal',
                'verbose_name_plural': 'audit seals',
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'last_position'), name='auditseal_once', violation_error_message='This part is sealed already.')],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('kind', models.CharField(editable=False, max_length=40, verbose_name='kind')),
                ('subject_kind', models.CharField(blank=True, editable=False, max_length=64, verbose_name='about')),
                ('subject_id', models.UUIDField(editable=False, null=True, verbose_name='id of the row')),
                ('data', models.JSONField(default=dict, editable=False, verbose_name='content')),
                ('dispatched_at', models.DateTimeField(editable=False, help_text='When its deliveries to the destinations were made.', null=True, verbose_name='handed on')),
            ],
            options={
                'verbose_name': 'event',
                'verbose_name_plural': 'events',
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', 'kind', 'id'], name='event_kind'), django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['created_at'], name='event_by_age'), models.Index(condition=models.Q(('dispatched_at', None)), fields=['tenant', 'id'], name='event_undispatched')],
            },
        ),
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('principal', models.CharField(help_text='Who asked: kind and id of the key, person or session.', max_length=80)),
                ('key', models.CharField(max_length=255)),
                ('route', models.CharField(help_text='Method and path.', max_length=255)),
                ('body_hash', models.BinaryField(help_text='HMAC-SHA-256 of the body, keyed with SECRET_KEY.', max_length=32)),
                ('status_code', models.PositiveSmallIntegerField(help_text='Null while the first request is in flight.', null=True)),
                ('answer', models.JSONField(null=True)),
                ('lease_until', models.DateTimeField(help_text='A dead first request is taken over after this.')),
            ],
            options={
                'verbose_name': 'idempotency key',
                'verbose_name_plural': 'idempotency keys',
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'principal', 'key', 'route'), name='idempotencykey_once', violation_error_message='This key is in use.')],
            },
        ),
        migrations.CreateModel(
            name='RetentionSweep',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('state', models.CharField(choices=[('pending', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('unknown', 'Unclear'), ('skipped', 'Skipped'), ('cancelled', 'Given up')], db_default='pending', default='pending', editable=False, max_length=16, verbose_name='state')),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='due')),
                ('lease_until', models.DateTimeField(editable=False, null=True, verbose_name='leased until')),
                ('attempt', models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name='attempts')),
                ('priority', models.SmallIntegerField(db_default=0, default=0, editable=False, verbose_name='priority')),
                ('last_error', models.TextField(blank=True, db_default='', default='', editable=False, verbose_name='last error')),
                ('night', models.DateField(editable=False, help_text="By the tenant's own calendar.", verbose_name='night')),
                ('deleted', models.JSONField(db_default={}, default=dict, editable=False, help_text='Rows by kind.', verbose_name='deleted')),
            ],
            options={
                'verbose_name': 'retention sweep',
                'verbose_name_plural': 'retention sweeps',
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(condition=models.Q(('state__in', ['pending', 'running'])), fields=['tenant', '-priority', 'due_at'], name='retentionsweep_next'), models.Index(condition=models.Q(('state__in', ['failed', 'unknown'])), fields=['tenant', 'state'], name='retentionsweep_stuck')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'night'), name='retentionsweep_once', violation_error_message='This night has its sweep already.')],
            },
        ),
        migrations.CreateModel(
            name='Setting',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('name', models.CharField(max_length=64, verbose_name='name')),
                ('value', models.JSONField(verbose_name='value')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='updated')),
            ],
            options={
                'verbose_name': 'setting',
                'verbose_name_plural': 'settings',
                'ordering': ['name'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'name'), name='setting_once', violation_error_message='This is set already.')],
            },
        ),
        migrations.CreateModel(
            name='TaskRun',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('queue', models.CharField(editable=False, help_text='The model: runtime.scheduleoccurrence.', max_length=64, verbose_name='queue')),
                ('row_id', models.UUIDField(editable=False, verbose_name='id of the row')),
                ('task_type', models.CharField(editable=False, max_length=63, verbose_name='what is done')),
                ('name', models.CharField(blank=True, db_default='', default='', editable=False, max_length=200, verbose_name='name')),
                ('bot_id', models.UUIDField(editable=False, null=True, verbose_name='bot')),
                ('attempt', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='attempt')),
                ('status', models.CharField(choices=[('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('unknown', 'Unclear')], default='running', editable=False, max_length=16, verbose_name='status')),
                ('input', models.JSONField(db_default={}, default=dict, editable=False, verbose_name='input')),
                ('output', models.JSONField(db_default={}, default=dict, editable=False, verbose_name='output')),
                ('error', models.TextField(blank=True, db_default='', default='', editable=False, verbose_name='error')),
                ('started_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='begun')),
                ('finished_at', models.DateTimeField(editable=False, null=True, verbose_name='ended')),
            ],
            options={
                'verbose_name': 'task run',
                'verbose_name_plural': 'task runs',
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', '-id'], name='taskrun_newest'), models.Index(fields=['tenant', 'row_id', '-id'], name='taskrun_of_row'), models.Index(condition=models.Q(('status', 'running')), fields=['tenant', 'queue', 'row_id'], name='taskrun_open')],
            },
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254, unique=True, verbose_name='e-mail address')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('picture_url', models.URLField(blank=True, verbose_name='picture')),
                ('locale', models.CharField(blank=True, choices=[('vi', 'Tiếng Việt'), ('en', 'English')], max_length=8, verbose_name='language')),
                ('time_zone', models.CharField(blank=True, db_default='', default='', max_length=64, validators=[tenants.models.people.validate_time_zone], verbose_name='time zone')),
                ('sessions_ended_at', models.DateTimeField(editable=False, help_text='Sessions and tokens from before are worth nothing.', null=True, verbose_name='sessions ended')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('is_superuser', models.BooleanField(default=False, verbose_name='platform staff')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
                'ordering': ['email'],
                'constraints': [models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='user_email_lower', violation_error_message='Write the e-mail address in lower case.')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('prefix', models.CharField(editable=False, max_length=16, verbose_name='begins with')),
                ('key_hash', models.BinaryField(max_length=32)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), blank=True, default=list, help_text='For example “offering:read”. Empty: all that an owner may.', size=None, verbose_name='scopes')),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='expires')),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='revoked')),
                ('rotated_at', models.DateTimeField(blank=True, editable=False, help_text='When another key took its place: done once.', null=True, verbose_name='replaced')),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last used')),
            ],
            options={
                'verbose_name': 'API key',
                'verbose_name_plural': 'API keys',
                'ordering': ['-created_at'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['key_hash'], name='apikey_hash')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'key_hash'), name='apikey_hash_once', violation_error_message='This key exists already.')],
            },
        ),
        migrations.CreateModel(
            name='AuthIdentity',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='identities', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('provider', models.CharField(choices=[('totp', 'Authenticator app')], max_length=32, verbose_name='provider')),
                ('external_id', models.CharField(blank=True, default='', max_length=255, verbose_name='external id')),
                ('secret', models.BinaryField(help_text='Encrypted; tenants/second_factor.py tells the form.')),
                ('recovery_codes', django.contrib.postgres.fields.ArrayField(base_field=models.BinaryField(max_length=32), default=list, editable=False, help_text='SHA-256 of the codes not used yet.', size=None)),
                ('confirmed_at', models.DateTimeField(editable=False, null=True, verbose_name='confirmed')),
                ('last_step', models.BigIntegerField(editable=False, help_text='The 30 s step of the last code taken: a code works once.', null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
            ],
            options={
                'verbose_name': 'second factor',
                'verbose_name_plural': 'second factors',
                'constraints': [models.UniqueConstraint(fields=('user', 'provider'), name='authidentity_once', violation_error_message='This person has one already.')],
            },
        ),
        migrations.CreateModel(
            name='LoginToken',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('purpose', models.CharField(choices=[('login', 'Login link'), ('invitation', 'Invitation')], max_length=16, verbose_name='purpose')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('invited_to', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant', verbose_name='invited to')),
                ('role', models.CharField(blank=True, choices=[('owner', 'Owner'), ('admin', 'Administrator'), ('operator', 'Operator'), ('analyst', 'Analyst')], default='', max_length=16, verbose_name='role')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='invited by')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('token_hash', models.BinaryField(max_length=32, null=True, unique=True)),
                ('expires_at', models.DateTimeField(editable=False, null=True, verbose_name='expires')),
                ('used_at', models.DateTimeField(editable=False, null=True, verbose_name='used')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('sending', 'Being sent'), ('sent', 'Sent'), ('dropped', 'Nobody to send it to'), ('failed', 'Failed'), ('unknown', 'Unclear')], db_default='waiting', default='waiting', max_length=16, verbose_name='mail')),
                ('sent_at', models.DateTimeField(editable=False, null=True, verbose_name='sent')),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='due')),
                ('lease_until', models.DateTimeField(editable=False, null=True, verbose_name='leased until')),
                ('attempt', models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name='attempts')),
                ('last_error', models.TextField(blank=True, db_default='', default='', editable=False, verbose_name='last error')),
            ],
            options={
                'verbose_name': 'invitation',
                'verbose_name_plural': 'invitations',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'sending'])), fields=['due_at'], name='logintoken_due'), models.Index(fields=['email', 'created_at'], name='logintoken_email')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('invited_to', None), ('purpose', 'login'), ('role', '')), models.Q(('invited_to__isnull', False), ('purpose', 'invitation'), ('role__in', ['owner', 'admin', 'operator', 'analyst'])), _connector='OR'), name='logintoken_purpose', violation_error_message='An invitation names a tenant and a role, a login link neither.'), models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='logintoken_email_lower', violation_error_message='Write the e-mail address in lower case.'), models.UniqueConstraint(condition=models.Q(('purpose', 'invitation'), ('used_at', None)), fields=('invited_to', 'email'), name='logintoken_invited_once', violation_error_message='This person has been invited already.')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Administrator'), ('operator', 'Operator'), ('analyst', 'Analyst')], max_length=16, verbose_name='role')),
            ],
            options={
                'verbose_name': 'member',
                'verbose_name_plural': 'members',
                'ordering': ['user__email'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['user'], name='membership_user')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'user'), name='membership_once', violation_error_message='This person is a member already.'), models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'admin', 'operator', 'analyst'])), name='membership_role', violation_error_message='Unknown role.')],
            },
        ),
        migrations.CreateModel(
            name='StoredFile',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('name', models.CharField(max_length=255, verbose_name='file name')),
                ('media_type', models.CharField(max_length=100, verbose_name='media type')),
                ('size', models.PositiveBigIntegerField(verbose_name='size in bytes')),
                ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
            ],
            options={
                'verbose_name': 'file',
                'verbose_name_plural': 'files',
                'ordering': ['-created_at'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', 'sha256'], name='storedfile_sha256')],
            },
        ),
        migrations.CreateModel(
            name='TenantDeletion',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('state', models.CharField(choices=[('pending', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('unknown', 'Unclear'), ('skipped', 'Skipped'), ('cancelled', 'Given up')], db_default='pending', default='pending', editable=False, max_length=16, verbose_name='state')),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='due')),
                ('lease_until', models.DateTimeField(editable=False, null=True, verbose_name='leased until')),
                ('attempt', models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name='attempts')),
                ('priority', models.SmallIntegerField(db_default=0, default=0, editable=False, verbose_name='priority')),
                ('last_error', models.TextField(blank=True, db_default='', default='', editable=False, verbose_name='last error')),
                ('deleted_id', models.UUIDField(editable=False, verbose_name='id of the tenant')),
                ('slug', models.CharField(editable=False, max_length=63, verbose_name='slug')),
                ('name', models.CharField(editable=False, max_length=200, verbose_name='name')),
                ('deleted', models.JSONField(db_default={}, default=dict, editable=False, help_text='Rows by table.', verbose_name='deleted')),
                ('audit_end', models.CharField(blank=True, db_default='', default='', editable=False, help_text='The hash at the end of its chain, as it was when it was deleted.', max_length=64, verbose_name='end of the audit')),
                ('finished_at', models.DateTimeField(editable=False, null=True, verbose_name='finished')),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
            ],
            options={
                'verbose_name': 'deletion of a tenant',
                'verbose_name_plural': 'deletions of tenants',
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(condition=models.Q(('state__in', ['pending', 'running'])), fields=['tenant', '-priority', 'due_at'], name='tenantdeletion_next'), models.Index(condition=models.Q(('state__in', ['failed', 'unknown'])), fields=['tenant', 'state'], name='tenantdeletion_stuck')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'deleted_id'), name='tenantdeletion_once', violation_error_message='This tenant is being deleted already.')],
            },
        ),
        migrations.CreateModel(
            name='UserPreference',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='preference', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('preferences', models.JSONField(default=dict, verbose_name='preferences')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='updated')),
            ],
            options={
                'verbose_name': 'preferences',
                'verbose_name_plural': 'preferences',
            },
        ),
        # The owner of settings and credentials that serve the whole installation.
        migrations.RunSQL(PLATFORM, migrations.RunSQL.noop),
        migrations.RunSQL(FUNCTION, "DROP FUNCTION tenants_audit CASCADE"),
        migrations.RunSQL(DIGEST, "DROP FUNCTION tenants_audit_digest"),
        migrations.RunSQL(
            APPEND_ONLY, "GRANT UPDATE, DELETE ON tenants_auditentry, tenants_auditseal TO backroom_app, backroom_platform"
        ),
        migrations.RunSQL(SEALED, "DROP FUNCTION tenants_audit_seal_guard CASCADE"),
        migrations.RunSQL(ERASURE, NO_ERASURE),
        migrations.RunSQL(FORGET, "DROP FUNCTION tenants_audit_forget"),
        audit("tenants.tenant"),
        audit("tenants.user", redact=["password"], ignore=["last_login"]),
        audit("tenants.membership"),
        audit("tenants.apikey", redact=["key_hash"], ignore=["last_used_at"]),
        audit("tenants.setting"),
        audit("tenants.storedfile"),
        audit("tenants.authidentity", redact=["secret", "recovery_codes"], ignore=["last_step"]),
        audit(
            "tenants.logintoken",
            only={"purpose": "invitation"},
            tenant="invited_to_id",
            # What the sender writes is where the mail stands, not what somebody decided.
            ignore=["token_hash", "user_id", "expires_at", "state", "sent_at", "due_at", "lease_until", "attempt", "last_error"],
        ),
        audit("tenants.tenantdeletion", ignore=["due_at", "lease_until", "attempt", "priority", "last_error"]),
    ]
