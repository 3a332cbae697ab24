"""How many turns a second two workers answer to eight clients: ours against a plain REST framework and ORM turn.

Both are served by gunicorn with our configuration, middleware and database, and asked the same questions of
`bench/world.py` by 8 clients, in turn, each for some seconds. `bench/plain` says what the peer does. Clients, workers and
PostgreSQL share the machine, as they do on a small server; so the clients do as little as they can. On a machine that does
other things as well the CPU time of a turn says more than the turns a second.
"""

import json
import os
import random
import socket
import threading
import time
from itertools import islice
from typing import Any

from bench import world
from bench.result import Result, compared
from bench.spent import Spent, spent
from bench.turn import MEANT, information, web
from runtime.models import Session
from tenants.scope import tenant_scope
from tenants.services import issue_api_key

CLIENTS, WORKERS = 8, 2
SECONDS, WARM_UP_SECONDS, ROUNDS = 6.0, 2.0, 3


def run() -> list[Result]:
    """Let both answer in turn and compare what they managed."""
    shop = world.build()[0]
    os.environ["WEB_WORKERS"] = str(WORKERS)
    with tenant_scope(shop.tenant):
        _row, key = issue_api_key(name="throughput")
    ours, plain = Served(), Served()
    with web() as port, web("bench.plain.wsgi") as plain_port:
        for served, at in ((ours, port), (plain, plain_port)):
            served.answer(at, shop.sessions, key, WARM_UP_SECONDS)
            served.forget()
        for _round in range(ROUNDS):
            ours.answer(port, shop.sessions, key, SECONDS)
            plain.answer(plain_port, shop.sessions, key, SECONDS)
    name = f"throughput, {WORKERS} workers, {CLIENTS} clients"
    return [
        compared(f"{name}: turns/s, plain ORM turn as floor", ours=ours.rate, floor=plain.rate, limit=">= 4"),
        information(f"{name}: p95, ms", ours=ours.p95, floor=plain.p95),
        *(
            information(
                f"throughput: CPU of a turn, {part}, ms", ours=getattr(ours.cost, part), floor=getattr(plain.cost, part)
            )
            for part in Spent._fields
        ),
        information("throughput: CPU of a turn, all, ms", ours=sum(ours.cost), floor=sum(plain.cost)),
        compared(f"{name}: answered by the tier meant", ours=ours.right, floor=plain.right, limit=">= 0.98"),
    ]


class Served:
    """What one of the two answered."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.taken: list[float] = []
        self.meant: list[bool] = []
        self.seconds = 0.0
        self.spent = Spent()

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.taken) / self.seconds

    @property
    def right(self) -> float:
        """The share that the tier answered which is meant to."""
        return sum(self.meant) / len(self.meant)

    @property
    def p95(self) -> float:
        """Milliseconds within which 95 % were answered."""
        return sorted(self.taken)[int(len(self.taken) * 0.95)] * 1000

    @property
    def cost(self) -> Spent:
        """CPU milliseconds of an answer."""
        return Spent(*(seconds / len(self.taken) * 1000 for seconds in self.spent))

    def answer(self, port: int, sessions: list[Session], key: str, seconds: float) -> None:
        """Let all clients talk for that long, each in conversations of its own. Raises what one of them met."""
        until, begun, before, failed = time.perf_counter() + seconds, time.perf_counter(), spent(), list[BaseException]()

        def talk(number: int) -> None:
            try:
                self._talk(port, sessions[number::CLIENTS], key, until, random.Random(number))
            except BaseException as error:  # noqa: BLE001 - raised by whoever waits for the threads
                failed.append(error)

        clients = [threading.Thread(target=talk, args=(number,)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        if failed:
            raise failed[0]
        self.seconds += time.perf_counter() - begun
        self.spent += spent().since(before)

    def _talk(self, port: int, sessions: list[Session], key: str, until: float, chance: random.Random) -> None:
        with Caller(port, key) as caller:
            for kind, message in islice(world.messages(chance), chance.randrange(4), None):
                begun = time.perf_counter()
                if begun > until:
                    break
                tier = caller.ask(chance.choice(sessions), message)
                self.taken.append(time.perf_counter() - begun)
                self.meant.append(tier == MEANT[kind])


class Caller:
    """A client that keeps its connection. It shares the machine with what is measured, so it sends bytes and reads no header
    but the one it needs.
    """

    def __init__(self, port: int, key: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._headers = f"Host: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def ask(self, session: Session, message: str) -> Any:
        """Say something and return the tier that answered. Raises ``RuntimeError`` when it was not answered."""
        said = json.dumps({"message": message})  # ASCII
        line = f"POST /api/v1/sessions/{session.pk}/turns/ HTTP/1.1\r\n"
        self._socket.sendall(f"{line}{self._headers}Content-Length: {len(said)}\r\n\r\n{said}".encode())
        head, body = self._receive()
        if not head.startswith(b"HTTP/1.1 201 "):
            raise RuntimeError(f"the turn answered {head + body[:300]!r}")
        return json.loads(body)["decision"]["tier"]

    def _receive(self) -> tuple[bytes, bytes]:
        answer = self._more()
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._more()
        head = answer[:end]
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
        while len(answer) < end + 4 + length:
            answer += self._more()
        return head, answer[end + 4 :]

    def _more(self) -> bytes:
        if got := self._socket.recv(65536):
            return got
        raise RuntimeError("the web closed the connection")
