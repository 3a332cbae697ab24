"""Reads JSON the strict way: what two readers could understand differently is refused."""

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from tenants.errors import TooLarge

MAX_DEPTH = 64


class StrictJSONParser(BaseParser):
    """``application/json`` in UTF-8 only; refuses duplicate keys, NaN, numbers beyond a float, deep nesting, NUL."""

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the value; raises ``TooLarge`` above ``DATA_UPLOAD_MAX_MEMORY_SIZE`` and ``ParseError``."""
        return parse_json(read_limited(stream))


def read_limited(stream: IO[bytes]) -> bytes:
    """Return the body; raises ``TooLarge`` (413) above ``DATA_UPLOAD_MAX_MEMORY_SIZE`` bytes."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise TooLarge("too_large", _("The body is larger than %(limit)s bytes.") % {"limit": limit})
    return data


def parse_json(data: bytes) -> Any:
    """Return the value of strict JSON; raises ``ParseError`` (400)."""
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_finite
        )
    except UnicodeDecodeError as error:
        raise ParseError(_("The body is not UTF-8.")) from error
    except RecursionError as error:
        raise ParseError(_("The body is nested too deeply.")) from error
    except ValueError as error:
        raise ParseError(_("The body is not valid JSON: %(reason)s") % {"reason": error}) from error
    _check(value, text_may_be_odd=b"\\u" in data)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key occurs twice")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number


def _check(value: Any, *, text_may_be_odd: bool) -> None:
    """Refuse depth beyond ``MAX_DEPTH`` and, in escapes, NUL and lone surrogates. Level by level: no recursion."""
    level, depth = [value], 0
    while level:
        if text_may_be_odd:
            _check_texts(level)
        containers = [one for one in level if isinstance(one, (dict, list))]
        depth += 1
        if containers and depth > MAX_DEPTH:
            raise ParseError(_("The body is nested too deeply."))
        level = [inner for one in containers for inner in _inside(one)]


def _inside(value: dict[str, Any] | list[Any]) -> list[Any]:
    return [*value, *value.values()] if isinstance(value, dict) else value


def _check_texts(values: list[Any]) -> None:
    for text in values:
        if isinstance(text, str) and ("\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text)):
            raise ParseError(_("The body contains characters that are no text."))
