"""Staging: the file is read into ``ImportRow`` rows, some thousand per transaction. Nothing of the catalogue changes."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, BinaryIO, cast

from django.db import connection, transaction

from catalog.imports.diff import compare, tell_outcomes
from catalog.imports.mapping import Decimals
from catalog.imports.problems import Problem, UnreadableFile
from catalog.imports.reading import MappingName, RowReader, open_rows
from catalog.imports.rows import ImportedRow
from catalog.imports.saved_mappings import as_columns, find_for_header
from catalog.imports.skus import OnDuplicateSku
from catalog.imports.understanding import RowChecker, as_json
from catalog.models import ImportJob, ImportRow
from tenants.queue import renew
from tenants.storage import open_file

CHUNK = 2_000
"""Rows of one transaction: about a second of work."""

OnProgress = Callable[[int, int], None]
"""Is told the rows read and their total."""

TEMPORARY = """
CREATE TEMP TABLE pg_temp.import_chunk (
    row integer, kind text, handle text, sku text, data jsonb, problems jsonb, outcome text
) ON COMMIT DROP
"""
COPY = "COPY pg_temp.import_chunk FROM STDIN"
# Into the tenant's table by way of a temporary one: row security refuses COPY.
INSERT = """
INSERT INTO catalog_importrow (tenant_id, job_id, row, kind, handle, sku, data, problems, outcome)
SELECT %(tenant)s, %(job)s, row, kind, handle, sku, data, problems, outcome FROM pg_temp.import_chunk ORDER BY row
"""
DELETE = "DELETE FROM catalog_importrow WHERE tenant_id = %(tenant)s AND job_id = %(job)s"

Line = tuple[int, str, str, str, str, str, str]


class LeaseLost(Exception):
    """Somebody else has the job by now: stop, and leave it alone."""


def stage(job: ImportJob, on_progress: OnProgress | None = None) -> dict[str, Any]:
    """Read the job's file and compare it with the catalogue; returns what applying would do (the summary's counts).

    Begins anew, whatever an earlier attempt has left. Raises ``UnreadableFile``, and ``LeaseLost``.
    """
    assert job.source_file is not None
    _set(job, status=ImportJob.Status.STAGING, progress=0, counts={}, summary={}, understood={}, error_log="")
    _run(DELETE, job)
    with open_file(job.source_file) as source:
        reader = _opened(job, source)
        _set(job, format=reader.mapping, understood=reader.understood)
        _stage_rows(job, reader, on_progress)
    with transaction.atomic():
        compare(job)
        return tell_outcomes(job)


def _opened(job: ImportJob, source: BinaryIO) -> RowReader:
    """The job's file; what is known of one that cannot be read is kept, so that a person can say the rest."""
    try:
        return open_rows(
            source,
            mapping="auto" if job.mapping == ImportJob.Mapping.SAVED else cast(MappingName, job.mapping),
            columns=as_columns(job.column_mapping) if job.column_mapping else None,
            saved=find_for_header,
            only_safe=job.auto_apply,
            on_duplicate_sku=cast(OnDuplicateSku, job.on_duplicate_sku),
            currency=job.currency,
            decimals=cast(Decimals, job.decimals) or None,
            on_page=partial(_fetched, job),
        )
    except UnreadableFile as error:
        if error.understood:
            _set(job, understood=error.understood)
        raise


def _fetched(job: ImportJob, done: int, total: int) -> None:
    """Say how far fetching is, nearly all there is to do; whoever renews the lease writes it down."""
    job.progress = 95 * done // total


def _stage_rows(job: ImportJob, reader: RowReader, on_progress: OnProgress | None) -> None:
    checker = RowChecker(mapping=reader.mapping, columns=reader.columns, domain=job.domain)
    counts = {"total": reader.total, "rows": 0, "errors": 0, "warnings": 0}
    rows = iter(reader)
    while chunk := list(islice(rows, CHUNK)):
        lines = list(_lines(chunk, checker, counts, reader.names))
        _store(job, lines, counts)
        if on_progress:
            on_progress(counts["rows"], counts["total"])


def _store(job: ImportJob, lines: Iterable[Line], counts: dict[str, int]) -> None:
    """Write one chunk. The job's row is locked first: no other attempt can begin meanwhile."""
    with transaction.atomic():
        if not renew(job):
            raise LeaseLost
        _set(job, counts=dict(counts), progress=100 * counts["rows"] // counts["total"])
        with connection.cursor() as cursor:
            cursor.execute(TEMPORARY)
            with cursor.copy(COPY) as copy:
                for line in lines:
                    copy.write_row(line)
            cursor.execute(INSERT, _parameters(job))
            cursor.execute("DROP TABLE pg_temp.import_chunk")


def _lines(
    rows: Iterable[ImportedRow], checker: RowChecker, counts: dict[str, int], names: Mapping[str, str]
) -> Iterator[Line]:
    """The rows as they are stored; a problem names the column as the file does."""
    for row in rows:
        data, problems = checker.staged(row)
        problems = [replace(one, column=names.get(one.column, one.column)) for one in problems] if names else problems
        is_error = any(problem.level == "error" for problem in problems)
        counts["rows"] += 1
        counts["errors"] += is_error
        counts["warnings"] += bool(problems) and not is_error
        yield _line(row, data, problems, is_error)


def _line(row: ImportedRow, data: dict[str, Any], problems: list[Problem], is_error: bool) -> Line:
    # Most files bring new things: rows are taken for new until the comparison says otherwise.
    outcome = ImportRow.Outcome.ERROR if is_error else ImportRow.Outcome.CREATE
    cells = data.get("cells", {})
    sku = row.variant.sku if row.variant else (cells.get("sku") or cells.get("Variant SKU") or "")[:255]
    return row.row, row.kind, row.handle, sku, _json(data), _json(as_json(problems)) if problems else "[]", outcome


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _set(job: ImportJob, **values: Any) -> None:
    """Change the job while this claim owns it; raises ``LeaseLost``."""
    mine = ImportJob.objects.filter(pk=job.pk, attempt=job.attempt, lease_until=job.lease_until, state=job.state)
    if not mine.update(**values):
        raise LeaseLost
    for name, value in values.items():
        setattr(job, name, value)


def _parameters(job: ImportJob) -> dict[str, Any]:
    return {"tenant": job.tenant_id, "job": job.pk}


def _run(statement: str, job: ImportJob) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, _parameters(job))
