"""What a request leaves in the log."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from config.logs import JsonFormatter, OneLineEachRequest


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Return what the console would show."""
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(JsonFormatter())
    handler.addFilter(OneLineEachRequest())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield handler.stream
    root.removeHandler(handler)
    root.setLevel(level)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_request_is_one_line(log: io.StringIO) -> None:
    Client().get("/admin/login/")
    (line,) = lines(log)
    assert (line["event"], line["request"], line["code"]) == ("request_finished", "GET /admin/login/", 200)
    assert line["request_id"]


def test_a_probe_is_none(log: io.StringIO) -> None:
    Client().get("/healthz")
    assert lines(log) == []


def test_a_probe_that_fails_is_told(log: io.StringIO) -> None:
    Client().post("/healthz")
    assert "POST /healthz" in [line.get("request") for line in lines(log)]


def test_the_console_leaves_them_out() -> None:
    assert settings.LOGGING["handlers"]["console"]["filters"] == ["one line each request"]
