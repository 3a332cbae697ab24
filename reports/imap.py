"""Speaking IMAP (RFC 9051, and RFC 3501 before it) as far as mirroring folders needs, over a connection that was checked.

Nothing is ever changed on the server: folders are examined, and messages peeked at. What a server may say to each command is
bounded, whatever it announces. Paths of folders stay as the server writes them; their names are read from modified UTF-7.
"""

import imaplib
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from vault.mail_servers import ImapServer

UIDS_AT_ONCE = 10_000
"""UIDs that are asked about in one command: an answer of one line, of some 100 KB."""
MOST_LISTED = 4 * 1024 * 1024
"""Bytes of an answer that lists folders, numbers or flags: of ours none is a quarter of it; each line is kept apart."""
LARGEST_UID = 2**32 - 1
"""RFC 9051, 2.3.1.1."""
YEARS = range(1970, 3000)
MOST_FOLDERS = 2_000
LONGEST_PATH = 500
HEADERS = 256 * 1024
"""Bytes of headers that are taken."""
SLACK = 64 * 1024
"""Bytes that a server may say around what it was asked for."""

USES = {"sent", "drafts", "archive", "junk", "trash", "all", "flagged"}
"""Attributes of RFC 6154 that tell what a folder is for."""
USUAL_NAMES = {
    **dict.fromkeys(("sent", "sent items", "sent mail", "sent messages"), "sent"),
    **dict.fromkeys(("trash", "deleted items", "deleted messages", "bin"), "trash"),
    **dict.fromkeys(("junk", "spam", "junk e-mail", "junk mail", "bulk mail"), "junk"),
    **dict.fromkeys(("drafts", "draft"), "drafts"),
    **dict.fromkeys(("archive", "archives"), "archive"),
}
"""What folders are called where a server does not tell their use."""

_LISTED = re.compile(rb'\((?P<attributes>[^)]*)\) (?:"(?P<delimiter>\\?.)"|NIL) (?P<name>.*)', re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(rb"([A-Z]+) (\d+)")
_BASE64 = re.compile(r"&([A-Za-z0-9+,]*)-")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Refused(Exception):
    """The server does not do what was asked; the connection goes on."""


class Lost(Exception):
    """The connection is of no use any more; ``kind`` is ``timeout`` or ``broken``."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Vanished(Exception):
    """The message is not there any more."""


@dataclass(frozen=True)
class Listed:
    """A folder as the server lists it."""

    path: str
    names: tuple[str, ...]
    delimiter: str
    special_use: str
    is_selectable: bool

    @property
    def parent_path(self) -> str:
        """The path of the folder that it lies in; empty at the top."""
        return self.path.rpartition(self.delimiter)[0] if self.delimiter else ""


@dataclass(frozen=True)
class Head:
    """What is asked of a message before the message itself; ``size`` in bytes."""

    uid: int
    size: int
    flags: tuple[str, ...]
    received_at: datetime | None


class Imap:
    """A logged-in connection."""

    def __init__(self, server: ImapServer) -> None:
        self.server = server
        found = self._ask(server.capability)
        self.has_condstore = b"CONDSTORE" in b" ".join(found).upper().split()

    def folders(self) -> list[Listed]:
        """Return every folder that has a sensible name."""
        found = self._ask(self.server.list, most=MOST_LISTED)
        listed = [_listed(*one) if isinstance(one, tuple) else _listed(one) for one in found if one]
        return [one for one in listed if one is not None][:MOST_FOLDERS]

    def status(self, path: str) -> dict[str, int]:
        """Return what the server tells of a folder: MESSAGES, UNSEEN, UIDNEXT, UIDVALIDITY, and HIGHESTMODSEQ if it counts so."""
        wanted = "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY" + (" HIGHESTMODSEQ)" if self.has_condstore else ")")
        found = self._ask(self.server.status, _quoted(path), wanted)[0]
        said = b" ".join(found) if isinstance(found, tuple) else bytes(found or b"")
        numbers = {name.decode(): int(value) for name, value in _NUMBER.findall(said.rpartition(b"(")[2])}
        if not numbers.keys() >= {"MESSAGES", "UNSEEN", "UIDNEXT", "UIDVALIDITY"}:
            raise Refused
        if max(numbers["MESSAGES"], numbers["UNSEEN"]) >= 2**31 or max(numbers.values()) >= 2**63:
            raise Refused
        if numbers["UIDNEXT"] > LARGEST_UID + 1:
            raise Refused
        return {name: value for name, value in numbers.items() if value or name != "HIGHESTMODSEQ"}

    def examine(self, path: str) -> int:
        """Open a folder to look at it; returns its UIDVALIDITY."""
        self._ask(self.server.select, _quoted(path), True)
        _kind, found = self.server.response("UIDVALIDITY")
        if not found or not found[-1] or not found[-1].isdigit():
            raise Refused
        return int(found[-1])

    def uids(self, first: int, last: int, *, since: date | None = None) -> list[int]:
        """Return the UIDs from ``first`` to ``last`` that are there, ascending; of messages received ``since`` then."""
        criteria = [
            f"UID {first}:{last}",
            *([f"SINCE {since.day}-{_MONTHS[since.month - 1]}-{since.year}"] if since else []),
        ]
        found = self._ask(self.server.uid, "SEARCH", *criteria, most=MOST_LISTED)
        numbers = [int(one) for line in found if line for one in line.split() if one.isdigit()]
        return sorted({uid for uid in numbers if first <= uid <= last})

    def heads(self, uids: list[int]) -> list[Head]:
        """Return size, flags and time of the messages that are still there, ascending."""
        found = self._fetch(",".join(map(str, uids)), "(UID FLAGS INTERNALDATE RFC822.SIZE)", most=MOST_LISTED)
        heads = {head.uid: head for said, _data in found if (head := _head(said)) is not None}
        return [heads[uid] for uid in uids if uid in heads]

    def flags(self, first: int, last: int, *, changed_since: int | None = None) -> dict[int, tuple[str, ...]]:
        """Return the flags of messages by UID; with ``changed_since`` only of what changed after it (RFC 7162, 3.1.4.1)."""
        only = (f"(CHANGEDSINCE {changed_since})",) if changed_since else ()
        found = self._fetch(f"{first}:{last}", "(UID FLAGS)", *only, most=MOST_LISTED)
        heads = (_head(said) for said, _data in found)
        return {head.uid: head.flags for head in heads if head is not None and first <= head.uid <= last}

    def message(self, uid: int, *, size: int) -> bytes:
        """Return a whole message of ``size`` bytes; raises ``Vanished``."""
        return self._section(uid, "BODY.PEEK[]", most=size)

    def headers(self, uid: int) -> bytes:
        """Return the headers of a message; raises ``Vanished``."""
        return self._section(uid, "BODY.PEEK[HEADER]", most=HEADERS)

    def _section(self, uid: int, section: str, *, most: int) -> bytes:
        for said, data in self._fetch(str(uid), f"(UID {section})", most=most + SLACK):
            head = _head(said)
            if head is not None and head.uid == uid and data is not None:
                return data
        raise Vanished

    def _fetch(self, uids: str, *what: str, most: int) -> Iterator[tuple[bytes, bytes | None]]:
        return _items(self._ask(self.server.uid, "FETCH", uids, *what, most=most))

    def _ask(self, command: Callable[..., tuple[str, list[Any]]], *arguments: Any, most: int = SLACK) -> list[Any]:
        """Return what a command brings, of ``most`` bytes; raises ``Refused``, ``Lost`` and ``OutboundError``."""
        self.server.listen_again(most)
        try:
            kind, found = command(*arguments)
        except (imaplib.IMAP4.abort, OSError) as error:
            raise Lost("timeout" if isinstance(error, TimeoutError) else "broken") from None
        except imaplib.IMAP4.error:
            raise Refused from None
        if kind != "OK":
            raise Refused
        return found


def _items(found: list[Any]) -> Iterator[tuple[bytes, bytes | None]]:
    """Yield each message of a FETCH: what was said of it, and the one literal that came with it."""
    said, literal = b"", None
    for piece in found:
        if isinstance(piece, tuple):
            said, literal = said + piece[0] + b" ", bytes(piece[1])
            continue
        said += piece or b""
        if said:
            yield said, literal
        said, literal = b"", None


def _head(said: bytes) -> Head | None:
    """Return what is said of a message; None for what tells no UID."""
    uid, size = re.search(rb"\bUID (\d{1,10})\b", said), re.search(rb"RFC822\.SIZE (\d{1,12})\b", said)
    if uid is None:
        return None
    flags = re.search(rb"FLAGS \(([^)]*)\)", said)
    words = flags[1].decode("utf-8", "replace").replace("\x00", "").split() if flags else []
    return Head(int(uid[1]), int(size[1]) if size else 0, tuple(sorted(words))[:100], _internal_date(said))


def _internal_date(said: bytes) -> datetime | None:
    found = re.search(rb'INTERNALDATE "\s?(\d{1,2}-\w{3}-\d{4} \d\d:\d\d:\d\d [+-]\d{4})"', said)
    try:
        moment = datetime.strptime(found[1].decode(), "%d-%b-%Y %H:%M:%S %z") if found else None
    except ValueError:
        return None
    return moment if moment and moment.year in YEARS else None


def _listed(line: bytes, literal: bytes | None = None) -> Listed | None:
    """Return a line of LIST; None for a name that is none, such as one with control characters."""
    found = _LISTED.match(line)
    if found is None:
        return None
    path = (literal if literal is not None else _unquoted(found["name"])).decode("latin-1")
    if not path or len(path) > LONGEST_PATH or any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        return None
    attributes = {word.lstrip("\\").lower() for word in found["attributes"].decode("ascii", "replace").split()}
    delimiter = (found["delimiter"] or b"").decode("latin-1")[-1:]
    names = tuple(folder_name(part) for part in (path.split(delimiter) if delimiter else [path]))
    return Listed(path, names, delimiter, _use(path, names, attributes), not attributes & {"noselect", "nonexistent"})


def _use(path: str, names: tuple[str, ...], attributes: set[str]) -> str:
    if path.upper() == "INBOX":
        return "inbox"
    told = sorted(attributes & USES)
    return told[0] if told else USUAL_NAMES.get(names[-1].casefold(), "")


def _unquoted(text: bytes) -> bytes:
    quoted = len(text) >= 2 and text[:1] == text[-1:] == b'"'
    return re.sub(rb"\\(.)", rb"\1", text[1:-1]) if quoted else text


def _quoted(path: str) -> Any:
    return b'"' + path.replace("\\", "\\\\").replace('"', '\\"').encode("latin-1") + b'"'


def folder_name(text: str) -> str:
    """Return a name of modified UTF-7 (RFC 3501, 5.1.3) as people read it; what is none stays as it stands."""

    def letters(found: re.Match[str]) -> str:
        if not found[1]:
            return "&"
        try:
            padded = found[1].replace(",", "/") + "=" * (-len(found[1]) % 4)
            decoded = b64decode(padded, validate=True).decode("utf-16-be")
            return "".join(letter for letter in decoded if letter.isprintable())
        except ValueError:
            return found[0]

    return _BASE64.sub(letters, text)
