"""A turn is called a message, as in the menu: nothing changes in the database."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("runtime", "0010_schedules")]

    operations = [
        migrations.AlterModelOptions(
            name="turn",
            options={
                "base_manager_name": "objects",
                "default_manager_name": "objects",
                "ordering": ["id"],
                "verbose_name": "message",
                "verbose_name_plural": "Messages",
            },
        ),
    ]
