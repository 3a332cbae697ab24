"""Importing a shop of 12,000 variants: against the same final rows by one INSERT … SELECT per table, and by `bulk_create`.

All three write into the same tables, with their indexes, policies and triggers (ledgers, search), each into a fresh
tenant, in one transaction, in turn. The rows of the floors are prepared outside the clock; the bulk_create's objects
are made inside it, as a program would have to.
"""

import csv
import io
import random
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection, models, transaction

from bench.database import settle
from bench.result import Result, compared
from catalog.imports.applying import apply
from catalog.imports.jobs import create_job
from catalog.imports.staging import stage
from catalog.models import (
    ImportJob,
    Offering,
    OfferingImage,
    OfferingVersion,
    StockMovement,
    Variant,
    VariantPrice,
)
from catalog.services import create_defaults
from tenants.models import Tenant
from tenants.queue import QueueState
from tenants.scope import platform_scope, tenant_scope

PRODUCTS, VARIANTS, ROUNDS = 4_000, 3, 3
BATCH = 2_000
MODELS: tuple[type[models.Model], ...] = (Offering, OfferingVersion, OfferingImage, Variant, VariantPrice, StockMovement)
TABLES = tuple(model._meta.db_table for model in MODELS)
REFERENCES = ("id", "offering_id", "variant_id")
"""Columns with an id of the copied rows, which gets a new one; the price list and the location are the tenant's own."""
SIZES = ("S", "M", "L")
COLUMNS = (
    *("Handle", "Title", "Body (HTML)", "Type", "Tags", "Status", "Option1 Name", "Option1 Value", "Variant SKU"),
    *("Variant Inventory Tracker", "Variant Inventory Qty", "Variant Price", "Image Src"),
)


def run() -> list[Result]:
    """Import, insert and bulk-create in turn; the medians of their times are compared, in variants a second."""
    text = "".join(_lines(random.Random(7)))
    times: dict[str, list[float]] = {name: [] for name in ("stage", "apply", "select", "bulk")}
    for number in range(ROUNDS):
        imported = _tenant(f"bench-import-{number}")
        with tenant_scope(imported):
            staged, applied = _import(text)
            times["stage"].append(staged)
            times["apply"].append(applied)
        settle(*TABLES)
        times["select"].append(_insert_select(imported, _tenant(f"bench-select-{number}")))
        times["bulk"].append(_bulk_create(imported, _tenant(f"bench-bulk-{number}")))
    count = PRODUCTS * VARIANTS
    whole = [one + other for one, other in zip(times["stage"], times["apply"], strict=True)]
    speed = {name: count / statistics.median(seconds) for name, seconds in [*times.items(), ("whole", whole)]}
    return [
        compared("import, apply / INSERT … SELECT, variants/s", ours=speed["apply"], floor=speed["select"], limit=">= 0.8"),
        compared("import, apply / bulk_create, variants/s", ours=speed["apply"], floor=speed["bulk"], limit=">= 2"),
        compared("import, whole / INSERT … SELECT, variants/s", ours=speed["whole"], floor=speed["select"], limit=">= 0.4"),
    ]


def _tenant(slug: str) -> Tenant:
    with platform_scope(reason="bench"):
        tenant = Tenant.objects.create(name="Bench", slug=slug)
    with tenant_scope(tenant):
        create_defaults(tenant)
    return tenant


def _lines(chance: random.Random) -> Iterator[str]:
    """A product file with texts of usual length."""
    words = ["linen", "cotton", "river", "pocket", "seam", "collar", "button", "hand", "made", "soft", "wide", "summer"]
    text = io.StringIO(newline="")
    lines = csv.writer(text)
    lines.writerow(COLUMNS)
    for number in range(PRODUCTS):
        body = f"<p>{' '.join(chance.choices(words, k=60))}</p>"
        words_of_product = [f"Shirt {number}", body, "Shirts", "linen, summer", "active", "Size"]
        for size in SIZES[:VARIANTS]:
            first = words_of_product if size == SIZES[0] else [""] * 6
            image = f"https://example.com/{number}.jpg" if size == SIZES[0] else ""
            rest = [size, f"S-{number}-{size}", "shopify", chance.randint(0, 50), f"{chance.randint(5, 90)}.00", image]
            lines.writerow([f"shirt-{number}", *first, *rest])
    yield text.getvalue()


def _import(text: str) -> tuple[float, float]:
    claimed = {"state": QueueState.RUNNING, "attempt": 1}
    job = create_job(chunks=[text.encode()], name="bench.csv", currency="USD", **claimed)
    job = ImportJob.objects.get(pk=job.pk)
    staged = _seconds(lambda: stage(job))
    return staged, _seconds(lambda: apply(job, seconds_before=staged))


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _insert_select(source: Tenant, target: Tenant) -> float:
    """The floor: the rows lie ready in temporary tables, with the target's ids."""
    with tenant_scope(source):
        kept = {table: _fetch(table) for table in TABLES}
    with tenant_scope(target), transaction.atomic(), connection.cursor() as cursor:
        translate = _translation(kept, target)
        for table, (columns, rows) in kept.items():
            cursor.execute(
                f"CREATE TEMP TABLE pg_temp.copy_{table} ON COMMIT DROP AS SELECT {', '.join(columns)} FROM {table} LIMIT 0"
            )
            with cursor.copy(f"COPY pg_temp.copy_{table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(translate(columns, row))
            cursor.execute(f"ANALYZE pg_temp.copy_{table}")
        begun = time.perf_counter()
        for table, (columns, _rows) in kept.items():
            names = ", ".join(columns)
            cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM pg_temp.copy_{table}")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what COMMIT would check
    return time.perf_counter() - begun


def _fetch(table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    with connection.cursor() as cursor:
        # JSON as text, so that it goes back as it came.
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")
        columns = [column.name for column in cursor.description or ()]
        cursor.execute(f"SELECT {', '.join(f'{name}::text' for name in columns)} FROM {table} ORDER BY id")
        return columns, cursor.fetchall()


def _translation(kept: dict[str, Any], target: Tenant) -> Callable[[list[str], tuple[Any, ...]], list[Any]]:
    """What makes a row of the source one of the target: its tenant, price list and location, and new ids."""
    own = {"tenant_id": str(target.pk), **_own_ids(target)}
    fresh: dict[str, str] = {}
    with connection.cursor() as cursor:
        old = [row[columns.index("id")] for columns, rows in kept.values() for row in rows]
        cursor.execute("SELECT uuidv7()::text FROM generate_series(1, %s)", [len(old)])
        fresh = dict(zip(old, (new for (new,) in cursor.fetchall()), strict=True))

    def translate(columns: list[str], row: tuple[Any, ...]) -> list[Any]:
        cells = zip(columns, row, strict=True)
        return [own[name] if name in own else fresh[cell] if name in REFERENCES else cell for name, cell in cells]

    return translate


def _own_ids(target: Tenant) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.id::text, s.id::text FROM catalog_pricelist l, catalog_inventorylocation s "
            "WHERE l.tenant_id = %(tenant)s AND s.tenant_id = %(tenant)s",
            {"tenant": target.pk},
        )
        price_list, location = cursor.fetchone()
    return {"price_list_id": price_list, "location_id": location}


def _bulk_create(source: Tenant, target: Tenant) -> float:
    """The peer: model instances from dictionaries, table by table."""
    with tenant_scope(source):
        rows = {model: list(model._default_manager.order_by("id").values()) for model in MODELS}
    kept = {model._meta.db_table: (["id"], [(str(row["id"]),) for row in found]) for model, found in rows.items()}
    with tenant_scope(target):
        translate = _translation(kept, target)
        plain = {
            model: [
                dict(zip(row, translate(list(row), tuple(_key(name, value) for name, value in row.items())), strict=True))
                for row in found
            ]
            for model, found in rows.items()
        }
        begun = time.perf_counter()
        with transaction.atomic():
            for model, found in plain.items():
                model._default_manager.bulk_create([model(**row) for row in found], batch_size=BATCH)
        return time.perf_counter() - begun


def _key(name: str, value: Any) -> Any:
    return str(value) if name in REFERENCES else value
