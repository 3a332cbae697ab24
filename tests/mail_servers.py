"""A mail server's door on loopback: SMTP and IMAP as far as logging in, in the clear, after STARTTLS, or over TLS."""

import base64
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread


@dataclass
class Door:
    """Whom it lets in, and how."""

    user: str
    password: str
    security: str = "none"
    tls: ssl.SSLContext | None = None
    port: int = 0


class Line:
    """A connection, line by line."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream, self.file = stream, stream.makefile("rb")

    def say(self, text: str) -> None:
        self.stream.sendall(text.encode() + b"\r\n")

    def hear(self) -> str:
        line = self.file.readline()
        if not line:
            raise ConnectionError
        return line.decode().rstrip("\r\n")

    def secured(self, door: Door) -> "Line":
        assert door.tls
        return Line(door.tls.wrap_socket(self.stream, server_side=True))


def speak_smtp(line: Line, door: Door) -> None:
    """RFC 5321 with STARTTLS (RFC 3207) and AUTH PLAIN (RFC 4954)."""
    line.say("220 mail.example ESMTP")
    secure = door.security == "tls"
    while (command := line.hear()) != "quit":
        word = command.split(" ")[0].upper()
        if word == "EHLO":
            offers_tls = door.security == "starttls" and not secure
            line.say("250-mail.example")
            line.say("250 STARTTLS" if offers_tls else "250 AUTH PLAIN")
        elif word == "STARTTLS":
            line.say("220 go ahead")
            line, secure = line.secured(door), True
        elif word == "AUTH":
            _empty, user, password = base64.b64decode(command.split(" ")[2]).decode().split("\0")
            line.say("235 welcome" if (user, password) == (door.user, door.password) else f"535 not you, {password}")
        else:
            line.say("250 ok")
    line.say("221 bye")


def speak_imap(line: Line, door: Door) -> None:
    """RFC 9051 as far as CAPABILITY, STARTTLS, LOGIN and LOGOUT."""
    line.say("* OK mail.example ready")
    secure = door.security == "tls"
    while True:
        tag, word, *rest = line.hear().split(" ", 2)
        match word.upper():
            case "CAPABILITY":
                offers_tls = door.security == "starttls" and not secure
                line.say(f"* CAPABILITY IMAP4rev1 {'STARTTLS LOGINDISABLED' if offers_tls else 'AUTH=PLAIN'}")
                line.say(f"{tag} OK done")
            case "STARTTLS":
                line.say(f"{tag} OK go ahead")
                line, secure = line.secured(door), True
            case "LOGIN":
                right = rest[0].replace('"', "") == f"{door.user} {door.password}"
                line.say(f"{tag} OK welcome" if right else f"{tag} NO not you, {rest[0]}")
            case _:
                line.say(f"* BYE\r\n{tag} OK bye")
                return


def speak_ssh(line: Line, door: Door) -> None:
    """Something else altogether."""
    line.say("SSH-2.0-OpenSSH_9.9")
    line.hear()


def speak_without_end(line: Line, door: Door) -> None:
    """A greeting of very many lines."""
    while True:
        line.say("220-and")
        time.sleep(0.05)


def speak_literal(line: Line, door: Door) -> None:
    """IMAP that announces 3 GB in its greeting, and says as much of it as is heard."""
    line.say("* OK mail.example ready {3000000000}")
    say_very_much(line)


def speak_many_lines(line: Line, door: Door) -> None:
    """SMTP whose greeting has lines without end, as fast as they are heard."""
    say_very_much(line, b"220-and so on and so forth\r\n" * 10_000)


def say_very_much(line: Line, piece: bytes = b"x" * 250_000) -> None:
    """Say 200 MB."""
    for _number in range(200_000_000 // len(piece)):
        line.stream.sendall(piece)


@contextmanager
def mail_server(speak: Callable[[Line, Door], None], door: Door) -> Iterator[Door]:
    """Serve on loopback for the length of a test."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        door.port = server.getsockname()[1]
        Thread(target=_serve, args=(server, speak, door), daemon=True).start()
        try:
            yield door
        finally:
            server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, speak: Callable[[Line, Door], None], door: Door) -> None:
    with suppress(OSError):
        while True:
            connection, _address = server.accept()
            Thread(target=_talk, args=(connection, speak, door), daemon=True).start()


def _talk(connection: socket.socket, speak: Callable[[Line, Door], None], door: Door) -> None:
    with suppress(OSError, ValueError), connection:
        line = Line(connection)
        speak(line.secured(door) if door.security == "tls" else line, door)
