"""Whose rows may be seen right now: the one ContextVar behind every tenant query.

Opening a scope sends no SQL and opens no transaction. The database backend reads the current scope at each
statement and puts it in front of the transaction's first one (``tenants/postgres/base.py``); the querysets of
tenant models refuse to run without a scope (``tenants/models``). A scope is entered at exactly five doors:
``ScopeMiddleware``, the API authentication, the webhook door, ``TenantTask`` and ``TenantCommand``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from django.db import connection


class NoScope(RuntimeError):
    """A tenant's rows were asked for outside any scope. Always a programming error, never shown to a user."""


class ScopeConflict(RuntimeError):
    """A scope was changed inside an open transaction, or a queryset of one scope was run in another."""


@dataclass(frozen=True)
class Scope:
    """One tenant, or (``tenant_id`` None) the whole platform with the reason why."""

    tenant_id: UUID | None
    reason: str = ""

    @property
    def is_platform(self) -> bool:
        """Whether this scope crosses tenants."""
        return self.tenant_id is None


class _HasId(Protocol):
    id: UUID


_current: ContextVar[Scope | None] = ContextVar("backroom_scope", default=None)


def active_scope() -> Scope | None:
    """Return the scope now open, or None."""
    return _current.get()


def current_scope() -> Scope:
    """Return the scope now open; raises ``NoScope`` when there is none."""
    scope = _current.get()
    if scope is None:
        raise NoScope("No tenant scope is open.")
    return scope


def current_tenant_id() -> UUID:
    """Return the tenant now worked in; raises ``NoScope`` without a scope and in a platform scope."""
    tenant_id = current_scope().tenant_id
    if tenant_id is None:
        raise NoScope("A platform scope is open: it names no tenant.")
    return tenant_id


def default_tenant() -> UUID | None:
    """Fill ``TenantField`` of new rows; None (refused by NOT NULL) outside a tenant scope."""
    scope = _current.get()
    return scope.tenant_id if scope else None


@contextmanager
def tenant_scope(tenant: _HasId | UUID) -> Iterator[Scope]:
    """Work in one tenant. Open it outside ``atomic``; raises ``ScopeConflict`` when it would switch tenants inside."""
    with _entered(Scope(tenant if isinstance(tenant, UUID) else tenant.id)) as scope:
        yield scope


@contextmanager
def platform_scope(*, reason: str) -> Iterator[Scope]:
    """Cross the tenants: the only way, greppable, each use listed in ``tests/test_architecture.py``."""
    with _entered(Scope(None, reason)) as scope:
        yield scope


@contextmanager
def any_scope(*, reason: str) -> Iterator[Scope]:
    """Stay in the scope now open, else cross the tenants: for rows without a tenant that are written from anywhere."""
    if scope := _current.get():
        yield scope
    else:
        with platform_scope(reason=reason) as opened:
            yield opened


@contextmanager
def _entered(scope: Scope) -> Iterator[Scope]:
    _refuse_switch_in_transaction(scope)
    token = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(token)


def _refuse_switch_in_transaction(scope: Scope) -> None:
    outer = _current.get()
    if outer is None or outer.is_platform or outer.tenant_id == scope.tenant_id:
        return
    if in_transaction():
        raise ScopeConflict("The tenant cannot change inside an open transaction.")


def in_transaction() -> bool:
    """Whether a transaction of the code's own is open; the one around a test does not count."""
    return any(not block._from_testcase for block in connection.atomic_blocks)  # type: ignore[attr-defined] # not in the stubs
