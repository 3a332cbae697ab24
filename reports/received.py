"""Reading mail that others have written: whatever it is, something comes of it, and nothing is fetched or run.

The standard library parses (``email`` with its modern policy); what its headers cannot be asked for is read as it stands.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.header import decode_header
from email.message import EmailMessage as Parsed
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from typing import Any, cast

from catalog.markup import clean_html

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, MessageError, RecursionError)
"""What the library raises for headers and parts that it was not made for."""
LARGEST = 40 * 1024 * 1024
"""Bytes of a message that is read."""
MOST_PARTS = 1_000
LONGEST_TEXT = 1_000_000
LONGEST_HEADER = 2_000
MOST_BOUNDARIES = 100
"""Parts that hold parts. The library compares each line with the boundaries of all that it is in."""
_BOUNDARY = re.compile(rb"(?i)boundary[*0-9]*\s*=")


class BoundedPolicy(policy.EmailPolicy):
    """Headers are taken apart up to a length: the library takes time by its square, and a stack by what is in brackets."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """Return a header as the library reads it, or as it stands where that goes too deep."""
        try:
            return super().header_fetch_parse(name, value[:LONGEST_HEADER])
        except RecursionError:
            return value[:LONGEST_HEADER]


POLICY: Any = BoundedPolicy()


@dataclass(frozen=True)
class Attached:
    """A file of a message; ``size`` in bytes."""

    name: str
    media_type: str
    size: int


@dataclass(frozen=True)
class Received:
    """A message as people read it. ``html`` is simple formatting without pictures, so that nothing is fetched."""

    message_id: str
    subject: str
    sender: str
    to: str
    date: datetime | None
    text: str
    html: str
    attachments: tuple[Attached, ...] = field(default=())


def parsed(data: bytes) -> Parsed:
    """Return the message; never raises, for what does not parse is one part of text, as is what has parts without end."""
    data = data[:LARGEST]
    try:
        return _parse(data, headersonly=len(_BOUNDARY.findall(data)) > MOST_BOUNDARIES)
    except RecursionError:  # messages inside messages without end
        return _parse(data, headersonly=True)


def _parse(data: bytes, *, headersonly: bool) -> Parsed:
    return cast("Parsed", BytesParser(policy=POLICY).parsebytes(data, headersonly=headersonly))


def read_message(data: bytes) -> Received:
    """Return what a message says; never raises."""
    message = parsed(data)
    text, html, attachments = [], [], []
    for part in parts(message):
        kind, name = _kind(part), _name(part)
        if name or _is_attachment(part) or not kind.startswith("text/"):
            attachments.append(Attached(name or "file", kind, len(payload(part))))
        elif kind == "text/html":
            html.append(clean_html(text_of(part)))
        else:
            text.append(text_of(part))
    return Received(
        message_id=header(message, "Message-ID"),
        subject=header(message, "Subject"),
        sender=header(message, "From"),
        to=header(message, "To"),
        date=_date(header(message, "Date")),
        text="\n".join(text)[:LONGEST_TEXT],
        html="\n".join(html)[:LONGEST_TEXT],
        attachments=tuple(attachments),
    )


def parts(message: Parsed) -> Iterator[Parsed]:
    """Yield the parts that hold something, messages inside messages as one part each, up to ``MOST_PARTS``."""
    waiting, seen = [message], 0
    while waiting and seen < MOST_PARTS:
        part, seen = waiting.pop(0), seen + 1
        if _kind(part).startswith("multipart/") and isinstance(part.get_payload(), list):
            waiting[:0] = cast("list[Parsed]", part.get_payload())
        else:
            yield part


def header(message: Parsed, name: str) -> str:
    """Return a header in words, on one line; empty where there is none, and as it stands where it cannot be read."""
    try:
        value = str(message.get(name, ""))
    except UNREADABLE:
        value = _raw_header(message, name)
    words = " ".join(value.encode("utf-8", "replace").decode().split())
    return "".join(letter for letter in words if letter.isprintable())[:LONGEST_HEADER]


def _raw_header(message: Parsed, name: str) -> str:
    raw = next((value for found, value in message.raw_items() if found.lower() == name.lower()), "")
    try:
        pieces = decode_header(str(raw))
        return "".join(one.decode(code or "utf-8", "replace") if isinstance(one, bytes) else one for one, code in pieces)
    except (ValueError, LookupError):
        return str(raw)


def _kind(part: Parsed) -> str:
    try:
        return str(part.get_content_type())
    except UNREADABLE:
        return "application/octet-stream"


def _name(part: Parsed) -> str:
    try:
        found = part.get_filename() or ""
    except UNREADABLE:
        found = ""
    return "".join(letter for letter in str(found).encode("utf-8", "replace").decode() if letter.isprintable())[-255:]


def _is_attachment(part: Parsed) -> bool:
    try:
        return part.get_content_disposition() == "attachment"
    except UNREADABLE:
        return False


def payload(part: Parsed) -> bytes:
    """Return the bytes of a part; of a message inside it those of that message."""
    try:
        inner: Any = part.get_payload(decode=True)
        if inner is None and part.is_multipart():
            return b"".join(one.as_bytes() for one in cast("list[Parsed]", part.get_payload()))
    except UNREADABLE:
        inner = None
    return inner if isinstance(inner, bytes) else str(inner or "").encode("utf-8", "replace")


def text_of(part: Parsed) -> str:
    """Return the text of a part, by the character set it names, else as UTF-8 or Latin-1."""
    data = payload(part)
    try:
        named = str(part.get_content_charset() or "")
    except UNREADABLE:
        named = ""
    for charset in (named, "utf-8"):
        try:
            return data.decode(charset or "utf-8").replace("\x00", "")
        except (LookupError, ValueError):
            continue
    return data.decode("latin-1").replace("\x00", "")


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
