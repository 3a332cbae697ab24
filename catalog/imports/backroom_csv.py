"""Backroom's own CSV: everything an offering has, one row per variant, picture or further price.

Offerings are grouped by `code` and described in the first row of a code. Besides the fixed columns there
may be `attr.<key>` (attributes of the offering) and `option.<key>` (attributes of the variant). A variant
may have further rows for other price lists, currencies or locations; that two of them contradict each other shows when they
are compared with the catalogue, whose default currency an empty cell has.
"""

import re
from collections.abc import Sequence

from django.conf import settings

from catalog.imports import limits
from catalog.imports.cells import Cells
from catalog.imports.problems import Level, UnreadableFile
from catalog.imports.rows import ImagePart, OfferingPart, OfferingType, VariantPart, VariantStatus
from tenants.text import from_inert

REQUIRED = ("code", "name", "price")
_OFFERING_COLUMNS = ("code", "offering_type", "domain", "category", "tags", "status", "name", "description")
_VARIANT_COLUMNS = ("sku", "variant_name", "variant_status", "price", "currency", "compare_at", "price_list", "policy")
_STOCK_COLUMNS = ("stock_qty", "safety_stock", "location")
_IMAGE_COLUMNS = ("image", "image_alt")
COLUMNS = _OFFERING_COLUMNS + _VARIANT_COLUMNS + _STOCK_COLUMNS + _IMAGE_COLUMNS
"""Beside these there are keyed ones."""
_ATTRIBUTE, _OPTION = "attr.", "option."
_LANGUAGES = tuple(code for code, _name in settings.LANGUAGES)
_KEYED = re.compile(rf"(attr|option)\.\S.*|(name|description)\.({'|'.join(_LANGUAGES)})")
_KNOWN = ", ".join((*COLUMNS, "attr.<key>", "option.<key>", "name.<language>", "description.<language>"))
_OFFERING_TYPES: dict[str, OfferingType] = {
    "physical": "physical",
    "service": "service",
    "asset": "asset",
    "financial": "financial",
}
_VARIANT_STATUSES: dict[str, VariantStatus] = {"active": "active", "archived": "archived"}
NO_VARIANT = "none"
"""`variant_status` of a row that only describes its offering."""


def is_column(name: str) -> bool:
    """Whether this is one of our columns."""
    return name in COLUMNS or bool(_KEYED.fullmatch(name))


def check_header(header: Sequence[str]) -> list[str]:
    """The header without surrounding white space; raises `UnreadableFile` naming a column that is wrong."""
    columns = [name.strip() for name in header]
    for name in REQUIRED:
        if name not in columns:
            raise UnreadableFile("missing_header", row=1, column=name, name=name)
    seen: set[str] = set()
    for name in columns:
        if not is_column(name):
            raise UnreadableFile("unknown_header", row=1, column=name, name=name, known=_KNOWN)
        if name in seen:
            raise UnreadableFile("duplicate_header", row=1, column=name, name=name)
        seen.add(name)
    return columns


class BackroomMapping:
    """Reads the parts of one row."""

    name = "backroom"
    handle_column = "code"
    title_column = "name"
    sku_column = "sku"
    has_further_rows = True

    def __init__(self, header: Sequence[str], currency: str = "") -> None:
        self._currency = currency
        self.columns = check_header(header)
        self._attributes = sorted(name for name in self.columns if name.startswith(_ATTRIBUTE))
        self._options = sorted(name for name in self.columns if name.startswith(_OPTION))

    def reads(self, column: str) -> bool:
        """Whether the column means something here: every one does."""
        return True

    def values(self, record: Sequence[str]) -> dict[str, str]:
        """The cells by column, without the quote of an inert export."""
        return dict(zip(self.columns, map(from_inert, record), strict=False))

    def offering(self, cells: Cells, handle: str) -> OfferingPart:
        """The offering columns."""
        status = cells.status("status")
        offering_type = cells.choice("offering_type", _OFFERING_TYPES, "physical")
        if offering_type is None:
            cells.note("warning", "offering_type", "unknown_offering_type")
        return OfferingPart(
            name=cells.text("name") or handle,
            description=cells.html("description"),
            category=cells.text("category", limits.MAX_CATEGORY_CHARACTERS),
            tags=cells.tags("tags"),
            status=status if offering_type else "draft",
            offering_type=offering_type or "physical",
            domain=cells.text("domain", limits.MAX_CODE_CHARACTERS),
            attributes=self._keyed(cells, self._attributes, _ATTRIBUTE),
            metadata={},
            translations=self._translations(cells),
        )

    def _translations(self, cells: Cells) -> dict[str, dict[str, str]] | None:
        """Name and description by language, without those that have no name; nothing if there is no such column."""
        languages = [code for code in _LANGUAGES if f"name.{code}" in self.columns]
        names = {code: cells.text(f"name.{code}") for code in languages}
        words = {
            code: {"name": name, "description": cells.html(f"description.{code}")} for code, name in names.items() if name
        }
        return words if languages else None

    def options(self, cells: Cells, handle: str) -> dict[str, str]:
        """The option values of the row by key, in the order of the keys: that of the columns is free."""
        return self._keyed(cells, self._options, _OPTION)

    def _keyed(self, cells: Cells, columns: list[str], prefix: str) -> dict[str, str]:
        values = ((column, cells.text(column, limits.MAX_DESCRIPTION_CHARACTERS)) for column in columns)
        return {column.removeprefix(prefix): value for column, value in values if value}

    def is_image_only(self, cells: Cells, options: dict[str, str]) -> bool:
        """Whether the row sells nothing: a picture without price, SKU and options."""
        sells = cells.has("price") or cells.has("sku") or cells.has("variant_name")
        describes = cells.values.get("variant_status", "").strip().lower() == NO_VARIANT
        return not sells and not options and (describes or cells.has("image"))

    def identity(self, sku: str, options: dict[str, str]) -> str:
        """What tells the variants of one code apart: SKU and options."""
        return "\x1f".join([sku, *(f"{key}={value}" for key, value in options.items())])

    def variant(self, cells: Cells, sku: str, options: dict[str, str]) -> VariantPart:
        """The variant columns. With a SKU a variant may do without a price: it is then sold on request."""
        currency = cells.currency("currency")
        price = cells.money("price", currency or self._currency)
        if not cells.has("price") and not cells.has("sku"):
            cells.note("error", "price", "missing_price")
        if cells.has("variant_status") and cells.choice("variant_status", _VARIANT_STATUSES, "active") is None:
            cells.note("error", "variant_status", "unknown_variant_status")
        tracked = cells.has("stock_qty")
        if not tracked and cells.has("safety_stock"):
            cells.note("warning", "safety_stock", "stock_missing")
        return VariantPart(
            sku=sku,
            name=cells.text("variant_name") or " / ".join(options.values())[: limits.MAX_NAME_CHARACTERS],
            options=options,
            price=price,
            compare_at=cells.money("compare_at", currency or self._currency),
            currency=currency,
            price_list=cells.code("price_list") or "standard",
            tracked=tracked,
            quantity=cells.stock("stock_qty") if tracked else 0,
            safety_stock=self._safety_stock(cells) if tracked else 0,
            location=cells.code("location") or "main",
            policy=cells.policy("policy"),
            metadata={},
            status=cells.choice("variant_status", _VARIANT_STATUSES, "active") if cells.has("variant_status") else None,
        )

    def _safety_stock(self, cells: Cells) -> int:
        quantity = cells.quantity("safety_stock")
        if quantity < 0:
            cells.note("error", "safety_stock", "negative_number")
        return quantity

    def image(self, cells: Cells, level: Level) -> ImagePart | None:
        """The offering's picture in this row; `level` tells how bad it is if it has none that can be shown."""
        return cells.image(level, "image", "image_alt")
