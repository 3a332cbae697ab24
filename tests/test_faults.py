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
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from redis import Redis

from tests.config.installation import Installation, wait_for
from tests.outside import http_server
from tests.reports.files import days

pytestmark = pytest.mark.slow

ANSWERS_WITHIN = 2.0
"""Seconds, whatever Redis does."""
FROZEN = 60.0
"""Seconds for which it says nothing."""


@dataclass
class Shop:
    """The installation, and a key of its one tenant."""

    installation: Installation
    key: str

    def call(self, method: str, path: str, body: Any = None, *, key: str = "", **form: Any) -> httpx2.Response:
        """Ask the API something, by JSON or a form; raises what the connection raises."""
        headers = {"Authorization": f"Bearer {self.key}", **({"Idempotency-Key": key} if key else {})}
        url = f"http://127.0.0.1:{self.installation.port}/api/v1/{path}"
        return httpx2.request(method, url, json=body, headers=headers, timeout=30, **form)

    def mail(self, to: str) -> bool:
        """Have a mail sent; asks again with the same key until it is accepted, as a client does."""
        return bool(self.accepted("emails/", {"subject": "Hello", "body": "x", "to": [to], "status": "queued"}))

    def accepted(self, path: str, body: Any = None, **form: Any) -> dict[str, Any]:
        """Hand something in, with the same key until it is accepted; returns the answer, empty when it never is."""
        key = str(uuid.uuid4())
        for _ in range(60):
            try:
                answer = self.call("POST", path, body, key=key, **form)
                if answer.status_code == 201:
                    return answer.json()  # type: ignore[no-any-return] # an object
            except httpx2.HTTPError:
                pass
            time.sleep(1)
        return {}

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
        os.environ["OUTBOUND_ALLOW"] = "127.0.0.0/8"
        installation = Installation(Path(name) / "one").start()
        try:
            wait_for(lambda: installation.status("/readyz") == 200, 300, "readyz")
            made = installation.run("create_tenant", "shop", "--name", "Shop", "--owner", "owner@shop.example")
            assert made.wait(180) == 0
            key, _ = installation.run("issue_api_key", "shop", "--name", "faults").communicate(timeout=180)
            yield Shop(installation, key.strip().splitlines()[-1])
        finally:
            del os.environ["OUTBOUND_ALLOW"]
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
    addresses, valkey = list[str](), shop.leader("valkey")
    slowest, end = 0.0, time.monotonic() + FROZEN
    os.kill(valkey, signal.SIGSTOP)
    try:
        while time.monotonic() < end:
            one = f"frozen-{len(addresses)}@x.example"
            addresses.append(one)
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


def test_a_postgresql_that_dies_every_10_seconds_loses_and_doubles_nothing_of_any_queue(shop: Shop) -> None:
    with http_server() as server, ThreadPoolExecutor(4) as pool:
        assert shop.accepted("event-destinations/", {"name": "Ours", "url": server.url, "kinds": ["session.started"]})
        assert shop.accepted("bots/", {"code": "shop", "name": "Shop"})
        assert shop.accepted("bots/shop/versions/", {})
        assert shop.call("POST", "bots/shop/versions/1/activate/").status_code == 200
        assert shop.accepted("collections/", {"code": "policies", "name": "Policies"})
        acts = [act for number in range(12) for act in hand_ins(shop, number)]
        accepted = pool.map(lambda act: act(), acts)
        for _ in range(3):
            time.sleep(3)
            os.kill(shop.leader("postgres"), signal.SIGQUIT)
            time.sleep(7)
        assert all(accepted)
        wait_for(lambda: shop.installation.status("/readyz") == 200, 180, "readyz")
        wait_for(lambda: all_read(shop), 300, "every report and document read")
        every_mail_once_or_unclear(shop, names("scheduled", 12))
        started = {one["subject_id"] for one in told_of(shop)}
        wait_for(
            lambda: {one.headers["webhook-id"] for one in server.received} >= {one["id"] for one in told_of(shop)},
            300,
            "told",
        )
    assert len(started) == 12


def hand_ins(shop: Shop, number: int) -> list[Callable[[], object]]:
    """Return what hands in one of each: a scheduled mail, a report, a document, and what an event tells of."""
    table = days().replace("sold", f"sold {number}").encode()
    about = {"vendor": "North", "report_type": "sales", "report_date": "2026-11-20"}
    policy = f"# Returns {number}\n\nWithin 30 days.\n\n## Refunds\n\nWithin {number} weeks.".encode()
    return [
        lambda: scheduled_mail(shop, number),
        lambda: shop.accepted("reports/", data=about, files={"file": ("daily.csv", table, "text/csv")}),
        lambda: shop.accepted(
            "documents/", data={"collection": "policies"}, files={"file": (f"policy-{number}.md", policy, "text/markdown")}
        ),
        lambda: shop.accepted("sessions/", {"bot": "shop", "channel": "web"}),
    ]


def scheduled_mail(shop: Shop, number: int) -> object:
    target = {"kind": "email", "to": [f"scheduled-{number}@x.example"], "subject": "Hello", "body": "x"}
    made = shop.accepted("schedules/", {"cron": "0 3 1 1 *", "time_zone": "UTC", "target": target})
    return made and shop.accepted(f"schedules/{made['id']}/run/")


def all_read(shop: Shop) -> bool:
    """Whether there are twelve reports and twelve documents, each read once and wholly."""
    reports = shop.call("GET", "reports/?page_size=100").json()["results"]
    documents = shop.call("GET", "documents/?page_size=100").json()["results"]
    ended = [(one["status"], one["row_count"]) for one in reports] + [(one["status"], one["chunks"]) for one in documents]
    return Counter(ended) == {("processed", 60): 12, ("indexed", 2): 12}


def told_of(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.call("GET", "events/?kind=session.started&page_size=100").json()["results"]
    return found
