"""The normalised rows that every catalogue mapping yields, ready to be staged as JSON.

A row of a file holds up to three parts. The *offering* part stands only in the first row of a handle; a
*variant* part in every row that sells something; an *image* part in every row that shows one. A part
that has an error is `None`, so what is there can be applied as it is.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from catalog.imports.problems import Problem

OfferingType = Literal["physical", "service", "asset", "financial"]
Status = Literal["active", "draft", "archived"]
Policy = Literal["deny", "continue"]
VariantStatus = Literal["active", "archived"]


@dataclass(frozen=True)
class OfferingPart:
    """What is sold. `description` is sanitised HTML; `domain` is a code or empty; attributes are as written.

    `translations` has name and description by language; without it those there are stay.
    """

    name: str
    description: str
    category: str
    tags: list[str]
    status: Status
    offering_type: OfferingType
    domain: str
    attributes: dict[str, str]
    metadata: dict[str, Any]
    translations: dict[str, dict[str, str]] | None = None


@dataclass(frozen=True)
class VariantPart:
    """What is bought. `options` keep the file's order; money has no currency where the job decides it.

    `quantity` and `safety_stock` are pieces and only count when `tracked`; without it there is no stock. Without a
    status the variant keeps the one it has.
    """

    sku: str
    name: str
    options: dict[str, str]
    price: Decimal | None
    compare_at: Decimal | None
    currency: str | None
    price_list: str
    tracked: bool
    quantity: int
    safety_stock: int
    location: str
    policy: Policy
    metadata: dict[str, Any]
    status: VariantStatus | None = None

    def as_json(self) -> dict[str, Any]:
        """The part with money as strings."""
        price, compare_at = self.price, self.compare_at
        return {
            **vars(self),
            "price": None if price is None else str(price),
            "compare_at": None if compare_at is None else str(compare_at),
        }


@dataclass(frozen=True)
class ImagePart:
    """A picture of the offering; without a position the file's order counts."""

    src: str
    alt: str
    position: int | None


@dataclass(frozen=True)
class ImportedRow:
    """One record of the file.

    `row` is its number as a spreadsheet shows it: the header is row 1, a record over several lines
    counts once, an empty line counts. `cells` are the cells as written (those that are not empty), kept
    only when there is an error, so that the row can be fixed.
    """

    row: int
    handle: str
    kind: Literal["variant", "image"]
    offering: OfferingPart | None = None
    variant: VariantPart | None = None
    image: ImagePart | None = None
    problems: list[Problem] = field(default_factory=list)
    cells: dict[str, str] = field(default_factory=dict)

    @property
    def is_error(self) -> bool:
        """Whether something of the row cannot be applied."""
        return any(problem.level == "error" for problem in self.problems)

    def as_json(self) -> dict[str, Any]:
        """The row as plain JSON values."""
        return {
            **vars(self),
            "offering": vars(self.offering) if self.offering else None,
            "variant": self.variant.as_json() if self.variant else None,
            "image": vars(self.image) if self.image else None,
            "problems": [vars(problem) for problem in self.problems],
        }
