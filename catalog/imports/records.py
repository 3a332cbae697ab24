"""From bytes to CSV records: encoding, delimiter, and everything that makes a file unreadable as a whole.

UTF-8 with or without a byte order mark is read, and UTF-16 with one. Anything else is refused with the
place of the first bad byte rather than guessed: Latin-1, Windows-1252 and Windows-1258 (Vietnamese) cannot
be told apart, and a wrong guess would put garbled names into a catalogue. A file that begins as UTF-8, with letters
beyond ASCII, and goes on in another encoding is read: each row that is not UTF-8 is an error of its own.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from catalog.imports import limits
from catalog.imports.problems import UnreadableFile

# The limit of the csv module is one for the whole process and lower than one cell of ours may be.
csv.field_size_limit(max(csv.field_size_limit(), limits.MAX_RECORD_CHARACTERS))

Source = Path | BinaryIO
_CHUNK_BYTES = 1024 * 1024
_DELIMITERS = (",", ";", "\t")
_BINARY_SIGNATURES = (b"%PDF-", b"\x1f\x8b", b"\x89PNG")

# A NUL, or what a byte that is not UTF-8 becomes under "surrogateescape".
BAD_CHARACTER = re.compile("[\0\udc80-\udcff]")


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """`source` at its beginning; closed afterwards only if it was opened here."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield stream
    else:
        source.seek(0)
        yield source


class _Lines:
    """The lines of a text, with a limit on what one record takes up.

    The csv module asks for a further line in the middle of a record only inside a quoted cell, so a text
    that ends there has a quotation mark that is never closed.
    """

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream = stream
        self.row = 1
        self.characters = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._stream.readline(limits.MAX_RECORD_CHARACTERS + 1)
        self.characters += len(line)
        if self.characters > limits.MAX_RECORD_CHARACTERS:
            raise UnreadableFile("record_too_long", row=self.row, limit=limits.MAX_RECORD_CHARACTERS)
        if line:
            return line
        if self.characters:
            raise UnreadableFile("unclosed_quote", row=self.row)
        raise StopIteration


def detect_encoding(source: Source) -> str:
    """The encoding of a text file, after reading all of it once; raises `UnreadableFile`."""
    with opened(source) as stream:
        if stream.seek(0, io.SEEK_END) > limits.MAX_FILE_BYTES:
            raise UnreadableFile("file_too_large", limit=limits.MAX_FILE_BYTES)
        stream.seek(0)
        beginning = stream.read(16)
        if beginning.startswith(_BINARY_SIGNATURES):
            raise UnreadableFile("binary_file")
        is_utf16 = beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "utf-16" if is_utf16 else "utf-8-sig"
        stream.seek(0)
        if _is_blank(stream, encoding, source, is_marked=beginning.startswith(codecs.BOM_UTF8)):
            raise UnreadableFile("empty_file")
    return encoding


def _is_blank(stream: BinaryIO, encoding: str, source: Source, *, is_marked: bool) -> bool:
    """Whether the text has white space only; raises `UnreadableFile` if it is none of this encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    is_blank, is_certain = True, is_marked
    while True:
        chunk = stream.read(_CHUNK_BYTES)
        try:
            text = _decoded(decoder, chunk, encoding, source)
        except UnicodeDecodeError as error:
            # A letter of several bytes before the bad one: nothing but UTF-8 has those.
            if is_certain or not error.object[: error.start].isascii():
                return False
            raise _located("binary_file" if b"\0" in chunk else "not_utf8", source, encoding) from None
        is_blank = is_blank and not text.strip()
        is_certain = is_certain or not text.isascii()
        if not chunk:
            return is_blank


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes, encoding: str, source: Source) -> str:
    """`chunk` as text, which has no NUL; an empty chunk is the end of the file. Raises `UnicodeDecodeError` if not UTF-8."""
    try:
        text = decoder.decode(chunk, not chunk)
    except UnicodeDecodeError:
        if encoding == "utf-16":
            raise UnreadableFile("not_utf16") from None
        raise
    if "\0" in text:
        raise _located("binary_file", source, encoding)
    return text


def _located(code: str, source: Source, encoding: str) -> UnreadableFile:
    """The error `code` with row and column of the first cell that has a bad byte or a NUL."""
    header: list[str] = []
    try:
        delimiter = detect_delimiter(source, encoding)
        for row, record in read_records(source, encoding, delimiter, errors="surrogateescape"):
            header = header or record
            for index, cell in enumerate(record):
                if BAD_CHARACTER.search(cell):
                    column = header[index] if row > 1 and index < len(header) else None
                    return UnreadableFile(code, row=row, column=column)
    except UnreadableFile:
        pass  # It is not even CSV; the place stays unknown.
    return UnreadableFile(code)


def detect_delimiter(source: Source, encoding: str) -> str:
    """The delimiter that splits the header into most cells; a comma if none splits it."""
    widths = {}
    for delimiter in _DELIMITERS:
        records = (record for _, record in read_records(source, encoding, delimiter, errors="surrogateescape") if record)
        widths[delimiter] = len(next(records, []))
    return max(_DELIMITERS, key=lambda delimiter: widths[delimiter])


def read_records(
    source: Source, encoding: str, delimiter: str, *, errors: str = "strict"
) -> Iterator[tuple[int, list[str]]]:
    """Every record with its number as a spreadsheet shows it, from 1; an empty line is an empty record.

    Holds one record in memory. Raises `UnreadableFile`.
    """
    with opened(source) as stream:
        text = io.TextIOWrapper(stream, encoding, errors, newline="")
        try:
            lines = _Lines(text)
            for record in csv.reader(lines, delimiter=delimiter):
                yield lines.row, record
                lines.row += 1
                lines.characters = 0
        except (csv.Error, UnicodeError) as error:
            raise UnreadableFile("malformed_csv", row=lines.row, reason=error) from None
        finally:
            if not stream.closed:
                text.detach()
