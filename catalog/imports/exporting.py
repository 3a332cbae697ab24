"""The whole catalogue as a file of our own format, which imported again changes nothing.

One cursor reads it, so what is in the file was true at one instant however long the writing takes. A row of the file is
a variant with one of its prices and one of its locations, as `docs/imports.md` tells; only a part of the rows is ever in
memory: those that are read wait in a temporary file until all columns are known.
"""

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import IO, Any

from django.db import connection, transaction
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from catalog.imports.backroom_csv import NO_VARIANT
from catalog.models import AttributeDefinition
from catalog.money import plain_amount
from tenants.errors import DomainError
from tenants.scope import current_tenant_id
from tenants.text import inert

FETCHED = 500
"""Offerings read at a time."""
FIRST = ("code", "name", "offering_type", "domain", "category", "tags", "status", "description")
LAST = (
    *("sku", "variant_name", "variant_status", "price", "currency", "compare_at", "price_list"),
    *("stock_qty", "safety_stock", "location", "policy", "image", "image_alt"),
)

# Right after an import the statistics know nothing of what it wrote, and a loop over an index chosen for three rows would
# be gone through for each of 100,000: nothing here is looked up row by row.
BULK = "SET LOCAL enable_nestloop = off"
CATALOGUE = """
DECLARE catalogue NO SCROLL CURSOR FOR
WITH prices AS (
    SELECT p.variant_id, jsonb_agg(jsonb_build_array(l.code, p.currency, p.amount::text, p.compare_at::text)
        ORDER BY l.code, p.currency) AS listed
    FROM catalog_variantprice p JOIN catalog_pricelist l ON l.tenant_id = %(tenant)s AND l.id = p.price_list_id
    WHERE p.tenant_id = %(tenant)s GROUP BY p.variant_id
), stock AS (
    SELECT i.variant_id, jsonb_agg(jsonb_build_array(s.code, i.stock_qty, i.safety_stock) ORDER BY s.code) AS listed
    FROM catalog_inventoryitem i JOIN catalog_inventorylocation s ON s.tenant_id = %(tenant)s AND s.id = i.location_id
    WHERE i.tenant_id = %(tenant)s GROUP BY i.variant_id
), variants AS (
    SELECT v.offering_id, jsonb_agg(jsonb_build_object(
        'sku', v.sku, 'name', v.name, 'status', v.status, 'options', v.attributes, 'policy', v.inventory_policy,
        'prices', coalesce(prices.listed, '[]'), 'stock', coalesce(stock.listed, '[]')) ORDER BY v.position, v.id) AS listed
    FROM catalog_variant v
    LEFT JOIN prices ON prices.variant_id = v.id
    LEFT JOIN stock ON stock.variant_id = v.id
    WHERE v.tenant_id = %(tenant)s GROUP BY v.offering_id
), images AS (
    SELECT i.offering_id, jsonb_agg(jsonb_build_array(i.url, i.alt) ORDER BY i.position, i.id) AS listed
    FROM catalog_offeringimage i WHERE i.tenant_id = %(tenant)s GROUP BY i.offering_id
), translations AS (
    SELECT t.offering_version_id, jsonb_agg(jsonb_build_array(t.language, t.name, t.description)) AS listed
    FROM catalog_offeringtranslation t WHERE t.tenant_id = %(tenant)s GROUP BY t.offering_version_id
), words AS (
    SELECT DISTINCT ON (w.offering_id) w.* FROM catalog_offeringversion w WHERE w.tenant_id = %(tenant)s
    ORDER BY w.offering_id, (w.status = 'active') DESC, w.version DESC
)
SELECT jsonb_build_object(
    'code', o.code, 'offering_type', o.offering_type, 'domain', d.code, 'category', o.category, 'tags', o.tags,
    'status', o.status, 'name', w.name, 'description', w.description, 'attributes', coalesce(w.attributes, '{}'),
    'translations', coalesce(translations.listed, '[]'), 'images', coalesce(images.listed, '[]'),
    'variants', coalesce(variants.listed, '[]'))::text
FROM catalog_offering o
LEFT JOIN catalog_knowledgedomain d ON d.id = o.domain_id
LEFT JOIN words AS w ON w.offering_id = o.id
LEFT JOIN translations ON translations.offering_version_id = w.id
LEFT JOIN images ON images.offering_id = o.id
LEFT JOIN variants ON variants.offering_id = o.id
WHERE o.tenant_id = %(tenant)s ORDER BY o.id
"""

Row = dict[str, str]


@dataclass(frozen=True)
class Catalogue:
    """What was read: the columns that are used, and the file its rows wait in, a JSON object in each line."""

    columns: list[str]
    file: IO[str]

    def rows(self) -> Iterator[Row]:
        """Yield the rows; what a row does not have is empty."""
        self.file.seek(0)
        return (json.loads(line) for line in self.file)


def read_catalogue() -> Catalogue:
    """Read the catalogue of the scope's tenant as it is at this instant. Whoever asks closes its file."""
    file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - the caller closes it
    keyed: set[str] = set()
    json_attributes = set(
        AttributeDefinition.objects.filter(value_type=AttributeDefinition.ValueType.JSON).values_list("domain__code", "key")
    )
    for offering in _offerings():
        for row in _rows(offering, json_attributes):
            keyed.update(row)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    others = sorted(keyed.difference(FIRST, LAST), key=_place)
    return Catalogue([*FIRST, *others, *LAST], file)


def _place(column: str) -> tuple[int, str]:
    """Translations stand before attributes, and these before options."""
    return ["name", "description", "attr", "option"].index(column.partition(".")[0]), column


def _offerings() -> Iterator[dict[str, Any]]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(BULK)
        cursor.execute(CATALOGUE, {"tenant": current_tenant_id()})
        cursor.execute(f"FETCH {FETCHED} FROM catalogue")
        while texts := cursor.fetchall():
            for (text,) in texts:
                yield json.loads(text, parse_float=Decimal)
            cursor.execute(f"FETCH {FETCHED} FROM catalogue")
        cursor.execute("CLOSE catalogue")


def _rows(offering: dict[str, Any], json_attributes: set[tuple[str, str]]) -> Iterator[Row]:
    """Yield the rows of an offering: it is described in the first, and each shows one of its pictures."""
    variants = (row for variant in offering["variants"] for row in _variant_rows(variant))
    described = _described(offering, json_attributes)
    for variant, image in zip_longest(list(variants) or [{"variant_status": NO_VARIANT}], offering["images"]):
        picture = {"image": image[0], "image_alt": image[1]} if image else {}
        row = {"code": offering["code"], **described, **(variant or {}), **picture}
        yield {column: value for column, value in row.items() if value}
        described = {}


def _described(offering: dict[str, Any], json_attributes: set[tuple[str, str]]) -> Row:
    words: Row = {}
    for language, name, description in offering["translations"]:
        words |= {f"name.{language}": name, f"description.{language}": description}
    for key, value in offering["attributes"].items():
        is_json = (offering["domain"], key) in json_attributes
        words[f"attr.{key}"] = _json(value) if is_json else _spelled(value)
    fields = ("name", "offering_type", "domain", "category", "status", "description")
    return {**{name: offering[name] or "" for name in fields}, "tags": _tags(offering["tags"]), **words}


def _tags(tags: list[str]) -> str:
    """Separated by commas; as JSON when a tag has one."""
    return _json(tags) if any("," in tag for tag in tags) else ",".join(tags)


def _variant_rows(variant: dict[str, Any]) -> Iterator[Row]:
    """Yield a row for each price and each location, both side by side."""
    options = {f"option.{key}": _spelled(value) for key, value in variant["options"].items()}
    named = {"sku": variant["sku"], "variant_name": variant["name"], "variant_status": variant["status"]}
    for price, stock in zip_longest(variant["prices"] or [()], variant["stock"]):
        yield {**options, **named, "policy": variant["policy"], **_price(price), **_stock(stock)}


def _price(price: Any) -> Row:
    if not price:
        return {}
    price_list, currency, amount, compare_at = price
    before = _amount(compare_at) if compare_at else ""
    return {"price": _amount(amount), "currency": currency, "compare_at": before, "price_list": price_list}


def _amount(amount: str) -> str:
    """The amount with anything but three decimals, which could be thousands."""
    text = plain_amount(Decimal(amount))
    return f"{text}0" if len(text.partition(".")[2]) == 3 else text


def _stock(stock: Any) -> Row:
    """Stock below zero cannot be written: what is empty stays as it is."""
    if not stock or stock[1] < 0:
        return {}
    return {"location": stock[0], "stock_qty": str(stock[1]), "safety_stock": str(stock[2])}


def _spelled(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "" if value is None else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=float)


FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
MOST_CELL_CHARACTERS = 32_767
"""What a cell of a workbook holds."""


def export_catalogue(form: str) -> IO[bytes]:
    """Return the catalogue of the scope's tenant as a file in one of ``FORMATS``, open at its beginning.

    Raises ``DomainError`` (``too_long_for_xlsx``) when a text does not fit into a cell of a workbook.
    """
    target = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asked closes it
    catalogue = read_catalogue()
    try:
        {"csv": _write_csv, "xlsx": _write_xlsx, "json": _write_json}[form](catalogue, target)
    except BaseException:
        target.close()
        raise
    finally:
        catalogue.file.close()
    target.seek(0)
    return target


def _write_csv(catalogue: Catalogue, target: IO[bytes]) -> None:
    # The byte order mark tells spreadsheets that this is UTF-8.
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=True)
    lines = csv.writer(text)
    lines.writerow(catalogue.columns)
    for row in catalogue.rows():
        lines.writerow([inert(row.get(column, "")) for column in catalogue.columns])
    text.detach()


def _write_xlsx(catalogue: Catalogue, target: IO[bytes]) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Catalogue")
    sheet.append(catalogue.columns)
    for row in catalogue.rows():
        sheet.append([_cell(sheet, row, column) for column in catalogue.columns])
    book.save(target)


def _cell(sheet: Any, row: Row, column: str) -> Any:
    text = row.get(column)
    if text is None:
        return None
    if len(text) >= MOST_CELL_CHARACTERS:
        message = _("“%(column)s” of %(code)s is too long for a workbook. Export as CSV.")
        raise DomainError("too_long_for_xlsx", message % {"column": column, "code": row["code"]}, field="form")
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", inert(text)))
    cell.data_type = "s"  # text, whatever it looks like
    return cell


def _write_json(catalogue: Catalogue, target: IO[bytes]) -> None:
    """The rows as ``POST imports/`` takes them."""
    target.write(b"[")
    for number, row in enumerate(catalogue.rows()):
        target.write(b",\n" if number else b"\n")
        target.write(json.dumps(row, ensure_ascii=False).encode())
    target.write(b"\n]\n")
