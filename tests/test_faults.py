"""A whole installation whose Redis and PostgreSQL die, freeze and forget under load: every mail that was accepted is sent
once, or listed as unclear, and people are answered in time.
"""

import os
import re
import signal
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from redis import Redis

from tests.config.installation import Installation, wait_for

pytestmark = pytest.mark.slow

ANSWERS_WITHIN = 2.0
"""Seconds, whatever Redis does."""


@dataclass
class Shop:
    """The installation, and a key of its one tenant."""

    installation: Installation
    key: str

    def call(self, method: str, path: str, body: Any = None, *, key: str = "") -> httpx2.Response:
        """Ask the API something; raises what the connection raises."""
        headers = {"Authorization": f"Bearer {self.key}", **({"Idempotency-Key": key} if key else {})}
        url = f"http://127.0.0.1:{self.installation.port}/api/v1/{path}"
        return httpx2.request(method, url, json=body, headers=headers, timeout=30)

    def mail(self, to: str) -> bool:
        """Have a mail sent; asks again with the same key until it is accepted, as a client does."""
        body, key = {"subject": "Hello", "body": "x", "to": [to], "status": "queued"}, str(uuid.uuid4())
        for _ in range(60):
            try:
                if self.call("POST", "emails/", body, key=key).status_code == 201:
                    return True
            except httpx2.HTTPError:
                pass
            time.sleep(1)
        return False

    def sent(self) -> Counter[str]:
        """Count how often each address was sent something: the mail server is a folder."""
        texts = [path.read_text(errors="replace") for path in (self.installation.folder / ".data" / "mail").glob("*.log")]
        return Counter(re.findall(r"^To: (\S+)$", "\n".join(texts), re.MULTILINE))

    def deliveries(self) -> list[dict[str, Any]]:
        """Return the newest deliveries: more than a test makes."""
        answer = self.call("GET", "email-deliveries/?page_size=200")
        answer.raise_for_status()
        return answer.json()["results"]

    def leader(self, name: str) -> int:
        """Return the process that leads one of the servers."""
        wait_for(lambda: self.installation.leader(name), 60, name)
        return self.installation.leader(name) or 0


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with tempfile.TemporaryDirectory(prefix="backroom-faults-") as name:
        Path(name).chmod(0o755)
        installation = Installation(Path(name) / "one").start()
        try:
            wait_for(lambda: installation.status("/readyz") == 200, 300, "readyz")
            made = installation.run("create_tenant", "shop", "--name", "Shop", "--owner", "owner@shop.example")
            assert made.wait(180) == 0
            key, _ = installation.run("issue_api_key", "shop", "--name", "faults").communicate(timeout=180)
            yield Shop(installation, key.strip().splitlines()[-1])
        finally:
            installation.stop()


def every_mail_once_or_unclear(shop: Shop, addresses: list[str]) -> None:
    """Wait until nothing is on its way any more; then each address has its mail once, or the delivery is ``unknown``."""

    def ended() -> bool:
        states = {row["recipient"]: row["status"] for row in shop.deliveries()}
        return all(states.get(one) in ("sent", "unknown", "failed") for one in addresses)

    wait_for(ended, 240, "every mail ended")
    sent, states = shop.sent(), {row["recipient"]: row["status"] for row in shop.deliveries()}
    doubled = {one: sent[one] for one in addresses if sent[one] > 1}
    lost = [one for one in addresses if sent[one] == 0 and states[one] != "unknown"]
    assert (doubled, lost) == ({}, []), Counter(states[one] for one in addresses)


def names(what: str, count: int) -> list[str]:
    return [f"{what}-{number}@x.example" for number in range(count)]


def test_while_redis_is_frozen_people_are_answered_and_what_they_asked_for_is_done(shop: Shop) -> None:
    addresses, valkey = names("frozen", 12), shop.leader("valkey")
    slowest = 0.0
    os.kill(valkey, signal.SIGSTOP)
    try:
        for one in addresses:
            mail = {"subject": "Hello", "body": "x", "to": [one], "status": "queued"}
            for method, path, body in (("POST", "emails/", mail), ("GET", "offerings/", None), ("GET", "settings/", None)):
                begun = time.perf_counter()
                assert shop.call(method, path, body).status_code in (200, 201), path
                slowest = max(slowest, time.perf_counter() - begun)
            assert shop.installation.status("/healthz") == 200
            time.sleep(1)
    finally:
        os.kill(valkey, signal.SIGCONT)
    assert slowest <= ANSWERS_WITHIN
    every_mail_once_or_unclear(shop, addresses)


def test_a_redis_that_forgets_and_dies_under_load_loses_and_doubles_nothing(shop: Shop) -> None:
    addresses = names("redis", 40)
    with ThreadPoolExecutor(4) as pool:
        accepted = pool.map(shop.mail, addresses)
        for _ in range(3):
            time.sleep(2)
            forget_all(shop)
            os.kill(shop.leader("valkey"), signal.SIGKILL)
        assert all(accepted)
    every_mail_once_or_unclear(shop, addresses)


def forget_all(shop: Shop) -> None:
    line = shop.installation.processes()[shop.leader("valkey")].decode()
    found = re.search(r"unixsocket:(\S+\.sock)", line.replace("\0", " "))
    assert found
    with Redis(unix_socket_path=found[1]) as redis:
        redis.flushall()


def test_a_postgresql_that_dies_every_10_seconds_under_load_loses_and_doubles_nothing(shop: Shop) -> None:
    addresses = names("postgres", 60)
    with ThreadPoolExecutor(4) as pool:
        accepted = pool.map(shop.mail, addresses)
        for _ in range(3):
            time.sleep(3)
            os.kill(shop.leader("postgres"), signal.SIGQUIT)  # immediate: no checkpoint, every connection is cut
            time.sleep(7)
        assert all(accepted)
    wait_for(lambda: shop.installation.status("/readyz") == 200, 180, "readyz")
    every_mail_once_or_unclear(shop, addresses)
