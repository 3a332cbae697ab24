"""A JSON file as a stream of objects: a list of them, or one after another (JSON Lines). Only one is held at a time."""

import codecs
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO

from catalog.imports import limits
from catalog.imports.numbers import plain
from catalog.imports.problems import UnreadableFile

_CHUNK_BYTES = 256 * 1024
_BETWEEN = " \t\r\n,"


def refuse_constant(name: str) -> None:
    """Python would read NaN and Infinity, which are no JSON; raises `ValueError`."""
    raise ValueError(f"{name} is no number")


class WrittenNumber(str):
    """A number of the file as text, with as many digits as it is written with: the columns are to judge it."""

    __slots__ = ()


def with_numbers(value: Any) -> Any:
    """Return what an attribute that is JSON itself holds: its numbers are numbers again."""
    match value:
        case WrittenNumber():
            return json.loads(value)
        case list():
            return [with_numbers(one) for one in value]
        case dict():
            return {key: with_numbers(one) for key, one in value.items()}
    return value


_DECODER = json.JSONDecoder(
    parse_constant=refuse_constant, parse_float=lambda text: WrittenNumber(plain(text)), parse_int=WrittenNumber
)


def read_objects(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Every object of the file; numbers in them are text. Raises `UnreadableFile` naming the object, from 1."""
    texts = _texts(stream)
    text = next(texts, "").lstrip()
    text = text.removeprefix("[")
    number = 1
    while True:
        text = text.lstrip(_BETWEEN)
        while not text and (more := next(texts, None)) is not None:
            text = more.lstrip(_BETWEEN)
        if not text or text[0] == "]":
            return
        value, text = _decoded(text, texts, number)
        if not isinstance(value, dict):
            raise UnreadableFile("malformed_json", row=number, reason=type(value).__name__)
        yield value
        number += 1


def _decoded(text: str, texts: Iterator[str], number: int) -> tuple[Any, str]:
    """The value at the beginning of `text`, which is read on until it is whole, and what is behind it."""
    while True:
        try:
            value, end = _DECODER.raw_decode(text)
            return value, text[end:]
        except RecursionError:
            raise UnreadableFile("malformed_json", row=number, reason="nesting") from None
        except ValueError as error:
            # Twice as much each time: an object is gone through a few times only, however long it is.
            more = "".join(islice(texts, 1 + len(text) // _CHUNK_BYTES))
            if not more:
                raise UnreadableFile("malformed_json", row=number, reason=str(error)[:200]) from None
            if len(text) > limits.MAX_RECORD_CHARACTERS:
                raise UnreadableFile("record_too_long", row=number, limit=limits.MAX_RECORD_CHARACTERS) from None
            text += more


def _texts(stream: BinaryIO) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            yield decoder.decode(chunk)
        yield decoder.decode(b"", True)
    except UnicodeDecodeError:
        raise UnreadableFile("not_utf8") from None
