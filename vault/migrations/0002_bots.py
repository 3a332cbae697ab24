"""Budgets and grants may be a bot's."""

import django.db.models.deletion
import tenants.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('vault', '0012_retention'),
    ]

    dependencies = [
        ('bots', '0001_tables'),
        ('vault', '0001_tables'),
    ]

    operations = [
        migrations.AddField(
            model_name='budget',
            name='bot',
            field=tenants.fields.TenantForeignKey(blank=True, help_text='Empty: everything the tenant spends.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='bots.bot', verbose_name='bot'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.UniqueConstraint(fields=('tenant', 'bot', 'period', 'currency'), name='budget_once', nulls_distinct=False, violation_error_message='There is a budget for this bot, period and currency already.'),
        ),
        migrations.AddField(
            model_name='credentialgrant',
            name='bot',
            field=tenants.fields.TenantForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='credential_grants', to='bots.bot', verbose_name='bot'),
        ),
        migrations.AddConstraint(
            model_name='credentialgrant',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('bot__isnull', False), ('role', '')), models.Q(('bot', None), models.Q(('role', ''), _negated=True)), _connector='OR'), name='credentialgrant_role_or_bot', violation_error_message='Grant it to a role or to a bot.'),
        ),
        migrations.AddConstraint(
            model_name='credentialgrant',
            constraint=models.UniqueConstraint(condition=models.Q(('bot', None)), fields=('tenant', 'credential', 'role'), name='credentialgrant_role_once', violation_error_message='This role may use it already.'),
        ),
        migrations.AddConstraint(
            model_name='credentialgrant',
            constraint=models.UniqueConstraint(condition=models.Q(('bot__isnull', False)), fields=('tenant', 'credential', 'bot'), name='credentialgrant_bot_once', violation_error_message='This bot may use it already.'),
        ),
    ]
