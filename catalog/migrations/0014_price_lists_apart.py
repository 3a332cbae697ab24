"""Two price lists of one channel never have equal priority at the same time: an exclusion constraint.

GiST excludes ranges; a range over ids makes it compare them too, without ``btree_gist``.
"""

import uuid

from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import connection, migrations, models
from django.db.models.functions import Coalesce

from tenants.scope import platform_scope

# The order is the one by which prices were resolved until now, so the same prices win as before.
TELL_APART = """
UPDATE catalog_pricelist AS l SET priority = ranked.place, updated_at = statement_timestamp()
FROM (
    SELECT tenant_id, id, row_number() OVER (PARTITION BY tenant_id
        ORDER BY priority, (channel_id IS NOT NULL), valid_from NULLS FIRST, code DESC) - 1 AS place
    FROM catalog_pricelist
) AS ranked
WHERE l.tenant_id = ranked.tenant_id AND l.id = ranked.id AND l.priority <> ranked.place AND EXISTS (
    SELECT FROM catalog_pricelist AS a
    JOIN catalog_pricelist AS b ON b.tenant_id = a.tenant_id AND b.id > a.id AND b.priority = a.priority
        AND b.channel_id IS NOT DISTINCT FROM a.channel_id
        AND tstzrange(b.valid_from, b.valid_to) && tstzrange(a.valid_from, a.valid_to)
    WHERE a.tenant_id = l.tenant_id)
"""


def tell_apart(apps, schema_editor):
    """Number the lists of every tenant in which two are in each other's way, by the order in which they win.

    The audit shows the old priorities.
    """
    with platform_scope(reason="lists of equal priority are told apart"), connection.cursor() as cursor:
        cursor.execute(TELL_APART)


def _only(kind, value):
    return models.Func(value, value, models.Value("[]"), function=kind, output_field=models.TextField())


def _channel_or_none():
    return Coalesce("channel", models.Value(uuid.UUID(int=0)), output_field=models.UUIDField())


class Migration(migrations.Migration):
    dependencies = [("catalog", "0013_price_list_ledger")]

    operations = [
        migrations.RunPython(tell_apart, migrations.RunPython.noop),
        migrations.RunSQL("CREATE TYPE uuidrange AS RANGE (subtype = uuid)", "DROP TYPE uuidrange"),
        migrations.AddConstraint(
            model_name="pricelist",
            constraint=ExclusionConstraint(
                name="pricelist_no_overlap",
                expressions=[
                    (_only("uuidrange", "tenant"), "&&"),
                    (_only("uuidrange", _channel_or_none()), "&&"),
                    (_only("int8range", "priority"), "&&"),
                    (
                        models.Func(
                            *("valid_from", "valid_to", models.Value("[)")),
                            function="tstzrange",
                            output_field=models.TextField(),
                        ),
                        "&&",
                    ),
                ],
                violation_error_message="Another list of this channel has the same priority at the same time.",
            ),
        ),
    ]
