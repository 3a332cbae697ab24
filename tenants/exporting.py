"""Everything a tenant has, in one file: for a business that moves away or wants its data, and before it is deleted.

The file is a ZIP: ``tables/<app>.<model>.jsonl`` has one row a line as a JSON object of its columns, ``files/<id>`` the bytes
of uploads, ``manifest.json`` says what is in it. No secret is: hashes of keys and tokens, what the vault holds, and what can
be made anew (vectors) are left out, column by column; the vault is exported by ``export_vault``, to a passphrase.

Tables are written beside the file first, all of one snapshot. After a kill those that are whole stay, and the others follow
from a later snapshot: the manifest tells each table's time.
"""

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, models, transaction
from django.utils import timezone

from tenants.models import Membership, StoredFile, Tenant, TenantModel, User
from tenants.scope import current_tenant_id
from tenants.storage import path_of

FORMAT = "backroom-tenant-1"
BATCH = 2_000
CHAIN = ("hash", "erased_digest")
"""Bytes that are no secret: the audit's own."""
PEOPLE = ("id", "email", "first_name", "last_name", "locale", "time_zone", "is_active", "created_at")
"""Of the members' accounts: people are not the tenant's own."""
Say = Callable[[str], None]


def export_tenant(tenant: Tenant, target: Path, *, say: Say = lambda line: None) -> dict[str, Any]:
    """Write the scope's tenant into ``target``; returns the manifest. Called again after a kill it goes on."""
    part = target.with_name(target.name + ".part")
    (part / "tables").mkdir(parents=True, exist_ok=True, mode=0o700)
    state = _begun(part, tenant)
    with _snapshot():
        for label, write in _tables():
            if label not in state["tables"]:
                state["tables"][label] = {**write(part / "tables" / f"{label}.jsonl"), "as_of": state["as_of"]}
                _remember(part, state)
                say(f"{label}: {state['tables'][label]['rows']}")
    manifest = _pack(part, target, state)
    shutil.rmtree(part)
    return manifest


def _begun(part: Path, tenant: Tenant) -> dict[str, Any]:
    """Return how far an earlier run of the same tenant came, or where a new one begins."""
    known = part / "state.json"
    state: dict[str, Any] = json.loads(known.read_text()) if known.exists() else {}
    if state.get("tenant", {}).get("id") != str(tenant.pk):
        state = {"tenant": {"id": str(tenant.pk), "slug": tenant.slug, "name": tenant.name}, "tables": {}}
    return {**state, "as_of": timezone.now().isoformat()}


def _remember(part: Path, state: dict[str, Any]) -> None:
    fresh = part / "state.fresh"
    fresh.write_text(json.dumps(state))
    fresh.replace(part / "state.json")


@contextmanager
def _snapshot() -> Iterator[None]:
    """See every table as it was at one moment; inside a transaction that is open already its own isolation holds."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _tables() -> Iterator[tuple[str, Callable[[Path], dict[str, Any]]]]:
    """Yield every table with what writes it: the tenant's own rows, the tenant itself, and its members' accounts."""
    for model in apps.get_models():
        if issubclass(model, TenantModel):
            yield model._meta.label_lower, partial(_write_table, model)
    yield "tenants.tenant", lambda path: _write_rows(path, Tenant.objects.filter(pk=current_tenant_id()), None)
    members = User.objects.filter(pk__in=Membership.objects.values("user"))
    yield "tenants.user", lambda path: _write_rows(path, members, PEOPLE)


def left_out(model: type[models.Model]) -> list[str]:
    """Return the columns that are not exported: secrets and their hashes, vectors, and what is made of other columns."""
    plain = {"VectorField", "BitField", "SearchVectorField"}
    return [
        str(field.column)
        for field in model._meta.concrete_fields
        if (isinstance(field, models.BinaryField) and field.name not in CHAIN) or type(field).__name__ in plain
    ]


def _write_table(model: type[TenantModel], path: Path) -> dict[str, Any]:
    return _write(path, model, left_out(model))


def _write(path: Path, model: type[TenantModel], without: list[str]) -> dict[str, Any]:
    table = connection.ops.quote_name(model._meta.db_table)
    sql = f"""SELECT id, (to_jsonb(t) - %s::text[])::text FROM {table} AS t
        WHERE tenant_id = %s AND id > %s ORDER BY id LIMIT {BATCH}"""  # noqa: S608 - our own names
    count, after = 0, UUID(int=0)
    with path.open("w") as lines, connection.cursor() as cursor:
        while True:
            cursor.execute(sql, [without, current_tenant_id(), after])
            rows = cursor.fetchall()
            lines.writelines(f"{row}\n" for _id, row in rows)
            count += len(rows)
            if len(rows) < BATCH:
                return {"rows": count, "left_out": without}
            after = rows[-1][0]


def _write_rows(path: Path, rows: models.QuerySet[Any], columns: tuple[str, ...] | None) -> dict[str, Any]:
    found = list(rows.values(*(columns or ())))
    path.write_text("".join(f"{json.dumps(row, default=str, ensure_ascii=False)}\n" for row in found))
    return {"rows": len(found), "left_out": []}


def _pack(part: Path, target: Path, state: dict[str, Any]) -> dict[str, Any]:
    """Put tables and files into the ZIP, which takes its name when it is whole."""
    packed, missing = part / "packed.zip", []
    packed.touch(mode=0o600)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for label in state["tables"]:
            archive.write(part / "tables" / f"{label}.jsonl", f"tables/{label}.jsonl")
        for row in StoredFile.objects.order_by("pk").iterator():
            if path_of(row).is_file():
                archive.write(path_of(row), f"files/{row.pk}")
            else:
                missing.append(str(row.pk))
        manifest = {"format": FORMAT, **state, "written_at": timezone.now().isoformat(), "missing_files": missing}
        archive.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=2))
    packed.replace(target)
    return manifest
