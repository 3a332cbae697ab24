"""Load the industry blueprints of ``fixtures/domains.json``: by code and key, so that loading again changes nothing."""

import json
from pathlib import Path

from django.db import migrations

FIXTURE = Path(__file__).resolve().parent.parent / "fixtures" / "domains.json"


def load_domains(apps, schema_editor):
    """Create or update every domain and attribute definition of the file; others are left alone."""
    domains = apps.get_model("catalog", "KnowledgeDomain").objects
    definitions = apps.get_model("catalog", "AttributeDefinition").objects
    for entry in json.loads(FIXTURE.read_text(encoding="utf-8")):
        attributes = entry.pop("attributes")
        domain, _ = domains.update_or_create(code=entry.pop("code"), defaults=_both_names(entry))
        for attribute in attributes:
            definitions.update_or_create(domain=domain, key=attribute.pop("key"), defaults=_both_names(attribute))


def _both_names(entry):
    names = entry["name"]
    return {**entry, "name": names["en"], "name_vi": names["vi"]}


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_ledgers")]

    operations = [migrations.RunPython(load_domains, migrations.RunPython.noop)]
