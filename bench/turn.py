"""A turn of a conversation against its floor: the same reads, retrieval and writes as two SQL texts of plain psycopg.

The floor embeds as we do and is told everything else beforehand: which words to look for, which offerings to read the
facts of, what to answer. It neither scores nor decides.
"""

import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection
from django.utils import timezone

from bench import world
from bench.result import Result, compared
from catalog import facts
from catalog.search import Only, priced_between
from catalog.search.query import CANDIDATES, numbers_literal, tsquery
from runtime import turn
from runtime.context import TurnContext
from runtime.models import Session
from runtime.statements import LOAD, RECORD
from runtime.tiers import facts as facts_tier
from tenants.scope import tenant_scope
from tenants.services import issue_api_key
from vault.providers import offline

ROUNDS, HTTP_ROUNDS, WARM_UP = 240, 120, 40
ROUND_TRIPS = 4
MEANT = {"faq": "faq", "price": "catalog", "budget": "catalog", "unknown": "handoff"}
"""Which tier answers which kind of message: the figures are of the paths they name."""

SEARCH = """SELECT kind, owner_id, title, body, language, priority, similarity
    FROM search_candidates(%(words)s, %(numbers)s, %(model)s, %(kinds)s, %(bot)s, {only}, %(candidates)s)"""


@dataclass(frozen=True)
class Prepared:
    """One message as the floor gets it: what ours found out about it, taken from a turn of ours."""

    message: str
    asked: dict[str, str]
    only: Only | None
    offerings: list[UUID]
    currency: str | None
    parameters: dict[str, Any]


def run() -> list[Result]:
    """Measure the turn in process and over HTTP."""
    shops = world.build()
    chance = random.Random(3)
    floor = _connect()
    times: dict[str, list[tuple[float, float]]] = {}
    right = 0
    for number, (kind, message) in enumerate(islice(world.messages(chance), ROUNDS + WARM_UP)):
        shop = chance.choice(shops)
        ours, theirs, spare = chance.sample(shop.sessions, 3)
        with tenant_scope(shop.tenant):
            prepared = prepare(spare, message)
            ways: list[Callable[[], Any]] = [
                lambda ours=ours, message=message: turn.take_turn(session_id=ours.pk, message=message),
                lambda theirs=theirs, prepared=prepared: floor_turn(floor, theirs, prepared),
            ]
            taken = _timed(ways, first=number % 2)
        if number >= WARM_UP:
            times.setdefault(kind, []).append(taken)
        right += prepared.parameters["tier"] == MEANT[kind]
    answered = compared("turn: answered by the tier meant", ours=right / (ROUNDS + WARM_UP), floor=1, limit=">= 0.9")
    results = [*_compare(times), answered, _round_trips(shops), _over_http(shops[0], floor)]
    floor.close()
    return results


def _timed(ways: list[Callable[[], Any]], *, first: int) -> tuple[float, float]:
    taken = [0.0, 0.0]
    for index in (first, 1 - first):
        begun = time.perf_counter()
        ways[index]()
        taken[index] = (time.perf_counter() - begun) * 1000
    return taken[0], taken[1]


def _compare(times: dict[str, list[tuple[float, float]]]) -> list[Result]:
    everything = [pair for pairs in times.values() for pair in pairs]
    ours, floor = ([pair[side] for pair in everything] for side in (0, 1))
    p95 = [statistics.quantiles(side, n=20)[-1] for side in (ours, floor)]
    return [
        compared("turn: p50, ms", ours=statistics.median(ours), floor=statistics.median(floor), limit="<= 2"),
        information("turn: p95, ms", ours=p95[0], floor=p95[1]),
        *(
            information(f"turn, {kind}: p50, ms", ours=_median(pairs, 0), floor=_median(pairs, 1))
            for kind, pairs in times.items()
        ),
    ]


def _median(pairs: list[tuple[float, float]], side: int) -> float:
    return statistics.median(pair[side] for pair in pairs)


def information(name: str, *, ours: float, floor: float) -> Result:
    """Return a line that has no limit."""
    return Result(name, ours, floor, ours / floor, "", True)


def prepare(session: Session, message: str) -> Prepared:
    """Take the turn in another session and keep what the floor is to be told."""
    contexts: list[TurnContext] = []
    recorded: list[dict[str, Any]] = []
    asked_for: list[tuple[list[UUID], str | None]] = []
    with _listening(contexts, recorded, asked_for):
        turn.take_turn(session_id=session.pk, message=message)
    context, question = contexts[0], contexts[0].question
    bounded = question.min_price is not None or question.max_price is not None
    only = None
    if bounded:
        only = priced_between(question.min_price, question.max_price, currency=question.currency, channel=context.channel)
    offerings, currency = asked_for[0] if asked_for else ([], None)
    asked = {"faq": message, "offering": question.subject or message}
    return Prepared(message, asked, only, offerings, currency, recorded[-1])


@contextmanager
def _listening(contexts: list[TurnContext], recorded: list[Any], asked_for: list[Any]) -> Iterator[None]:
    """Note what passes between the steps of a turn."""
    decide, fetch, look_up = turn.decide, turn._fetch, facts_tier.offering_facts

    def noted_decide(context: TurnContext) -> Any:
        contexts.append(context)
        return decide(context)

    def noted_fetch(sql: str, **parameters: Any) -> Any:
        recorded.append(parameters)
        return fetch(sql, **parameters)

    def noted_facts(offering_ids: list[UUID], **options: Any) -> Any:
        asked_for.append((list(offering_ids), options.get("currency")))
        return look_up(offering_ids, **options)

    turn.decide, turn._fetch, facts_tier.offering_facts = noted_decide, noted_fetch, noted_facts
    try:
        yield
    finally:
        turn.decide, turn._fetch, facts_tier.offering_facts = decide, fetch, look_up


def _connect() -> psycopg.Connection[Any]:
    parameters = {key: value for key, value in connection.get_connection_params().items() if key != "cursor_factory"}
    for name in ("context", "prepare_threshold"):
        parameters.pop(name, None)
    return psycopg.connect(**parameters, autocommit=True, cursor_factory=psycopg.ClientCursor)


def floor_turn(floor: psycopg.Connection[Any], session: Session, prepared: Prepared) -> None:
    """Read everything with one SQL text and write everything with another."""
    cursor = floor.cursor()
    prefix = f"SET LOCAL backroom.tenant = '{session.tenant_id}'; "
    cursor.execute(prefix + _reading(cursor, session, prepared))
    cursor.nextset()
    names = [column.name for column in cursor.description or ()]
    loaded = dict(zip(names, cursor.fetchall()[0], strict=True))
    while cursor.nextset():
        cursor.fetchall()
    now = {"session": session.pk, "turn": loaded["turn_id"], "turn_number": loaded["turn_number"], "now": timezone.now()}
    cursor.execute(prefix + cursor.mogrify(RECORD, {**prepared.parameters, **now}))
    cursor.nextset()
    cursor.fetchall()


def _reading(cursor: psycopg.ClientCursor[Any], session: Session, prepared: Prepared) -> str:
    now = timezone.now()
    parameters = {
        "tenant": session.tenant_id,
        "session": session.pk,
        "turn": None,
        "message": prepared.message,
        "language": prepared.parameters["language"],
        "external_id": "",
        "ui_event": "{}",
        "lease": now + turn.LEASE,
        "now": now,
    }
    texts = [cursor.mogrify(LOAD, parameters), _searches(cursor, session, prepared)]
    if prepared.offerings:
        texts.append(_facts(cursor, session, prepared))
    return "; ".join(texts)


def _searches(cursor: psycopg.ClientCursor[Any], session: Session, prepared: Prepared) -> str:
    vectors = offline.embed(list(prepared.asked.values()))
    texts = []
    for (kind, words), vector in zip(prepared.asked.items(), vectors, strict=True):
        only = prepared.only if kind == "offering" else None
        narrowed = f"ARRAY({cursor.mogrify(only.sql, only.params)})" if only else "NULL"
        parameters = {
            "words": tsquery(words),
            "numbers": numbers_literal(vector),
            "model": offline.MODEL,
            "kinds": [kind],
            "bot": session.bot_id,
            "candidates": CANDIDATES,
        }
        texts.append("(" + cursor.mogrify(SEARCH.format(only=narrowed), parameters) + ")")
    return " UNION ALL ".join(texts)


def _facts(cursor: psycopg.ClientCursor[Any], session: Session, prepared: Prepared) -> str:
    sql = facts.facts_sql(facts.ASKED_OFFERINGS)
    asked = {"tenant": session.tenant_id, "asked": prepared.offerings, "channel": "web"}
    return cursor.mogrify(sql, {**asked, "currency": prepared.currency, "at": None})


def _round_trips(shops: list[world.Shop]) -> Result:
    """The most messages to the database that any kind of turn needs, counted by libpq (BEGIN and COMMIT too)."""
    most = 0
    for _kind, message in islice(world.messages(random.Random(5)), 40):
        with tenant_scope(shops[0].tenant):
            connection.ensure_connection()
            with tempfile.TemporaryFile("w+") as trace:
                connection.connection.pgconn.trace(trace.fileno())
                turn.take_turn(session_id=shops[0].sessions[0].pk, message=message)
                connection.connection.pgconn.untrace()
                trace.seek(0)
                most = max(most, sum("\tF\t" in line for line in trace))
    return Result("turn: messages to the database", most, ROUND_TRIPS, most / ROUND_TRIPS, "<= 1", most <= ROUND_TRIPS)


def _over_http(shop: world.Shop, floor: psycopg.Connection[Any]) -> Result:
    """The same messages by one client through gunicorn on loopback, as `make up` runs it."""
    chance = random.Random(7)
    taken: list[tuple[float, float]] = []
    with tenant_scope(shop.tenant):
        _row, key = issue_api_key(name="bench")
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        with web() as port:
            client = http.client.HTTPConnection("127.0.0.1", port)
            for number, (_kind, message) in enumerate(islice(world.messages(chance), HTTP_ROUNDS + WARM_UP)):
                ours, theirs, spare = chance.sample(shop.sessions, 3)
                prepared = prepare(spare, message)
                ways: list[Callable[[], Any]] = [
                    lambda ours=ours, message=message: _post(client, ours, message, headers),
                    lambda theirs=theirs, prepared=prepared: floor_turn(floor, theirs, prepared),
                ]
                taken.append(_timed(ways, first=number % 2))
    kept = taken[WARM_UP:]
    return compared("turn over HTTP, one client: p50, ms", ours=_median(kept, 0), floor=_median(kept, 1), limit="<= 2")


def _post(client: http.client.HTTPConnection, session: Session, message: str, headers: dict[str, str]) -> None:
    client.request("POST", f"/api/v1/sessions/{session.pk}/turns/", json.dumps({"message": message}), headers)
    answer = client.getresponse()
    body = answer.read()
    if answer.status != 201:
        raise RuntimeError(f"the turn answered {answer.status}: {body[:300]!r}")


@contextmanager
def web(*application: str) -> Iterator[int]:
    """Run gunicorn with our configuration on a free port; with another WSGI application than ours, when one is named."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {"HOST": "127.0.0.1", "PORT": str(port), "DATABASE_POOL": "1"}
    command = [sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn", *application]
    web = subprocess.Popen(command, env=environment)
    try:
        _wait_until_open(port)
        yield port
    finally:
        web.terminate()
        web.wait(60)


def _wait_until_open(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
