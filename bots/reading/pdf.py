"""PDF, page by page: its bookmarks are the headings; without any, the numbers of the pages."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from bots.reading import limits
from bots.reading.blocks import Block, Heading, Paragraph
from bots.reading.problems import UnreadableDocument

_ENDS_SENTENCE = (".", "!", "?", ":", "…", ";")
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
        for text in paragraphs(page.extract_text()):
            has_text = True
            yield Paragraph(text)
    if not has_text:
        raise UnreadableDocument("no_text_in_pages")


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
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
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
