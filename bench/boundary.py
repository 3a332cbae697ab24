"""What the tenant boundary costs a whole turn, with the scope sent and row security on, against a superuser without;
and what it costs to know whose API key a request sends."""

import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import world
from bench.result import Result, compared
from runtime import turn
from tenants.postgres import base
from tenants.scope import tenant_scope
from tenants.services import issue_api_key

ROUNDS, TURNS, WARM_UP = 16, 25, 5


def run() -> list[Result]:
    """Take the same messages with the boundary and without, in turn."""
    shop = world.build()[0]
    taken: dict[bool, list[float]] = {True: [], False: []}
    for number in range(ROUNDS):
        for bounded in (bool(number % 2), not number % 2):
            with tenant_scope(shop.tenant), _boundary(bounded, shop):
                taken[bounded] += _turns(shop, number)[WARM_UP:]
    on, off = (statistics.median(taken[bounded]) for bounded in (True, False))
    turn_cost = compared("boundary: turn with scope and row security, ms", ours=on, floor=off, limit="<= 1.15")
    return [turn_cost, _key_check(shop)]


def _key_check(shop: world.Shop) -> Result:
    """Count the statements that find out whose key it is, once its use was noted (at most once a minute)."""
    with tenant_scope(shop.tenant):
        _row, key = issue_api_key(name="bench")
    client, counts = Client(SERVER_NAME="127.0.0.1"), []
    for _again in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get("/api/v1/tenant/", headers={"Authorization": f"Bearer {key}"})
        counts.append(sum("tenants_apikey" in query["sql"] for query in queries))
    return compared("boundary: statements to check an API key", ours=counts[-1], floor=1, limit="<= 1")


def _turns(shop: world.Shop, seed: int) -> list[float]:
    times = []
    for _kind, message in islice(world.messages(random.Random(seed)), TURNS):
        begun = time.perf_counter()
        turn.take_turn(session_id=random.choice(shop.sessions).pk, message=message)
        times.append((time.perf_counter() - begun) * 1000)
    return times


@contextmanager
def _boundary(bounded: bool, shop: world.Shop) -> Iterator[None]:
    """Log in as the application, or as a superuser whom nothing bounds and who names the tenant once a session."""
    settings, prefix = connection.settings_dict, base._prefix
    app = settings["USER"]
    connection.close()
    if not bounded:
        settings["USER"] = "postgres"
        base._prefix = lambda _connection: []
        connection.cursor().execute(f"SET backroom.tenant = '{shop.tenant.pk}'")
    try:
        yield
    finally:
        connection.close()
        settings["USER"], base._prefix = app, prefix
