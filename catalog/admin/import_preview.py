"""What the page of an import shows: figures, the first rows of each kind, what changes in them and what is wrong."""

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet
from django.http import FileResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from catalog.admin.amounts import money
from catalog.admin.import_forms import COLUMN_LABELS, columns_of
from catalog.imports.jobs import error_of
from catalog.imports.problems import message_of
from catalog.models import ImportJob, ImportRow
from catalog.models.imports import ImportRowQuerySet
from tenants.text import inert

SHOWN_ROWS = 20
"""Rows of each kind in the preview; the list has all of them."""
PARTS = {"offerings": _("Offerings"), "variants": _("Variants"), "prices": _("Prices"), "stock": _("Stock")}
LABELS = {
    "name": _("name"),
    "description": _("description"),
    "attributes": _("attributes"),
    "status": _("status"),
    "category": _("category"),
    "variant": _("variant"),
    "options": _("options"),
    "policy": _("beyond stock"),
    "variant_status": _("status of the variant"),
    "translations": _("translations"),
    "price": _("price"),
    "compare_at": _("before the sale"),
    "stock": _("in stock"),
    "safety_stock": _("safety stock"),
}
DOING: dict[str, Any] = {
    ImportJob.Status.PENDING: _("A worker will read it in a moment"),
    ImportJob.Status.STAGING: _("Rows read"),
    ImportJob.Status.APPLYING: _("The rows become the catalogue"),
    ImportJob.Status.UNDOING: _("The catalogue becomes what it was"),
}
"""What the bar of progress counts."""
AMOUNTS = ("price", "compare_at")


def changes_of(row: ImportRow) -> str:
    """Return what changes in one line: ``price: $25.00 → $30.00``."""
    return "; ".join(f"{label}: {before} → {after}" for label, before, after in _changes(row))


def marked_changes_of(row: ImportRow) -> str:
    """Return what changes as the preview shows it: the old value struck out, the new one marked."""
    line = '{}: <del class="text-red-700 dark:text-red-400">{}</del> → <ins class="font-semibold no-underline">{}</ins>'
    return format_html_join(mark_safe("<br>"), line, _changes(row))


def _changes(row: ImportRow) -> Iterator[tuple[Any, str, str]]:
    currency = _currency_of(row)
    for name, values in row.changes.items():
        before, after = (_price(one, currency) if name in AMOUNTS else _shown(one) for one in values)
        if before != after:  # a price stands beside each change of the amount before the sale
            yield LABELS.get(name, name), before, after


def _currency_of(row: ImportRow) -> str:
    """Return the currency of the row's amounts: the one of its change, the row's own, or the import's."""
    told = (row.changes.get("price") or [""])[-1]
    return told.rpartition(" ")[2] or row.data.get("variant", {}).get("currency") or row.job.currency


def _price(value: str | None, currency: str) -> str:
    """Return an amount of a row (``25``, ``25 USD``) as people read it."""
    return money(Decimal(value.split(" ")[0]) if value else None, currency)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(one)}" for key, one in value.items()) or "–"
    if isinstance(value, (list, bool)):
        return json.dumps(value, ensure_ascii=False)
    return "–" if value in (None, "") else str(value)[:120]


def preview(job: ImportJob) -> dict[str, Any]:
    """Return what the page of an import shows: figures, the first rows that change, and what is wrong."""
    rows: ImportRowQuerySet = job.rows.select_related("job").order_by("row")
    numbers = [
        [label, *(job.summary.get(part, {}).get(key, 0) for key in ("created", "changed", "unchanged"))]
        for part, label in PARTS.items()
    ]
    is_told = "rows" in job.summary
    return {
        "title": str(job),
        "job": job,
        "doing": DOING.get(job.status, ""),
        "error": error_of(job),
        "not_archived": message_of(job.summary["not_archived"]) if "not_archived" in job.summary else "",
        "understood": _understood(job),
        "makes": _makes(job),
        "figures": {"headers": ["", _("New"), _("Changed"), _("Unchanged")], "rows": numbers} if is_told else None,
        "errors_found": _problems(rows.filter(outcome=ImportRow.Outcome.ERROR)) if is_told else None,
        "warnings_found": _problems(rows.with_warnings()) if is_told else None,
        "changed_rows": _changed(rows.filter(outcome=ImportRow.Outcome.CHANGE)) if is_told else None,
        "archived_rows": _archived(rows.filter(outcome=ImportRow.Outcome.ARCHIVE)) if is_told else None,
        "outcomes": _outcomes(job) if is_told else [],
        "new_rows": _new(rows.filter(outcome=ImportRow.Outcome.CREATE)) if is_told else None,
        "shown_rows": SHOWN_ROWS,
    }


def _understood(job: ImportJob) -> dict[str, Any] | None:
    """Return what each column of the file was read as."""
    columns = columns_of(job)
    rows = [[name, f"{COLUMN_LABELS.get(ours, ours)} ({ours})" if ours else _("left out")] for name, ours in columns]
    return _table([_("column of the file"), _("read as")], rows)


def _makes(job: ImportJob) -> dict[str, Any] | None:
    """Return the price lists and locations that come with the file."""
    kinds = {"price_lists": _("price list"), "locations": _("location")}
    made: dict[str, dict[str, str]] = job.understood.get("makes", {})
    rows = [[label, code, name] for kind, label in kinds.items() for code, name in sorted(made.get(kind, {}).items())]
    return _table([_("kind"), _("code"), _("name")], rows)


def _table(headers: Iterable[Any], rows: list[list[Any]]) -> dict[str, Any] | None:
    return {"headers": list(headers), "rows": rows} if rows else None


def _outcomes(job: ImportJob) -> list[dict[str, Any]]:
    """Return how many rows there are of each kind, each a link to all of them."""
    counted = dict(job.rows.order_by().values_list("outcome").annotate(Count("pk")))
    address = reverse("admin:catalog_importrow_changelist")
    return [
        {
            "title": label,
            "count": counted[outcome],
            "link": f"{address}?job__id__exact={job.pk}&outcome__exact={outcome}",
        }
        for outcome, label in ImportRow.Outcome.choices
        if outcome in counted
    ]


def export_errors(job: ImportJob) -> FileResponse:
    """Return the errors of a job as a CSV file that no spreadsheet runs."""
    target = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=True)
    lines = csv.writer(text)
    lines.writerow(["row", "column", "value", "code", "message"])
    for row in job.rows.filter(outcome=ImportRow.Outcome.ERROR).order_by("row"):
        for one in row.problems:
            cells = [*(one.get(name, "") for name in ("column", "value", "code")), message_of(one)]
            lines.writerow([row.row, *map(inert, cells)])
    text.detach()
    target.seek(0)
    return FileResponse(target, as_attachment=True, filename=f"errors-{job}.csv", content_type="text/csv; charset=utf-8")


def _archived(rows: QuerySet) -> dict[str, Any] | None:
    return _table([_("code")], [[row.handle] for row in rows[:SHOWN_ROWS]])


def _problems(rows: QuerySet) -> dict[str, Any] | None:
    found = [
        [row.row, problem.get("column") or "–", problem.get("value") or "–", message_of(problem)]
        for row in rows[:SHOWN_ROWS]
        for problem in row.problems
    ]
    return _table([_("row"), _("column"), _("value"), _("reason")], found)


def _changed(rows: QuerySet) -> dict[str, Any] | None:
    return _table(
        [_("row"), _("SKU"), _("what changes")],
        [[row.row, row.sku or row.handle, marked_changes_of(row) or _("something is added")] for row in rows[:SHOWN_ROWS]],
    )


def _new(rows: QuerySet) -> dict[str, Any] | None:
    return _table(
        [_("row"), _("code"), _("SKU"), _("name"), _("price"), _("image")],
        [
            [
                row.row,
                row.handle,
                row.sku or "–",
                row.data.get("offering", {}).get("name") or row.data.get("variant", {}).get("name") or "–",
                _price(row.data.get("variant", {}).get("price"), _currency_of(row)),
                Truncator(row.data.get("image", {}).get("src") or "–").chars(60),
            ]
            for row in rows[:SHOWN_ROWS]
        ],
    )
