"""Servers on loopback that stand for the outside: a plain listener that speaks what it is told, and an HTTP server.

``OUTBOUND_ALLOW`` keeps calls from loopback; a test that wants an answer takes the fixture ``loopback_allowed``.
"""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Speak = Callable[[socket.socket], None]


@dataclass
class Listener:
    """A port on loopback and how often somebody connected to it."""

    port: int
    connects: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}/"


@contextmanager
def listener(
    speak: Speak | None = None, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[Listener]:
    """Listen on every address of ``host``'s family; each connection is answered by ``speak`` in a thread of its own."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, dualstack_ipv6=host == "::") as server:
        found = Listener(server.getsockname()[1])
        Thread(target=_serve, args=(server, found, speak, tls), daemon=True).start()
        try:
            yield found
        finally:
            server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, found: Listener, speak: Speak | None, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError):
        while True:
            connection, _address = server.accept()
            found.connects += 1
            Thread(target=_talk, args=(connection, found, speak, tls), daemon=True).start()


def _talk(connection: socket.socket, found: Listener, speak: Speak | None, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError), connection:
        stream = tls.wrap_socket(connection, server_side=True) if tls else connection
        found.requests.append(_request(stream))
        if speak:
            speak(stream)


def _request(stream: socket.socket) -> bytes:
    """Read the head and the beginning of the body: who closes with bytes unread resets the connection."""
    data = b""
    while b"\r\n\r\n" not in data and not data.startswith(b"\x16"):  # which begins a handshake
        data += (piece := stream.recv(65536))
        if not piece:
            break
    length = re.search(rb"(?i)content-length: (\d+)", data)
    wanted = data.find(b"\r\n\r\n") + 4 + min(int(length[1]) if length else 0, 65536)
    while len(data) < wanted and (piece := stream.recv(65536)):
        data += piece
    return data


def answer(head: str = "", body: bytes = b"", *, status: str = "200 OK") -> Speak:
    """Return what answers every request so; ``head`` holds further headers, each with its CRLF."""
    return lambda stream: stream.sendall(f"HTTP/1.1 {status}\r\n{head}Connection: close\r\n\r\n".encode() + body)


@dataclass
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpServer:
    """A real HTTP server: keeps what it got, and answers ``status`` or what ``answers`` holds, first things first."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def http_server() -> Iterator[HttpServer]:
    """Serve HTTP on loopback for the length of a test."""
    found = HttpServer()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.received.append(Received(self.command, self.path, headers, body))
            found.before()
            status, extra, content = found.answers.pop(0) if found.answers else (found.status, found.headers, found.body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **extra}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the names http.server looks for

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that went away is what many tests are about

    server = Server(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
