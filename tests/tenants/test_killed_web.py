"""A web process that is killed in the middle of a POST with an ``Idempotency-Key``: done once, whatever was lost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import httpx2
import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from catalog.models import Customer
from tenants.models import IdempotencyKey
from tests.config.installation import CHECKOUT, free_port, wait_for
from tests.conftest import Business, in_tenant, platform_again

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def web() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Gunicorn with our configuration and one process, over the database of this test."""
    platform_again()
    host, name = connection.settings_dict["HOST"], connection.settings_dict["NAME"]
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": f"postgres://backroom_app@/{name}?host={host}",
        "PORT": str(port),
        "WEB_WORKERS": "1",
    }
    environment.pop("PYTEST_CURRENT_TEST", None)
    command = [sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn"]
    master = subprocess.Popen(command, env=environment, cwd=CHECKOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answers(address), 60, "healthz")
        yield master, address
    finally:
        master.terminate()
        master.wait(20)


def answers(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/healthz", timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False


def process_of(master: subprocess.Popen[bytes]) -> int:
    (child,) = Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()
    return int(child)


def send(address: str, key: str) -> httpx2.Response | None:
    """POST a customer; None when the connection was cut."""
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "order-17"}
    try:
        return httpx2.post(f"{address}/api/v1/customers/", json={"name": "Lan"}, headers=headers, timeout=30)
    except httpx2.HTTPError:
        return None


def customers(business: Business) -> int:
    with in_tenant(business.tenant):
        return Customer.objects.count()


def let_the_lease_end(business: Business) -> None:
    with in_tenant(business.tenant):
        IdempotencyKey.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def stopped(saigon: Business) -> Iterator[psycopg.Connection]:
    """A connection that holds up every new customer until it rolls back."""
    settings = connection.settings_dict
    with psycopg.connect(host=settings["HOST"], dbname=settings["NAME"], user=settings["USER"]) as other:
        other.execute("LOCK TABLE catalog_customer IN SHARE ROW EXCLUSIVE MODE")
        yield other


def waits(other: psycopg.Connection) -> bool:
    row = other.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'catalog_customer'::regclass")
    return row.fetchone() != (0,)


def test_killed_while_it_acts_the_request_is_done_once_by_who_asks_again(
    saigon: Business, web: tuple[subprocess.Popen[bytes], str], stopped: psycopg.Connection
) -> None:
    master, address = web
    first = Thread(target=send, args=(address, saigon.key))
    first.start()
    wait_for(lambda: waits(stopped), 20, "the insert waits")
    killed = process_of(master)
    os.kill(killed, signal.SIGKILL)
    first.join()
    wait_for(lambda: answers(address) and process_of(master) != killed, 30, "another process")
    early = send(address, saigon.key)
    assert early is not None
    assert (early.status_code, early.json()["code"]) == (409, "in_progress")
    stopped.rollback()
    time.sleep(0.5)  # the dead one's insert goes through, and is rolled back with its connection
    assert customers(saigon) == 0
    let_the_lease_end(saigon)
    done, again = send(address, saigon.key), send(address, saigon.key)
    assert done is not None
    assert again is not None
    assert (done.status_code, again.status_code, again.headers["Idempotency-Replayed"]) == (201, 201, "true")
    assert done.json() == again.json()
    assert customers(saigon) == 1


def test_killed_after_it_acted_the_answer_is_still_there(saigon: Business, web: tuple[subprocess.Popen[bytes], str]) -> None:
    master, address = web
    done = send(address, saigon.key)
    assert done is not None
    killed = process_of(master)
    os.kill(killed, signal.SIGKILL)  # whoever had not got the answer yet would ask again
    wait_for(lambda: answers(address) and process_of(master) != killed, 30, "another process")
    let_the_lease_end(saigon)
    again = send(address, saigon.key)
    assert again is not None
    assert again.json() == done.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert customers(saigon) == 1
