"""Word (.docx) and Excel (.xlsx): archives of XML that are checked before a part of them is unpacked."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, BinaryIO

from docx import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table

from bots.reading.blocks import Block, Heading, Paragraph, table_rows
from bots.reading.problems import UnreadableDocument
from catalog.imports.problems import UnreadableFile
from catalog.imports.xlsx import Workbook
from catalog.imports.xlsx_parts import opened_archive

_HEADING = re.compile(r"(?:heading|title)\s*(\d?)", re.IGNORECASE)
_CODES = {
    "encrypted_workbook": "encrypted",
    "macro_workbook": "macros",
    "linked_workbook": "external_parts",
    "too_large_unpacked": "too_large_unpacked",
    "unsafe_xml": "unsafe_xml",
}
"""What the checks of the catalogue's workbooks find, as it is told of a document; all else is ``broken``."""


def read_office(stream: BinaryIO) -> tuple[str, Iterator[Block]]:
    """Return "docx" or "xlsx" and what is in the file. Raises ``UnreadableDocument``, also while it is read."""
    try:
        with opened_archive(stream) as archive:
            names = set(archive.namelist())
    except UnreadableFile as error:
        raise UnreadableDocument(_CODES.get(error.code, "broken")) from None
    if any(name.startswith("word/") for name in names):
        return "docx", _read_docx(stream)
    if any(name.startswith("xl/") for name in names):
        return "xlsx", _read_xlsx(stream)
    raise UnreadableDocument("unknown_kind")


def _read_docx(stream: BinaryIO) -> Iterator[Block]:
    stream.seek(0)
    try:
        document = Document(stream)
    except (PackageNotFoundError, KeyError, ValueError):
        raise UnreadableDocument("broken") from None
    for part in document.iter_inner_content():
        if isinstance(part, Table):
            yield from table_rows([cell.text for cell in _once(row.cells)] for row in part.rows)
        elif part.text.strip():
            yield _paragraph(part)


def _paragraph(paragraph: Any) -> Block:
    style = paragraph.style.name or "" if paragraph.style is not None else ""
    if heading := _HEADING.match(style):
        return Heading(int(heading[1] or 1), paragraph.text)
    is_item = style.lower().startswith("list") or (paragraph._p.pPr is not None and paragraph._p.pPr.numPr is not None)
    return Paragraph(f"- {paragraph.text}" if is_item else paragraph.text, is_line=is_item)


def _once(cells: Sequence[Any]) -> list[Any]:
    """The cells of a row; one that spans several columns is there as often."""
    return [next(same) for _key, same in groupby(cells, key=lambda cell: cell._tc)]


def _read_xlsx(stream: BinaryIO) -> Iterator[Block]:
    """Each sheet is a heading; its first row that has something in it names the columns of the others."""
    try:
        with opened_archive(stream) as archive:
            book = Workbook(archive)
            for sheet in book.sheets:
                yield Heading(1, sheet.name)
                yield from table_rows(_cells(row.cells) for row in book.rows(sheet))
    except UnreadableFile as error:
        raise UnreadableDocument(_CODES.get(error.code, "broken")) from None


def _cells(cells: dict[int, str]) -> list[str]:
    return [cells.get(place, "") for place in range(max(cells, default=-1) + 1)]
