"""Load the domains that joined ``fixtures/domains.json`` since. One that is there is left as platform staff have made it."""

import json
from pathlib import Path

from django.db import migrations

from tenants.scope import platform_scope

FIXTURE = Path(__file__).resolve().parent.parent / "fixtures" / "domains.json"


def load_missing(apps, schema_editor):
    """Make every domain whose code nobody has, with its attributes; others keep theirs, also what was taken away."""
    domains = apps.get_model("catalog", "KnowledgeDomain").objects
    definitions = apps.get_model("catalog", "AttributeDefinition").objects
    with platform_scope(reason="blueprints serve every tenant"):
        known = set(domains.values_list("code", flat=True))
        for entry in json.loads(FIXTURE.read_text(encoding="utf-8")):
            if entry["code"] not in known:
                attributes = entry.pop("attributes")
                domain = domains.create(**_both_names(entry))
                definitions.bulk_create(definitions.model(domain=domain, **_both_names(one)) for one in attributes)


def _both_names(entry):
    names = entry["name"]
    return {**entry, "name": names["en"], "name_vi": names["vi"]}


class Migration(migrations.Migration):
    dependencies = [("catalog", "0021_known_currencies")]

    operations = [migrations.RunPython(load_missing, migrations.RunPython.noop)]
