from django.db import migrations

from tenants.postgres.audit import FUNCTION, audit


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0008_key_rotated'),
    ]

    operations = [
        # Once more: an installation that has the function already has one that audits all rows of a table.
        migrations.RunSQL(FUNCTION, migrations.RunSQL.noop),
        audit(
            "tenants.logintoken",
            only={"purpose": "invitation"},
            tenant="invited_to_id",
            # What the sender writes is where the mail stands, not what somebody decided.
            ignore=["token_hash", "user_id", "expires_at", "state", "sent_at", "due_at", "lease_until", "attempt", "last_error"],
        ),
    ]
