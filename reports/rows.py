"""Which rows of a report are meant: by sheet, number, a cell, or a time. What insights link to, and the API and the admin show."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from reports.models import Report
from tenants.errors import Malformed

MOST_NAMED = 200
"""Rows that are asked for one by one."""


def time_column(table: Mapping[str, Any]) -> int | None:
    """Return the place of a table's first column of dates or times with dates; None without one."""
    places = (place for place, column in enumerate(table["columns"]) if column["type"] in ("date", "datetime"))
    return next(places, None)


def narrowed(
    rows: Any,
    report: Report,
    *,
    sheet: str = "",
    row: Iterable[int] = (),
    column: str = "",
    equals: str = "",
    since: str = "",
    until: str = "",
) -> Any:
    """Narrow the rows of a report; raises ``Malformed`` for a sheet or a column that it does not have.

    Without ``sheet`` columns and dates are those of the first table. ``since`` and ``until`` are ISO text.
    """
    numbers = list(row)
    rows = rows.filter(row__in=numbers) if numbers else rows
    if not any((sheet, column, since, until)):
        return rows
    for field, moment in (("since", since), ("until", until)):
        if moment and not _is_moment(moment):
            raise Malformed("invalid", _("Write a day or a moment, such as 2026-11-21."), field=field)
    table = _table(report, sheet)
    rows = rows.filter(table=table)
    if column:
        rows = rows.where(_column(report.tables[table], column), equals=equals)
    if not (since or until):
        return rows
    place = time_column(report.tables[table])
    if place is None:
        raise Malformed("invalid", _("This table has no column of dates."), field="since" if since else "until")
    return rows.where(place, since=since, until=until)


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return text[4:5] == "-"  # as the cells are written, which are compared as text


def _table(report: Report, sheet: str) -> int:
    found = (place for place, table in enumerate(report.tables) if not sheet or table["sheet"] == sheet)
    place = next(found, None)
    if place is None:
        raise Malformed("invalid_choice", _("The report has no such sheet."), field="sheet")
    return place


def _column(table: Mapping[str, Any], name: str) -> int:
    found = (place for place, column in enumerate(table["columns"]) if column["name"] == name)
    place = next(found, None)
    if place is None:
        raise Malformed("invalid_choice", _("The table has no such column."), field="column")
    return place
