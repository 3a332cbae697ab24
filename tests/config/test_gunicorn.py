"""What gunicorn says of connections."""

import socket

import pytest
from gunicorn.config import Config
from gunicorn.http import parser, wsgi

from config.gunicorn import MOST_DISCARDED, pre_request

HEAD = b"POST /api/v1/documents/ HTTP/1.1\r\nHost: shop.example\r\n"


@pytest.mark.parametrize(
    ("of_the_body", "is_closed"),
    [
        (b"", False),
        (b"Content-Length: 100\r\n", False),
        (b"Content-Length: %d\r\n" % MOST_DISCARDED, True),
        (b"Transfer-Encoding: chunked\r\n", True),
    ],
)
def test_the_answer_to_a_body_that_may_stay_unread_says_that_the_connection_is_closed(
    of_the_body: bytes, is_closed: bool
) -> None:
    assert parser._DRAIN_MAX_BYTES == MOST_DISCARDED
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(HEAD + of_the_body + b"\r\n")
        configured = Config()
        request = next(parser.RequestParser(configured, ours, ("127.0.0.1", 1)))
        pre_request(None, request)
        answer, _environ = wsgi.create(request, ours, ("127.0.0.1", 1), ("127.0.0.1", 80), configured)
        answer.start_response("413 Too Large", [])
        connection = [line.strip() for line in answer.default_headers() if line.startswith("Connection")]
    assert connection == ["Connection: close" if is_closed else "Connection: keep-alive"]
