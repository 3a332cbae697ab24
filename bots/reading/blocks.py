"""What every kind of document is read into: headings and paragraphs, in their order."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tenants.text import nfc

_SPACES = re.compile(r"[^\S\n]+")
_LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_EMPTY_LINES = re.compile(r"\s*\n\s*")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ue000-\uf8ff]"
)
"""Control characters, directions, halves of characters, and the private signs that PDFs have for bullets."""


class Heading(NamedTuple):
    """A heading; level 1 is the outermost."""

    level: int
    text: str


class Paragraph(NamedTuple):
    """Text under the last heading. ``is_line``: an item of a list or a row of a table, set close to the one before."""

    text: str
    is_line: bool = False


Block = Heading | Paragraph


def clean(text: str) -> str:
    """Return text as it is kept: NFC, no unseen characters, single spaces, no empty lines."""
    lines = _UNSEEN.sub("", _LINE_END.sub("\n", nfc(text)))
    return _EMPTY_LINES.sub("\n", _SPACES.sub(" ", lines)).strip()


def table_rows(rows: Iterator[Sequence[str]]) -> Iterator[Paragraph]:
    """Yield the rows of a table, each with the headers of its cells: “Size: 40 l; Price: 90”. The first row is the header.

    A table of one row is that row; a cell without a header stands alone.
    """
    header = [clean(cell) for cell in next(rows, ())]
    has_rows = False
    for row in rows:
        has_rows = True
        cells = [" ".join(clean(cell).split()) for cell in row]
        named = [_named(header[place] if place < len(header) else "", cell) for place, cell in enumerate(cells) if cell]
        if named:
            yield Paragraph("; ".join(named), is_line=True)
    if not has_rows and any(header):
        yield Paragraph("; ".join(filter(None, header)), is_line=True)


def _named(header: str, cell: str) -> str:
    name = " ".join(header.split())
    return f"{name}: {cell}" if name else cell
