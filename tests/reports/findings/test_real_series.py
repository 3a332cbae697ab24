"""Series that others measured and labelled (BACKROOM_TEST_DATA), each read as a report and looked through as one."""

import csv
import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from reports.findings.figures import Table
from reports.findings.of_tables import find_all
from reports.findings.telling import Finding
from reports.reading.tables import read_tables

pytestmark = pytest.mark.sample_data

FOLDER = Path(os.environ.get("BACKROOM_TEST_DATA", ".")) / "reports"


def found_in(path: Path) -> list[Finding]:
    """Return what is found in a file, read as a report is."""
    tables = []
    for table in read_tables(path):
        cells = [values for _row, values in table.values()]
        tables.append(Table(table.sheet, table.as_json()["columns"], cells))
    return find_all(tables, [])


def anomalies_in(path: Path) -> list[Finding]:
    return [finding for finding in found_in(path) if finding.type == "anomaly"]


def windows() -> dict[str, list[tuple[datetime, datetime]]]:
    labelled = json.loads((FOLDER / "nab_combined_windows.json").read_text())
    return {
        f"nab_{name.rpartition('/')[2]}": [tuple(datetime.fromisoformat(end) for end in pair) for pair in pairs]  # type: ignore[misc]
        for name, pairs in labelled.items()
    }


def test_labelled_windows_are_found_and_little_else() -> None:
    hits = misses = there = 0
    for name, pairs in windows().items():
        found = anomalies_in(FOLDER / name)
        points = len(list(csv.reader((FOLDER / name).open()))) - 1
        assert len(found) <= max(1, 2 * points // 1_000)
        overlapped = {
            (begin, end)
            for begin, end in pairs
            for one in found
            if one.first and one.last and one.first <= end and one.last >= begin
        }
        hits, there, misses = hits + len(overlapped), there + len(pairs), misses + len(found) - len(overlapped)
    assert hits / there >= 0.6
    assert hits / (hits + misses) >= 0.6


def test_nothing_is_found_in_a_series_without_anomalies() -> None:
    quiet = [name for name, pairs in windows().items() if not pairs]
    assert quiet
    assert [found_in(FOLDER / name) for name in quiet] == [[] for _name in quiet]


def test_december_is_no_anomaly_of_retail_sales() -> None:
    assert anomalies_in(FOLDER / "us_retail_sales_monthly.csv") == []


def test_every_workbook_is_read_as_a_person_would() -> None:
    tables = {path.name: read_tables(path) for path in sorted(FOLDER.glob("*.xlsx"))}
    deaths = tables["xlsx_deaths.xlsx"]
    assert [(one.sheet, one.header_row, one.rows) for one in deaths] == [("arts", 5, 10), ("other", 5, 10)]
    assert [column.type for column in deaths[0].columns] == ["text", "text", "number", "boolean", "date", "date"]
    money = tables["xlsx_currency-formats-xlsx.xlsx"][0]
    assert [(column.type, column.currency) for column in money.columns[1:3]] == [("money", "EUR"), ("money", "CHF")]
    assert [one.sheet for one in tables["xlsx_datasets.xlsx"]] == ["mtcars", "chickwts", "quakes"]
    assert [column.type for column in tables["xlsx_datetime-rounding.xlsx"][0].columns] == ["datetime", "datetime"]
    assert [column.type for column in tables["xlsx_types.xlsx"][0].columns] == ["empty", "boolean", "date", "number", "text"]
