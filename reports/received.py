"""Reading mail that others have written: whatever it is, something comes of it, and nothing is fetched or run.

The standard library parses (``email`` with its modern policy); what its headers cannot be asked for is read as it stands.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header
from email.message import EmailMessage as Parsed
from email.parser import BytesParser
from email.policy import EmailPolicy
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import islice
from mimetypes import guess_extension
from typing import Any, cast

from reports.markup import clean_received_html
from tenants.text import nfc

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, MessageError, RecursionError)
"""What the library raises for headers and parts that it was not made for."""
LARGEST = 40 * 1024 * 1024
"""Bytes of a message that is read."""
MOST_PARTS = 300
LONGEST_CONTENT = 1_000
"""Characters of a header that tells of the content, and"""
MOST_PARAMETERS = 12
"""what stands between its semicolons."""
MOST_TOLD = 20_000_000
"""Of the different headers that tell of the content, in all parts, the squares of their lengths: so long they take to read."""
MOST_NESTED = 100
"""Parts that hold parts."""
MOST_LOOKS = 10_000_000
"""Of the library for the end of a part: at each line it looks for that of every part it is in."""
LONGEST_PARSED = 4_000
"""Characters of a header that are read: how long the library takes grows with the square."""
LONGEST_TEXT = 1_000_000
LONGEST_HEADER = 2_000
LONGEST_ID = 500
MOST_REFERENCES = 100
YEARS = range(1900, 3000)
"""Of a date that is one: at the ends of the calendar no clock can be shown."""
NO_CHARSETS = {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"}
"""Codecs of Python's that no mail is written in: they take very long, or make of a text what is none."""


@dataclass(frozen=True)
class Attached:
    """A file of a message; ``size`` in bytes. Of a message inside the message it is that message."""

    name: str
    media_type: str
    size: int
    content: bytes = field(repr=False)
    content_id: str = ""
    """By which the HTML may show it (RFC 2392), without the brackets; empty where it has none."""


@dataclass(frozen=True)
class Received:
    """A message as people read it. ``html`` fetches nothing; ``images_left_out`` counts the pictures that it would have.

    Of pictures it names only those of its own files, as ``cid:`` and their ``content_id``.
    """

    media_type: str
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    subject: str
    sender: str
    to: str
    cc: str
    date: datetime | None
    text: str
    html: str
    images_left_out: int
    attachments: tuple[Attached, ...]

    @property
    def thread(self) -> str:
        """The Message-ID that its conversation began with, as far as its headers tell (RFC 5322, 3.6.4)."""
        return self.references[0] if self.references else self.in_reply_to or self.message_id


class BoundedPolicy(EmailPolicy):
    """Headers are taken apart up to a length: the library takes time by its square, and a stack by what is in brackets."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """Return a header as the library reads it, or as it stands where that goes too deep."""
        value = value[:LONGEST_PARSED]
        try:
            if name.lower().startswith("content-"):
                return _told_of_content(name, value[:LONGEST_CONTENT])
            return super().header_fetch_parse(name, value)
        except RecursionError:
            return value


@lru_cache(maxsize=1_000)
def _told_of_content(name: str, value: str) -> Any:
    """Return a header that tells of the content, which the library asks for again and again; without remarks in brackets."""
    bare = "".join(one if one.startswith('"') else re.sub(r"[()]", " ", one) for one in _QUOTED.split(value))
    return EmailPolicy.header_fetch_parse(POLICY, name, ";".join(bare.split(";")[:MOST_PARAMETERS]))


_QUOTED = re.compile(r'("[^"]*")')
POLICY: Any = BoundedPolicy(refold_source="none")
"""Messages inside messages are kept as they came: folding their headers anew would read them without bounds."""
_BOUNDARY = re.compile(rb"boundary[*0-9]*\s*=", re.IGNORECASE)
_CONTENT = re.compile(rb"(?<![^\r\n])content-[^\r\n]*(?:(?:\r\n|\r|\n)[ \t][^\r\n]*)*", re.IGNORECASE)


def parsed(data: bytes) -> Parsed:
    """Return the message; never raises, for what does not parse is one part of text, as is what has parts without end."""
    data = data[:LARGEST]
    nested = sum(1 for _found in islice(_BOUNDARY.finditer(data), MOST_NESTED + 1))
    told = sum(len(one) ** 2 for one in {found[0][:LONGEST_CONTENT] for found in _CONTENT.finditer(data)})
    is_endless = nested > MOST_NESTED or told > MOST_TOLD or nested * max(map(data.count, (b"\n", b"\r"))) > MOST_LOOKS
    try:
        return _parse(data, headersonly=is_endless)
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
            content = payload(part)
            content_id = header(part, "Content-ID").strip("<> ")[:LONGEST_ID]
            attachments.append(Attached(name or _name_for(kind), kind, len(content), content, content_id))
        elif kind == "text/html":
            html.append(text_of(part))
        else:
            text.append(text_of(part))
    cleaned, images = clean_received_html("\n".join(html), files={one.content_id for one in attachments} - {""})
    return Received(
        media_type=_kind(message),
        message_id=_first_id(header(message, "Message-ID")),
        in_reply_to=_first_id(header(message, "In-Reply-To")),
        references=tuple(_ids(header(message, "References"))[:MOST_REFERENCES]),
        subject=header(message, "Subject"),
        sender=header(message, "From"),
        to=header(message, "To"),
        cc=header(message, "Cc"),
        date=_date(header(message, "Date")),
        text=nfc("\n".join(text)[:LONGEST_TEXT]),
        html=nfc(cleaned[:LONGEST_TEXT]),
        images_left_out=images,
        attachments=tuple(attachments),
    )


def _ids(words: str) -> list[str]:
    """Return the Message-IDs of a header; an odd one as it stands, as long as it has no space in it."""
    return [one[:LONGEST_ID] for one in words.split()]


def _first_id(words: str) -> str:
    return next(iter(_ids(words)), "")


def _name_for(kind: str) -> str:
    """Return what a file is called that has no name."""
    return "message.eml" if kind.startswith(("message/rfc822", "multipart/")) else f"file{guess_extension(kind) or ''}"


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
            if charset.lower().replace("-", "_") in NO_CHARSETS:
                continue
            text = data.decode(charset or "utf-8")
        except (LookupError, ValueError):
            continue
        return text.encode("utf-8", "replace").decode().replace("\x00", "")
    return data.decode("latin-1").replace("\x00", "")


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
        moment = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        return moment if moment.year in YEARS else None
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
