"""What people call the choices of an attribute in Vietnamese, and the words for those of the domains that are shipped."""

import json
from pathlib import Path

from django.db import migrations, models

from tenants.scope import platform_scope

FIXTURE = Path(__file__).resolve().parent.parent / "fixtures" / "choice_labels.json"


def load_labels(apps, schema_editor):
    """Name the choices that are still as they were shipped; what platform staff have added keeps its own word."""
    definitions = apps.get_model("catalog", "AttributeDefinition").objects
    labels = json.loads(FIXTURE.read_text(encoding="utf-8"))
    with platform_scope(reason="blueprints serve every tenant"):
        for one in definitions.filter(domain__code__in=labels, value_constraint__has_key="enum").select_related("domain"):
            known = labels[one.domain.code].get(one.key, {})
            one.choices_vi = {choice: known[choice] for choice in one.value_constraint["enum"] if choice in known}
            one.save(update_fields=["choices_vi"])


class Migration(migrations.Migration):
    dependencies = [("catalog", "0032_category_index")]

    operations = [
        migrations.AddField(
            model_name="attributedefinition",
            name="choices_vi",
            field=models.JSONField(
                blank=True,
                db_default={},
                default=dict,
                help_text="What people call each choice; values are stored as the choice itself.",
                verbose_name="choices in Vietnamese",
            ),
        ),
        migrations.RunPython(load_labels, migrations.RunPython.noop),
    ]
