"""HTML: what a reader of the page would read, without menus, scripts and forms."""

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree, html

from bots.reading.blocks import Block, Heading, Paragraph, table_rows
from bots.reading.plain_text import decode
from bots.reading.problems import UnreadableDocument

_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([a-zA-Z0-9_-]{1,40})""", re.IGNORECASE)
_LEFT_OUT = frozenset(
    {
        *("script", "style", "noscript", "template", "svg", "math", "iframe", "object", "canvas", "head", "select"),
        *("nav", "header", "footer", "aside", "form", "button", "dialog"),
    }
)
_INLINE = frozenset(
    {
        *("a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "label"),
        *("mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
    }
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LINE_END = "\0"
"""Stands for ``<br>``: an end of a line in the source is a space."""
_LONGEST_CELL = 1_000
"""Characters: a table with longer cells arranges the page, and is read as text."""


def read_html(data: bytes, charset: str = "") -> Iterator[Block]:
    """Yield headings, paragraphs, items and rows of a page; ``charset`` is what the server said, if anything.

    Nothing is fetched and no entity of the page's own is expanded. Raises ``UnreadableDocument`` (``not_text``, ``empty``).
    """
    text = _text(data, charset)
    # libxml2 cuts what is nested deeper than 256; it is asked for no network and no document type.
    parser = html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=False)
    try:
        root = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        raise UnreadableDocument("empty") from None
    yield from _Page().blocks(_main_part(root))


def _text(data: bytes, charset: str) -> str:
    """The page in the encoding that the server or its first bytes name, else as any text."""
    named = charset or (found[1].decode() if (found := _CHARSET.search(data[:2048])) else "")
    try:
        return data.decode(named) if named else decode(data)
    except (LookupError, UnicodeDecodeError):
        return decode(data)


def _main_part(root: Any) -> Any:
    """The part of the page that is its own, if the page says which."""
    mains = root.xpath("//main | //*[@role='main']") or root.xpath("//article")
    return mains[0] if len(mains) == 1 else root


class _Page:
    """Gathers inline text until a block begins or ends."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._item = ""

    def blocks(self, root: Any) -> Iterator[Block]:
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag if isinstance(element.tag, str) else ""
            if event == "start":
                yield from self._start(walk, element, tag, is_root=element is root)
            else:
                yield from self._end(element, tag)
        yield from self._given_out()

    def _start(self, walk: Any, element: Any, tag: str, *, is_root: bool) -> Iterator[Block]:
        if tag not in _INLINE and tag != "br":
            yield from self._given_out()
        if (tag in _LEFT_OUT and not is_root) or tag in _HEADINGS or (tag == "table" and _is_data(element)):
            walk.skip_subtree()
        if tag in _HEADINGS:
            yield Heading(_HEADINGS[tag], _words_of(element))
        elif tag == "table" and _is_data(element):
            yield from table_rows(_row(row) for row in element.iter("tr"))
        elif tag not in _LEFT_OUT or is_root:
            self._item = "- " if tag == "li" else self._item
            self._words.append(_LINE_END if tag == "br" else element.text or "")

    def _end(self, element: Any, tag: str) -> Iterator[Block]:
        if tag not in _INLINE and tag != "br":
            yield from self._given_out()
        self._words.append(element.tail or "")

    def _given_out(self) -> Iterator[Block]:
        lines = (" ".join(line.split()) for line in "".join(self._words).split(_LINE_END))
        text = "\n".join(filter(None, lines))
        self._words.clear()
        if text:
            yield Paragraph(self._item + text, is_line=bool(self._item))
            self._item = ""


def _words_of(element: Any) -> str:
    """Return the words that a reader sees of a heading or a cell: not those of a script in it."""
    words = []
    walk = etree.iterwalk(element, events=("start", "end", "comment"))
    for event, one in walk:
        if event == "start" and one.tag in _LEFT_OUT:
            walk.skip_subtree()
        elif event == "start":
            words.append(one.text or "")
        elif one is not element:
            words.append(one.tail or "")
    return " ".join("".join(words).split())


def _row(row: Any) -> list[str]:
    return [_words_of(cell) for cell in row if cell.tag in ("td", "th")]


def _is_data(table: Any) -> bool:
    """Whether a table holds data, and does not arrange the page."""
    if table.find(".//table") is not None:
        return False
    return all(len(_words_of(cell)) <= _LONGEST_CELL for cell in table.iter("td", "th"))
