"""Reads JSON the strict way: what two readers could understand differently is refused."""

import json
from collections.abc import Iterable, Mapping
from typing import IO, Any, ClassVar, NoReturn

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, MultiPartParser

from tenants.errors import TooLarge

MAX_DEPTH = 64
MAX_CONTAINERS = 100_000
"""Objects and arrays in one body: two megabytes of ``[],[],…`` would keep a worker busy for seconds."""


FORM_BYTES = 64 * 1024
"""What a form may take beside its file."""


class UploadParser(MultiPartParser):
    """A form with one file of at most ``most_bytes``; what is too large is refused before it is read."""

    most_bytes: ClassVar[int]

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the form's fields and files; raises ``TooLarge``."""
        meta = parser_context["request"].META if parser_context else {}
        if int(meta.get("CONTENT_LENGTH") or 0) > self.most_bytes + FORM_BYTES:
            message = _("The file is larger than %(limit)s bytes.") % {"limit": self.most_bytes}
            raise TooLarge("too_large", message, field="file")
        return super().parse(stream, media_type, parser_context)


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
    if data.count(b"[") + data.count(b"{") > MAX_CONTAINERS:
        raise ParseError(_("The body has too many parts."))
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
    level, depth = [[value]], 0
    while level:
        if depth > MAX_DEPTH:
            raise ParseError(_("The body is nested too deeply."))
        inner: list[Any] = []
        for container in level:
            values = container.values() if isinstance(container, dict) else container
            inner.extend([one for one in values if type(one) in (dict, list)])
            if text_may_be_odd:
                _check_texts(values)
                _check_texts(container if isinstance(container, dict) else ())
        level, depth = inner, depth + 1


def _check_texts(values: Iterable[Any]) -> None:
    for text in values:
        if isinstance(text, str) and ("\x00" in text or not _is_text(text)):
            raise ParseError(_("The body contains characters that are no text."))


def _is_text(text: str) -> bool:
    """Whether the string can be written as UTF-8: it holds no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
