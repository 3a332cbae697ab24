"""Near questions are found by a key of their telling words. What was kept before has none: its own words still find it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runtime", "0006_session_scopes")]

    operations = [
        migrations.AddField(
            "semanticcacheentry",
            "telling_key",
            models.BinaryField(
                default=b"", max_length=32, help_text="SHA-256 of the words it is told by, sorted: near questions have the same."
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            "semanticcacheentry",
            models.Index(fields=["tenant", "bot_version", "language", "telling_key"], name="semanticcacheentry_telling"),
        ),
    ]
