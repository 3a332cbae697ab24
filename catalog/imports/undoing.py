"""Undoing: the catalogue becomes what it was before an import, all of it or nothing, in one transaction.

Refused as soon as anything the import wrote was changed by somebody since, or is used: newer work is never overwritten.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from catalog.imports import statements
from catalog.imports.applying import check_tenant, take_turn
from catalog.imports.diff import BULK, PATIENCE, parameters, run
from catalog.imports.staging import LeaseLost
from catalog.models import (
    AttributeValue,
    ImportJob,
    OfferingImage,
    OfferingTranslation,
    PriceChange,
    StockAllocation,
    VariantPrice,
)
from tenants.errors import Conflict
from tenants.models import TenantModel
from tenants.notes import note, told
from tenants.queue import finish

CHANGED_SINCE = gettext_noop("This was changed or used after the import, so it cannot be undone: %(names)s.")
TOLD = 20
"""Rows named in a refusal; one is enough to refuse."""
OWN = ("attributevalue", "pricechange", "stockmovement", *statements.PARENTS)
"""Tables whose rows come and go with what the import made."""


def undo(job: ImportJob) -> None:
    """Take back what the job did and mark it undone. Raises ``Conflict`` (``changed_since``) and ``LeaseLost``."""
    with transaction.atomic():
        take_turn(job)
        run([PATIENCE, BULK, *statements.MADE, *statements.UNDO_LOCKS], job)
        job.progress = 20
        _refuse_if_changed(job)
        job.progress = 40
        steps = [*statements.UNDO, *_removals(), statements.TERMS_OF_REMOVED, statements.FORGET]
        for number, statement in enumerate(steps):
            run([statement], job, applied_at=job.applied_at)
            job.progress = 40 + 55 * number // len(steps)
        check_tenant(job)
        done = {"status": ImportJob.Status.UNDONE, "progress": 100, "error_log": "", "applied_at": None}
        if not finish(job, **done):
            raise LeaseLost


def check_can_be_undone(job: ImportJob) -> None:
    """Raise ``Conflict`` (``changed_since``) naming what was changed since or is used. Changes nothing."""
    with transaction.atomic():
        run([PATIENCE, BULK, *statements.MADE], job)
        _refuse_if_changed(job)
        run([statements.UNDO_CLEAR], job)


def _refuse_if_changed(job: ImportJob) -> None:
    text = " UNION ALL ".join([*statements.CHANGED_SINCE, *_references()])
    with connection.cursor() as cursor:
        cursor.execute(f"{text} LIMIT {TOLD}", {**parameters(job), "applied_at": job.applied_at})
        found = [_told(table, pk, at) for table, pk, at in cursor.fetchall()]
    if found:
        raise Conflict("changed_since", told(note(CHANGED_SINCE, names=named(found))), changed=found)


def named(changed: Sequence[dict[str, Any]]) -> str:
    """Return what the first of the rows that were changed since are called."""
    return "; ".join(f"{one['kind']} {one['name']}" for one in changed[:3])


def _references() -> Iterator[str]:
    """What may refer to a row that the import made, beside the rows that came with it."""
    own = {f"catalog_{name}" for name in OWN}
    for table, column, kind in _links():
        if kind in statements.PARENTS and table not in own:
            yield statements.referring(table, column, kind)


def _removals() -> Iterator[str]:
    """What removes the price lists and locations of the file that nothing names any more."""
    links = [link for link in _links() if link[0] != "catalog_pricelistchange"]
    for removed in statements.AS_MADE:
        yield statements.remove_unnamed(removed, [(table, column) for table, column, kind in links if kind == removed])


def _links() -> Iterator[tuple[str, str, str]]:
    """Every column of a tenant's table that refers to a table of the catalogue: table, column, and what it names."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields if issubclass(model, TenantModel) else ():
            kind = _kind_of(field.related_model) if isinstance(field, models.ForeignKey) else ""
            if kind and field.column:
                yield model._meta.db_table, field.column, kind


def _kind_of(model: Any) -> str:
    return model._meta.model_name if model._meta.app_label == "catalog" else ""


def _told(table: str, pk: Any, at: Any) -> dict[str, Any]:
    model: Any = next(model for model in apps.get_models() if model._meta.db_table == table)
    row = model.objects.filter(pk=pk).first()
    name = _name(row) if row else _("(gone)")
    return {"kind": str(model._meta.verbose_name), "id": str(pk), "name": name, "at": at.isoformat() if at else None}


def _name(row: Any) -> str:
    """What the row is called, with the SKU or the offering's code before a price or words that do not tell whose they are."""
    if isinstance(row, (VariantPrice, PriceChange)):
        return f"{row.variant} ({row.price_list}): {row}"
    if isinstance(row, OfferingImage):
        return f"{row.offering}: {row}"
    if isinstance(row, (OfferingTranslation, AttributeValue)):
        return f"{row.offering_version}: {row}"
    if isinstance(row, StockAllocation):
        return f"{row.reservation}: {row.location}"
    return str(row)
