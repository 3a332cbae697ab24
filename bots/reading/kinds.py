"""What a file is by its first bytes, whatever it is called; a name that says something else is refused."""

import codecs
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from bots.reading import limits
from bots.reading.blocks import Block
from bots.reading.chunks import Chunk, cut
from bots.reading.plain_text import decode, read_markdown, read_text
from bots.reading.problems import UnreadableDocument

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "markdown": "text/markdown",
    "text": "text/plain",
}
_ENDINGS = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".xlsx": "xlsx",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
}
_TEXTS = ("html", "markdown", "text")
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_PAGE = (b"<!doctype html", b"<html", b"<head", b"<body")
_OTHERS = (b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"MZ", b"\x7fELF", b"7z\xbc\xaf", b"Rar!", b"RIFF", b"{\\rtf")


def read_document(path: Path, *, name: str, charset: str = "") -> tuple[str, list[Chunk]]:
    """Return the kind (a key of ``MEDIA_TYPES``) and the chunks of a file called ``name``; raises ``UnreadableDocument``.

    To be called in a process that may use no more than a little memory and time: see ``isolated``.
    """
    if path.stat().st_size > limits.MAX_FILE_BYTES:
        raise UnreadableDocument("too_long")
    expected = _ENDINGS.get(PurePath(name).suffix.lower(), "")
    kind, blocks = _read(path, expected, charset)
    if expected and kind != expected and not (kind in _TEXTS and expected in _TEXTS):
        raise UnreadableDocument("changed_kind")
    return kind, cut(blocks)


def read_content(content: str) -> list[Chunk]:
    """Return the chunks of a text that is given as such, plain or Markdown; raises ``UnreadableDocument``."""
    return cut(read_markdown(content))


def _read(path: Path, expected: str, charset: str) -> tuple[str, Iterable[Block]]:
    with path.open("rb") as stream:
        beginning = stream.read(1024)
    if beginning.startswith(_OLE):
        raise UnreadableDocument("encrypted" if _ENCRYPTED in path.read_bytes() else "old_office")
    if beginning.startswith(_ZIP):
        from bots.reading.office import read_office  # each reader's library takes memory, and time to load

        return read_office(path.open("rb"))
    if b"%PDF-" in beginning:
        from bots.reading.pdf import read_pdf

        return "pdf", read_pdf(path.open("rb"))
    if beginning.startswith(_OTHERS):
        raise UnreadableDocument("changed_kind" if expected else "unknown_kind")
    return _read_as_text(path.read_bytes(), expected, charset)


def _read_as_text(data: bytes, expected: str, charset: str) -> tuple[str, Iterator[Block]]:
    if b"\0" in data and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnreadableDocument("changed_kind" if expected else "unknown_kind")
    start = data[:1024].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if expected == "html" or start.startswith(_PAGE):
        from bots.reading.web_page import read_html

        return "html", read_html(data, charset)
    text = decode(data)
    return ("text", read_text(text)) if expected == "text" else ("markdown", read_markdown(text))
