"""Orders: made with prices frozen and stock held, then confirmed and fulfilled, or cancelled; and what comes back.

Each step is one transaction that locks the order, then the stock, and writes the order's timeline and the event. A
pending order that nobody confirms in time is cancelled by the sweep (``catalog/expiry.py``) with the reason ``expired``;
from that time on it cannot be confirmed, swept or not, for its stock may be somebody else's by then.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext as _

from catalog.customers import lock_present
from catalog.models import (
    Customer,
    InventoryItem,
    Order,
    OrderEntry,
    OrderLine,
    SalesChannel,
    StockMovement,
    StockReservation,
    Variant,
)
from catalog.order_lines import NewLine, PricedLine, price_lines
from catalog.reservations import Wanted, allocate, hold, lock_items, places_of
from tenants.actor import ActorKind, current_actor
from tenants.errors import Conflict
from tenants.events import record_event
from tenants.models import Setting, Tenant, User
from tenants.scope import current_tenant_id
from tenants.text import money_text

Status, Kind = Order.Status, OrderEntry.Kind

TRANSITIONS: dict[str, frozenset[str]] = {
    Status.PENDING: frozenset({Status.CONFIRMED, Status.CANCELLED}),
    Status.CONFIRMED: frozenset({Status.FULFILLED, Status.CANCELLED}),
    Status.FULFILLED: frozenset(),
    Status.CANCELLED: frozenset(),
}
"""What may follow each status. What was fulfilled is undone by a return only."""

EXPIRED = "expired"
"""Why an order was cancelled that nobody confirmed in time."""

NEXT_NUMBER = """
INSERT INTO catalog_ordercounter (tenant_id, last) VALUES (%(tenant)s, 1001)
ON CONFLICT (tenant_id) DO UPDATE SET last = catalog_ordercounter.last + 1
RETURNING last, statement_timestamp()
"""


@dataclass(frozen=True)
class OrderWords:
    """What people write on an order beside what is bought."""

    shipping_address: str = ""
    note: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OrderSource:
    """The conversation that an order was placed in, and its bot, which stays known when the conversation is deleted."""

    session_id: UUID | None = None
    bot_id: UUID | None = None


def hold_time() -> timedelta:
    """Return how long a pending order holds its stock. Asked before a transaction opens (``Setting.effective``)."""
    return timedelta(minutes=Setting.effective("order_hold_minutes"))


@transaction.atomic
def create_order(
    *,
    customer: Customer,
    channel: SalesChannel,
    lines: Sequence[NewLine],
    held_for: timedelta,
    currency: str | None = None,
    words: OrderWords | None = None,
    source: OrderSource | None = None,
    created_by: User | None = None,
) -> Order:
    """Make a pending order: prices of this moment, stock held for ``held_for`` (``hold_time()``).

    Raises ``DomainError`` (``not_for_sale``, ``duplicate_sku``, ``no_price``, ``currency_required``, …) and ``Conflict``
    (``out_of_stock``) naming every SKU that is short. Either all of it is done or nothing.
    """
    priced, currency = price_lines(lines, channel=channel, currency=currency)
    buyer = lock_present(customer)
    wanted = [Wanted(line.variant, line.quantity) for line in priced]
    allocate(wanted, channel=channel, field="lines.%d.sku")
    number, now = _next_number()  # locked from here on: the last lock, and few statements to go
    order: Order = Order.objects.create(
        number=number,
        customer=buyer,
        channel=channel,
        currency=currency,
        total=sum((line.total for line in priced), Decimal(0)),
        **asdict(words or OrderWords()),
        **asdict(source or OrderSource()),
        expires_at=now + held_for,
        created_by=created_by,
    )
    _write_lines(order, priced)
    hold(wanted, expires_at=order.expires_at, order=order)
    _tell(order, Kind.CREATED, by=created_by)
    return order


def _next_number() -> tuple[int, datetime]:
    with connection.cursor() as cursor:
        cursor.execute(NEXT_NUMBER, {"tenant": current_tenant_id()})
        number, now = cursor.fetchone()
    return number, now


def _write_lines(order: Order, priced: Sequence[PricedLine]) -> None:
    with translation.override(Tenant.objects.get().locale):  # the explanation is for the tenant's people to read
        explanations = [line.price.explanation for line in priced]
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            variant=line.variant,
            position=position,
            sku=line.variant.sku,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.price.amount,
            price_list=line.price.price_list,
            explanation=explanations[position],
            total=line.total,
        )
        for position, line in enumerate(priced)
    )


@transaction.atomic
def confirm_order(*, order: Order, by: User | None = None) -> Order:
    """Keep what the order holds until it is fulfilled or cancelled; raises ``Conflict`` (``invalid_transition``)."""
    order = lock(order)
    _check_transition(order, Status.CONFIRMED)
    # Behind the same lock as buyers: whoever saw the hold as ended has taken the pieces by now, or waits for us.
    lock_items(order.lines.values_list("variant_id", flat=True))
    if not Order.objects.filter(pk=order.pk, expires_at__gt=Now()).exists():
        message = _("The order was not confirmed in time: what it held is on sale again.")
        raise Conflict("invalid_transition", message, order_status=order.status)
    order.reservations.update(expires_at=None)
    order.expires_at = None
    return _move(order, Status.CONFIRMED, Kind.CONFIRMED, by=by)


@transaction.atomic
def fulfil_order(*, order: Order, by: User | None = None) -> Order:
    """Hand the goods over: the movements of the sale are written and what was held is consumed.

    Raises ``Conflict``: ``invalid_transition``, or ``insufficient_stock`` where fewer pieces lie than were held, for a
    correction has found less.
    """
    order = lock(order)
    _check_transition(order, Status.FULFILLED)
    lock_items(order.lines.values_list("variant_id", flat=True))
    _take_from_shelves(order, by)
    order.reservations.close(StockReservation.State.CONSUMED)
    return _move(order, Status.FULFILLED, Kind.FULFILLED, by=by)


def _take_from_shelves(order: Order, by: User | None) -> None:
    note = _("Order %(order)s") % {"order": order}
    taken = [(variant_id, place) for variant_id, places in places_of(order).items() for place in places]
    StockMovement.objects.bulk_create(
        StockMovement(
            variant_id=variant_id,
            location_id=place.location_id,
            quantity=-place.quantity,
            reason=StockMovement.Reason.SALE,
            note=note,
            created_by=by,
        )
        for variant_id, place in taken
    )
    short = InventoryItem.objects.filter(
        variant__in=[variant_id for variant_id, _place in taken],
        location__in=[place.location_id for _variant, place in taken],
        variant__inventory_policy=Variant.Policy.DENY,
        stock_qty__lt=0,
    ).select_related("variant")
    for item in short:
        message = _("Too little of %(sku)s is left at its location.") % {"sku": item.variant.sku}
        raise Conflict("insufficient_stock", message, sku=item.variant.sku)


@transaction.atomic
def cancel_order(*, order: Order, reason: str = "", by: User | None = None) -> Order:
    """Give up the order: what it holds is on sale again. Raises ``Conflict`` (``invalid_transition``)."""
    order = lock(order)
    _check_transition(order, Status.CANCELLED)
    order.reservations.close(StockReservation.State.RELEASED)
    order.cancel_reason, order.expires_at = reason, None
    return _move(order, Status.CANCELLED, Kind.CANCELLED, text=reason, by=by)


@transaction.atomic
def add_note(*, order: Order, text: str, by: User | None = None) -> OrderEntry:
    """Write a note into the order's timeline."""
    return enter(order, Kind.NOTE, text, by)


def cancel_expired(limit: int) -> int:
    """Cancel pending orders of the scope whose time is over; returns how many, at most ``limit``. One by one: each
    is a transaction of its own, and one that somebody works on is left to the next sweep.
    """
    over = Order.objects.filter(status=Status.PENDING, expires_at__lte=Now()).order_by("expires_at")
    done = 0
    for order_id in list(over.values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            order = over.filter(pk=order_id).select_for_update(skip_locked=True).first()
            if order:
                cancel_order(order=order, reason=EXPIRED)
                done += 1
    return done


def lock(order: Order) -> Order:
    """Let nobody else change the order until the transaction ends; returns it as it is stored."""
    stored: Order = Order.objects.select_for_update().get(pk=order.pk)
    return stored


def _check_transition(order: Order, to: str) -> None:
    if to not in TRANSITIONS[order.status]:
        message = _("An order that is “%(now)s” cannot become “%(then)s”.") % {
            "now": order.get_status_display(),
            "then": Status(to).label,
        }
        raise Conflict("invalid_transition", message, order_status=order.status)


def _move(order: Order, to: Order.Status, kind: OrderEntry.Kind, *, text: str = "", by: User | None) -> Order:
    order.status = to
    order.save(update_fields=["status", "expires_at", "cancel_reason", "updated_at"])
    _tell(order, kind, text=text, by=by)
    return order


def _tell(order: Order, kind: OrderEntry.Kind, *, text: str = "", by: User | None) -> None:
    """Write the timeline and the event. The event names nobody but by id, and holds no free text."""
    enter(order, kind, text, by)
    data = {
        "number": order.number,
        "status": order.status,
        "customer": str(order.customer_id),
        "channel": order.channel.code,
        "session": str(order.session_id) if order.session_id else None,
        "currency": order.currency,
        "total": money_text(order.total),
        "lines": list(order.lines.values("sku", "quantity").order_by("position")[:100]),
    }
    if kind == Kind.CANCELLED:
        data["expired"] = order.cancel_reason == EXPIRED
    record_event(f"order.{kind}", subject=order, data=data)


def enter(order: Order, kind: OrderEntry.Kind, text: str, by: User | None) -> OrderEntry:
    """Write a line of the order's timeline, with who acts."""
    actor = current_actor()
    entry: OrderEntry = OrderEntry.objects.create(
        order=order, kind=kind, text=text, created_by=by, actor_kind=actor.kind if actor else ActorKind.SYSTEM
    )
    return entry
