"""Blocks as chunks: each under its headings, of a size a bot can answer with, never across a heading."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bots.reading import limits
from bots.reading.blocks import Block, Heading, Paragraph, clean
from bots.reading.problems import UnreadableDocument

SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"”’)\]]*\s+|\n")
"""Between two sentences, in Vietnamese as in English; a line break ends one, too."""


class Chunk(NamedTuple):
    """A piece of a document: the headings it stands under, outermost first, and its text."""

    heading_path: tuple[str, ...]
    text: str

    @property
    def content_hash(self) -> bytes:
        """SHA-256 of headings and text."""
        return hashlib.sha256("\x1f".join([*self.heading_path, self.text]).encode()).digest()


def cut(blocks: Iterable[Block]) -> list[Chunk]:
    """Return the chunks of a document; raises ``UnreadableDocument`` (``empty``, ``too_long``)."""
    made: list[Chunk] = []
    characters = 0
    for chunk in _cut(blocks):
        made.append(chunk)
        characters += len(chunk.text)
        if len(made) > limits.MAX_CHUNKS or characters > limits.MAX_CHARACTERS:
            raise UnreadableDocument("too_long")
    if not made:
        raise UnreadableDocument("empty")
    return made


def _cut(blocks: Iterable[Block]) -> Iterator[Chunk]:
    path: list[Heading] = []
    gathered = _Gathered()
    for block in blocks:
        if isinstance(block, Heading):
            yield from gathered.given_out(path)
            path = _below(path, block)
            continue
        for text in _pieces(clean(block.text)):
            if gathered.would_overflow(text):
                yield from gathered.given_out(path)
            gathered.add(Paragraph(text, block.is_line))
    yield from gathered.given_out(path)


def _below(path: list[Heading], heading: Heading) -> list[Heading]:
    """Return the headings that stand above what follows ``heading``."""
    text = " ".join(clean(heading.text).split())[: limits.MAX_HEADING_CHARACTERS]
    above = [one for one in path if one.level < heading.level]
    return [*above, Heading(heading.level, text)][-limits.MAX_HEADINGS :] if text else above


class _Gathered:
    """The paragraphs of the chunk that is being filled."""

    def __init__(self) -> None:
        self._text = ""

    def would_overflow(self, text: str) -> bool:
        return bool(self._text) and len(self._text) + len(text) > limits.TARGET_CHARACTERS

    def add(self, paragraph: Paragraph) -> None:
        between = ("\n" if paragraph.is_line else "\n\n") if self._text else ""
        self._text += between + paragraph.text

    def given_out(self, path: list[Heading]) -> Iterator[Chunk]:
        if self._text:
            yield Chunk(tuple(heading.text for heading in path), self._text)
        self._text = ""


def _pieces(text: str) -> Iterator[str]:
    """Yield a paragraph whole, or cut at the ends of its sentences when it is too long."""
    if len(text) <= limits.MOST_CHARACTERS:
        if text:
            yield text
        return
    piece = ""
    for part in _short(sentences(text)):
        if piece and len(piece) + len(part) > limits.TARGET_CHARACTERS:
            yield piece.strip()
            piece = ""
        piece += part
    if piece.strip():
        yield piece.strip()


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text with what stands between them: joined, they are the text."""
    start = 0
    for end in SENTENCE_END.finditer(text):
        yield text[start : end.end()]
        start = end.end()
    if start < len(text):
        yield text[start:]


def _short(parts: Iterable[str]) -> Iterator[str]:
    """Cut what is no sentence, such as a long list of names, at a space; what has no space anywhere."""
    for part in parts:
        while len(part) > limits.MOST_CHARACTERS:
            space = part.rfind(" ", limits.TARGET_CHARACTERS // 2, limits.TARGET_CHARACTERS)
            end = space + 1 if space > 0 else limits.TARGET_CHARACTERS
            yield part[:end]
            part = part[end:]
        yield part
