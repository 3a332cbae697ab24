"""The capabilities that bots have today; later ones come with the code that serves them."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from tenants.scope import platform_scope

CAPABILITIES = [
    ("offering_search", "Find offerings", "Finds what fits the customer's words, also within a budget."),
    ("price_lookup", "Quote prices", "Reads the price that holds at the moment of the answer."),
    ("stock_check", "Check stock", "Reads how many pieces are there at the moment of the answer."),
    ("order_status", "Tell about orders", "Reads the orders of the customer who is writing, and nobody else's."),
    ("create_order", "Take orders", "Proposes an order. It is made when the customer agrees, at the prices of that moment."),
]


def add(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Add or refresh them by code."""
    capability = apps.get_model("bots", "Capability")
    with platform_scope(reason="capabilities serve every tenant"):
        for code, name, description in CAPABILITIES:
            capability.objects.update_or_create(code=code, defaults={"name": name, "description": description})


class Migration(migrations.Migration):
    replaces = [("bots", "0003_capabilities")]

    dependencies = [("bots", "0001_tables")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
