"""An XLSX file as an archive of XML parts: what is hostile or no workbook is refused before a part is read.

`zipfile` gives out no more of a part than its entry announces, so the announced sizes bound what is read; a part
that is longer or shorter than it says fails its checksum. No part names a file or an address that is followed.
"""

import errno
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO
from xml.parsers import expat

from catalog.imports import limits
from catalog.imports.problems import UnreadableFile

CHUNK = 64 * 1024
_LINKED = ("xl/externallinks/", "xl/connections.xml", "xl/querytables/")
_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_TAIL_BYTES = 65_536 + 22
"""The end of the directory has 22 bytes and a comment of up to 65,535 behind it."""


@contextmanager
def opened_archive(stream: BinaryIO) -> Iterator[zipfile.ZipFile]:
    """The workbook in `stream`, once it is known to be one that is safe to read; raises `UnreadableFile`."""
    with _broken_told():
        _check_directory(stream)
        with zipfile.ZipFile(stream) as archive:
            _check_entries(archive.infolist())
            for info in archive.infolist():
                _check_prolog(archive, info)
            yield archive


@contextmanager
def _broken_told() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, expat.ExpatError) as error:
        raise UnreadableFile("broken_workbook", reason=str(error)[:200]) from None
    except (struct.error, zlib.error, ValueError, KeyError, EOFError, NotImplementedError) as error:
        raise UnreadableFile("broken_workbook", reason=type(error).__name__) from None
    except OSError as error:
        if error.errno != errno.EINVAL:  # an offset before the file's beginning
            raise
        raise UnreadableFile("broken_workbook", reason="offset") from None


def _check_directory(stream: BinaryIO) -> None:
    """Refuse a directory of more bytes than any workbook has: `zipfile` would hold all of it in memory."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _TAIL_BYTES))
    tail = stream.read()
    end = tail.rfind(_END)
    if end < 0:
        raise UnreadableFile("broken_workbook", reason="no directory")
    (directory_bytes,) = struct.unpack_from("<L", tail, end + 12)
    locator = end - 20
    if locator >= 0 and tail[locator : locator + 4] == _LOCATOR64:
        (offset,) = struct.unpack_from("<Q", tail, locator + 8)
        stream.seek(offset)
        record = stream.read(56)
        # The record stands right before its locator unless something is put before the archive, which no workbook has.
        (directory_bytes,) = struct.unpack_from("<Q", record, 40) if record.startswith(_END64) else (2**63,)
    if directory_bytes > limits.MAX_DIRECTORY_BYTES:
        raise UnreadableFile("too_large_unpacked", limit=limits.MAX_UNPACKED_BYTES)
    stream.seek(0)


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    names = {info.filename.lower() for info in entries}
    if any(info.flag_bits & 0x1 for info in entries):
        raise UnreadableFile("encrypted_workbook")
    if "[content_types].xml" not in names:
        raise UnreadableFile("binary_file")
    if any(name.endswith("vbaproject.bin") or "/macrosheets/" in name for name in names):
        raise UnreadableFile("macro_workbook")
    if any(name.startswith(_LINKED) for name in names):
        raise UnreadableFile("linked_workbook")
    unpacked = sum(info.file_size for info in entries)
    packed = sum(info.compress_size for info in entries)
    limit = min(limits.MAX_UNPACKED_BYTES, max(limits.FREE_UNPACKED_BYTES, packed * limits.MAX_PACKING))
    if unpacked > limit:
        raise UnreadableFile("too_large_unpacked", limit=limit)
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in entries):
        raise UnreadableFile("broken_workbook", reason="compression")


def _check_prolog(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """Refuse any part with a document type, also one that nobody reads; it can only stand at the beginning."""
    if info.filename.lower().endswith((".xml", ".rels", ".vml")):
        with archive.open(info) as part:
            beginning = part.read(4096).replace(b"\0", b"")
        if b"<!DOCTYPE" in beginning or b"<!ENTITY" in beginning:
            raise UnreadableFile("unsafe_xml")


Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]


def parse_part(
    archive: zipfile.ZipFile, name: str, *, start: Start, end: End | None = None, text: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Parse a part piece by piece, yielding after each; the handlers get names without their prefix.

    Raises `UnreadableFile` if the XML declares a document type: there are no entities to be expanded or fetched.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = lambda tag, attributes: start(tag[tag.find(":") + 1 :], attributes)
    if end:
        finish = end
        parser.EndElementHandler = lambda tag: finish(tag[tag.find(":") + 1 :])
    if text:
        parser.CharacterDataHandler = text
    with archive.open(name) as part:
        while chunk := part.read(CHUNK):
            parser.Parse(chunk, False)
            yield
        parser.Parse(b"", True)
        yield


def _refuse(*_declared: object) -> None:
    raise UnreadableFile("unsafe_xml")
