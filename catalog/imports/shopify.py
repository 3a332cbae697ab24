"""Shopify's product CSV: <https://help.shopify.com/en/manual/products/import-export/using-csv>.

Products are grouped by `Handle`; option names stand only in a product's first row; the currency is not
in the file. Columns without a meaning here are left alone. Cells are kept as written.
"""

from collections.abc import Sequence

from catalog.imports import limits
from catalog.imports.cells import Cells
from catalog.imports.problems import Level, UnreadableFile
from catalog.imports.rows import ImagePart, OfferingPart, VariantPart

REQUIRED = ("Handle", "Title", "Variant Price")
_OPTIONAL = (
    "Body (HTML)",
    "Vendor",
    "Type",
    "Product Category",
    "Tags",
    "Published",
    "Status",
    *(f"Option{number} {part}" for number in (1, 2, 3) for part in ("Name", "Value")),
    "Variant SKU",
    "Variant Grams",
    "Variant Inventory Tracker",
    "Variant Inventory Qty",
    "Variant Inventory Policy",
    "Variant Compare At Price",
    "Variant Barcode",
    "Variant Image",
    "Image Src",
    "Image Position",
    "Image Alt Text",
)
_KNOWN = {name.casefold(): name for name in (*REQUIRED, *_OPTIONAL)}
_OWN = _KNOWN.keys() - {"handle", "title", "vendor", "type", "product category", "tags", "published", "status"}
# What Shopify's newer template calls some of them; it is known by its first column.
_NEWER_HANDLE = "url handle"
_NEWER = {
    _NEWER_HANDLE: "Handle",
    "description": "Body (HTML)",
    "published on online store": "Published",
    "sku": "Variant SKU",
    "barcode": "Variant Barcode",
    "price": "Variant Price",
    "compare-at price": "Variant Compare At Price",
    "inventory tracker": "Variant Inventory Tracker",
    "inventory quantity": "Variant Inventory Qty",
    "continue selling when out of stock": "Variant Inventory Policy",
    "weight value (grams)": "Variant Grams",
    "product image url": "Image Src",
    "variant image url": "Variant Image",
}
_NAMES = frozenset(_KNOWN.values())
NUMBERS = ("Variant Price", "Variant Compare At Price", "Variant Inventory Qty")
_TRUTH = {"true": True, "false": False}
_NAME_COLUMNS = ("Option1 Name", "Option2 Name", "Option3 Name")
_VALUE_COLUMNS = ("Option1 Value", "Option2 Value", "Option3 Value")


def is_header(names: Sequence[str]) -> bool:
    """Whether these are the columns of a Shopify file: others have a handle, too, but none of Shopify's own columns."""
    found = {name.strip().casefold() for name in names if name.strip()}
    if "handle" not in found:
        return _NEWER_HANDLE in found
    return not found.isdisjoint(_OWN) or found <= _KNOWN.keys()


def check_header(header: Sequence[str]) -> list[str]:
    """The header with Shopify's own, older spelling of the names; raises `UnreadableFile`."""
    folded = [name.strip().casefold() for name in header]
    known = _KNOWN | _NEWER if _NEWER_HANDLE in folded else _KNOWN
    columns = [known.get(name, header[place].strip()) for place, name in enumerate(folded)]
    for name in REQUIRED:
        if name not in columns:
            raise UnreadableFile("missing_header", row=1, column=name, name=name)
    for name in _KNOWN.values():
        if columns.count(name) > 1:
            raise UnreadableFile("duplicate_header", row=1, column=name, name=name)
    return columns


class ShopifyMapping:
    """Reads the parts of one row. Remembers the option names of each product."""

    name = "shopify"
    handle_column = "Handle"
    title_column = "Title"
    sku_column = "Variant SKU"
    has_further_rows = False

    def __init__(self, header: Sequence[str], currency: str = "") -> None:
        self._currency = currency
        self.columns = check_header(header)
        self._option_names: dict[str, tuple[str, ...]] = {}
        self._known_names: dict[tuple[str, ...], tuple[str, ...]] = {}

    def reads(self, column: str) -> bool:
        """Whether the column means something here."""
        return column in _NAMES

    def values(self, record: Sequence[str]) -> dict[str, str]:
        """The cells by column, as written."""
        return dict(zip(self.columns, record, strict=False))

    def offering(self, cells: Cells, handle: str) -> OfferingPart:
        """The product columns."""
        limit = limits.MAX_CATEGORY_CHARACTERS
        metadata = {
            "vendor": cells.text("Vendor"),
            "published": _TRUTH.get(cells.values.get("Published", "").strip().lower()),
        }
        return OfferingPart(
            name=cells.text("Title") or handle,
            description=cells.html("Body (HTML)"),
            category=cells.text("Type", limit) or cells.text("Product Category", limit),
            tags=cells.tags("Tags"),
            status=cells.status("Status"),
            offering_type="physical",
            domain="",
            attributes={},
            metadata={key: value for key, value in metadata.items() if value not in ("", None)},
        )

    def options(self, cells: Cells, handle: str) -> dict[str, str]:
        """The option values of the row by name; `Title: Default Title` is Shopify's "no options"."""
        names = self._option_names.get(handle) or self._learn_names(cells, handle)
        options: dict[str, str] = {}
        for number, column in enumerate(_VALUE_COLUMNS):
            value = cells.text(column)
            if not value:
                continue
            name = names[number] if names and names[number] else f"Option{number + 1}"
            if name in options:
                name = f"{name} ({number + 1})"
                cells.note("warning", _NAME_COLUMNS[number], "duplicate_option", name=name)
            options[name] = value
        return {} if options == {"Title": "Default Title"} else options

    def _learn_names(self, cells: Cells, handle: str) -> tuple[str, ...]:
        names = tuple(cells.text(column) for column in _NAME_COLUMNS)
        if not any(names):
            return ()
        self._option_names[handle] = self._known_names.setdefault(names, names)
        return names

    def is_image_only(self, cells: Cells, options: dict[str, str]) -> bool:
        """Whether the row sells nothing: a picture without price, SKU and options."""
        sells = any(cells.has(column) for column in ("Variant Price", "Variant SKU", *_VALUE_COLUMNS))
        return not sells and cells.has("Image Src")

    def identity(self, sku: str, options: dict[str, str]) -> str:
        """What tells the variants of one product apart: their options."""
        return "\x1f".join(options.values())

    def variant(self, cells: Cells, sku: str, options: dict[str, str]) -> VariantPart:
        """The variant columns."""
        price = cells.money("Variant Price", self._currency)
        if not cells.has("Variant Price"):
            cells.note("error", "Variant Price", "missing_price")
        tracked = cells.has("Variant Inventory Tracker")
        metadata = {
            "barcode": cells.text("Variant Barcode", limits.MAX_CODE_CHARACTERS),
            "grams": cells.count("Variant Grams"),
            "image": cells.text("Variant Image", limits.MAX_URL_CHARACTERS),
        }
        return VariantPart(
            sku=sku,
            name=" / ".join(options.values())[: limits.MAX_NAME_CHARACTERS],
            options=options,
            price=price,
            compare_at=cells.money("Variant Compare At Price", self._currency),
            currency=None,
            price_list="standard",
            tracked=tracked,
            quantity=cells.stock("Variant Inventory Qty") if tracked else 0,
            safety_stock=0,
            location="main",
            policy=cells.policy("Variant Inventory Policy"),
            metadata={key: value for key, value in metadata.items() if value not in ("", None)},
        )

    def image(self, cells: Cells, level: Level) -> ImagePart | None:
        """The product's picture in this row; `level` tells how bad it is if it has none that can be shown."""
        return cells.image(level, "Image Src", "Image Alt Text", "Image Position")
