"""Report files as vendors send them, made here."""

import io
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook

from reports.models import Report
from reports.uploads import read_due_reports

ABOUT = {"vendor": "North", "report_type": "daily sales", "report_date": "2026-11-20"}


def days(count: int = 60, *, high: int | None = 45, also_high: tuple[int, ...] = ()) -> str:
    """A CSV of days of sales with a week's season, and one day, or some, far above it."""
    begin = datetime(2026, 3, 2)  # noqa: DTZ001 - days
    lines = ["day,sold"]
    for number in range(count):
        sold = (100, 104, 98, 110, 130, 160, 150)[number % 7] + (number * 7919) % 9
        lines.append(
            f"{begin + timedelta(days=number):%Y-%m-%d},{sold * 4 if number == high or number in also_high else sold}"
        )
    return "\n".join(lines) + "\n"


def upload(client: Any, content: str | bytes, name: str = "report.csv", **about: Any) -> Any:
    """Hand a file in; returns the response."""
    data = content.encode() if isinstance(content, str) else content
    return client.upload("reports/", {**ABOUT, **about, "file": SimpleUploadedFile(name, data, "text/csv")})


def read(client: Any, content: str | bytes, name: str = "report.csv", **about: Any) -> dict[str, Any]:
    """Hand a file in, let the worker read it; returns the report as it is answered then."""
    response = upload(client, content, name, **about)
    assert response.status_code == 201, response.content
    read_due_reports()
    return client.get(f"reports/{response.json()['id']}/").json()


def rows_of(client: Any, report: dict[str, Any], **asked: Any) -> list[dict[str, Any]]:
    """Return the rows of a report that are asked for, page by page."""
    page = client.get(f"reports/{report['id']}/data/", {"page_size": 200, **asked}).json()
    rows = page["results"]
    while page["next"]:
        page = client.get(page["next"]).json()
        rows += page["results"]
    return rows


def workbook(*sheets: list[list[Any]], formats: dict[str, str] | None = None) -> bytes:
    """An XLSX file of sheets of rows; ``formats`` are number formats by cell of the first sheet."""
    book = Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"Sheet{number}")
        for row in rows:
            sheet.append(row)
    for cell, code in (formats or {}).items():
        book.worksheets[0][cell].number_format = code
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def the_report(report: dict[str, Any]) -> Report:
    """Return the row of an answered report, in the current scope."""
    return Report.objects.get(pk=report["id"])
