"""A connection beside the one in use, to which a statement is sent now and asked for its answer later.

For who has something else to wait for in the meantime, such as a mail server: no thread, and no second of one's own
waiting, is spent on the database.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import cast
from uuid import UUID

import psycopg
from django.db import connection
from psycopg import generators
from psycopg.errors import DuplicatePreparedStatement, InvalidSqlStatementName, error_from_result
from psycopg.pq import ExecStatus

from tenants.postgres.base import DatabaseWrapper, ScopedCursor
from tenants.postgres.prepared import Prepared

Params = Mapping[str, UUID | datetime | None]
NO_WAIT = "SET LOCAL synchronous_commit = off"


class Beside:
    """Such a connection; it is opened when it is needed. One statement at a time: the answer is asked for before the next."""

    def __init__(self) -> None:
        self.own = cast(DatabaseWrapper, connection.copy())
        self.cursor: ScopedCursor | None = None
        self.sent: tuple[Prepared, Params] | None = None

    def close(self) -> None:
        """Close it; what was sent and not answered may have been done or not."""
        self.sent = None
        self.own.close()

    def send(self, query: Prepared, params: Params, *, waits: bool) -> None:
        """Send a statement as a transaction of its own, in the scope; without ``waits`` a crash of the database may lose it.

        Raises ``OperationalError``.
        """
        with self.own.wrap_database_errors:
            self.own.ensure_connection()
            literals = {name: _literal(value) for name, value in params.items()}
            text = self._cursor().message(query, literals, before=[] if waits else [NO_WAIT])
            self.own.connection.pgconn.send_query(text.encode())
            self.own.connection.pgconn.flush()
        self.sent = query, params

    def _cursor(self) -> ScopedCursor:
        if self.cursor is None or self.cursor.connection is not self.own.connection:
            self.cursor = self.own.connection.cursor()
        return self.cursor

    def first_column(self) -> list[str]:
        """Wait for the answer; returns the first column of its rows, as the database writes it. Raises ``DatabaseError``."""
        assert self.sent
        (query, params), self.sent = self.sent, None
        with self.own.wrap_database_errors:
            native: psycopg.Connection = self.own.connection
            last = native.wait(generators.fetch_many(native.pgconn))[-1]
            if last.status == ExecStatus.TUPLES_OK:
                return [(last.get_value(row, 0) or b"").decode() for row in range(last.ntuples)]
            error = error_from_result(last)
            if not isinstance(error, (InvalidSqlStatementName, DuplicatePreparedStatement)):
                raise error
            with self.own.cursor() as cursor:  # a pooler gave us another session
                cursor.execute(query, params)
                return [str(first) for first, *_others in cursor.fetchall()]


def _literal(value: UUID | datetime | None) -> str:
    """Return a value as SQL has it: of these types, whose text has no quotes, and never of users' text."""
    if value is None:
        return "NULL"
    if not isinstance(value, (UUID, datetime)):
        raise TypeError(f"{type(value).__name__} cannot be sent beside")
    return f"'{value}'"
