"""How long a sentence of a language model stays with us: from its end at the endpoint to its end at the customer's browser."""

import http.client
import json
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from django.conf import settings

from bench.result import Result, compared
from bench.turn import web
from bots.models import Bot
from bots.services import activate_version, create_version
from catalog.models import InventoryLocation, Offering, OfferingVersion, PriceList, SalesChannel, StockMovement, Variant
from catalog.models import VariantPrice as Price
from runtime.services import start_session
from tenants.scope import tenant_scope
from tenants.services import create_tenant, issue_api_key

ROUNDS, WARM_UP = 40, 5
MOST_MILLISECONDS = 30.0
PIECES = ("The Alder Kettle ", "costs 1,250,000 VND ", "and is in stock.", " It is a good one.")
FIRST_SENTENCE = 3
"""Pieces that the first sentence is made of."""
PAUSE = 0.15
"""Seconds between two sentences, in which ours has to arrive."""
QUESTION = "tell me about the Alder Kettle"


def run() -> list[Result]:
    """Measure over HTTP, one client after another, as `make up` runs the web."""
    delays = sorted(_delays())
    within = f"stream: first sentence behind the endpoint's, ms (of {MOST_MILLISECONDS:.0f})"
    p95 = statistics.quantiles(delays, n=20)[-1]
    return [
        compared(f"{within}: p50", ours=statistics.median(delays), floor=MOST_MILLISECONDS, limit="<= 1"),
        Result(f"{within}: p95", p95, MOST_MILLISECONDS, p95 / MOST_MILLISECONDS, "", True),
    ]


def _delays() -> list[float]:
    """Return the milliseconds of each round."""
    delays = []
    with _endpoint() as (address, ended):
        os.environ |= {"LLM_BASE_URL": address, "LLM_API_KEY": "bench", "LLM_MODEL": "bench"}
        settings.LLM_BASE_URL, settings.LLM_API_KEY, settings.LLM_MODEL = address, "bench", "bench"
        path, headers = _conversation()
        with web() as port:
            for _round in range(ROUNDS + WARM_UP):
                arrived = _hear_first_sentence(port, path, headers)
                delays.append((arrived - ended[-1]) * 1000)
    return delays[WARM_UP:]


def _conversation() -> tuple[str, dict[str, str]]:
    """Return the address of a conversation's turns, and the headers to talk there."""
    tenant = create_tenant(slug="streams", name="Streams", owner_email="owner@streams.example").tenant
    with tenant_scope(tenant):
        bot = Bot.objects.create(code="shop", name="Shop")
        activate_version(version=create_version(bot=bot))
        offering = Offering.objects.create(code="kettle", category="kettles", status="active")
        OfferingVersion.objects.create(offering=offering, version=1, name="Alder Kettle", status="active")
        variant = Variant.objects.create(offering=offering, sku="KETTLE")
        Price.objects.create(
            variant=variant, price_list=PriceList.objects.get(code="standard"), currency="VND", amount=1_250_000
        )
        location = InventoryLocation.objects.get(code="main")
        StockMovement.objects.create(variant=variant, location=location, quantity=9, reason="receipt")
        session, _token = start_session(bot=bot, channel=SalesChannel.objects.get(code="web"))
        _row, key = issue_api_key(name="bench")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Accept": "text/event-stream"}
    return f"/api/v1/sessions/{session.pk}/turns/", headers


def _hear_first_sentence(port: int, path: str, headers: dict[str, str]) -> float:
    """Say something and return when the first sentence was there; the rest is read, too."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    client.request("POST", path, json.dumps({"message": QUESTION}), headers)
    answer = client.getresponse()
    arrived, heard = 0.0, b""
    while line := answer.readline():
        heard += line
        if not arrived and line.startswith(b"data:"):
            arrived = time.perf_counter()
    client.close()
    if answer.status != 201 or b"event: replace" in heard or b'"tier": "llm"' not in heard:
        raise RuntimeError(f"the turn answered {answer.status}: {heard[:500]!r}")
    return arrived


@contextmanager
def _endpoint() -> Iterator[tuple[str, list[float]]]:
    """Serve the protocol on loopback; yields the address, and the list of when each first sentence had ended."""
    ended: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True  # as servers of models do: a piece leaves at once

        def do_POST(self) -> None:  # the name http.server looks for
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for number, piece in enumerate(PIECES, start=1):
                self._send({"content": piece}, None)
                if number == FIRST_SENTENCE:
                    ended.append(time.perf_counter())
                    time.sleep(PAUSE)
            self._send({}, "stop")
            self.wfile.write(b"data: [DONE]\n\n")

        def _send(self, delta: dict[str, Any], finish_reason: str | None) -> None:
            choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
            body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "bench", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(body)}\n\n".encode())
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", ended
    finally:
        server.shutdown()
        server.server_close()
