"""Changes of bots and of what they know are audited."""

from django.db import migrations

from tenants.postgres.audit import audit


class Migration(migrations.Migration):
    dependencies = [("bots", "0003_capabilities"), ("tenants", "0005_audit_events_settings")]

    operations = [
        audit("bots.capability"),
        audit("bots.bot"),
        audit("bots.botversion"),
        audit("bots.botversioncapability"),
        audit("bots.faq"),
    ]
