"""One row of an offering's grid: a variant with its options, its price in one list and its pieces at one location."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from catalog.models import InventoryItem, InventoryLocation, PriceList, StockMovement, Variant, VariantPrice
from catalog.services import save_variant
from catalog.stock import count_variant, record_movement
from tenants.models import User


@dataclass(frozen=True)
class PriceCell:
    """What a variant is to cost in one list and currency; without an amount it has no price there."""

    price_list: PriceList
    currency: str
    amount: Decimal | None
    compare_at: Decimal | None = None


@dataclass(frozen=True)
class StockCell:
    """How many pieces are to lie at a location, and how many there were when somebody decided so (None: not counted)."""

    location: InventoryLocation
    pieces: int
    seen: int | None = None


@transaction.atomic
def save_variant_row(
    *,
    variant: Variant,
    values: Mapping[str, Any],
    price: PriceCell | None = None,
    stock: StockCell | None = None,
    created_by: User | None = None,
) -> Variant:
    """Save a new or changed variant with its price and stock, all or nothing.

    ``values`` holds what is changed and nothing else: what somebody else has changed meanwhile stays. Raises
    ``DomainError`` for options that are wrong and ``Conflict`` (``insufficient_stock``) as ``record_movement`` does.
    """
    if variant._state.adding:
        stored = save_variant(variant=variant, values=values)
    else:
        # Its key stays free: an order that holds the stock we may come to wait for names the variant at its commit.
        rows = Variant.objects.select_for_update(of=("self",), no_key=True)
        stored = rows.select_related("offering__domain").get(pk=variant.pk)
        if values:
            save_variant(variant=stored, values=values)
    if price:
        set_price(variant=stored, price=price)
    if stock:
        _set_stock(stored, stock, created_by)
    return stored


def set_price(*, variant: Variant, price: PriceCell) -> None:
    """Write the price of a variant in a list, or take it away; the ledger of changes is the trigger's."""
    place: dict[str, Any] = {"variant": variant, "price_list": price.price_list, "currency": price.currency}
    if price.amount is None:
        VariantPrice.objects.filter(**place).delete()
        return
    amounts: dict[str, Any] = {"amount": price.amount, "compare_at": price.compare_at}
    VariantPrice.objects.update_or_create(**place, defaults=amounts)


def _set_stock(variant: Variant, cell: StockCell, created_by: User | None) -> None:
    """Begin to count, or record the difference as a correction: what was sold since it was seen stays sold."""
    if not InventoryItem.objects.filter(variant=variant, location=cell.location).exists():
        count_variant(variant=variant, location=cell.location, stock_qty=cell.pieces, created_by=created_by)
    elif difference := cell.pieces - (cell.seen or 0):
        record_movement(
            variant=variant,
            location=cell.location,
            quantity=difference,
            reason=StockMovement.Reason.CORRECTION,
            created_by=created_by,
        )
