"""Load the industry blueprints of ``fixtures/domains.json``. One that is there is left as platform staff have made it."""

import json
from pathlib import Path

from django.db import migrations

from tenants.scope import platform_scope

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


def load_missing(apps, schema_editor):
    """Make every domain whose code nobody has, with its attributes; others keep theirs, also what was taken away."""
    domains = apps.get_model("catalog", "KnowledgeDomain").objects
    definitions = apps.get_model("catalog", "AttributeDefinition").objects
    labels = _read("choice_labels.json")
    with platform_scope(reason="blueprints serve every tenant"):
        known = set(domains.values_list("code", flat=True))
        for entry in _read("domains.json"):
            if entry["code"] not in known:
                attributes = [_labelled(one, labels.get(entry["code"], {})) for one in entry.pop("attributes")]
                domain = domains.create(**_both_names(entry))
                definitions.bulk_create(definitions.model(domain=domain, **_both_names(one)) for one in attributes)


def _read(name):
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def _both_names(entry):
    names = entry["name"]
    return {**entry, "name": names["en"], "name_vi": names["vi"]}


def _labelled(attribute, labels):
    """Return ``attribute`` with what people call its choices in Vietnamese."""
    known, choices = labels.get(attribute["key"], {}), attribute["value_constraint"].get("enum", [])
    return {**attribute, "choices_vi": {choice: known[choice] for choice in choices if choice in known}}


class Migration(migrations.Migration):
    replaces = [("catalog", "0004_domains")]

    dependencies = [("catalog", "0002_bots_and_sessions")]

    operations = [migrations.RunPython(load_missing, migrations.RunPython.noop)]
