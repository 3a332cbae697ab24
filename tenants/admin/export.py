"""Rows as a CSV file that a spreadsheet opens without running anything in it."""

import csv
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import IO, Any

from django.db import models
from django.http import FileResponse
from django.utils import timezone

from tenants.text import inert

BATCH = 1000


Told = Mapping[str, Callable[[Any], Any]]
"""What tells the value of a column that is none of the row's own."""


def export_csv(rows: models.QuerySet, *, fields: Sequence[str], name: str, told: Told) -> FileResponse:
    """Return the rows as a download, all or nothing: written batch by batch to a file that goes with the response."""
    target = tempfile.SpooledTemporaryFile(max_size=1024 * 1024)  # noqa: SIM115 - the response closes it
    try:
        _write(target, rows, fields, told)
    except BaseException:
        target.close()
        raise
    target.seek(0)
    return FileResponse(target, as_attachment=True, filename=f"{name}.csv", content_type="text/csv; charset=utf-8")


def _write(target: IO[bytes], rows: models.QuerySet, fields: Sequence[str], told: Told) -> None:
    # The byte order mark tells spreadsheets that this is UTF-8.
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=True)
    lines = csv.writer(text)
    lines.writerow(fields)
    for row in _in_batches(rows.order_by("pk")):
        lines.writerow([_inert(_cell(told[field](row) if field in told else getattr(row, field))) for field in fields])
    text.detach()


def _in_batches(rows: models.QuerySet) -> Iterator[models.Model]:
    # Not QuerySet.iterator(): without server-side cursors it would fetch every row at once.
    batch = list(rows[:BATCH])
    while batch:
        yield from batch
        batch = list(rows.filter(pk__gt=batch[-1].pk)[:BATCH])


def _inert(value: Any) -> Any:
    return inert(value) if isinstance(value, str) else value


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
