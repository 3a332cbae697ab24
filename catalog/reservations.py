"""Holding stock for somebody, so that nobody else can buy it meanwhile.

Whoever takes stock first locks the inventory items of all variants wanted, in the order of their keys, and only then
looks: two buyers of the last piece come one after the other, and no two wait for each other in a circle. A reservation
lies at concrete locations, as few as possible. What is not counted, or sells beyond its stock, can always be held.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from catalog.availability import shelves_sql
from catalog.models import InventoryItem, InventoryLocation, Order, SalesChannel, StockAllocation, StockReservation, Variant
from tenants.errors import Conflict, DomainError, FieldProblem
from tenants.models import new_ids
from tenants.scope import current_tenant_id

LONGEST = timedelta(days=30)
"""How long stock can be held without an order."""


@dataclass
class Wanted:
    """Pieces of a variant that somebody wants; ``places`` (location to pieces) is where they are, once allocated."""

    variant: Variant
    quantity: int
    location: InventoryLocation | None = None
    places: dict[UUID, int] = field(default_factory=dict)


@transaction.atomic
def reserve_stock(
    *, variant: Variant, quantity: int, expires_in: int, location: InventoryLocation | None = None
) -> StockReservation:
    """Hold pieces for ``expires_in`` seconds, at ``location`` or wherever they are.

    Raises ``Conflict`` (``out_of_stock``) and ``DomainError`` (``out_of_range``) for a time that is none.
    """
    if not timedelta(0) < timedelta(seconds=expires_in) <= LONGEST:
        raise DomainError("out_of_range", _("Stock can be held for up to 30 days."), field="expires_in")
    wanted = Wanted(variant, quantity, location)
    allocate([wanted])
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp() + make_interval(secs => %s)", [expires_in])
        (expires_at,) = cursor.fetchone()
    (made,) = hold([wanted], expires_at=expires_at)
    return made


@transaction.atomic
def release(*, reservation: StockReservation) -> StockReservation:
    """Give back what is held; twice is once. Raises ``Conflict`` for what an order holds, or has taken."""
    locked: StockReservation = StockReservation.objects.select_for_update().get(pk=reservation.pk)
    if locked.order_id:
        raise Conflict("held_by_order", _("An order holds this: cancel the order."))
    StockReservation.objects.filter(pk=locked.pk).close(StockReservation.State.RELEASED)
    locked.refresh_from_db()
    return locked


def lock_items(variant_ids: Collection[UUID]) -> set[UUID]:
    """Let nobody else take or hold these variants until the transaction ends; returns those that are counted."""
    items = InventoryItem.objects.filter(variant__in=variant_ids).order_by("variant_id", "location_id")
    return set(items.select_for_update().values_list("variant_id", flat=True))


def allocate(wanted: Sequence[Wanted], *, channel: SalesChannel | None = None, field: str = "quantity") -> None:
    """Lock the stock and find where each of the ``wanted`` lies, among the locations that serve the channel.

    Raises ``Conflict`` (``out_of_stock``) naming every SKU that is short; ``field`` is where the request named it,
    with ``%d`` for the position.
    """
    counted = lock_items({one.variant.pk for one in wanted})
    shelves = _shelves(counted, channel)
    short = [
        (position, one)
        for position, one in enumerate(wanted)
        if one.variant.pk in counted and not _place(one, shelves.get(one.variant.pk, {}))
    ]
    if short:
        raise _out_of_stock(short, field)


def _shelves(variant_ids: Collection[UUID], channel: SalesChannel | None) -> dict[UUID, dict[UUID, int]]:
    """Return by variant and location what nobody holds. A statement of its own: it must see what the lock waited for."""
    code = channel.code if channel else None
    params: dict[str, Any] = {"tenant": current_tenant_id(), "variants": list(variant_ids), "channel": code}
    found: dict[UUID, dict[UUID, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(shelves_sql(), params)
        for variant_id, location_id, free in cursor.fetchall():
            found.setdefault(variant_id, {})[location_id] = int(free)
    return found


def _place(wanted: Wanted, free: dict[UUID, int]) -> bool:
    """Fill ``wanted.places`` from the fullest shelf on; False when there is too little and the variant stops at that."""
    most = max(0, sum(free.values()))
    if wanted.location:
        free = {place: pieces for place, pieces in free.items() if place == wanted.location.pk}
        most = min(most, max(0, sum(free.values())))
    beyond = wanted.variant.inventory_policy == Variant.Policy.CONTINUE
    if wanted.quantity > most and not beyond:
        return False
    missing = wanted.quantity
    fullest_first = sorted(free, key=lambda place: -free[place])
    for place in fullest_first:
        if taken := min(missing, max(0, free[place])):
            wanted.places[place] = taken
            missing -= taken
    if missing and fullest_first:
        wanted.places[fullest_first[0]] = wanted.places.get(fullest_first[0], 0) + missing
    return True


def _out_of_stock(short: Sequence[tuple[int, Wanted]], field: str) -> Conflict:
    skus = [one.variant.sku for _position, one in short]
    message = _("Not enough in stock: %(skus)s.") % {"skus": ", ".join(skus)}
    error = Conflict("out_of_stock", message, sku=skus[0], skus=skus)
    error.problems = [
        FieldProblem(field.replace("%d", str(position)), "out_of_stock", one.variant.sku) for position, one in short
    ]
    return error


def hold(wanted: Sequence[Wanted], *, expires_at: datetime | None, order: Order | None = None) -> list[StockReservation]:
    """Write the reservations of what was allocated in this transaction."""
    ids = new_ids(len(wanted))
    made = StockReservation.objects.bulk_create(
        StockReservation(
            id=new_id,
            variant=one.variant,
            location=one.location,
            quantity=one.quantity,
            expires_at=expires_at,
            order=order,
        )
        for new_id, one in zip(ids, wanted, strict=True)
    )
    StockAllocation.objects.bulk_create(
        StockAllocation(reservation_id=new_id, location_id=place, quantity=pieces)
        for new_id, one in zip(ids, wanted, strict=True)
        for place, pieces in one.places.items()
    )
    return made


def release_expired(limit: int) -> int:
    """Release reservations of the scope, without an order, that are past their end; returns how many, at most ``limit``."""
    over = StockReservation.objects.filter(order=None, state=StockReservation.State.OPEN, expires_at__lte=Now()).order_by(
        "expires_at"
    )
    with transaction.atomic():
        ids = list(over.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
        return StockReservation.objects.filter(pk__in=ids).close(StockReservation.State.RELEASED)


def places_of(order: Order) -> Mapping[UUID, Sequence[Any]]:
    """Return by variant the allocations of what an order holds or has taken."""
    found: dict[UUID, list[Any]] = {}
    rows = StockAllocation.objects.filter(reservation__order=order).select_related("reservation").order_by("id")
    for row in rows:
        found.setdefault(row.reservation.variant_id, []).append(row)
    return found
