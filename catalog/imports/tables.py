"""A file of any kind as one table: a header, and records of as many cells.

A CSV file streams from where it lies. A workbook is read once, into a temporary file of records that can be gone
through as often as needed.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from catalog.imports import limits
from catalog.imports.archive import opened_archive
from catalog.imports.problems import UnreadableFile
from catalog.imports.records import Source, detect_delimiter, detect_encoding, opened, read_records
from catalog.imports.xlsx import SheetRow, Workbook

IsHeader = Callable[[Sequence[str]], bool]
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_PAGE = (b"<!doctype html", b"<html", b"<?xml", b"<table", b"<head", b"<body")


@dataclass(frozen=True)
class Record:
    """The cells of one row under its number in the file. `faults` are codes by the place of a cell that has no value."""

    row: int
    cells: list[str]
    faults: Mapping[int, str] = field(default_factory=dict)


class Table(Protocol):
    """Records under a header; empty ones are left out."""

    header: list[str]
    header_row: int

    def records(self) -> Iterator[Record]: ...


def open_table(source: Source, is_header: IsHeader) -> Table:
    """The table in a file; `is_header` knows the header that is looked for in a workbook. Raises `UnreadableFile`."""
    with opened(source) as stream:
        beginning = stream.read(1024)
        if beginning.startswith(_OLE):
            stream.seek(0)
            is_encrypted = _ENCRYPTED in stream.read(limits.MAX_DIRECTORY_BYTES)
            raise UnreadableFile("encrypted_workbook" if is_encrypted else "old_workbook")
    if beginning.startswith(_ZIP):
        return _read_workbook(source, is_header)
    if beginning.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGE):
        raise UnreadableFile("web_page")
    return CsvTable(source)


class CsvTable:
    """A text file, read anew each time."""

    header_row = 1

    def __init__(self, source: Source) -> None:
        self._source = source
        self.encoding = detect_encoding(source)
        self._delimiter = detect_delimiter(source, self.encoding)
        self.header = next((cells for _row, cells in self._all()), [])
        if len(self.header) > limits.MAX_COLUMNS:
            raise UnreadableFile("too_many_columns", row=1, limit=limits.MAX_COLUMNS)

    def _all(self) -> Iterator[tuple[int, list[str]]]:
        return (pair for pair in read_records(self._source, self.encoding, self._delimiter) if any(pair[1]))

    def records(self) -> Iterator[Record]:
        """The records below the header that are not empty."""
        pairs = self._all()
        next(pairs)
        return (Record(row, cells) for row, cells in pairs)


class KeptTable:
    """Records kept in a temporary file, which goes with the table."""

    def __init__(self, header: Sequence[str], records: Iterable[Record], *, header_row: int = 1) -> None:
        self.header, self.header_row = list(header), header_row
        if len(self.header) > limits.MAX_COLUMNS:
            raise UnreadableFile("too_many_columns", row=header_row, limit=limits.MAX_COLUMNS)
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogatepass")  # noqa: SIM115 - it lives as long as this
        for record in records:
            self._file.write(json.dumps([record.row, record.cells, record.faults], ensure_ascii=False) + "\n")

    def records(self) -> Iterator[Record]:
        """The records; one iteration at a time."""
        self._file.seek(0)
        for line in self._file:
            row, cells, faults = json.loads(line)
            yield Record(row, cells, {int(index): code for index, code in faults.items()})


def _read_workbook(source: Source, is_header: IsHeader) -> KeptTable:
    """The table of the first sheet that has a known header in its first rows; what stands above is not looked at."""
    with opened(source) as stream, opened_archive(stream) as archive:
        workbook = Workbook(archive)
        for sheet in workbook.sheets:
            rows = workbook.rows(sheet)
            for row in rows:
                if row.number > limits.MAX_ROWS_ABOVE_HEADER:
                    break
                if is_header([text.strip() for text in row.cells.values()]):
                    return _below(row, rows)
        return _below_first(workbook)


def _below_first(workbook: Workbook) -> KeptTable:
    """The table below the first row of the first sheet that has any: its header will be told to be unknown."""
    for sheet in workbook.sheets:
        rows = workbook.rows(sheet)
        for row in rows:
            return _below(row, rows)
    raise UnreadableFile("empty_file")


def _below(header: SheetRow, rows: Iterator[SheetRow]) -> KeptTable:
    """The records below a header, by the columns that have a name there."""
    columns = [column for column in sorted(header.cells) if header.cells[column].strip()]
    names = [header.cells[column] for column in columns]
    return KeptTable(names, _records(columns, rows), header_row=header.number)


def _records(columns: list[int], rows: Iterator[SheetRow]) -> Iterator[Record]:
    for row in rows:
        cells = [row.cells.get(column, "") for column in columns]
        faults: dict[int, Any] = {place: row.faults[at] for place, at in enumerate(columns) if at in row.faults}
        if faults or any(cells):
            yield Record(row.number, cells, faults)
