"""What comes back of a fulfilled order: put on the shelf again, and paid back."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalog.models import (
    InventoryItem,
    InventoryLocation,
    Order,
    OrderEntry,
    OrderLine,
    OrderReturn,
    OrderReturnLine,
    StockMovement,
)
from catalog.money import format_money, minor_units
from catalog.orders import enter, lock
from catalog.reservations import lock_items, places_of
from tenants.errors import Conflict, DomainError, FieldProblem
from tenants.models import User


@dataclass(frozen=True)
class Returned:
    """So many pieces of a line that came back."""

    line: OrderLine
    quantity: int


@transaction.atomic
def return_goods(
    *,
    order: Order,
    lines: Sequence[Returned],
    refund_amount: Decimal | None = None,
    location: InventoryLocation | None = None,
    note: str = "",
    by: User | None = None,
) -> OrderReturn:
    """Take pieces of a fulfilled order back, to ``location`` or where they were taken from; refund what they cost,
    or ``refund_amount``.

    Raises ``Conflict`` (``invalid_transition``) before it was fulfilled, and ``DomainError`` for more than was bought
    (``too_many``) or more than was paid (``refund_too_large``).
    """
    order = lock(order)
    if order.status != Order.Status.FULFILLED:
        message = _("Only what was handed over can come back.")
        raise Conflict("invalid_transition", message, order_status=order.status)
    _check_quantities(order, lines)
    refund = _checked_refund(order, lines, refund_amount)
    made: OrderReturn = OrderReturn.objects.create(order=order, refund_amount=refund, note=note, created_by=by)
    back = [OrderLine(pk=one.line.pk, returned=F("returned") + one.quantity) for one in lines]
    OrderLine.objects.bulk_update(back, ["returned"])
    OrderReturnLine.objects.bulk_create(_put_back(made, lines, location, by))
    order.refunded += refund
    order.save(update_fields=["refunded", "updated_at"])
    enter(order, OrderEntry.Kind.RETURNED, ", ".join(f"{one.quantity} × {one.line.sku}" for one in lines), by)
    return made


def _check_quantities(order: Order, lines: Sequence[Returned]) -> None:
    """Refuse what is not the order's, comes twice, or is more than is still out."""
    still_out = {line.pk: line.quantity - line.returned for line in order.lines.all()}
    problems = []
    for place, one in enumerate(lines):
        left = still_out.pop(one.line.pk, 0)
        if not 1 <= one.quantity <= left:
            message = _("At most %(count)d can come back.") % {"count": left}
            problems.append(FieldProblem(f"lines.{place}.quantity", "too_many", message))
    if problems or not lines:
        error = DomainError("too_many", _("No more than was bought can come back, and at least one piece."))
        error.problems = problems
        raise error


def _checked_refund(order: Order, lines: Sequence[Returned], asked: Decimal | None) -> Decimal:
    left = order.total - order.refunded
    if asked is None:
        return min(left, sum((one.line.unit_price * one.quantity for one in lines), Decimal(0)))
    if asked < 0 or asked > left:
        shown = format_money(left, order.currency, get_language() or "en")
        message = _("From 0 to %(amount)s, which is left of what was paid.") % {"amount": shown}
        raise DomainError("refund_too_large", message, field="refund_amount")
    if asked not in (left, round(asked, minor_units(order.currency))):  # the rest may be odd, as unit prices may
        message = _("%(currency)s has no such small change.") % {"currency": order.currency}
        raise DomainError("too_many_decimals", message, field="refund_amount")
    return asked


def _put_back(
    made: OrderReturn, lines: Sequence[Returned], location: InventoryLocation | None, by: User | None
) -> list[OrderReturnLine]:
    """Write the movements of what is counted; returns the return's lines with the place of each."""
    counted = lock_items([one.line.variant_id for one in lines])
    taken_from = places_of(made.order)
    rows = []
    for one in lines:
        first = next(iter(taken_from.get(one.line.variant_id, ())), None)
        place = location.pk if location else first.location_id if first else _any_place(one.line)
        place = place if one.line.variant_id in counted else None
        rows.append(OrderReturnLine(order_return=made, order_line=one.line, location_id=place, quantity=one.quantity))
    StockMovement.objects.bulk_create(
        StockMovement(
            variant_id=row.order_line.variant_id,
            location_id=row.location_id,
            quantity=row.quantity,
            reason=StockMovement.Reason.RETURN,
            note=_("Order %(order)s") % {"order": made.order},
            created_by=by,
        )
        for row in rows
        if row.location_id
    )
    return rows


def _any_place(line: OrderLine) -> UUID | None:
    """Return where the variant is counted by now, though it was not when it was sold."""
    return InventoryItem.objects.filter(variant=line.variant_id).values_list("location_id", flat=True).first()
