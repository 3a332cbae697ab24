"""Moving stock: one movement after another, what may leave a shelf, and goods that go from one location to another."""

from django.db import DataError, transaction
from django.utils.translation import gettext as _

from catalog.availability import beyond_held
from catalog.models import InventoryItem, InventoryLocation, StockMovement, Variant
from catalog.reservations import lock_items
from tenants.errors import Conflict, DomainError
from tenants.models import User

RESPECTS_HELD = frozenset({StockMovement.Reason.SALE, StockMovement.Reason.TRANSFER})
"""Reasons for which pieces leave that may still be chosen: not those that somebody holds."""


@transaction.atomic
def record_movement(
    *,
    variant: Variant,
    location: InventoryLocation,
    quantity: int,
    reason: str,
    note: str = "",
    created_by: User | None = None,
) -> StockMovement:
    """Change the stock of a variant at a location; the first movement makes the inventory item.

    Raises ``Conflict`` (``insufficient_stock``) when less than nothing would be left of a variant that stops selling
    at zero, and ``DomainError`` for a quantity of zero, or one that leaves more than can be counted. What is held for
    somebody is neither sold nor moved elsewhere; a correction tells what was found, held or not.
    """
    if quantity == 0:
        raise DomainError("invalid", _("A movement of nothing is no movement."), field="quantity")
    try:
        movement = StockMovement.objects.create(
            variant=variant, location=location, quantity=quantity, reason=reason, note=note, created_by=created_by
        )
    except DataError as error:  # of the trigger: the sum of all movements
        raise DomainError("out_of_range", _("So many pieces cannot be counted."), field="quantity") from error
    # Asked after the fact: the trigger holds the item's row by now, so two sales cannot both see the last piece.
    check_left(movement)
    return movement


@transaction.atomic
def count_variant(
    *,
    variant: Variant,
    location: InventoryLocation,
    safety_stock: int = 0,
    stock_qty: int = 0,
    created_by: User | None = None,
) -> InventoryItem:
    """Begin to count a variant at a location. What is there already is the first movement, a correction."""
    item = InventoryItem.objects.create(variant=variant, location=location, safety_stock=safety_stock)
    if stock_qty:
        reason = StockMovement.Reason.CORRECTION
        record_movement(variant=variant, location=location, quantity=stock_qty, reason=reason, created_by=created_by)
    item.refresh_from_db()
    return item


@transaction.atomic
def transfer_stock(
    *,
    variant: Variant,
    source: InventoryLocation,
    target: InventoryLocation,
    quantity: int,
    note: str = "",
    created_by: User | None = None,
) -> list[StockMovement]:
    """Bring pieces from one location to another: two movements that add up to nothing, or none.

    Raises ``Conflict`` (``insufficient_stock``) when ``source`` has too few that nobody holds.
    """
    if source.pk == target.pk:
        raise DomainError("same_location", _("Name two different locations."), field="to_location")
    if quantity < 1:
        raise DomainError("out_of_range", _("At least one piece."), field="quantity")
    lock_items([variant.pk])
    reason = StockMovement.Reason.TRANSFER
    made = StockMovement.objects.bulk_create(
        StockMovement(variant=variant, location=place, quantity=pieces, reason=reason, note=note, created_by=created_by)
        for place, pieces in ((source, -quantity), (target, quantity))
    )
    check_left(made[0])
    return made


def check_left(movement: StockMovement) -> None:
    """Refuse the movement just made, and its transaction, when it took more than was there to be taken.

    Raises ``Conflict`` (``insufficient_stock``). A variant that sells beyond its stock may always leave.
    """
    variant, location = movement.variant, movement.location
    if movement.quantity > 0 or variant.inventory_policy != Variant.Policy.DENY:
        return
    left: int = (
        beyond_held(variant, location)
        if movement.reason in RESPECTS_HELD
        else InventoryItem.objects.values_list("stock_qty", flat=True).get(variant=variant, location=location)
    )
    if left < 0:
        count = max(0, left - movement.quantity)
        message = _("Only %(count)d left of %(sku)s.") % {"count": count, "sku": variant.sku}
        raise Conflict("insufficient_stock", message, field="quantity", sku=variant.sku)
