"""An IMAP server on loopback (RFC 3501 with SPECIAL-USE, CONDSTORE and STARTTLS) that goes wrong where it is told to."""

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Thread

DROP, STALL, CUT, GARBAGE, LIE = "drop", "stall", "cut", "garbage", "lie"
"""Instead of an answer: close the connection; say nothing for ``stall`` seconds; close it in the middle of a literal; say what
is no IMAP; announce and send a literal of more than was asked for."""


@dataclass
class Message:
    """A message in a folder; ``modseq`` counts its changes."""

    uid: int
    data: bytes
    flags: set[str] = field(default_factory=set)
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    modseq: int = 1


@dataclass
class Folder:
    """A folder, its path as it stands on the wire."""

    path: str = "INBOX"
    attributes: str = "\\HasNoChildren"
    validity: int = 1
    uid_next: int = 1
    modseq: int = 1
    messages: dict[int, Message] = field(default_factory=dict)

    def add(self, data: bytes, *flags: str, **values: datetime) -> int:
        """Put a message into it; returns its UID."""
        self.modseq += 1
        uid, self.uid_next = self.uid_next, self.uid_next + 1
        self.messages[uid] = Message(uid, data, set(flags), modseq=self.modseq, **values)
        return uid

    def mark(self, uid: int, *flags: str) -> None:
        """Set the flags of a message."""
        self.modseq += 1
        self.messages[uid].flags, self.messages[uid].modseq = set(flags), self.modseq

    def expunge(self, uid: int) -> None:
        """Take a message away."""
        self.modseq += 1
        del self.messages[uid]

    def number_anew(self) -> None:
        """Give every message another UID."""
        old, self.messages, self.uid_next = list(self.messages.values()), {}, 1
        self.validity += 1
        for message in old:
            self.add(message.data, *message.flags, received_at=message.received_at)


@dataclass
class ImapSink:
    """The account. ``script(command, uids)`` names a fault, such as ``DROP``, or nothing; ``asked`` keeps every command."""

    user: str = "anh"
    password: str = "right"
    folders: dict[str, Folder] = field(default_factory=lambda: {"INBOX": Folder()})
    capabilities: str = "IMAP4rev1 SPECIAL-USE CONDSTORE"
    security: str = "none"
    tls: ssl.SSLContext | None = None
    port: int = 0
    stall: float = 1.0
    connections: int = 0
    asked: list[str] = field(default_factory=list)
    script: Callable[[str, str], str | None] = lambda command, uids: None

    @property
    def inbox(self) -> Folder:
        """Its inbox."""
        return self.folders["INBOX"]

    def add_folder(self, path: str, attributes: str = "\\HasNoChildren") -> Folder:
        """Make a folder."""
        self.folders[path] = Folder(path, attributes)
        return self.folders[path]

    def secret(self, **values: str) -> dict[str, object]:
        """What a credential holds to log in here."""
        about = {"host": "127.0.0.1", "port": self.port, "security": self.security}
        return {"username": self.user, "password": self.password, **about, **values}


class _Talk:
    """One connection."""

    def __init__(self, stream: socket.socket, sink: ImapSink) -> None:
        self.sink, self.stream, self.file = sink, stream, stream.makefile("rb")
        self.secure = sink.security == "tls"
        self.folder: Folder | None = None

    def say(self, text: str | bytes) -> None:
        self.stream.sendall((text.encode("latin-1") if isinstance(text, str) else text) + b"\r\n")

    def run(self) -> None:
        self.say("* OK mail.example ready")
        while line := self.file.readline().decode("latin-1").rstrip("\r\n"):
            tag, _space, rest = line.partition(" ")
            word, _space, rest = rest.partition(" ")
            if word.upper() == "UID":
                word, _space, rest = rest.partition(" ")
            self.sink.asked.append(f"{word} {rest}".strip())
            if self.goes_wrong(word.upper(), rest.partition(" ")[0]):
                return
            if word.upper() == "LOGOUT":
                self.say(f"* BYE\r\n{tag} OK bye")
                return
            answer = getattr(self, f"do_{word.lower()}", None)
            said = answer(rest) if answer else "BAD no such command"
            self.say(f"{tag} {said or 'OK done'}")
            if word.upper() == "STARTTLS":
                self.secure = True
                assert self.sink.tls
                self.stream = self.sink.tls.wrap_socket(self.stream, server_side=True)
                self.file = self.stream.makefile("rb")

    def goes_wrong(self, word: str, uids: str) -> bool:
        fault = self.sink.script(word, uids)
        if fault == STALL:
            time.sleep(self.sink.stall)
        elif fault == GARBAGE:
            self.say("HTTP/1.1 200 OK\r\n\r\n<html>")
        elif fault == CUT:
            self.stream.sendall(b"* 1 FETCH (UID 1 BODY[] {500000}\r\nSubject: half of it")
        elif fault == LIE:
            with suppress(OSError):
                self.stream.sendall(b"* 1 FETCH (UID 1 BODY[] {900000000}\r\n")
                for _number in range(500):
                    self.stream.sendall(b"x" * 100_000)
        return fault is not None

    def do_capability(self, _rest: str) -> None:
        offers_tls = self.sink.security == "starttls" and not self.secure
        self.say(f"* CAPABILITY {self.sink.capabilities}{' STARTTLS LOGINDISABLED' if offers_tls else ''}")

    def do_starttls(self, _rest: str) -> str:
        return "OK go ahead"

    def do_login(self, rest: str) -> str:
        right = rest.replace('"', "") == f"{self.sink.user} {self.sink.password}"
        return "OK welcome" if right else f"NO not you, {rest}"

    def do_list(self, _rest: str) -> None:
        for folder in self.sink.folders.values():
            path = folder.path.replace("\\", "\\\\").replace('"', '\\"')
            self.say(f'* LIST ({folder.attributes}) "/" "{path}"')

    def named(self, rest: str) -> Folder | None:
        path = re.match(r'"((?:[^"\\]|\\.)*)"', rest)
        return self.sink.folders.get(re.sub(r"\\(.)", r"\1", path[1])) if path else None

    def do_status(self, rest: str) -> str | None:
        folder = self.named(rest)
        if folder is None:
            return "NO there is none"
        unseen = sum("\\Seen" not in message.flags for message in folder.messages.values())
        counts = f"MESSAGES {len(folder.messages)} UNSEEN {unseen} UIDNEXT {folder.uid_next} UIDVALIDITY {folder.validity}"
        more = f" HIGHESTMODSEQ {folder.modseq}" if "HIGHESTMODSEQ" in rest else ""
        self.say(f"* STATUS {rest.partition(' (')[0]} ({counts}{more})")
        return None

    def do_examine(self, rest: str) -> str:
        self.folder = self.named(rest)
        if self.folder is None or "Noselect" in self.folder.attributes:
            return "NO not that one"
        self.say(f"* {len(self.folder.messages)} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY {self.folder.validity}] valid")
        return "OK [READ-ONLY] done"

    def do_search(self, rest: str) -> None:
        first, last = map(int, re.findall(r"\d+", rest)[:2])
        since = re.search(r"SINCE (\S+)", rest)
        day = datetime.strptime(since[1], "%d-%b-%Y").replace(tzinfo=UTC) if since else datetime.min.replace(tzinfo=UTC)
        found = [uid for uid, one in self.messages() if first <= uid <= last and one.received_at >= day]
        self.say(" ".join(["* SEARCH", *map(str, found)]))

    def messages(self) -> list[tuple[int, Message]]:
        assert self.folder
        return sorted(self.folder.messages.items())

    def do_fetch(self, rest: str) -> None:
        uids, _space, what = rest.partition(" ")
        wanted = _numbers(uids)
        changed = re.search(r"CHANGEDSINCE (\d+)", what)
        for number, (uid, message) in enumerate(self.messages(), 1):
            if uid in wanted and (not changed or message.modseq > int(changed[1])):
                self.say(_fetched(number, message, what))


def _numbers(uids: str) -> set[int]:
    found: set[int] = set()
    for part in uids.split(","):
        first, _colon, last = part.partition(":")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def _fetched(number: int, message: Message, what: str) -> bytes:
    items = [f"UID {message.uid}"]
    if "FLAGS" in what:
        items.append(f"FLAGS ({' '.join(sorted(message.flags))})")
    if "INTERNALDATE" in what:
        items.append(f'INTERNALDATE "{message.received_at:%d-%b-%Y %H:%M:%S} +0000"')
    if "SIZE" in what:
        items.append(f"RFC822.SIZE {len(message.data)}")
    said = f"* {number} FETCH ({' '.join(items)}".encode()
    if "PEEK" not in what:
        return said + b")"
    only_head = "HEADER" in what
    data = message.data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if only_head else message.data
    return said + f" BODY[{'HEADER' if only_head else ''}] {{{len(data)}}}\r\n".encode() + data + b")"


@contextmanager
def imap_server(sink: ImapSink | None = None) -> Iterator[ImapSink]:
    """Serve on loopback for the length of a test."""
    sink = sink or ImapSink()
    with socket.create_server(("127.0.0.1", 0)) as server:
        sink.port = server.getsockname()[1]
        Thread(target=_serve, args=(server, sink), daemon=True).start()
        try:
            yield sink
        finally:
            server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, sink: ImapSink) -> None:
    with suppress(OSError):
        while True:
            connection, _address = server.accept()
            sink.connections += 1
            Thread(target=_talk, args=(connection, sink), daemon=True).start()


def _talk(connection: socket.socket, sink: ImapSink) -> None:
    # An answer is several small pieces: the next one would wait until the one before is acknowledged.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(OSError, ValueError), connection:
        stream = sink.tls.wrap_socket(connection, server_side=True) if sink.tls and sink.security == "tls" else connection
        _Talk(stream, sink).run()
