"""Sheets of an XLSX workbook as records of text: ECMA-376 part 1, chapter 18 (SpreadsheetML).

A reader of our own: a large sheet streams through it in one pass, a formula is told from its kept result, and what
the file claims about its size is never believed. A number becomes plain decimals as the sheet shows them (15 digits), a
date its ISO form, and a merged cell stands in every row it covers.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from catalog.imports import limits
from catalog.imports.numbers import plain
from catalog.imports.problems import UnreadableFile
from catalog.imports.xlsx_parts import parse_part

Fault = Literal["", "error_cell", "formula_without_value"]

_DATE_FORMATS = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])
"""Numbers of the formats that every workbook has and that show a date or a time (ECMA-376, 18.8.30)."""
_PERCENT_FORMATS = frozenset({"9", "10"})
"""And those that show per cent: `0%`, `0.00%`."""
_NOT_SHOWN = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)
_CURRENCY = re.compile(r'\[\$([^\]]+)\]|"([^"]+)"|([$€£¥₫₩₹฿])')
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
MAX_SHEET_ROWS, MAX_SHEET_COLUMNS = 1_048_576, 16_384


@dataclass
class Sheet:
    """A sheet that is shown: its name, and its part of the archive."""

    name: str
    part: str


@dataclass(frozen=True)
class SheetRow:
    """A row that has something in it: text by column (from 0), and what is wrong with a cell.

    `marks` are those that the formats of its numbers show: `%`, `€`, `CHF`, or `$-409` with the number of a language.
    """

    number: int
    cells: dict[int, str]
    faults: dict[int, Fault]
    marks: dict[int, str] = field(default_factory=dict)


class Workbook:
    """The sheets of an archive with what their cells refer to: shared texts, and the formats of numbers."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._relations: dict[str, tuple[str, str]] = {}
        self._read_relations("_rels/.rels", "")
        main = next((part for part, kind in self._relations.values() if kind == "officeDocument"), "xl/workbook.xml")
        self._check_main(main)
        folder = posixpath.dirname(main)
        self._relations = {}
        self._read_relations(f"{folder}/_rels/{posixpath.basename(main)}.rels", folder)
        self.epoch = datetime(1899, 12, 30, tzinfo=UTC)
        self.sheets: list[Sheet] = []
        _run(parse_part(archive, main, start=self._read_workbook))
        self.texts = _SharedTexts(archive, self._part("sharedStrings")).texts
        formats = _Formats(archive, self._part("styles"))
        self.formats, self.marks = formats.of_styles, formats.marks

    def _read_relations(self, part: str, folder: str) -> None:
        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag == "Relationship" and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join(f"/{folder}", attributes["Target"])).lstrip("/")
                self._relations[attributes["Id"]] = (target, attributes["Type"].rpartition("/")[2])

        if part in self._archive.namelist():
            _run(parse_part(self._archive, part, start=start))

    def _check_main(self, main: str) -> None:
        kinds: dict[str, str] = {}

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag == "Override":
                kinds[attributes.get("PartName", "").lstrip("/")] = attributes.get("ContentType", "")

        _run(parse_part(self._archive, "[Content_Types].xml", start=start))
        if "macroenabled" in kinds.get(main, "").lower():
            raise UnreadableFile("macro_workbook")
        if (
            main not in self._archive.namelist()
            or not main.endswith(".xml")
            or "spreadsheet" not in kinds.get(main, "spreadsheet")
        ):
            raise UnreadableFile("binary_file")

    def _part(self, kind: str) -> str | None:
        found = (part for part, its_kind in self._relations.values() if its_kind == kind)
        return next((part for part in found if part in self._archive.namelist()), None)

    def _read_workbook(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "workbookPr" and attributes.get("date1904") in ("1", "true"):
            self.epoch = datetime(1904, 1, 1, tzinfo=UTC)
        if tag == "sheet" and attributes.get("state", "visible") == "visible":
            relation = next((value for name, value in attributes.items() if name.endswith(":id")), "")
            part, kind = self._relations.get(relation, ("", ""))
            if kind == "worksheet" and part in self._archive.namelist():
                self.sheets.append(Sheet(attributes.get("name", ""), part))

    def rows(self, sheet: Sheet) -> Iterator[SheetRow]:
        """The rows of a sheet that have something in them, merged cells filled in."""
        merged = _Merged(self._archive, sheet)
        for row in _SheetReader(self, self._archive, sheet).rows():
            merged.fill(row)
            if row.cells or row.faults:
                yield row


def _run(parsing: Iterator[None]) -> None:
    for _piece in parsing:
        pass


class _SharedTexts:
    """The texts that cells share. Readings for East Asian text (`rPh`) are not part of them."""

    def __init__(self, archive: zipfile.ZipFile, part: str | None) -> None:
        self.texts: list[str] = []
        self._pieces: list[str] = []
        self._is_text = self._is_reading = False
        if part and archive.getinfo(part).file_size > limits.MAX_SHARED_TEXT_BYTES:
            raise UnreadableFile("too_large_unpacked", limit=limits.MAX_SHARED_TEXT_BYTES)
        if part:
            _run(parse_part(archive, part, start=self._start, end=self._end, text=self._text))

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "rPh":
            self._is_reading = True
        self._is_text = tag == "t" and not self._is_reading

    def _text(self, text: str) -> None:
        if self._is_text:
            self._pieces.append(text)

    def _end(self, tag: str) -> None:
        self._is_text = False
        if tag == "rPh":
            self._is_reading = False
        if tag == "si":
            self.texts.append(_unescaped("".join(self._pieces)))
            self._pieces.clear()


class _Formats:
    """How the numbers of each style are shown: "date", the zeros of a code such as 00000, or nothing that matters."""

    def __init__(self, archive: zipfile.ZipFile, part: str | None) -> None:
        self.of_styles: list[str] = []
        self.marks: list[str] = []
        self._own: dict[str, str] = {}
        self._is_in_cells = False
        if part:
            _run(parse_part(archive, part, start=self._start, end=self._end))

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "numFmt":
            self._own[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif tag == "cellXfs":
            self._is_in_cells = True
        elif tag == "xf" and self._is_in_cells:
            self.of_styles.append(self._kind(attributes.get("numFmtId", "0")))
            self.marks.append(self._mark(attributes.get("numFmtId", "0")))

    def _end(self, tag: str) -> None:
        if tag == "cellXfs":
            self._is_in_cells = False

    def _mark(self, number: str) -> str:
        if number in _PERCENT_FORMATS:
            return "%"
        code = self._own.get(number, "")
        # One in quotes is only written behind the number: 12 stays 12.
        return "%" if "%" in _NOT_SHOWN.sub("", code.split(";")[0]) else _currency(code).replace("%", "")

    def _kind(self, number: str) -> str:
        code = self._own.get(number)
        if code is None:
            return "date" if number.isdecimal() and int(number) in _DATE_FORMATS else ""
        shown = _NOT_SHOWN.sub("", code.split(";")[0]).lower()
        if shown.strip("0") == "":
            return shown
        return "date" if any(letter in shown for letter in "dmyhs") and "general" not in shown else ""


def _currency(code: str) -> str:
    """The mark of a currency in a number's format, if it has one: `[$€-407] #,##0.00`, `#,##0 "₫"`, `$0.00`."""
    found = _CURRENCY.search(code)
    return next((group for group in found.groups() if group), "").strip() if found else ""


@dataclass
class _Cell:
    column: int
    kind: str
    style: str
    has_formula: bool = False
    pieces: list[str] = field(default_factory=list)
    characters: int = 0


class _SheetReader:
    """Reads `<row>` after `<row>`; of a cell it keeps no more than a file may have in one."""

    def __init__(self, workbook: Workbook, archive: zipfile.ZipFile, sheet: Sheet) -> None:
        self._workbook, self._archive, self._sheet = workbook, archive, sheet
        self._done: list[SheetRow] = []
        self._row = SheetRow(0, {}, {})
        self._cell: _Cell | None = None
        self._is_value = False
        self._next_column = 0

    def rows(self) -> Iterator[SheetRow]:
        """Every row of the sheet, in its order."""
        for _piece in parse_part(self._archive, self._sheet.part, start=self._start, end=self._end, text=self._text):
            yield from self._done
            self._done.clear()

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            self._begin_cell(attributes)
        elif tag == "v" or tag == "t":
            self._is_value = True
        elif tag == "f" and self._cell:
            self._cell.has_formula = True
        elif tag == "row":
            number = int(attributes.get("r") or self._row.number + 1)
            if not self._row.number < number <= MAX_SHEET_ROWS:
                raise UnreadableFile("broken_workbook", reason=f"row {number} after row {self._row.number}")
            self._row, self._next_column = SheetRow(number, {}, {}), 0

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r", "")
        column = _column(reference.rstrip("0123456789")) if reference else self._next_column
        self._next_column = column + 1
        self._cell = None
        if column < MAX_SHEET_COLUMNS:
            self._cell = _Cell(column, attributes.get("t", "n"), attributes.get("s", ""))

    def _text(self, text: str) -> None:
        cell = self._cell
        if self._is_value and cell and cell.characters <= limits.MAX_CELL_CHARACTERS:
            cell.pieces.append(text)
            cell.characters += len(text)

    def _end(self, tag: str) -> None:
        if tag == "v" or tag == "t":
            self._is_value = False
        elif tag == "c" and self._cell:
            self._finish_cell(self._cell)
            self._cell = None
        elif tag == "row":
            self._done.append(self._row)

    def _finish_cell(self, cell: _Cell) -> None:
        written = "".join(cell.pieces)
        if not written:
            if cell.has_formula and cell.kind != "str":
                self._row.faults[cell.column] = "formula_without_value"
        elif cell.kind == "e":
            self._row.cells[cell.column], self._row.faults[cell.column] = written, "error_cell"
        elif value := self._value(cell, written):
            self._row.cells[cell.column] = value
            if cell.kind == "n" and (mark := _of_style(self._workbook.marks, cell.style)):
                self._row.marks[cell.column] = mark

    def _value(self, cell: _Cell, written: str) -> str:
        if cell.kind == "s":
            return self._workbook.texts[int(written)] if int(written) < len(self._workbook.texts) else ""
        if cell.kind == "b":
            return "false" if written.strip() in ("0", "false") else "true"
        if cell.kind != "n":
            return _unescaped(written)
        shown = _of_style(self._workbook.formats, cell.style)
        try:
            number = float(written)
            return _date(self._workbook.epoch, number) if shown == "date" else _number(number, shown)
        except (ValueError, OverflowError):
            return written


def _of_style(known: list[str], style: str) -> str:
    return known[int(style)] if style and int(style) < len(known) else ""


def _number(number: float, zeros: str) -> str:
    """A number in plain digits, as many as a sheet shows."""
    if number == int(number) and abs(number) < 1e15:
        return f"{int(number):0{len(zeros)}d}" if zeros else str(int(number))
    return plain(f"{number:.15g}")


def _date(epoch: datetime, number: float) -> str:
    """The moment `number` days after `epoch`, to the second; below one day it is a time alone."""
    moment = epoch + timedelta(seconds=round(number * 86_400))
    if 0 <= number < 1:
        return f"{moment:%H:%M:%S}"
    return f"{moment:%Y-%m-%d}" if moment.time() == datetime.min.time() else f"{moment:%Y-%m-%d %H:%M:%S}"


def _unescaped(text: str) -> str:
    """Characters that XML cannot have are written `_x000D_` (ECMA-376, 22.9.2.19)."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _column(letters: str) -> int:
    """`A` is 0, `AA` is 26; what is no column is beyond all of them."""
    number = 0
    if not letters.isascii() or not letters.isalpha() or len(letters) > 3:
        return MAX_SHEET_COLUMNS
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


class _Merged:
    """Cells that several rows share: the first row has the value, the others are given it.

    The list stands behind the cells, so it is looked for first; sheets without one are read once only.
    """

    def __init__(self, archive: zipfile.ZipFile, sheet: Sheet) -> None:
        self._ranges: list[tuple[int, int, int]] = []
        if _mentions(archive, sheet.part, b"mergeCell"):
            _run(parse_part(archive, sheet.part, start=self._start))
        self._ranges.sort(reverse=True)
        self._open: list[tuple[int, int, str, Fault]] = []

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "mergeCell":
            first, _colon, last = attributes.get("ref", "").partition(":")
            begin, end = _REFERENCE.fullmatch(first), _REFERENCE.fullmatch(last)
            if begin and end and int(begin[2]) < int(end[2]) and len(self._ranges) < limits.MAX_MERGED:
                self._ranges.append((int(begin[2]), _column(begin[1]), int(end[2])))

    def fill(self, row: SheetRow) -> None:
        """Give the row what cells above it share with it, and remember what it shares with those below."""
        self._open = [one for one in self._open if one[0] >= row.number]
        for _last, column, value, fault in self._open:
            if value:
                row.cells[column] = value
            if fault:
                row.faults[column] = fault
        while self._ranges and self._ranges[-1][0] <= row.number:
            first, column, last = self._ranges.pop()
            if first == row.number:
                self._open.append((last, column, row.cells.get(column, ""), row.faults.get(column, "")))


def _mentions(archive: zipfile.ZipFile, part: str, word: bytes) -> bool:
    """Whether the part has the word, read piece by piece."""
    before = b""
    with archive.open(part) as stream:
        while chunk := stream.read(1024 * 1024):
            if word in before + chunk:
                return True
            before = chunk[-len(word) :]
    return False
