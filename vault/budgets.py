"""What may still be spent: reserve the most a call can cost, call, then settle what it did cost (DESIGN section 5).

A hard stop holds because nothing is called before its worst case stands in every budget that applies: reserved and
spent together never pass a limit. Reserving and settling commit on their own, each in one message to the database
(``vault/statements.py``); between them no transaction is open. Who dies in between leaves a reservation behind, which
``sweep_reservations`` ends at its worst case: the call may have been made, and the provider will bill it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from tenants.actor import Actor, ActorKind, current_actor
from tenants.errors import Conflict
from tenants.events import record_event
from tenants.scope import current_tenant_id, platform_scope, tenant_scope
from vault.models import Budget, BudgetPeriod, UsageEntry
from vault.prices import Prices, Tokens, cost
from vault.statements import LOCK, OPEN, RESERVE, SETTLE

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)
"""How long a call may be under way: longer than any call is allowed to take."""
MOST_TOKENS = 2**31 - 1
ROUNDS = 4
SWEEP_BATCH = 500


class BudgetExceeded(Conflict):
    """The most the call can cost does not fit into what a budget has left; nothing was reserved."""

    def __init__(self, budget_id: UUID, left: Decimal) -> None:
        message = _("The budget is used up: this call could cost more than is left.")
        super().__init__("budget_exceeded", message, budget=str(budget_id), left=f"{max(left, Decimal(0)):.4f}")


class ModelUnpriced(Conflict):
    """A budget applies that cannot count the call: the model has no price, or one in another currency."""

    def __init__(self, model: str) -> None:
        message = _("The model “%(model)s” has no price in the currency of your budget, so the budget refuses it.")
        super().__init__("model_unpriced", message % {"model": model}, model=model)


class TenantSuspended(Conflict):
    """The tenant is suspended: it spends nothing, on no account."""

    def __init__(self) -> None:
        super().__init__("tenant_suspended", _("The tenant is suspended."))


@dataclass(frozen=True)
class Reservation:
    """A call that may be made: what it can cost at most, and the prices it is settled by (None: it has none)."""

    id: UUID
    amount: Decimal
    currency: str
    prices: Prices | None


def reserve(
    *,
    key: str,
    provider: str,
    model: str,
    worst_case_input_tokens: int,
    max_output_tokens: int,
    kind: str = UsageEntry.Kind.CHAT,
    bot_id: UUID | None = None,
    subject: tuple[str, UUID] | None = None,
    credential_id: UUID | None = None,
) -> Reservation:
    """Hold the most the call can cost in every budget of the tenant and the bot; one round trip.

    ``key`` names the call (such as turn and step), which is made once. ``subject`` is what it is for, as kind and id.
    Raises ``BudgetExceeded``, ``ModelUnpriced``, ``TenantSuspended``, and for a key that was used before ``Conflict``:
    ``in_progress`` until its call has ended (or its caller is gone and swept), ``already_settled`` afterwards.
    """
    if any(not block._from_testcase for block in connection.atomic_blocks):  # type: ignore[attr-defined] # not in the stubs
        raise RuntimeError("A model is called inside a transaction, which would be held open while it answers.")
    values = {
        "key": key,
        "kind": kind,
        "provider": provider,
        "model": model,
        "bot": bot_id,
        "credential": credential_id,
        "input_tokens": min(worst_case_input_tokens, MOST_TOKENS),
        "output_tokens": min(max_output_tokens, MOST_TOKENS),
        **_who_and_what_for(subject),
        "lease": LEASE,
    }
    return _hold(values)


def _hold(values: Mapping[str, Any]) -> Reservation:
    for _round in range(ROUNDS):  # once more when a period begins, or when another call had the key at the same moment
        row = _run(RESERVE, values)[0]
        if found := _reservation(row, values["model"]):
            return found
        if row["is_uncounted"]:
            open_periods()
    raise _in_progress()


def _in_progress() -> Conflict:
    return Conflict("in_progress", _("This call is being made already."))


def _who_and_what_for(subject: tuple[str, UUID] | None) -> dict[str, Any]:
    actor = current_actor() or Actor(ActorKind.SYSTEM)
    subject_kind, subject_id = subject or ("", None)
    return {
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "subject_kind": subject_kind,
        "subject_id": subject_id,
    }


def _reservation(row: Mapping[str, Any], model: str) -> Reservation | None:
    """Read the answer of ``RESERVE``; None when it has to be asked again."""
    if row["earlier_state"] == UsageEntry.State.RESERVED:
        raise _in_progress()
    if row["earlier_state"]:
        raise Conflict("already_settled", _("This call was made and settled before."))
    if row["is_suspended"]:
        raise TenantSuspended
    if row["is_unpriced"]:
        raise ModelUnpriced(model)
    if row["is_exceeded"]:
        raise BudgetExceeded(row["budget_id"], row["limit_amount"] - row["taken"])
    if row["id"] is None:
        return None
    return Reservation(row["id"], row["reserved_amount"], row["currency"] or "", _prices(row))


def _prices(row: Mapping[str, Any]) -> Prices | None:
    if row["input_price"] is None:
        return None
    return Prices(row["input_price"], row["output_price"], row["cached_input_price"], row["reasoning_price"])


def settle(
    reservation: Reservation, *, usage: Tokens | None, latency_ms: int | None = None, is_estimated: bool = False
) -> Decimal:
    """Put the true cost in the place of the reservation and return it; one round trip.

    Without ``usage`` (the provider did not tell) the worst case stands. Settling twice changes nothing. A threshold
    of a budget that is crossed by it becomes an Event, once in a period.
    """
    amount, is_worst = _amount(reservation, usage), usage is None
    _end(
        *(reservation.id, UsageEntry.State.SETTLED, amount, usage or Tokens(0), latency_ms),
        is_estimated=is_estimated or is_worst,
    )
    return amount


def _amount(reservation: Reservation, usage: Tokens | None) -> Decimal:
    """Return what a call cost, the most it could where nobody told what it used."""
    if usage is None:
        return reservation.amount
    return cost(usage, reservation.prices) if reservation.prices else Decimal(0)


def release(reservation: Reservation) -> None:
    """Give back what was reserved for a call that was not made."""
    _end(reservation.id, UsageEntry.State.RELEASED, Decimal(0), Tokens(0), None)


def fail(
    reservation: Reservation,
    *,
    error_kind: str,
    is_billed: bool,
    usage: Tokens | None = None,
    latency_ms: int | None = None,
) -> Decimal:
    """Note a call that brought nothing, and return its cost: of what it used all the same, if the provider told (``usage``).

    ``is_billed``: otherwise nobody can tell whether the provider counts it; the worst case stands.
    """
    is_worst = is_billed and usage is None
    amount = _amount(reservation, usage) if usage or is_worst else Decimal(0)
    _end(
        *(reservation.id, UsageEntry.State.FAILED, amount, usage or Tokens(0), latency_ms),
        error_kind=error_kind,
        is_estimated=is_worst,
    )
    return amount


def _end(
    entry_id: UUID,
    state: str,
    amount: Decimal | None,
    tokens: Tokens,
    latency_ms: int | None,
    *,
    error_kind: str = "",
    is_estimated: bool = False,
) -> None:
    counters = _run(
        SETTLE,
        {
            "id": entry_id,
            "state": state,
            "amount": amount,
            "input_tokens": tokens.input,
            "cached_input_tokens": tokens.cached_input,
            "output_tokens": tokens.output,
            "reasoning_tokens": tokens.reasoning,
            "latency_ms": latency_ms,
            "error_kind": error_kind,
            "is_estimated": is_estimated,
        },
    )
    for counter in counters:
        _note_thresholds(counter)


def _note_thresholds(counter: Mapping[str, Any]) -> None:
    """Record an Event for each threshold now crossed: whoever moves ``noted_percent`` past it, nobody else.

    A process killed before this is made up for by the next call of the period.
    """
    for percent in sorted(counter["thresholds"]):
        if counter["noted_percent"] < percent and counter["spent"] * 100 >= counter["limit_amount"] * percent:
            with transaction.atomic():
                period = BudgetPeriod.objects.filter(pk=counter["period_id"], noted_percent__lt=percent)
                if period.update(noted_percent=percent):
                    _record_threshold(counter, percent)


def _record_threshold(counter: Mapping[str, Any], percent: int) -> None:
    budget = Budget.objects.with_spending().get(pk=counter["budget_id"])
    data = {
        "percent": percent,
        "spent": f"{counter['spent']:.4f}",
        "limit": f"{budget.limit_amount:.4f}",
        "currency": budget.currency,
        "period": budget.period,
        "period_start": budget.period_start.isoformat(),
    }
    record_event("budget.threshold", subject=budget, data=data)


def open_periods() -> None:
    """Make the counters of the tenant's budgets for the periods that run now."""
    _run(OPEN, {})


@transaction.atomic
def save_budget(*, budget: Budget) -> Budget:
    """Save a new or changed budget. What it counts is read from the ledger anew when it is to count something else."""
    _run(LOCK, {})  # before any row is locked, in the order of reserving
    budget.thresholds = sorted(set(budget.thresholds))
    stored = Budget.objects.select_for_update().filter(pk=budget.pk).first()
    budget.save()
    if stored and _counted_by(stored) != _counted_by(budget):
        budget.periods.all().delete()
    open_periods()
    return budget


def _counted_by(budget: Budget) -> tuple[UUID | None, str, str]:
    return budget.bot_id, budget.currency, budget.period


def sweep_reservations() -> int:
    """End the reservations whose caller is gone, of every tenant, at their worst case; returns how many."""
    with platform_scope(reason="whose calls of models never ended"):
        tenants = list(_lost().values_list("tenant_id", flat=True).distinct().order_by())
    swept = 0
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            for entry_id in list(_lost().values_list("pk", flat=True)[:SWEEP_BATCH]):
                _end(entry_id, UsageEntry.State.FAILED, None, Tokens(0), None, error_kind="lost", is_estimated=True)
                swept += 1
    return swept


def _lost() -> Any:
    return UsageEntry.objects.filter(state=UsageEntry.State.RESERVED, lease_until__lt=Now())


def _run(sql: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Run one of our texts, in one message, in the scope's tenant; return the rows of its last statement by name."""
    with connection.cursor() as cursor:
        cursor.execute(sql, {"tenant": current_tenant_id(), **values})
        while cursor.nextset():
            pass
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] if names else []
