"""A server on loopback that speaks OpenAI's protocol (PROTOCOLS 2.6): it answers what its script says, first things first."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Step = Callable[[BaseHTTPRequestHandler], None]
"""Answers one request."""

KEY = "sk-secret-canary-0123456789"


@dataclass
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class OpenAIServer:
    """Keeps what it was asked; when the script is over it answers as a healthy server does."""

    port: int = 0
    script: list[Step] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    width: int = 8

    @property
    def base_url(self) -> str:
        """Return the address that clients are given."""
        return f"http://127.0.0.1:{self.port}/v1"

    def answer(self, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        """Answer as the script says, else well."""
        if self.script:
            self.script.pop(0)(handler)
        elif asked.path.endswith("/embeddings"):
            send_json(handler, embeddings_body(asked.body, self.width))
        elif asked.body.get("stream"):
            streamed("Hello", " there")(handler)
        else:
            send_json(handler, chat_body("Hello there"))


@contextmanager
def openai_server() -> Iterator[OpenAIServer]:
    """Serve for the length of a test."""
    found = OpenAIServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # the name http.server looks for
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.path, headers, body)
            found.asked.append(asked)
            self.close_connection = True
            found.answer(self, asked)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that went away is what some tests are about

    server = Server(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, content: bytes, **headers: str) -> None:
    """Send a whole answer."""
    handler.send_response(status)
    told = {"Content-Type": "application/json", "Content-Length": str(len(content)), "x-request-id": "req_1", **headers}
    for name, value in told.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


def send_json(handler: BaseHTTPRequestHandler, body: Any, status: int = 200, **headers: str) -> None:
    """Send JSON."""
    send(handler, status, json.dumps(body).encode(), **headers)


def usage(prompt: int = 12, completion: int = 5, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    """Return what an answer says it used; the parts stand inside their wholes."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


def chat_body(text: str | None, *, finish_reason: str = "stop", told: Any = None, **message: Any) -> dict[str, Any]:
    """Return a chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-test-2026-01-01",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None, **message},
                "logprobs": None,
                "finish_reason": finish_reason,
            }
        ],
        "usage": usage() if told is None else told,
    }


def embeddings_body(asked: dict[str, Any], width: int) -> dict[str, Any]:
    """Return a vector for each text that depends on it, in another order than asked for."""
    data = [
        {"object": "embedding", "index": index, "embedding": vector_of(text, width)}
        for index, text in enumerate(asked["input"])
    ]
    told = {"prompt_tokens": 3 * len(data), "total_tokens": 3 * len(data)}
    return {"object": "list", "data": data[::-1], "model": asked["model"], "usage": told}


def vector_of(text: str, width: int) -> list[float]:
    """Return numbers in which texts of the same letters are near to each other."""
    counts = [1e-3] * width
    for letter in text.lower():
        counts[ord(letter) % width] += 1.0
    return counts


def says(body: Any, status: int = 200, **headers: str) -> Step:
    """Answer this JSON."""
    return lambda handler: send_json(handler, body, status, **headers)


def sends(content: bytes, status: int = 200, content_type: str = "application/json") -> Step:
    """Answer these bytes."""
    return lambda handler: send(handler, status, content, Content_Type=content_type)


def error(status: int, code: str | None = None, message: str = "It went wrong.", **headers: str) -> Step:
    """Answer an error as OpenAI does."""
    return says({"error": {"message": message, "type": "some_error", "param": None, "code": code}}, status, **headers)


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """Return one piece of a streamed answer."""
    choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "gpt-test-2026-01-01",
        "choices": choices,
        "usage": None,
    }


def events(*chunks: Any, done: bool = True) -> list[bytes]:
    """Return server-sent events; a text is sent as it is."""
    lines = [one if isinstance(one, str) else json.dumps(one) for one in chunks]
    return [f"data: {line}\n\n".encode() for line in [*lines, *(["[DONE]"] if done else [])]]


def flows(pieces: Sequence[bytes], *, pause: float = 0.0) -> Step:
    """Send a stream, piece by piece, and close the connection where it ends."""

    def step(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        for piece in pieces:
            handler.wfile.write(piece)
            handler.wfile.flush()
            time.sleep(pause)

    return step


def streamed(*texts: str, told: Any = None, pause: float = 0.0) -> Step:
    """Stream a whole answer, its usage in a last chunk without choices."""
    last = {**chunk({}), "choices": [], "usage": usage() if told is None else told}
    chunks = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": text}) for text in texts)]
    return flows(events(*chunks, chunk({}, "stop"), last), pause=pause)


def slow(seconds: float) -> Step:
    """Say nothing for so long, then answer well."""

    def step(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        send_json(handler, chat_body("Too late"))

    return step


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""
    handler.connection.close()
