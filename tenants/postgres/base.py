"""PostgreSQL backend whose cursor names the tenant in front of the first statement of every transaction.

``SET LOCAL backroom.tenant = '…'; <statement>`` travels as one message: no extra round trip, right in autocommit
too (several statements in one message are one implicit transaction), safe behind a pooler in transaction mode,
and never a prepared statement (prepared, it leaked between tenants through PgBouncer). Who acts travels with it, for
the audit.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.backends.postgresql import base
from psycopg import ClientCursor, Connection
from psycopg.errors import DuplicatePreparedStatement, InvalidSqlStatementName
from psycopg.pq import TransactionStatus
from psycopg.sql import Composable

from tenants.actor import Actor, current_actor
from tenants.postgres.creation import DatabaseCreation
from tenants.postgres.operations import DatabaseOperations
from tenants.postgres.prepared import Prepared, form_of
from tenants.postgres.schema import DatabaseSchemaEditor
from tenants.scope import Scope, active_scope


class Sent(NamedTuple):
    """What a transaction was told: the tenant, whether it has the platform's role, and who acts."""

    tenant: str = ""
    is_platform: bool = False
    actor: str = ""


NOTHING_SENT = Sent()


@lru_cache(maxsize=256)
def _wanted(scope: Scope | None, actor: Actor | None) -> Sent:
    """Return what the database is to be told of them. Kept: each statement of a request tells the same."""
    if scope is None:
        return NOTHING_SENT  # nothing that is audited can be written
    return Sent(str(scope.tenant_id or ""), scope.is_platform, str(actor) if actor else "")


def _prefix(connection: Connection) -> list[str]:
    """Return the SET LOCAL statements this transaction still lacks, and remember them as sent."""
    wanted = _wanted(active_scope(), current_actor())
    idle = connection.info.transaction_status == TransactionStatus.IDLE
    # Kept on the psycopg connection, so that it is right for pooled ones; None after a rolled back savepoint.
    sent: Sent | None = NOTHING_SENT if idle else getattr(connection, "backroom_sent", NOTHING_SENT)
    connection.backroom_sent = wanted  # type: ignore[attr-defined]
    if wanted == sent:
        return []
    statements = []  # of UUID objects and names of ours, never of users' text
    if sent is None or wanted.tenant != sent.tenant or wanted.is_platform != sent.is_platform:
        statements.append(f"SET LOCAL backroom.tenant = '{wanted.tenant}'")
    if sent is None or wanted.actor != sent.actor:
        statements.append(f"SET LOCAL backroom.actor = '{wanted.actor}'")
    if wanted.is_platform and not (sent and sent.is_platform):
        statements.append("SET LOCAL ROLE backroom_platform")
    elif not wanted.is_platform and (sent is None or sent.is_platform):
        statements.append("SET LOCAL ROLE NONE")
    return statements


class ScopedCursor(base.CursorMixin, ClientCursor):
    """Django's cursor, which sends the current scope along."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "ScopedCursor":
        """Execute ``query``, in front of it whatever of the scope the transaction does not know yet."""
        is_alone = self.connection.info.transaction_status == TransactionStatus.IDLE
        prefix = _prefix(self.connection)
        if not prefix:
            return super().execute(query, params, **options)
        if isinstance(query, Prepared) and is_alone:
            self._execute_prepared(prefix, query, params)
            return self
        text = self.mogrify(query, params) if params is not None else _as_text(query, self)
        self._send([*prefix, text])
        return self

    def _send(self, statements: list[str]) -> None:
        """Send the statements as one message and stop at the rows of the last one."""
        super().execute("; ".join(statements), None)
        for _ in statements[1:]:
            self.nextset()

    def _execute_prepared(self, prefix: list[str], query: Prepared, params: Mapping[str, Any]) -> None:
        """Execute what the connection has prepared, or prepare it in the same message. Alone: so an error undoes nothing."""
        form = form_of(query)
        call = self.mogrify(form.execute, [params[name] for name in form.names])
        # Kept on the psycopg connection, whose session knows it.
        known = self.connection.__dict__.setdefault("backroom_prepared", set())
        try:
            self._send([*prefix, call] if form.name in known else [*prefix, form.prepare, call])
        except InvalidSqlStatementName:  # a pooler gave us another session
            self._send([*prefix, form.prepare, call])
        except DuplicatePreparedStatement:  # one that another client has used before us
            self._send([*prefix, call])
        known.add(form.name)

    def message(self, query: Prepared, literals: Mapping[str, str], *, before: list[str]) -> str:
        """Return the one message that executes a statement in the scope, as a transaction of its own; for who sends it."""
        form = form_of(query)
        known = self.connection.__dict__.setdefault("backroom_prepared", set())
        prepare = [] if form.name in known else [form.prepare]
        known.add(form.name)
        call = form.execute % tuple(literals[name] for name in form.names)
        return "; ".join([*_prefix(self.connection), *before, *prepare, call])

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        """Execute for every parameter set, in one transaction, so that the scope is sent once."""
        with self.connection.transaction():
            if prefix := _prefix(self.connection):
                super().execute("; ".join(prefix))
            super().executemany(query, params_seq, **options)


def _as_text(query: Any, cursor: ClientCursor) -> str:
    if isinstance(query, Composable):
        return query.as_string(cursor)
    return query.decode() if isinstance(query, bytes) else str(query)


class DatabaseWrapper(base.DatabaseWrapper):
    """The ``default`` connection: logs in as the application role, and as the owner only to migrate."""

    SchemaEditorClass = DatabaseSchemaEditor
    creation_class = DatabaseCreation
    ops_class = DatabaseOperations

    def get_connection_params(self) -> dict[str, Any]:
        """Return psycopg's parameters, with our cursor (pools take it from here, too)."""
        return {**super().get_connection_params(), "cursor_factory": ScopedCursor}

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc] # not in the stubs
        # ROLLBACK TO undoes a SET LOCAL of the savepoint: the next statement sends the scope again.
        self.connection.backroom_sent = None

    @contextmanager
    def as_owner(self) -> Iterator[None]:
        """Reconnect as the role that owns the tables, for migrations and for tests' set-up only.

        That role has no ``statement_timeout`` (``roles.py``): a migration may take long.
        """
        settings = self.settings_dict
        owner = settings["OWNER"] if isinstance(settings["OWNER"], dict) else {"USER": settings["OWNER"]}
        if settings["USER"] == owner["USER"]:
            yield
            return
        before = {key: settings[key] for key in (*owner, "OPTIONS")}
        unpooled = {key: value for key, value in settings["OPTIONS"].items() if key != "pool"}
        self.close()
        settings.update({"OPTIONS": unpooled, **owner})
        try:
            yield
        finally:
            self.close()
            settings.update(before)
