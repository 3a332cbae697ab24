"""The ids of a customer's messages are the channel's, those of a person's answers the admin's or a program's: they may be the same."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runtime", "0008_flow_steps")]

    operations = [
        migrations.RemoveConstraint("turn", "turn_external_id_once"),
        migrations.AddConstraint(
            "turn",
            models.UniqueConstraint(
                fields=["tenant", "session", "speaker", "external_id"],
                condition=~models.Q(external_id=""),
                name="turn_external_id_once",
                violation_error_message="This message was received already.",
            ),
        ),
    ]
