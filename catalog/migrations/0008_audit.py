"""Changes of the catalogue are audited: what is sold, at what price, and how much of it there is."""

from django.db import migrations

from tenants.postgres.audit import audit


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_import_progress"), ("tenants", "0005_audit_events_settings")]

    operations = [
        audit("catalog.knowledgedomain"),
        audit("catalog.attributedefinition"),
        audit("catalog.offering"),
        audit("catalog.offeringversion"),
        audit("catalog.offeringimage"),
        audit("catalog.variant"),
        audit("catalog.saleschannel"),
        audit("catalog.pricelist"),
        audit("catalog.variantprice"),
        audit("catalog.inventorylocation"),
        # The quantity is the sum of the movements, which are audited themselves.
        audit("catalog.inventoryitem", ignore=["stock_qty"]),
        audit("catalog.stockmovement"),
    ]
