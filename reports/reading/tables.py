"""The tables of a file: on each sheet the one below the prose, found by what its cells look like.

A file is gone through once; its rows wait in a temporary file until all of a table's cells were counted, for only then it
is known what its columns are. The reading of bytes is that of every imported table (`catalog.imports`): what is hostile is
refused there.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from catalog.imports import limits as file_limits
from catalog.imports.problems import UnreadableFile
from catalog.imports.records import BAD_CHARACTER, detect_encoding, read_records
from catalog.imports.xlsx import Workbook
from catalog.imports.xlsx_parts import opened_archive
from reports.reading.columns import Column, Decimals, Tally, decide, unit_of
from reports.reading.limits import MAX_NAME_CHARACTERS, MAX_ROWS, MAX_TABLES, SAMPLE_ROWS
from reports.reading.shapes import shape_of

_ARCHIVE, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_TYPED = frozenset({"number", "date", "month", "slashed", "datetime", "time", "boolean"})


VALUES = 0.6
"""Share of a column's cells, prose around the table included, that are no text where the column has values."""


class GridRow(NamedTuple):
    """A row as it stands in the sheet: its number, text by place (from 0) without white space around, and the units
    (a currency's code, or `%`) that the formats of its numbers show, by place."""

    number: int
    cells: dict[int, str]
    units: dict[int, str]


@dataclass
class Table:
    """A table whose columns are known. `values` gives its rows once more, typed."""

    sheet: str
    header_row: int
    columns: list[Column]
    notes: list[str]
    rows: int
    _kept: IO[str] = field(repr=False)
    _currency_at: int | None = None
    """The place of the column that names the currency of each row."""

    def values(self) -> Iterator[tuple[int, list[Any]]]:
        """Each row: its number in the sheet, and a value for every column."""
        self._kept.seek(0)
        for line in islice(self._kept, self.rows):
            number, cells, units = json.loads(line)
            named = shape_of(cells.get(str(self._currency_at), "")).currency
            marks = [named if one.is_by_row else units.get(str(one.place), "") for one in self.columns]
            yield (
                number,
                [one.value(cells.get(str(one.place), ""), mark) for one, mark in zip(self.columns, marks, strict=True)],
            )

    def as_json(self) -> dict[str, Any]:
        """What is kept of the table, after its values were read."""
        columns = [column.as_json() for column in self.columns]
        told = {"sheet": self.sheet, "header_row": self.header_row, "rows": self.rows, "columns": columns}
        return {**told, "notes": self.notes}


def read_tables(path: Path, *, decimals: Decimals = "") -> list[Table]:
    """Return the tables of a CSV file or a workbook that have at least one row; raises `UnreadableFile`."""
    with path.open("rb") as stream:
        beginning = stream.read(8)
        if beginning.startswith(_OLE):
            raise UnreadableFile("old_workbook")
        if beginning.startswith(_ARCHIVE):
            with opened_archive(stream) as archive:
                workbook = Workbook(archive)
                sheets = ((sheet.name, _sheet_rows(workbook, sheet)) for sheet in workbook.sheets[:MAX_TABLES])
                found = _tables(sheets, "")  # its numbers prove themselves
        else:
            found = _tables(iter([("", _text_rows(path))]), decimals)
    if not found:
        raise UnreadableFile("empty_file")
    return found


def _tables(sheets: Iterator[tuple[str, Iterator[GridRow]]], decimals: Decimals) -> list[Table]:
    found: list[Table] = []
    for name, rows in sheets:
        table = _table(name, rows, decimals, MAX_ROWS - sum(one.rows for one in found))
        found += [table] if table else []
    return found


def _sheet_rows(workbook: Workbook, sheet: Any) -> Iterator[GridRow]:
    for row in workbook.rows(sheet):
        cells = {place: clean for place, text in row.cells.items() if (clean := text.strip())}
        if len(cells) > file_limits.MAX_COLUMNS:
            raise UnreadableFile("too_many_columns", row=row.number, limit=file_limits.MAX_COLUMNS)
        if cells:
            yield GridRow(row.number, cells, {place: unit_of(mark) for place, mark in row.marks.items()})


def _text_rows(path: Path) -> Iterator[GridRow]:
    encoding = detect_encoding(path)
    for number, record in read_records(path, encoding, _delimiter(path, encoding), errors="surrogateescape"):
        if len(record) > file_limits.MAX_COLUMNS:
            raise UnreadableFile("too_many_columns", row=number, limit=file_limits.MAX_COLUMNS)
        cells = {place: clean for place, text in enumerate(record) if (clean := BAD_CHARACTER.sub("\ufffd", text).strip())}
        if cells:
            yield GridRow(number, cells, {})


def _delimiter(path: Path, encoding: str) -> str:
    """The delimiter that splits most of the first records alike, and into most cells: prose may stand above them."""

    def fit(delimiter: str) -> tuple[int, int]:
        records = read_records(path, encoding, delimiter, errors="surrogateescape")
        widths = Counter(len(record) for _row, record in islice(records, SAMPLE_ROWS) if len(record) > 1)
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        return count * width, width

    return max((",", ";", "\t", "|"), key=fit)


def _table(sheet: str, rows: Iterator[GridRow], decimals: Decimals, most: int) -> Table | None:
    """The table of a sheet, None where there is none; raises `UnreadableFile` for more than `most` rows."""
    sample = list(islice(rows, SAMPLE_ROWS))
    header, begin = _header(sample)
    kept = tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogatepass")  # noqa: SIM115 - lives with the table
    tallies: dict[int, Tally] = {place: Tally() for place in header.cells} if header else {}
    count, last_typed = 0, 0
    for row in chain(sample[begin:], rows):
        count += 1
        if count > most:
            raise UnreadableFile("too_many_rows", row=row.number, limit=MAX_ROWS)
        last_typed = count if _tallied(tallies, row) else last_typed
        kept.write(json.dumps(row, ensure_ascii=False) + "\n")
    if not count or not tallies:
        return None
    table = _decided(sheet, header, tallies, decimals, count, kept)
    if any(column.type not in ("text", "empty") for column in table.columns):
        table.rows = last_typed  # below the last row with a number or a date stands prose again
    return table


def _tallied(tallies: dict[int, Tally], row: GridRow) -> bool:
    """Count the row's cells, and the holes; whether any is more than text."""
    is_typed = False
    for place, text in row.cells.items():
        shape = shape_of(text)
        is_typed |= shape.kind in _TYPED
        tallies.setdefault(place, Tally()).add(shape, row.units.get(place, ""))
    return is_typed


def _decided(
    sheet: str, header: GridRow | None, tallies: dict[int, Tally], decimals: Decimals, rows: int, kept: IO[str]
) -> Table:
    proven = {tally.proven for tally in tallies.values()} - {""}
    others: Decimals = proven.pop() if len(proven) == 1 else ""
    names = _names(sorted(tallies), header.cells if header else {})
    columns, notes = [], []
    currency_at = next((place for place, tally in sorted(tallies.items()) if tally.is_of_currencies), None)
    beside = tallies[currency_at].named if currency_at is not None else ()
    for place, tally in sorted(tallies.items()):
        column, note = decide(names[place], place, tally, decimals=decimals, others=others, beside=beside)
        columns.append(column)
        notes += [note] if note and note not in notes else []
    if len(columns) > file_limits.MAX_COLUMNS:
        raise UnreadableFile("too_many_columns", limit=file_limits.MAX_COLUMNS)
    types = {column.type for column in columns}
    if types & {"number", "money"} and not types & {"date", "datetime"}:
        notes.append("no_dates")
    return Table(sheet, header.number if header else 0, columns, notes, rows, kept, currency_at)


def _header(sample: list[GridRow]) -> tuple[GridRow | None, int]:
    """The header among a sheet's first rows, None where there is none, and where its rows begin in the sample.

    It is the last row of nothing but text above the first one that has a value where the column has values. In a
    table of text it is the first of the rows that fill most columns.
    """
    typed = Counter(place for row in sample for place, text in row.cells.items() if shape_of(text).kind in _TYPED)
    filled = Counter(place for row in sample for place in row.cells)
    values = {place for place, count in typed.items() if count >= VALUES * filled[place]}
    for index, row in enumerate(sample):
        if any(shape_of(text).kind in _TYPED for place, text in row.cells.items() if place in values):
            above = next((back for back in range(index - 1, -1, -1) if _is_heading(sample[back], row)), None)
            return (sample[above], above + 1) if above is not None else (None, index)
    if not sample:
        return None, 0
    widest = max(len(row.cells) for row in sample)
    index = next(at for at, row in enumerate(sample) if len(row.cells) == widest)
    return sample[index], index + 1


def _is_heading(row: GridRow, below: GridRow) -> bool:
    """Whether a row may be the header of one below it: text, and more than a lone title."""
    kinds = [shape_of(text).kind for text in row.cells.values()]
    enough = len(row.cells) >= min(2, len(below.cells))
    return enough and all(kind == "text" for kind in kinds)


def _names(places: list[int], header: dict[int, str]) -> dict[int, str]:
    """A name for every column, each once; one without is called by its letter."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    next_number: dict[str, int] = {}
    for place in places:
        name = wanted = " ".join(header.get(place, "").split())[:MAX_NAME_CHARACTERS] or _letter(place)
        while name in taken:
            number = next_number.get(wanted, 2)
            name, next_number[wanted] = f"{wanted} {number}", number + 1
        names[place] = name
        taken.add(name)
    return names


def _letter(place: int) -> str:
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
