"""Catalogue files written in a test."""

import csv
import io
from collections.abc import Mapping, Sequence

from catalog.imports.reading import open_rows
from catalog.imports.rows import ImportedRow

SHOPIFY_ROW = {
    "Handle": "linen-shirt",
    "Title": "Linen Shirt",
    "Option1 Name": "Size",
    "Option1 Value": "M",
    "Variant SKU": "LS-M",
    "Variant Inventory Tracker": "shopify",
    "Variant Inventory Qty": "3",
    "Variant Price": "25.00",
}
BACKROOM_ROW = {"code": "river-flat", "name": "River Flat", "sku": "RF-1", "price": "125000", "currency": "USD"}


def shopify(**changes: str) -> dict[str, str]:
    """One row for a Shopify file; `Variant_SKU="x"` sets the column `Variant SKU`."""
    return SHOPIFY_ROW | {name.replace("_", " "): value for name, value in changes.items()}


def backroom(**changes: str) -> dict[str, str]:
    """One row for our own file; `option__size="x"` sets the column `option.size`."""
    return BACKROOM_ROW | {name.replace("__", "."): value for name, value in changes.items()}


def written(rows: Sequence[Mapping[str, str]], *, encoding: str = "utf-8", delimiter: str = ",") -> io.BytesIO:
    """The rows as a CSV file with the union of their columns."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return io.BytesIO(text.getvalue().encode(encoding))


def read(*rows: Mapping[str, str], **options: str) -> list[ImportedRow]:
    """What the rows are understood as."""
    return list(open_rows(written(rows), **options))


def findings(row: ImportedRow) -> list[tuple[str, str, str]]:
    """The problems of a row as (level, column, code)."""
    return [(problem.level, problem.column, problem.code) for problem in row.problems]
