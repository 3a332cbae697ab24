"""Text and Markdown: decoded without guessing, headings and tables understood, in time linear in the text."""

import codecs
import re
from collections.abc import Callable, Iterator, Sequence

from bots.reading.blocks import Block, Heading, Paragraph, table_rows
from bots.reading.problems import UnreadableDocument

_EMPTY_LINE = re.compile(r"\n[ \t\r]*\n")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])[ \t]+(.*)")
_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$")
_CELL_END = re.compile(r"(?<!\\)\|")
# Bounded, so that each is linear in the text whatever stands in it.
_LINK = re.compile(r"!?\[([^\[\]\n]{0,500})\]\([^()\n]{0,1000}\)")
_STRONG = re.compile(r"(\*\*|__|~~|`)(?=\S)(.{1,200}?)(?<=\S)\1")
_STARS = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]{1,200}?)(?<=\S)\*(?![\w*])")
_SCRIPT = re.compile(r"<(script|style)\b.*?(</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)  # unclosed it is read once, too
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,300}>|<!--.{0,300}?-->")


def decode(data: bytes) -> str:
    """Return the text of bytes: UTF-8, or UTF-16 with a byte order mark. Raises ``UnreadableDocument`` (``not_text``)."""
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableDocument("not_text") from None


def read_text(text: str) -> Iterator[Block]:
    """Yield the paragraphs of plain text: an empty line stands between two."""
    for paragraph in _EMPTY_LINE.split(text):
        yield Paragraph(paragraph)


def read_markdown(text: str) -> Iterator[Block]:
    """Yield headings, paragraphs, items and rows of Markdown; what is only look, such as ``**``, is left out."""
    lines = text.replace("\r\n", "\n").split("\n")
    paragraph: list[str] = []
    place = 0
    while place < len(lines):
        if paragraph and (underline := _UNDERLINE.match(lines[place])):
            yield Heading(1 if "=" in underline[1] else 2, plain(" ".join(paragraph)))
            paragraph, place = [], place + 1
        elif found := _structure(lines, place):
            yield from _joined(paragraph)
            yield from found[1]
            paragraph, place = [], place + found[0]
        else:
            paragraph.append(lines[place].strip().lstrip("> "))
            place += 1
    yield from _joined(paragraph)


def plain(text: str) -> str:
    """Return the words of a line of Markdown: without emphasis, tags, scripts and addresses of links."""
    text = _SCRIPT.sub(lambda found: "" if found[2] else found[0], text)
    for pattern, put in ((_TAG, ""), (_LINK, r"\1"), (_STRONG, r"\2"), (_STARS, r"\1")):
        text = pattern.sub(put, text)
    return text


def _joined(paragraph: list[str]) -> Iterator[Block]:
    if paragraph:
        yield Paragraph(plain(" ".join(paragraph)))


def _structure(lines: Sequence[str], place: int) -> tuple[int, list[Block]] | None:
    """Return what begins at a line other than a paragraph, behind the number of its lines; None for a paragraph."""
    if not lines[place].strip() or _RULE.match(lines[place]):
        return 1, []
    return next((found for read in _STRUCTURES if (found := read(lines, place))), None)


def _heading(lines: Sequence[str], place: int) -> tuple[int, list[Block]] | None:
    found = _HEADING.match(lines[place])
    return (1, [Heading(len(found[1]), plain(found[2]))]) if found else None


def _code(lines: Sequence[str], place: int) -> tuple[int, list[Block]] | None:
    fence = _FENCE.match(lines[place])
    if not fence:
        return None
    end = next((n for n in range(place + 1, len(lines)) if lines[n].strip().startswith(fence[1])), len(lines))
    return end + 1 - place, [Paragraph("\n".join(lines[place + 1 : end]))]


def _table(lines: Sequence[str], place: int) -> tuple[int, list[Block]] | None:
    under = lines[place + 1].strip() if place + 1 < len(lines) else ""
    if "|" not in lines[place] or "|" not in under or "-" not in under or not set(under) <= set("|:- \t"):
        return None
    end = place + 2
    while end < len(lines) and "|" in lines[end]:
        end += 1
    rows = [lines[place], *lines[place + 2 : end]]
    return end - place, list(table_rows(_cells(row) for row in rows))


def _cells(row: str) -> list[str]:
    cells = _CELL_END.split(row.strip().strip("|"))
    return [plain(cell.replace("\\|", "|")).strip() for cell in cells]


def _item(lines: Sequence[str], place: int) -> tuple[int, list[Block]] | None:
    """An item of a list with the lines that are set in under it."""
    found = _ITEM.match(lines[place])
    if not found:
        return None
    end = place + 1
    while end < len(lines) and lines[end].startswith(("  ", "\t")) and lines[end].strip() and not _ITEM.match(lines[end]):
        end += 1
    text = " ".join([found[1], *(line.strip() for line in lines[place + 1 : end])])
    mark = lines[place].split(maxsplit=1)[0]
    return end - place, [Paragraph(f"{mark if mark[0].isdigit() else '-'} {plain(text)}", is_line=True)]


_STRUCTURES: tuple[Callable[[Sequence[str], int], tuple[int, list[Block]] | None], ...] = (_heading, _code, _table, _item)
