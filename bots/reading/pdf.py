"""PDF, page by page: its bookmarks are the headings; without any, the numbers of the pages."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from pypdf import PageObject, PdfReader
from pypdf.errors import PyPdfError

from bots.reading import limits
from bots.reading.blocks import Block, Heading, Paragraph
from bots.reading.problems import UnreadableDocument

_ENDS_SENTENCE = (".", "!", "?", ":", "…", ";")
_DAMAGES = (PyPdfError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)
_TORN_WORD = re.compile(r"(?<![^\W\d_])[bcdđghklmnpqrstvx]{1,3} [à-ỹ]", re.IGNORECASE)
"""Consonants alone before an accented letter, as in “tr ươ ng”: what browsers print where a font lacks Vietnamese letters."""
TORN_WORDS = 2
"""So many of them on a page are no chance."""
_SHORT_LINE = 0.6
"""A line of less than this share of the longest ends its paragraph."""


def read_pdf(stream: BinaryIO) -> Iterator[Block]:
    """Yield the text of the pages. Raises ``UnreadableDocument``, and what pypdf raises for a damaged file."""
    reader = _opened(stream)
    if len(reader.pages) > limits.MAX_PAGES:
        raise UnreadableDocument("too_many_pages")
    bookmarks = _bookmarks(reader)
    has_text = False
    for number, page in enumerate(reader.pages):
        if not bookmarks:
            yield Heading(1, f"p. {number + 1}")
        yield from bookmarks.get(number, ())
        for text in paragraphs(_text_of(page)):
            has_text = True
            yield Paragraph(text)
    if not has_text:
        raise UnreadableDocument("no_text_in_pages")


def _text_of(page: PageObject) -> str:
    """The text of a page. Where letters of another font were set apart from their words, they are put together again."""
    text = page.extract_text()
    if len(_TORN_WORD.findall(text)) < TORN_WORDS:
        return text
    try:
        placed = page.extract_text(extraction_mode="layout")  # goes by where the letters stand
    except _DAMAGES:
        return text
    whole = {_letters(line): " ".join(line.split()) for line in placed.splitlines()}
    return "\n".join(whole.get(_letters(line), line) for line in text.splitlines())


def _letters(line: str) -> str:
    """Return a line without its spaces: what both ways of reading it agree on."""
    return "".join(line.split())


def _opened(stream: BinaryIO) -> PdfReader:
    """The file; one that only forbids to change it opens without a password."""
    try:
        reader = PdfReader(stream, strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableDocument("encrypted")
    except PyPdfError:
        raise UnreadableDocument("broken") from None
    return reader


def _bookmarks(reader: PdfReader) -> dict[int, list[Heading]]:
    """Headings by the number of their page, from 0; none when the file's are damaged."""
    found: dict[int, list[Heading]] = {}

    def collect(entries: list[Any], level: int) -> None:
        for entry in entries:
            if isinstance(entry, list):
                collect(entry, level + 1)
            elif (number := reader.get_destination_page_number(entry)) is not None:
                found.setdefault(number, []).append(Heading(level, str(entry.title)))

    try:
        collect(reader.outline, 1)
    except _DAMAGES:
        return {}
    return found


def paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a page: a PDF knows lines only, and a line that is full goes on in the next one."""
    lines = [line.strip() for line in text.splitlines()]
    full = _SHORT_LINE * max(map(len, lines), default=0)
    gathered = ""
    for line in lines:
        gathered = f"{gathered} {line}".strip()
        if gathered and (not line or line.endswith(_ENDS_SENTENCE) or len(line) < full):
            yield gathered
            gathered = ""
    if gathered:
        yield gathered
