"""Changing many prices of a list at once: cells of a grid, a percentage, another list's prices. One transaction each.

Only what differs is written, so the ledger has a line for every price that changed and for no other.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from uuid import UUID

from django.db import models, transaction
from django.utils.translation import gettext as _

from catalog.models import PriceList, VariantPrice
from catalog.money import WHOLE_CURRENCIES
from tenants.errors import DomainError

Key = tuple[UUID, str]
"""The variant's id and the currency: where a price stands in its list."""

HIGHEST = Decimal(10) ** 15
"""Amounts stay below: 15 digits before the point."""


@dataclass(frozen=True)
class Cell:
    """A price as it is to be; without an amount there is none."""

    amount: Decimal | None
    compare_at: Decimal | None = None


@transaction.atomic
def save_prices(*, price_list: PriceList, cells: Mapping[Key, Cell]) -> int:
    """Write these prices of a list, leaving all others; return how many were new, changed or taken away."""
    stored = _stored(price_list, {variant for variant, _currency in cells})
    changed = {key: cell for key, cell in cells.items() if cell != stored.get(key, Cell(None))}
    _take_away(price_list, [key for key, cell in changed.items() if cell.amount is None])
    VariantPrice.objects.bulk_create(
        (
            VariantPrice(
                price_list=price_list, variant_id=variant, currency=currency, amount=cell.amount, compare_at=cell.compare_at
            )
            for (variant, currency), cell in changed.items()
            if cell.amount is not None
        ),
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["tenant", "variant", "price_list", "currency"],
        update_fields=["amount", "compare_at", "updated_at"],
    )
    return len(changed)


def _stored(price_list: PriceList, variants: Collection[UUID]) -> dict[Key, Cell]:
    """Return the prices of the list as they are, which nobody else changes until the transaction ends."""
    rows = VariantPrice.objects.filter(price_list=price_list, variant__in=variants).order_by("pk").select_for_update()
    return {(row.variant_id, row.currency): Cell(row.amount, row.compare_at) for row in rows}


def _take_away(price_list: PriceList, keys: Collection[Key]) -> None:
    for currency in {currency for _variant, currency in keys}:
        variants = [variant for variant, code in keys if code == currency]
        VariantPrice.objects.filter(price_list=price_list, currency=currency, variant__in=variants).delete()


@dataclass(frozen=True)
class Change:
    """How prices become others: by a percentage, rounded half up to a multiple of ``step``.

    ``as_sale`` shows the amount before as the one before the sale.
    """

    currency: str
    percent: Decimal = Decimal(0)
    step: Decimal = Decimal(1)
    as_sale: bool = False

    def of(self, price: Cell) -> Cell:
        """Return the price changed; raises ``DomainError`` for one that would have too many digits."""
        assert price.amount is not None
        with localcontext() as context:
            context.prec = 40
            steps = price.amount * (100 + self.percent) / 100 / self.step
            amount = steps.quantize(Decimal(1), rounding=ROUND_HALF_UP) * self.step
        if amount >= HIGHEST:
            raise DomainError("out_of_range", _("A price would have more than 15 digits."), field="percent")
        return Cell(amount, price.amount if self.as_sale else price.compare_at)


@dataclass(frozen=True)
class PlannedPrice:
    """A price that a change would make another."""

    variant: UUID
    before: Cell
    after: Cell


@transaction.atomic
def plan_prices(*, source: PriceList, target: PriceList, variants: models.QuerySet, change: Change) -> list[PlannedPrice]:
    """Return what taking the prices of ``variants`` in ``source``, changed, over into ``target`` changes there.

    Both may be the same list. Raises ``DomainError`` when the currency has no such decimals.
    """
    if change.currency in WHOLE_CURRENCIES and change.step % 1:
        message = _("There are no decimals in %(currency)s.") % {"currency": change.currency}
        raise DomainError("too_many_decimals", message, field="step")
    rows = VariantPrice.objects.filter(price_list=source, currency=change.currency, variant__in=variants.values("pk"))
    if source == target:
        rows = rows.select_for_update()
    found = rows.order_by("pk").values_list("variant_id", "amount", "compare_at")
    cells = {(variant, change.currency): change.of(Cell(amount, compare_at)) for variant, amount, compare_at in found}
    stored = _stored(target, {variant for variant, _currency in cells})
    before = {key: stored.get(key, Cell(None)) for key in cells}
    return [PlannedPrice(key[0], before[key], cell) for key, cell in cells.items() if cell != before[key]]


@transaction.atomic
def reprice(*, target: PriceList, currency: str, planned: Collection[PlannedPrice]) -> int:
    """Do what ``plan_prices`` returned in this transaction; return how many prices changed."""
    return save_prices(price_list=target, cells={(one.variant, currency): one.after for one in planned})
