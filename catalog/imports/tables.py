"""A file of any kind as one table: a header, and records of as many cells.

A CSV file streams from where it lies. A workbook is read once, into a temporary file of records that can be gone
through as often as needed.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

from catalog.imports import backroom_csv, limits, saleor
from catalog.imports.given_rows import rows_of_objects
from catalog.imports.json_objects import read_objects
from catalog.imports.problems import UnreadableFile
from catalog.imports.records import BAD_CHARACTER, Source, detect_delimiter, detect_encoding, opened, read_records
from catalog.imports.saleor import SaleorShop, is_saleor
from catalog.imports.xlsx import SheetRow, Workbook
from catalog.imports.xlsx_parts import opened_archive

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
    """Records under a header; empty ones are left out.

    `format` is the mapping that the file itself asks for, if any. `makes` are price lists and locations (by kind: name
    by code) that are made when its rows are applied, unless there are some of that code. `names` are the file's own
    names of our columns, where they differ.
    """

    header: list[str]
    header_row: int
    format: str
    makes: dict[str, dict[str, str]]
    names: dict[str, str]

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
    start = beginning.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_PAGE):
        raise UnreadableFile("web_page")
    return _read_json(source) if start.startswith((b"[", b"{")) else CsvTable(source)


class CsvTable:
    """A text file, read anew each time."""

    header_row = 1
    format = ""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.makes: dict[str, dict[str, str]] = {}
        self.names: dict[str, str] = {}
        self.encoding = detect_encoding(source)
        self._delimiter = detect_delimiter(source, self.encoding)
        self.header = next((cells for _row, cells in self._all()), [])
        if any(BAD_CHARACTER.search(name) for name in self.header):
            raise UnreadableFile("not_utf8", row=1)
        if len(self.header) > limits.MAX_COLUMNS:
            raise UnreadableFile("too_many_columns", row=1, limit=limits.MAX_COLUMNS)

    def _all(self) -> Iterator[tuple[int, list[str]]]:
        pairs = read_records(self._source, self.encoding, self._delimiter, errors="surrogateescape")
        return (pair for pair in pairs if any(pair[1]))

    def records(self) -> Iterator[Record]:
        """The records below the header that are not empty."""
        pairs = self._all()
        next(pairs, None)
        return (_checked(row, cells) for row, cells in pairs)


def _checked(row: int, cells: list[str]) -> Record:
    """The record; a cell whose bytes are no UTF-8 is told, and shown without them."""
    faults = {place: "wrong_encoding" for place, cell in enumerate(cells) if BAD_CHARACTER.search(cell)}
    for place in faults:
        cells[place] = BAD_CHARACTER.sub("\ufffd", cells[place])
    return Record(row, cells, faults)


class KeptTable:
    """Records kept in a temporary file, which goes with the table. Short ones end with empty cells.

    `header` may still grow while `records` are given out.
    """

    def __init__(self, header: list[str], records: Iterable[Record], *, header_row: int = 1, format: str = "") -> None:
        self.header, self.header_row, self.format = header, header_row, format
        self.makes: dict[str, dict[str, str]] = {}
        self.names: dict[str, str] = {}
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogatepass")  # noqa: SIM115 - lives with self
        for record in records:
            if len(header) > limits.MAX_COLUMNS:
                break
            self._file.write(json.dumps([record.row, record.cells, record.faults], ensure_ascii=False) + "\n")
        if len(header) > limits.MAX_COLUMNS:
            raise UnreadableFile("too_many_columns", row=header_row, limit=limits.MAX_COLUMNS)

    def records(self) -> Iterator[Record]:
        """The records; one iteration at a time."""
        self._file.seek(0)
        for line in self._file:
            row, cells, faults = json.loads(line)
            cells.extend([""] * (len(self.header) - len(cells)))
            yield Record(row, cells, {int(index): code for index, code in faults.items()})


def table_of_rows(rows: Iterable[Mapping[str, str]], first: Sequence[str], format: str) -> KeptTable:
    """The table of rows that name their columns, counted from 1. What has no cell in a row is empty there."""
    places = {name: place for place, name in enumerate(first)}
    header = list(first)

    def records() -> Iterator[Record]:
        for number, row in enumerate(rows, start=1):
            for name in row.keys() - places.keys():
                places[name] = len(header)
                header.append(name)
            cells = [""] * len(header)
            for name, value in row.items():
                cells[places[name]] = value
            yield Record(number, cells)

    return KeptTable(header, records(), format=format)


def _read_json(source: Source) -> KeptTable:
    """The table of a Saleor shop, or of rows of our own format."""
    with opened(source) as stream:
        objects = read_objects(stream)
        first = next(objects, None)
        if first is None:
            raise UnreadableFile("empty_file")
        objects = chain([first], objects)
        if not is_saleor(first):
            return table_of_rows(rows_of_objects(objects), backroom_csv.REQUIRED, "backroom")
        shop = SaleorShop(objects)
    table = table_of_rows(shop.rows(), saleor.COLUMNS, "saleor")
    table.makes = {"price_lists": shop.price_lists, "locations": shop.locations}
    return table


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
