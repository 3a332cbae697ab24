"""What a file is by its first bytes: what is no table at all is refused when it is handed in, and never kept."""

import codecs
from pathlib import PurePath
from typing import Any

from catalog.imports.problems import FILE_MESSAGES
from tenants.errors import UnsupportedKind

LOOKED_AT = 1024
"""Bytes; the rest is for the reader to judge."""
_ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".json", ".jsonl")
_OTHERS = (b"%PDF-", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"MZ\x90", b"\x7fELF", b"7z\xbc\xaf", b"Rar!")


def check_kind(file: Any, name: str) -> None:
    """Look at the beginning of a file and go back there. Raises ``UnsupportedKind``: a program, a picture, a web page …

    A workbook named as text is refused too: whoever sees the name must not be misled.
    """
    file.seek(0)
    code = _fault(file.read(LOOKED_AT), PurePath(name).suffix.lower())
    file.seek(0)
    if code:
        raise UnsupportedKind(code, str(FILE_MESSAGES[code]), field="file")


def _fault(beginning: bytes, ending: str) -> str:
    if beginning.startswith(_ARCHIVES):
        return "not_as_named" if ending in _TEXT_ENDINGS else ""
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ""
    if beginning.startswith(_OTHERS):
        return "binary_file"
    if b"\0" in beginning:
        return "broken_workbook" if ending == ".xlsx" else "binary_file"
    return "web_page" if beginning.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<") else ""
