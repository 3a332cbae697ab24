"""Writing down what a batch of mails has come to: one statement a mail, and the mail server does not wait for it.

A mark says that the mail before was sent and that this one is begun. It is written by a thread of its own, beside the talk
about sender and recipient, and waited for right before the text leaves.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, connections
from django.db.models.functions import Now

from reports.models import EmailDelivery
from tenants.queue import QueueState
from tenants.scope import current_tenant_id

logger = logging.getLogger(__name__)

MARK = """
UPDATE reports_emaildelivery AS mail SET
    state = CASE WHEN is_sent THEN 'done' ELSE mail.state END,
    sent_at = CASE WHEN is_sent THEN statement_timestamp() ELSE mail.sent_at END,
    lease_until = CASE WHEN is_sent THEN NULL ELSE mail.lease_until END,
    last_error = CASE WHEN is_sent THEN '' ELSE mail.last_error END,
    begun_at = CASE WHEN is_sent THEN mail.begun_at ELSE statement_timestamp() END,
    is_held = false
FROM (VALUES (%(sent)s::uuid, true), (%(next)s::uuid, false)) AS given (id, is_sent)
WHERE mail.tenant_id = %(tenant)s AND mail.id = given.id AND mail.state = 'running' AND mail.lease_until = %(lease)s
RETURNING mail.id
"""
NO_WAIT = "SET LOCAL synchronous_commit = off;"
PAUSES = (0.2, 1.0, 3.0, 5.0)
"""Seconds between tries of a mark while the database restarts."""
Submit = Callable[[Callable[[], set[UUID]]], "Future[set[UUID]]"]


@contextmanager
def beside() -> Iterator[Submit]:
    """Give what runs a function beside the caller, in its scope and with a connection to the database of its own.

    Inside a transaction, whose rows no other connection sees, it runs right away.
    """
    if connection.in_atomic_block:
        yield _now
        return
    with ThreadPoolExecutor(1) as thread:
        try:
            yield lambda work: thread.submit(copy_context().run, work)
        finally:
            thread.submit(connections.close_all).result()


def _now(work: Callable[[], set[UUID]]) -> "Future[set[UUID]]":
    done: Future[set[UUID]] = Future()
    done.set_result(work())
    return done


class Marks:
    """The marks of one batch, all of one lease."""

    def __init__(self, lease: datetime | None, submit: Submit) -> None:
        self.lease, self.submit = lease, submit
        self.sent: UUID | None = None
        """What the server has taken and no mark says yet."""
        self.said: list[UUID] = []
        """What was marked as sent, by marks that a crash of the database may lose."""

    def begin(self, row_id: UUID) -> Callable[[], bool]:
        """Begin to write that a mail is begun; returns what waits for it, and tells whether the mail may go on."""
        written = self._write(row_id)
        return lambda: row_id in written.result()

    def end(self) -> None:
        """Write what was sent last, and wait until it is on the disk."""
        if self.sent:
            self._write(None).result()

    def _write(self, row_id: UUID | None) -> "Future[set[UUID]]":
        sent, self.sent = self.sent, None
        self.said += [sent] if sent else []
        values = {"tenant": current_tenant_id(), "lease": self.lease, "sent": sent, "next": row_id}
        return self.submit(lambda: self._execute(values))

    def _execute(self, values: Mapping[str, Any]) -> set[UUID]:
        """Execute a mark, once more after a restart of the database; returns the ids of the rows that were still ours."""
        try:
            ids = execute(values, waits=values["next"] is None)
        except OperationalError:
            if connection.in_atomic_block:
                raise
            ids = self._again(values)
        if values["sent"] and values["sent"] not in ids:
            logger.warning("mail %s was sent too late to be marked so: it is unclear", values["sent"])
        return ids

    def _again(self, values: Mapping[str, Any]) -> set[UUID]:
        """Say all that was sent of the batch once more, to a database that has gone and come back."""
        done = {"state": QueueState.DONE, "lease_until": None, "last_error": "", "is_held": False}
        for pause in PAUSES:
            connection.close()
            time.sleep(pause)
            with suppress(OperationalError):
                mine = EmailDelivery.objects.filter(pk__in=self.said, lease_until=self.lease, state=QueueState.RUNNING)
                mine.update(sent_at=Now(), **done)
                return {*self.said, *execute({**values, "sent": None}, waits=True)}
        raise OperationalError("The database has not come back.")


def execute(values: Mapping[str, Any], *, waits: bool) -> set[UUID]:
    """Execute a mark in a transaction of its own, which waits for the disk or not; returns the ids of the rows."""
    with connection.cursor() as cursor:
        cursor.execute(MARK if waits else NO_WAIT + MARK, values)
        if not waits:
            cursor.nextset()  # of SET
        return {row_id for (row_id,) in cursor.fetchall()}
