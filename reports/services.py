"""Insights of a report: looked for in its rows, and written so that what is found again stays the same row."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from reports.findings.figures import MOST_ROWS, Table, is_figure
from reports.findings.of_tables import find_all
from reports.findings.telling import Finding, Number
from reports.found_again import keep_keys
from reports.models import Insight, Report
from reports.models.insight_deliveries import DELIVER_TASK
from tenants.errors import Conflict
from tenants.queue import wake

UNITS = ("currency", "is_percent")
"""What a column tells of the unit of its figures."""


def generate_insights(*, report_id: UUID) -> int:
    """Find the insights of a report anew, here and now; returns how many there are.

    Doing it twice changes nothing. Raises ``Conflict`` (``not_processed``) for a report that is not read.
    """
    report = Report.objects.get(pk=report_id)
    if report.status != Report.Status.PROCESSED:
        raise Conflict("not_processed", _("Only a report that has been read has insights."))
    found = find_insights(report=report)
    with transaction.atomic():
        Report.objects.select_for_update(of=("self",)).get(pk=report.pk)
        write_insights(report=report, found=found)
        Report.objects.filter(pk=report.pk).update(insights_at=Now(), tables=report.tables)
    return len(found)


def find_insights(*, report: Report) -> list[Insight]:
    """Return the insights of a report's rows, not saved; outside of any transaction, for it takes a while.

    How each column was counted is written into the report's ``tables``, which are not saved either.
    """
    places: list[list[int]] = [[] for _table in report.tables]
    cells: list[list[Any]] = [[] for _table in report.tables]
    rows = report.rows.in_order().values_list("table", "row", "cells")
    for table, row, values in rows.iterator(chunk_size=5_000):
        places[table].append(row)
        cells[table].append(values)
    found = []
    for number, table in enumerate(report.tables):
        own = Table(table["sheet"], [_column(one, report.counting) for one in table["columns"]], cells[number])
        found += [_insight(report, own, one, places[number]) for one in find_all([own], report.thresholds)]
        for place, column in enumerate(table["columns"]):
            column["counted"] = own.counted(place)
    return found


def _column(column: Mapping[str, Any], counting: Mapping[str, str]) -> dict[str, Any]:
    """The column, and how a person said that it is counted."""
    kept = {name: value for name, value in column.items() if name != "counted"}
    return {**kept, "counted": counting[column["name"]]} if column["name"] in counting and is_figure(column) else kept


def write_insights(*, report: Report | None, found: Sequence[Insight]) -> None:
    """Make these the insights of a report, or of the daily figures (None), in the caller's transaction.

    One that was there keeps its row, and one that an earlier report of the series told its key (``reports/found_again.py``).
    """
    keep_keys(report=report, found=found)
    wake(DELIVER_TASK)
    Insight.objects.filter(report=report).exclude(key__in=[one.key for one in found]).delete()
    Insight.objects.bulk_create(
        found,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["tenant", "report", "key"],
        update_fields=["score", "content", "updated_at"],
    )


def _insight(report: Report, table: Table, finding: Finding, rows: Sequence[int]) -> Insight:
    key = hashlib.sha256(f"{table.sheet}\n{finding.key}".encode("utf-8", "surrogatepass")).hexdigest()
    content = {
        "text": {"code": finding.code, "values": dict(finding.values)},
        "sheet": table.sheet,
        "series": finding.series,
        "period": {"from": iso(finding.first), "to": iso(finding.last)},
        "numbers": list(_numbers(finding.numbers, rows, table)),
        "reasons": [asdict(reason) for reason in finding.reasons],
    }
    return Insight(report=report, insight_type=finding.type, key=key, score=finding.score, content=content)


def iso(moment: datetime | None) -> str | None:
    """Return a moment as insights keep it."""
    return moment.isoformat() if moment else None


def _numbers(numbers: Sequence[Number], rows: Sequence[int], table: Table) -> Iterator[dict[str, Any]]:
    """The numbers with the rows they were taken from, as the spreadsheet counts them: the first ones, and how many."""
    columns = {column["name"]: column for column in table.columns}
    for number in numbers:
        told = {"name": number.name, "value": float(number.value), "aggregate": number.aggregate, "column": number.column}
        if number.aggregate not in ("change", "count", "gap"):
            told |= {name: columns[number.column][name] for name in UNITS if columns[number.column].get(name)}
        if number.between:
            yield {**told, "between": list(number.between)}
            continue
        sources = {"rows": [rows[place] for place in number.rows[:MOST_ROWS]], "row_count": len(number.rows)}
        asked: dict[str, Any] = {"each": number.each} if number.each else {}
        asked |= {"per": number.per} if number.per else {}
        asked |= {"since": number.since, "until": number.until} if number.since else {}
        asked |= {"where": list(number.where)} if number.where else {}
        yield {**told, **sources, **asked}
