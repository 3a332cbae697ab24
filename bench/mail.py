"""Draining the queue of e-mail with one worker, against smtplib alone over ready bytes, and against django-post_office.

All three send the same mails to the same aiosmtpd on loopback, which is a process of its own, in turn, again and again;
the databases of both queues wait for their disk. The floor knows no queue: one connection, ``sendmail`` for each.
"""

import gc
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from django.conf import settings
from django.db import connection
from django.utils import timezone

from bench.database import settle
from bench.mail_texts import BODY
from bench.result import Result, compared
from reports.models import EmailContent, EmailDelivery, EmailMessage
from reports.outbox import send_due_emails
from reports.rendering import render_email
from tenants.models import PLATFORM_ID, Setting, Tenant
from tenants.scope import tenant_scope
from tenants.services import create_tenant

MAILS, ROUNDS = 2_000, 5
PEER_DATABASE = "bench_post_office"


def run() -> list[Result]:
    """Drain the same mails all three ways in turn, again and again."""
    tenant = create_tenant(slug="mailer", name="Mailer", owner_email="owner@mailer.example").tenant
    with tenant_scope(tenant):
        Setting.put("emails_per_minute", 100_000)
    with tenant_scope(PLATFORM_ID):
        Setting.put("own_server_emails_per_minute", 100_000)
    with sink() as port:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        with peer(port) as post_office:
            rounds = [(_ours(tenant), _floor(tenant, port), _told(post_office)) for _ in range(ROUNDS)]
    return [
        _median("mail: drained a second, bare smtplib as floor", [(ours, floor) for ours, floor, _ in rounds], ">= 0.7"),
        _median("mail: drained a second, django-post_office", [(ours, other) for ours, _, other in rounds], ">= 1.3"),
    ]


def _median(name: str, rounds: list[tuple[float, float]], limit: str) -> Result:
    """Return the round whose ratio is the median: what else the machine does differs from round to round."""
    ours, theirs = sorted(rounds, key=lambda pair: pair[0] / pair[1])[ROUNDS // 2]
    return compared(name, ours=MAILS / ours, floor=MAILS / theirs, limit=limit)


def _ours(tenant: Tenant) -> float:
    with tenant_scope(tenant):
        queue_mails()
    settle("reports_emaildelivery", "reports_emailcontent")
    gc.collect()  # of what queueing has left, so that nobody pays for it here
    begun = time.perf_counter()
    taken = send_due_emails()
    seconds = time.perf_counter() - begun
    with tenant_scope(tenant):
        left = EmailDelivery.objects.exclude(state="done").count()
    assert (taken, left) == (MAILS, 0), (taken, left)
    return seconds


def queue_mails() -> None:
    """Queue mails as ``queue_email`` does, all of one step at once."""
    EmailMessage.objects.bulk_create(
        EmailMessage(
            subject=f"Order {number}",
            body=BODY.format(number=number),
            to=[f"customer-{number}@example.com"],
            status="queued",
            message_id=f"<{uuid4()}@localhost>",
            queued_at=timezone.now(),
        )
        for number in range(MAILS)
    )
    emails = list(EmailMessage.objects.filter(deliveries=None))
    texts = {email.pk: render_email(email) for email in emails}
    EmailContent.objects.bulk_create(EmailContent(email_id=pk, data=text, size=len(text)) for pk, text in texts.items())
    EmailDelivery.objects.bulk_create(EmailDelivery(email=email, address=email.to[0]) for email in emails)


def _floor(tenant: Tenant, port: int) -> float:
    with tenant_scope(tenant):
        rows = EmailContent.objects.values_list("email__to", "data")[:MAILS]
        ready = [(to[0], bytes(data)) for to, data in rows]
    assert len(ready) == MAILS
    gc.collect()
    begun = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as server:
        for recipient, data in ready:
            server.sendmail("backroom@localhost", [recipient], data)
    return time.perf_counter() - begun


@contextmanager
def sink() -> Iterator[int]:
    """Run a mail server that takes everything; gives its port."""
    with _process("bench.mail_sink") as process:
        assert process.stdout
        yield int(process.stdout.readline())


@contextmanager
def peer(port: int) -> Iterator[subprocess.Popen[str]]:
    """Run django-post_office in a process and a database of its own, in the same cluster."""
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {PEER_DATABASE}")
    with _process("bench.post_office_mail", str(connection.settings_dict["HOST"]), PEER_DATABASE, str(port)) as process:
        yield process


def _told(process: subprocess.Popen[str]) -> float:
    """Have the peer queue and drain the mails; returns the seconds of its draining."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{MAILS}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


@contextmanager
def _process(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
