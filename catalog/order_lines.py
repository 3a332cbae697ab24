"""What a line of an order costs: checked to be on sale, priced at this moment, all in one currency."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Prefetch
from django.utils.translation import gettext as _

from catalog.models import Offering, OfferingVersion, SalesChannel, Status, Variant
from catalog.pricing import MOMENT, SELECTED, ResolvedPrice, price_of, require_one_currency
from tenants.errors import DomainError, FieldProblem
from tenants.scope import current_tenant_id

MOST_LINES = 1000
MOST_PIECES = 1_000_000
"""Of one line."""
LARGEST_TOTAL = Decimal(10) ** 15
"""What a column of money cannot hold any more."""

PRICED = """
SELECT wanted.variant_id, price.currencies, {columns}
FROM unnest(%(variants)s::uuid[]) AS wanted (variant_id) CROSS JOIN {moment} LEFT JOIN {price} ON true
"""


@dataclass(frozen=True)
class NewLine:
    """What is to be bought."""

    variant: Variant
    quantity: int


@dataclass(frozen=True)
class PricedLine:
    """What is bought, in the words and at the price of this moment."""

    variant: Variant
    quantity: int
    name: str
    price: ResolvedPrice

    @property
    def total(self) -> Decimal:
        """Return the price of all pieces: exact, for a price has no more decimals than its currency."""
        return self.price.amount * self.quantity


class Quote(NamedTuple):
    """The price of a variant, or why there is none: the currencies to choose from."""

    price: ResolvedPrice | None
    currencies: Sequence[str]


def price_lines(lines: Sequence[NewLine], *, channel: SalesChannel, currency: str | None) -> tuple[list[PricedLine], str]:
    """Return the lines with name and price, and their one currency (INTERFACE: ``currency`` left out of an order).

    Raises ``DomainError``: ``duplicate_sku``, ``not_for_sale``, ``no_price`` by line, ``currency_required``, ….
    """
    _check_shape(lines, channel)
    variants = _on_sale(lines)
    quotes = _quotes([line.variant.pk for line in lines], channel, currency)
    if currency is None:
        _require_currency(quotes)
    _refuse("no_price", _("There is no price for it."), _without_price(lines, quotes))
    priced = [
        PricedLine(variants[line.variant.pk], line.quantity, _name(variants[line.variant.pk]), price)
        for line in lines
        if (price := quotes[line.variant.pk].price)
    ]
    if sum(line.total for line in priced) >= LARGEST_TOTAL:
        raise DomainError("out_of_range", _("The total is too large."), field="lines")
    return priced, priced[0].price.currency


def _check_shape(lines: Sequence[NewLine], channel: SalesChannel) -> None:
    if not channel.is_active:
        raise DomainError("channel_inactive", _("Nothing is sold on this channel now."), field="channel")
    if not 1 <= len(lines) <= MOST_LINES:
        raise DomainError("out_of_range", _("An order has 1 to 1,000 lines."), field="lines")
    wrong = [place for place, line in enumerate(lines) if not 1 <= line.quantity <= MOST_PIECES]
    _refuse("out_of_range", _("From 1 to 1,000,000 pieces."), wrong, name="quantity")
    seen: set[UUID] = set()
    twice = [place for place, line in enumerate(lines) if line.variant.pk in seen or seen.add(line.variant.pk)]  # type: ignore[func-returns-value] # add returns None
    _refuse("duplicate_sku", _("Name each SKU once, with all its pieces."), twice)


def _on_sale(lines: Sequence[NewLine]) -> dict[UUID, Variant]:
    """Return the variants with their active version, as they are stored now."""
    words = Prefetch("versions", OfferingVersion.objects.filter(status=Status.ACTIVE), to_attr="shown")
    offerings = Prefetch("offering", Offering.objects.prefetch_related(words))
    stored: Any = Variant.objects.filter(pk__in=[line.variant.pk for line in lines]).prefetch_related(offerings)
    found = {
        variant.pk: variant
        for variant in stored
        if variant.status == Variant.Status.ACTIVE and variant.offering.status == Status.ACTIVE and variant.offering.shown
    }
    missing = [place for place, line in enumerate(lines) if line.variant.pk not in found]
    _refuse("not_for_sale", _("This is not on sale."), missing)
    return found


def _name(variant: Any) -> str:
    return " – ".join(filter(None, (variant.offering.shown[0].name, variant.name)))


def _quotes(variant_ids: Sequence[UUID], channel: SalesChannel, currency: str | None) -> dict[UUID, Quote]:
    sql = PRICED.format(columns=SELECTED, moment=MOMENT, price=price_of("wanted.variant_id", None))
    params: dict[str, Any] = {"tenant": current_tenant_id(), "channel": channel.code, "at": None, "currency": currency}
    with connection.cursor() as cursor:
        cursor.execute(sql, {**params, "variants": list(variant_ids)})
        rows = cursor.fetchall()
    return {row[0]: Quote(ResolvedPrice.from_columns(*row[2:]), row[1] or ()) for row in rows}


def _require_currency(quotes: dict[UUID, Quote]) -> None:
    """Raise ``currency_required`` when a line has prices in several currencies, or the lines would be in different ones."""
    for quote in quotes.values():
        if not quote.price:
            require_one_currency(quote.currencies)
    found = {quote.price.currency for quote in quotes.values() if quote.price}
    if len(found) > 1:
        require_one_currency(found)


def _without_price(lines: Sequence[NewLine], quotes: dict[UUID, Quote]) -> Iterator[int]:
    return (place for place, line in enumerate(lines) if not quotes[line.variant.pk].price)


def _refuse(code: str, message: str, places: Iterator[int] | Sequence[int], *, name: str = "sku") -> None:
    """Raise one error for all the lines at ``places``."""
    problems = [FieldProblem(f"lines.{place}.{name}", code, message) for place in places]
    if problems:
        error = DomainError(code, message)
        error.problems = problems
        raise error
