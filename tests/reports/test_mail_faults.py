"""The mail server and the worker go wrong in every way: each mail has exactly one effect, or is unclear and listed."""

import os
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.utils import timezone

from reports import outbox
from reports.emails import queue_email, write_email
from reports.models import EmailDelivery
from reports.outbox import send_due_emails
from reports.transport import Envelope, SmtpTransport
from tenants.queue import DIED_EACH_TIME
from tests.conftest import in_tenant
from tests.smtp_sink import DROP, STALL, Sink, many_emails, smtp_sink

ROOT = Path(__file__).resolve().parents[2]
PHASES = ("connect", "ehlo", "mail", "rcpt", "data", "text", "taken")


@pytest.fixture
def sink(settings: Any) -> Iterator[Sink]:
    """Return a mail server, to which the settings point."""
    with smtp_sink() as sink:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = sink.host, sink.port, 1
        yield sink


def queue(business: Any, count: int) -> None:
    with in_tenant(business.tenant):
        many_emails()
        to = [f"customer-{number}@example.com" for number in range(count)]
        queue_email(email=write_email(subject="Tin vui", body="…", to=to))


def go_on(business: Any) -> None:
    """Let all that waits be due, and whatever a dead worker holds."""
    with in_tenant(business.tenant):
        EmailDelivery.objects.filter(state__in=["pending", "running"]).update(due_at=timezone.now() - timedelta(seconds=1))
        EmailDelivery.objects.filter(state="unknown").update(begun_at=timezone.now() - timedelta(minutes=5))


def check_effects(business: Any, sink: Sink) -> dict[str, int]:
    """Prove that what is sent was sent once, what is unclear at most once, and nothing else; returns how they stand."""
    taken = {recipient: count for (recipient, _message_id), count in sink.counts().items()}
    with in_tenant(business.tenant):
        rows = dict(EmailDelivery.objects.values_list("address", "state"))
    for address, state in rows.items():
        allowed = {"done": {1}, "unknown": {0, 1}}.get(state, {0})
        assert taken.get(address, 0) in allowed, (address, state, taken.get(address, 0))
    return {state: list(rows.values()).count(state) for state in set(rows.values())}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("phase", "takes_several"), [*((phase, True) for phase in PHASES), *((phase, False) for phase in PHASES[2:6])]
)
def test_a_server_that_hangs_up_in_a_phase_loses_and_doubles_nothing(saigon, sink, phase: str, takes_several: bool) -> None:
    sink.takes_several = takes_several
    broken = {"left": 2}

    def script(at: str, _recipient: str) -> str | None:
        if at != phase or not broken["left"]:
            return None
        broken["left"] -= 1
        return DROP

    sink.script = script
    queue(saigon, 6)
    for _ in range(4):
        send_due_emails()
        check_effects(saigon, sink)
        go_on(saigon)
    unclear = 2 if phase in ("text", "taken") else 0
    assert check_effects(saigon, sink) == {"done": 6 - unclear, **({"unknown": unclear} if unclear else {})}


@pytest.mark.django_db
@pytest.mark.parametrize("takes_several", [True, False])
@pytest.mark.parametrize(
    ("phase", "reply"), [("mail", "421 closing"), ("rcpt", "451 later"), ("text", "452 no room"), ("data", "554 no")]
)
def test_a_server_that_refuses_for_a_while_gets_each_mail_once(
    saigon, sink, phase: str, reply: str, takes_several: bool
) -> None:
    sink.takes_several = takes_several
    refused = {"left": 3}

    def script(at: str, _recipient: str) -> str | None:
        if at != phase or not refused["left"]:
            return None
        refused["left"] -= 1
        return reply

    sink.script = script
    queue(saigon, 5)
    for _ in range(5):
        send_due_emails()
        check_effects(saigon, sink)
        go_on(saigon)
    failed = {"failed": 3} if reply.startswith("5") else {}
    assert check_effects(saigon, sink) == {"done": 5 - sum(failed.values()), **failed}


@pytest.mark.django_db
def test_a_server_that_waits_for_a_text_although_it_takes_nobody_gets_an_empty_one(saigon, sink) -> None:
    sink.waits_for_nobody = True
    sink.script = lambda phase, recipient: "550 unknown" if (phase, recipient[:10]) == ("rcpt", "customer-1") else None
    queue(saigon, 4)
    send_due_emails()
    assert check_effects(saigon, sink) == {"done": 3, "failed": 1}
    assert (sink.for_nobody, sink.connections) == ([b".\r\n"], 1)


@pytest.mark.django_db
def test_a_server_that_takes_a_mail_of_a_sender_it_refuses_is_given_no_text(saigon, sink) -> None:
    sink.script = lambda phase, recipient: "550 who are you" if phase == "mail" else None
    sink.takes_any_sender = True
    queue(saigon, 2)
    send_due_emails()
    assert check_effects(saigon, sink) == {"failed": 1, "pending": 1}
    assert (sink.taken, sink.connections) == ([], 1)


@pytest.mark.django_db
def test_an_address_that_holds_a_command_is_no_command(saigon, sink) -> None:
    envelope = Envelope(
        "shop@example.com", "lan@example.com>\r\nRCPT TO:<all@example.com", b"Hello\r\n", EmailMultiAlternatives
    )
    with smtplib.SMTP(sink.host, sink.port) as server:
        server.ehlo()
        for sink.takes_several in (True, False):
            with pytest.raises(ValueError, match="one line"):
                SmtpTransport(server).send(envelope, announce=lambda: None, begin=lambda: None)
            server.rset()
            server.ehlo()
    assert sink.taken == []


@pytest.mark.django_db
def test_a_server_that_says_nothing_is_left_alone_for_a_minute(saigon, sink) -> None:
    sink.stall = 3.0
    sink.script = lambda phase, recipient: STALL if phase == "rcpt" else None
    queue(saigon, 3)
    begun = time.monotonic()
    send_due_emails()
    send_due_emails()
    assert time.monotonic() - begun < 3
    assert sink.connections == 1
    assert check_effects(saigon, sink) == {"pending": 3}


@pytest.mark.django_db
def test_what_was_claimed_before_a_crash_of_the_database_is_unclear_and_not_sent_again(saigon, sink) -> None:
    queue(saigon, 3)
    with in_tenant(saigon.tenant):
        rows = outbox._claim(None, 2)
        long_ago = timezone.now() - timedelta(minutes=5)
        EmailDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(due_at=long_ago)
        EmailDelivery.objects.filter(pk=rows[0].pk).update(epoch=long_ago)
        outbox.take_back_lost()
        states = dict(EmailDelivery.objects.values_list("pk", "state"))
    assert (states[rows[0].pk], states[rows[1].pk]) == ("unknown", "pending")


@pytest.mark.django_db
def test_a_mail_before_which_the_worker_dies_is_tried_alone_and_parked_after_three_deaths(saigon, sink) -> None:
    queue(saigon, 4)
    alone = []
    with in_tenant(saigon.tenant):
        for _death in range(3):
            (account,) = outbox.due_accounts()
            rows = outbox._claim_of(account, 200)
            alone.append([row.address for row in rows])
            go_on(saigon)
            outbox.take_back_lost()
    first = alone[0][0]
    assert alone == [[f"customer-{number}@example.com" for number in range(4)], [first], [first]]
    send_due_emails()
    assert check_effects(saigon, sink) == {"done": 3, "failed": 1}
    with in_tenant(saigon.tenant):
        assert EmailDelivery.objects.get(address=first).last_error == DIED_EACH_TIME
        assert set(EmailDelivery.objects.exclude(address=first).values_list("attempt", flat=True)) == {1}


DRAIN = """
import sys, time
import django
django.setup()
from django.conf import settings
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", int(sys.argv[2])
from reports import outbox
from tenants.postgres.beside import Beside
answer = Beside.first_column
def slowly(*args, **options):
    time.sleep(0.002)
    found = answer(*args, **options)
    time.sleep(0.002)
    return found
Beside.first_column = slowly
print("ready", flush=True)
while True:
    outbox.send_due_emails()
    time.sleep(0.01)
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_again_and_again_doubles_nothing_and_leaves_one_mail_unclear_each_time(saigon, sink) -> None:
    kills, mails = 8, 300
    queue(saigon, mails)
    for number in range(kills):
        worker = start(sink)
        wait_for_more(sink, number)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        time.sleep(0.05)
        go_on(saigon)
    send_due_emails()
    stands = check_effects(saigon, sink)
    assert stands["done"] + stands.get("unknown", 0) == mails
    assert stands.get("unknown", 0) <= kills


def start(sink: Sink) -> "subprocess.Popen[str]":
    """Start a worker that drains slowly; returns when it is about to."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", DRAIN, str(connection.settings_dict["NAME"]), str(sink.port)]
    worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert worker.stdout
    assert worker.stdout.readline() == "ready\n"
    return worker


def wait_for_more(sink: Sink, count: int) -> None:
    """Wait until more than so many mails were taken from now on."""
    before, deadline = len(sink.taken), time.monotonic() + 60
    while len(sink.taken) <= before + count:
        assert time.monotonic() < deadline
        time.sleep(0.002)
