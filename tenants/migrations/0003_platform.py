"""The tenant ``platform``: owner of settings and credentials that serve the whole installation."""

from django.db import migrations

# FORCE binds the owner too: the row may be written only in its own scope.
ADD = """
SET LOCAL backroom.tenant = '00000000-0000-7000-8000-000000000000';
INSERT INTO tenants_tenant (id, name, slug, status, plan, locale, time_zone, currency, updated_at)
VALUES ('00000000-0000-7000-8000-000000000000', 'Platform', 'platform', 'active', 'enterprise', 'en', 'UTC', 'USD', now())
ON CONFLICT (id) DO NOTHING;
SET LOCAL backroom.tenant = '';
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_api_key_bot")]

    operations = [migrations.RunSQL(ADD, migrations.RunSQL.noop)]
