"""Answers that were kept under weaker checks are not given again: they are made anew when somebody asks."""

from django.db import connection, migrations

from tenants.scope import platform_scope


def forget(apps, schema_editor):
    """Delete them all."""
    with platform_scope(reason="kept answers of every tenant are checked anew"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM runtime_semanticcacheentry")


class Migration(migrations.Migration):

    dependencies = [
        ('runtime', '0005_topic'),
    ]

    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
