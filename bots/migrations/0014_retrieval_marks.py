"""What people judge in the retrieval lab, and the thresholds that are calibrated from it."""

import django.db.models.deletion
import django.db.models.functions.datetime
import tenants.fields
from django.conf import settings
from django.db import migrations, models

from tenants.postgres.audit import audit

# Of a queue only what somebody sets is worth an entry. What a customer asked must be erasable, and an audit is not.
BY_WORKERS = [
    *("state", "due_at", "lease_until", "attempt", "priority", "last_error"),
    *("faq", "document", "intent", "made_of", "texts_key", "calibrated_at"),
]


class Migration(migrations.Migration):

    dependencies = [
        ('bots', '0013_settings_and_memories'),
        ('tenants', '0009_invitations_audited'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AnswerThreshold',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('state', models.CharField(choices=[('pending', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('unknown', 'Unclear')], db_default='pending', default='pending', editable=False, max_length=16, verbose_name='state')),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='due')),
                ('lease_until', models.DateTimeField(editable=False, null=True, verbose_name='leased until')),
                ('attempt', models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name='attempts')),
                ('priority', models.SmallIntegerField(db_default=0, default=0, editable=False, verbose_name='priority')),
                ('last_error', models.TextField(blank=True, db_default='', default='', editable=False, verbose_name='last error')),
                ('faq', models.FloatField(editable=False, null=True, verbose_name='of FAQs')),
                ('document', models.FloatField(editable=False, null=True, verbose_name='of documents')),
                ('intent', models.FloatField(editable=False, null=True, verbose_name='of intents')),
                ('by_hand', models.FloatField(blank=True, help_text='Holds for FAQs and documents. Empty: what was calibrated.', null=True, verbose_name='set by hand')),
                ('made_of', models.JSONField(db_default={}, default=dict, editable=False, help_text='By kind: how many questions, and what the threshold does to them.')),
                ('texts_key', models.CharField(db_default='', default='', editable=False, help_text='Of texts and marks: changed, it is done anew.', max_length=100)),
                ('calibrated_at', models.DateTimeField(editable=False, null=True, verbose_name='calibrated')),
                ('bot', tenants.fields.TenantForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='answer_thresholds', to='bots.bot', verbose_name='bot')),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'answer threshold',
                'verbose_name_plural': 'answer thresholds',
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(condition=models.Q(('state__in', ['pending', 'running'])), fields=['tenant', 'due_at'], name='answerthreshold_due')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'bot'), name='answerthreshold_once', violation_error_message='The bot has its threshold already.'), models.CheckConstraint(condition=models.Q(('faq', None), models.Q(('faq__gte', 0), ('faq__lte', 1)), _connector='OR'), name='answerthreshold_faq', violation_error_message='A threshold lies between 0 and 1.'), models.CheckConstraint(condition=models.Q(('document', None), models.Q(('document__gte', 0), ('document__lte', 1)), _connector='OR'), name='answerthreshold_document', violation_error_message='A threshold lies between 0 and 1.'), models.CheckConstraint(condition=models.Q(('intent', None), models.Q(('intent__gte', 0), ('intent__lte', 1)), _connector='OR'), name='answerthreshold_intent', violation_error_message='A threshold lies between 0 and 1.'), models.CheckConstraint(condition=models.Q(('by_hand', None), models.Q(('by_hand__gte', 0), ('by_hand__lte', 1)), _connector='OR'), name='answerthreshold_by_hand', violation_error_message='A threshold lies between 0 and 1.')],
            },
        ),
        migrations.CreateModel(
            name='RetrievalMark',
            fields=[
                ('id', models.UUIDField(db_default=tenants.fields.UUIDv7(), editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
                ('question', models.CharField(max_length=500, verbose_name='question')),
                ('question_key', models.CharField(editable=False, help_text='Its folded words: however it is typed, it is one question.', max_length=500)),
                ('kind', models.CharField(blank=True, choices=[('faq', 'FAQ'), ('document', 'Document'), ('offering', 'Offering')], db_default='', default='', max_length=16, verbose_name='kind')),
                ('source_id', models.UUIDField(blank=True, help_text='Empty: nothing there answers the question.', null=True, verbose_name='source')),
                ('title', models.CharField(blank=True, db_default='', default='', help_text='Of the source, when it was marked.', max_length=200, verbose_name='title')),
                ('is_right', models.BooleanField(verbose_name='right')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), verbose_name='updated')),
                ('bot', tenants.fields.TenantForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='retrieval_marks', to='bots.bot', verbose_name='bot')),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('tenant', tenants.fields.TenantField(on_delete=django.db.models.deletion.CASCADE, to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'marked question',
                'verbose_name_plural': 'marked questions',
                'ordering': ['-updated_at', '-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', 'bot', '-updated_at'], name='retrievalmark_newest')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'bot', 'question_key', 'source_id'), name='retrievalmark_once', nulls_distinct=False, violation_error_message='This is marked already.'), models.CheckConstraint(condition=models.Q(models.Q(('is_right', False), ('kind', ''), ('source_id', None)), models.Q(('kind__in', ['faq', 'document', 'offering']), ('source_id__isnull', False)), _connector='OR'), name='retrievalmark_of_a_source', violation_error_message='Mark a FAQ, a document or an offering; or that none of them is right.')],
            },
        ),
        audit("bots.answerthreshold", ignore=BY_WORKERS),
        audit("bots.retrievalmark", redact=["question", "question_key"]),
    ]
