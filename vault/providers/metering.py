"""Every call of a model: reserve, call, settle; tried again while that may help. One try is one row of the ledger."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar
from uuid import UUID, uuid4

from django.db import connection

from vault import budgets
from vault.prices import Tokens
from vault.providers.endpoints import PROVIDER
from vault.providers.errors import ProviderError

TRIES = 3
FIRST_WAIT = 0.5
"""Seconds before the second try; twice as long before the third. What the provider asks for is longer or nothing."""


@dataclass(frozen=True)
class Spent:
    """What one try used and cost, as the ledger has it. ``error``: its kind, empty when the try brought an answer."""

    model: str
    amount: Decimal
    currency: str
    tokens: Tokens
    milliseconds: int
    error: str = ""


@dataclass(frozen=True)
class Purpose:
    """Who asks and what for. ``key`` names the call, such as turn and step: no call is made twice under one key.

    ``spent`` is filled with the tries as they end, also those that fail.
    """

    key: str = field(default_factory=lambda: str(uuid4()))
    bot_id: UUID | None = None
    subject: tuple[str, UUID] | None = None
    spent: list[Spent] = field(default_factory=list, compare=False)

    @property
    def run(self) -> UUID | None:
        """The id of what it is for, which the use of a credential is noted under."""
        return self.subject[1] if self.subject else None


@dataclass(frozen=True)
class Load:
    """What a call may use at most, and of which model."""

    kind: str
    model: str
    input_tokens: int
    output_tokens: int = 0
    credential_id: UUID | None = None


def leave_database() -> None:
    """Give the connection back while a model is waited for: it may take half a minute, and others need one."""
    if not connection.in_atomic_block:
        connection.close()


Answer = TypeVar("Answer")


class Meter:
    """One reservation and its clock: ended by exactly one of ``settle``, ``fail`` and ``give_up``."""

    def __init__(self, load: Load, purpose: Purpose, number: int) -> None:
        self.reservation = budgets.reserve(
            key=f"{purpose.key}/{number}",
            kind=load.kind,
            provider=PROVIDER,
            model=load.model,
            worst_case_input_tokens=load.input_tokens,
            max_output_tokens=load.output_tokens,
            bot_id=purpose.bot_id,
            subject=purpose.subject,
            credential_id=load.credential_id,
        )
        self.model, self.spent = load.model, purpose.spent
        leave_database()
        self.started = time.monotonic()

    def settle(self, tokens: Tokens | None) -> None:
        """Note what the call used."""
        milliseconds = self._milliseconds()
        amount = budgets.settle(self.reservation, usage=tokens, latency_ms=milliseconds)
        self._add(amount, tokens or Tokens(0), milliseconds)

    def fail(self, error: ProviderError) -> None:
        """Note that it brought nothing, and what the provider says it used all the same."""
        self._fail(error.kind, is_billed=error.is_billed, tokens=error.tokens)

    def give_up(self) -> None:
        """Note that we went away in the middle of it: nobody knows what it cost."""
        self._fail("abandoned", is_billed=True)

    def _fail(self, kind: str, *, is_billed: bool, tokens: Tokens | None = None) -> None:
        milliseconds = self._milliseconds()
        amount = budgets.fail(self.reservation, error_kind=kind, is_billed=is_billed, usage=tokens, latency_ms=milliseconds)
        self._add(amount, tokens or Tokens(0), milliseconds, kind)

    def _add(self, amount: Decimal, tokens: Tokens, milliseconds: int, error: str = "") -> None:
        self.spent.append(Spent(self.model, amount, self.reservation.currency, tokens, milliseconds, error))

    def _milliseconds(self) -> int:
        return int((time.monotonic() - self.started) * 1000)


def try_to(
    send: Callable[[Meter, float], Answer], *, load: Load, purpose: Purpose, within: float, tries: int = TRIES
) -> Answer:
    """Return what ``send`` brings; it gets its meter and the seconds left, and ends neither after success.

    Raises ``ProviderError`` of the last try, ``BudgetExceeded``, ``ModelUnpriced``, ``TenantSuspended`` and ``Conflict``
    (``in_progress``, ``already_settled``).
    """
    deadline = time.monotonic() + within
    number = 1
    while True:
        try:
            return _once(send, Meter(load, purpose, number), deadline)
        except ProviderError as error:
            wait = _wait(error, number)
            if error.kind != "retry" or number == tries or time.monotonic() + wait >= deadline:
                error.kind = error.kind_at_last
                raise
            time.sleep(wait)
        number += 1


def _once(send: Callable[[Meter, float], Answer], meter: Meter, deadline: float) -> Answer:
    try:
        return send(meter, max(0.1, deadline - time.monotonic()))
    except ProviderError as error:
        meter.fail(error)
        raise
    except BaseException:
        meter.give_up()
        raise


def _wait(error: ProviderError, number: int) -> float:
    own = FIRST_WAIT * 2 ** (number - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
    return own if error.retry_after is None else max(own, error.retry_after)
