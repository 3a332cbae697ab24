"""Reports from upload to rows: the file is kept as it came, read by a worker, and its rows are written in one transaction.

The same file is a report once, whoever hands it in and however often. Looking for insights follows the reading, as a
step of its own: a worker that dies in between goes on there.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Any, cast

from django.db import connection, transaction
from django.db.models import Case, Value, When
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from catalog.imports.problems import UnreadableFile
from reports.models import Report, ReportRow
from reports.reading.columns import Decimals
from reports.reading.limits import MAX_FILE_BYTES
from reports.reading.tables import Table, read_tables
from reports.services import find_insights, write_insights
from tenants.errors import Conflict
from tenants.models import StoredFile, User
from tenants.notes import note
from tenants.queue import begin_anew, fail, finish, owned, wake, work
from tenants.storage import atomic_files, delete_file, path_of, store_file

logger = logging.getLogger(__name__)

TASK = Report.task
LEASE = timedelta(minutes=5)
"""Longer than reading the largest file takes."""
BATCH = 5_000
INSERT = """
INSERT INTO reports_reportrow (tenant_id, report_id, position, "table", row, cells)
SELECT %(tenant)s, %(report)s, position, %(table)s, row, cells::jsonb
FROM unnest(%(positions)s::int[], %(rows)s::int[], %(cells)s::text[]) AS given(position, row, cells)
"""


class LeaseLost(Exception):
    """Somebody else has the report by now."""


def create_report(
    *,
    chunks: Iterable[bytes],
    name: str,
    vendor: str,
    report_type: str,
    report_date: date,
    media_type: str = "",
    decimals: str = "",
    created_by: User | None = None,
    **fields: Any,
) -> tuple[Report, bool]:
    """Keep a file and have it read; returns the report, and whether it is new.

    A file that is a report already is that report; it is read once more if it could not be read, or if ``decimals`` says
    that its numbers are written otherwise than they were taken to be. Without ``thresholds`` and ``counting`` those of the
    last report of this vendor and type hold. Raises ``TooLarge`` above 25 MB.
    """
    media_type = media_type or "application/octet-stream"
    with atomic_files():
        stored = store_file(chunks, name=name, media_type=media_type, limit=MAX_FILE_BYTES, created_by=created_by)
        if report := _same(stored):
            delete_file(stored)
            _read_once_more(report, decimals)
            return report, False
        about = {"vendor": vendor, "report_type": report_type}
        fields = {**_settings_before(**about), **fields}
        given = {"file": stored, "sha256": stored.sha256, "decimals": decimals, "created_by": created_by}
        report = Report.objects.create(report_date=report_date, **about, **given, **fields)
        wake(TASK)
    return report, True


def _same(stored: StoredFile) -> Report | None:
    with connection.cursor() as cursor:  # two tabs at once: the second one waits, and finds the first one's report
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [f"{stored.tenant_id} {stored.sha256}"])
    return Report.objects.filter(sha256=stored.sha256).select_related("file").first()


def _settings_before(*, vendor: str, report_type: str) -> dict[str, Any]:
    """What was said of the last report of this vendor and type: the bounds, and how columns are counted."""
    same = Report.objects.filter(vendor=vendor, report_type=report_type).order_by("-report_date", "-id")
    return dict(same.values("thresholds", "counting").first() or {})


def _read_once_more(report: Report, decimals: str) -> None:
    """Have it read again if it failed, or its numbers are written otherwise; not if an erasure has put its rows for its file."""
    is_otherwise = decimals not in ("", report.decimals) and report.file.sha256 == report.sha256
    rows = Report.objects.filter(pk=report.pk, **({} if is_otherwise else {"status": Report.Status.FAILED}))
    if begin_anew(rows):
        rows.update(status=Report.Status.PENDING, failure={}, decimals=decimals or report.decimals)
        wake(TASK)
        report.refresh_from_db()


def request_insights(*, report: Report) -> Report:
    """Have a worker look for the insights of a report anew. Raises ``Conflict`` (``not_processed``) before it is read.

    One that looks now has begun with the thresholds of before: what it finds is not kept.
    """
    with transaction.atomic():
        if not begin_anew(Report.objects.filter(pk=report.pk, status=Report.Status.PROCESSED)):
            raise Conflict("not_processed", _("Only a report that has been read has insights."))
        wake(TASK)
    report.refresh_from_db()
    return report


@transaction.atomic
def delete_reports(*, reports: Iterable[Report]) -> None:
    """Delete reports with their rows, insights and files."""
    for report in reports:
        stored = report.file
        report.delete()
        delete_file(stored)


def read_due_reports() -> int:
    """Read every report that is due, in all tenants, and look for its insights; returns how many."""
    read = When(status=Report.Status.PROCESSED, then=Value(Report.Status.PROCESSED))
    given_up = {"status": Case(read, default=Value(Report.Status.FAILED)), "failure": _unexpected("TimeoutError")}
    return work(Report, run_reports, batch=1, lease=LEASE, buried=given_up)


def run_reports(reports: Sequence[Report]) -> None:
    """Run claimed reports of the scope's tenant."""
    for report in reports:
        run_report(report)


def run_report(report: Report) -> None:
    """Read a claimed report, if it is not read yet, and write its insights. Its end is written into its row."""
    try:
        if report.status != Report.Status.PROCESSED:
            _read(report)
        found = find_insights(report=report)
        with transaction.atomic():
            if finish(report, insights_at=Now(), tables=report.tables):
                write_insights(report=report, found=found)
    except UnreadableFile as error:
        fail(report, error.code, permanent=True, status=Report.Status.FAILED, failure=_told(error))
    except LeaseLost:
        logger.warning("report %s was taken over by another worker", report.pk)
    except FileNotFoundError:
        gone = {"code": "file_gone", "message": gettext_noop("The uploaded file is gone.")}
        fail(report, "file_gone", permanent=True, status=Report.Status.FAILED, failure=gone)
    except Exception as error:
        logger.exception("report %s failed", report.pk)
        _try_again(report, error)


def _read(report: Report) -> None:
    """Read the file outside of any transaction, and write its rows in one; raises ``LeaseLost``, ``UnreadableFile``."""
    tables = read_tables(path_of(report.file), decimals=cast(Decimals, report.decimals))
    with transaction.atomic():
        if not owned(report).update(status=Report.Status.PROCESSED, failure={}, row_count=sum(one.rows for one in tables)):
            raise LeaseLost  # the fence first: whoever took over writes the rows
        ReportRow.objects.filter(report=report).delete()
        position = 0
        for number, table in enumerate(tables):
            position = _write(report, number, table, position)
        report.tables = [table.as_json() for table in tables]
        report.status = Report.Status.PROCESSED
        owned(report).update(tables=report.tables)


def _write(report: Report, number: int, table: Table, position: int) -> int:
    """Write the rows of one table from ``position`` on; returns the next position."""
    values = table.values()
    while batch := list(islice(values, BATCH)):
        given: dict[str, Any] = {"tenant": report.tenant_id, "report": report.pk, "table": number}
        given |= {"positions": list(range(position, position + len(batch))), "rows": [row for row, _cells in batch]}
        with connection.cursor() as cursor:
            cursor.execute(INSERT, {**given, "cells": list(_as_json(cells for _row, cells in batch))})
        position += len(batch)
    return position


def _as_json(rows: Iterable[list[Any]]) -> Iterator[str]:
    # What JSON may say and PostgreSQL cannot keep: NUL, and halves of a pair.
    for cells in rows:
        text = json.dumps(cells, ensure_ascii=False, allow_nan=False)
        yield text.replace("\\u0000", "\ufffd").encode("utf-8", "replace").decode()


def _told(error: UnreadableFile) -> dict[str, Any]:
    params = {name: one.replace("\x00", "") if isinstance(one, str) else one for name, one in error.params.items()}
    column = (error.column or "").replace("\x00", "")[:200] or None
    message = error.message.replace("\x00", "")
    return {"code": error.code, "row": error.row, "column": column, "message": message, "params": params}


def _unexpected(kind: str) -> dict[str, Any]:
    return {"code": "unexpected", "message": note(gettext_noop("Something went wrong here (%(kind)s)."), kind=kind)}


def _try_again(report: Report, error: Exception) -> None:
    """Try again later; the last time it is told, unless the file is read and only its insights failed."""
    told: dict[str, Any] = {}
    if report.attempt >= report.max_attempts and report.status != Report.Status.PROCESSED:
        told = {"status": Report.Status.FAILED, "failure": _unexpected(type(error).__name__)}
    fail(report, f"{type(error).__name__}: {error}".replace("\x00", ""), **told)
