"""Writing down what a batch of mails has come to: one statement a mail, and the mail server does not wait for it.

A mark says that the mail before was sent and that this one is begun. It is sent to the database over a connection of its
own, answered during the talk about sender and recipient, and waited for right before the text leaves.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection
from django.db.models.functions import Now

from reports.models import EmailDelivery
from tenants.postgres.beside import Beside
from tenants.postgres.prepared import Prepared
from tenants.queue import QueueState
from tenants.scope import current_tenant_id

logger = logging.getLogger(__name__)

MARK = Prepared("""
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
""")
PAUSES = (0.2, 1.0, 3.0, 5.0)
"""Seconds between tries of a mark while the database restarts."""


@contextmanager
def beside() -> Iterator[Beside | None]:
    """Give the connection of marks; none inside a transaction, whose rows no other connection sees."""
    if connection.in_atomic_block:
        yield None
        return
    other = Beside()
    try:
        yield other
    finally:
        other.close()


class Mark:
    """A mark on its way."""

    def __init__(self, values: Mapping[str, Any], said: list[UUID], other: Beside | None) -> None:
        self.values, self.said, self.other = values, said, other
        self.found: set[UUID] | None = None
        if other is None:
            self.found = self._told(execute(values))
        else:
            self._send(other)

    def ids(self) -> set[UUID]:
        """Wait for it; returns the ids of the rows that were still ours."""
        if self.found is None:
            assert self.other
            try:
                self.found = self._told({UUID(row_id) for row_id in self.other.first_column()})
            except OperationalError:
                self.found = self._again(self.other)
        return self.found

    def _send(self, other: Beside) -> None:
        try:
            other.send(MARK, self.values, waits=self.values["next"] is None)
        except OperationalError:
            self.found = self._again(other)

    def _told(self, ids: set[UUID]) -> set[UUID]:
        if self.values["sent"] and self.values["sent"] not in ids:
            logger.warning("mail %s was sent too late to be marked so: it is unclear", self.values["sent"])
        return ids

    def _again(self, other: Beside) -> set[UUID]:
        """Say all that was sent of the batch once more, to a database that has gone and come back."""
        done = {"state": QueueState.DONE, "lease_until": None, "last_error": "", "is_held": False}
        other.close()
        for pause in PAUSES:
            connection.close()
            time.sleep(pause)
            with suppress(OperationalError):
                lease = self.values["lease"]
                mine = EmailDelivery.objects.filter(pk__in=self.said, lease_until=lease, state=QueueState.RUNNING)
                mine.update(sent_at=Now(), **done)
                return {*self.said, *execute({**self.values, "sent": None})}
        raise OperationalError("The database has not come back.")


class Marks:
    """The marks of one batch, all of one lease."""

    def __init__(self, lease: datetime | None, other: Beside | None) -> None:
        self.lease, self.other = lease, other
        self.sent: UUID | None = None
        """What the server has taken and no mark says yet."""
        self.said: list[UUID] = []
        """What was marked as sent, by marks that a crash of the database may lose."""
        self.last: Mark | None = None

    def announce(self, row_id: UUID) -> Mark:
        """Begin to write that a mail is begun, or go on; returns what is waited for."""
        if self.last is None or self.last.values["next"] != row_id:
            self.last = self._write(row_id)
        return self.last

    def begin(self, row_id: UUID) -> bool:
        """Wait until it is written that a mail is begun; returns whether it may go on."""
        return row_id in self.announce(row_id).ids()

    def end(self) -> None:
        """Write what was sent last, and wait until it is on the disk."""
        if self.last:
            self.last.ids()
        if self.sent:
            self._write(None).ids()

    def _write(self, row_id: UUID | None) -> Mark:
        if self.last:
            self.last.ids()
        sent, self.sent = self.sent, None
        self.said += [sent] if sent else []
        values = {"tenant": current_tenant_id(), "lease": self.lease, "sent": sent, "next": row_id}
        return Mark(values, self.said, self.other)


def execute(values: Mapping[str, Any]) -> set[UUID]:
    """Execute a mark and wait until it is on the disk; returns the ids of the rows."""
    with connection.cursor() as cursor:
        cursor.execute(MARK, values)
        return {row_id for (row_id,) in cursor.fetchall()}
