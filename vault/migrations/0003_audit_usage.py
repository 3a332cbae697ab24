"""Changes of prices and budgets are audited."""

from django.db import migrations

from tenants.postgres.audit import audit


class Migration(migrations.Migration):
    dependencies = [("vault", "0002_budget_periods"), ("tenants", "0005_audit_events_settings")]

    operations = [audit("vault.modelprice"), audit("vault.budget")]
