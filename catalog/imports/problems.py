"""What can be wrong with a catalogue file: one error for the whole file, problems for its rows.

`MESSAGES` is the complete list of codes. A code is part of the contract: it may be added, not renamed.
No model is loaded here: the process that reads strange files (`bots.reading`) knows these problems, and no database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from catalog.imports import limits
from tenants.notes import told

Level = Literal["error", "warning"]

#: Codes of `UnreadableFile`: nothing of the file can be imported.
FILE_MESSAGES = {
    "empty_file": _("The file has no data rows."),
    "file_too_large": _("The file is larger than %(limit)s bytes."),
    "too_many_rows": _("The file has more than %(limit)s rows."),
    "too_many_columns": _("The header has more than %(limit)s columns."),
    "binary_file": _("This is not a text file. Save the table as CSV (UTF-8)."),
    "not_utf8": _("The text is not UTF-8. Save the table as CSV (UTF-8)."),
    "not_utf16": _("The text is broken UTF-16. Save the table as CSV (UTF-8)."),
    "malformed_csv": _("The file cannot be read as CSV: %(reason)s."),
    "unclosed_quote": _("A quotation mark opened in this row is never closed."),
    "record_too_long": _("This row is longer than %(limit)s characters; perhaps a quotation mark is not closed."),
    "missing_header": _("The header has no column “%(name)s”."),
    "unknown_header": _("The header has an unknown column “%(name)s”. Known are: %(known)s."),
    "duplicate_header": _("The header has the column “%(name)s” twice."),
    "unknown_mapping": _("The columns are those of no known format: neither “Handle” nor “code” is there."),
    "malformed_json": _("The file cannot be read as JSON: %(reason)s."),
    "web_page": _("This is a web page, not a table."),
    "not_as_named": _("This is a workbook or an archive, not text as its name says. Name it .xlsx if it is a workbook."),
    "old_workbook": _("This is an Excel file of the old kind (.xls). Save it as .xlsx or as CSV (UTF-8)."),
    "encrypted_workbook": _("The workbook is protected by a password. Save it without one."),
    "macro_workbook": _("The workbook has macros. Save it as .xlsx, which has none."),
    "linked_workbook": _("The workbook takes values from other files or from a database. Save it with values only."),
    "broken_workbook": _(
        "The workbook is damaged, or only a part of it has come. Open it in a spreadsheet and save it again."
    ),
    "too_large_unpacked": _("Unpacked, the file would be larger than %(limit)s bytes."),
    "unsafe_xml": _("The workbook declares a document type, which no spreadsheet does."),
}

#: Codes of problems of one row. As an error the row's variant or image is not applied; as a warning it
#: is applied with the correction that the message names.
ROW_MESSAGES = {
    "ragged_row": _("The row has %(found)s cells, the header has %(expected)s."),
    "ragged_table": _("The row has more or fewer cells than the header."),
    "other_notation": _("Not a number in the notation of this file."),
    "wrong_encoding": _("The cell is not UTF-8, as what stands above is."),
    "cell_too_large": _("The cell is longer than %(limit)s characters."),
    "error_cell": _("The spreadsheet shows an error here."),
    "formula_without_value": _("A formula whose result is not in the file. Open it in a spreadsheet, and save it again."),
    "no_product_data": _("The page does not describe a product (no JSON-LD of schema.org's Product)."),
    "page_forbidden": _("The address does not lead to a place on the public internet."),
    "page_timeout": _("The page did not come within 30 seconds."),
    "page_unreachable": _("There is no connection to the site."),
    "page_too_large": _("The page is larger than 5 MB."),
    "page_refused": _("The site answers with an error."),
    "page_redirects": _("The address leads on to others too often."),
    "page_given_up": _("The site failed three times before this page and was not asked again."),
    "missing_handle": _("The row does not say which product it belongs to."),
    "too_long": _("The value is longer than %(limit)s characters."),
    "shortened": _("The value was longer than %(limit)s characters and has been cut."),
    "invalid_characters": _("The value has control characters."),
    "missing_title": _("The first row of the product has no name; its handle is used."),
    "title_differs": _("Another name than in the product's first row, which is the one that is kept."),
    "unknown_status": _("Not one of active, draft, archived; the offering becomes a draft."),
    "unknown_offering_type": _("Not one of physical, service, asset, financial; the offering becomes a physical draft."),
    "missing_price": _("The variant has no price."),
    "invalid_number": _("Not a plain number such as 1234.50."),
    "ambiguous_number": _("Thousands or decimals? Write %(thousands)s or %(units)s."),
    "negative_number": _("The number is negative."),
    "too_many_decimals": _("Too many decimals; %(limit)s at most."),
    "number_too_large": _("The number is too large."),
    "number_ignored": _("Not a plain number; left out."),
    "unknown_currency": _("Not an ISO 4217 currency code."),
    "unknown_policy": _("Not one of deny, continue."),
    "unknown_variant_status": _("Not one of active, archived."),
    "negative_stock": _("Negative stock is stored as 0."),
    "stock_missing": _("A safety stock without stock_qty; the variant is not counted."),
    "duplicate_option": _("Two options have the same name; the later one is kept as “%(name)s”."),
    "duplicate_variant": _("The same variant is in row %(row)s already."),
    "duplicate_sku": _("The SKU belongs to another variant, in row %(row)s."),
    "suffixed_sku": _("The SKU belongs to another variant, in row %(row)s; “%(sku)s” is used."),
    "invalid_image": _("Not an http or https address; the image is left out."),
    "unknown_domain": _("There is no knowledge domain of this code."),
    "invalid_attribute": _("%(reason)s"),
    "too_many_tags": _("At most %(most)d tags."),
}

NOT_WHOLE = _("Not a whole number of pieces, such as 1234.")
"""What `invalid_number` says of pieces."""

#: Codes of problems that only the tenant's own catalogue shows. `{row}` is filled in by the database.
CATALOGUE_MESSAGES = {
    "unknown_price_list": _("There is no price list of this code."),
    "unknown_location": _("There is no inventory location of this code."),
    "sku_of_other_offering": _("The SKU belongs to another offering of the catalogue."),
    "conflicting_price": _("Row {row} gives another price of the variant in the same list and currency."),
    "conflicting_stock": _("Row {row} gives another stock of the variant at the same location."),
    "nothing_archived": _("Nothing is archived while row {row} does not say which product it belongs to."),
    "missing_option": _("The offering is on sale, and its domain requires this option of every variant."),
    "missing_attribute": _("The domain requires this attribute; the offering stays a draft without it."),
}


def shown(value: str) -> str:
    """`value` short enough for a message."""
    limit = limits.MAX_SHOWN_CHARACTERS
    return value if len(value) <= limit else value[:limit] + "…"


class UnreadableFile(Exception):
    """Nothing of the file can be imported. `row` and `column` tell where, and `understood` how far it was, if that is known."""

    understood: dict[str, Any]

    def __init__(self, code: str, *, row: int | None = None, column: str | None = None, **params: object) -> None:
        """`params` fill the message of `code` (see `FILE_MESSAGES`)."""
        self.code = code
        self.params = {name: value if isinstance(value, int) else str(value) for name, value in params.items()}
        self.message = str(FILE_MESSAGES[code]) % params
        self.row = row
        self.column = column
        self.understood = {}
        super().__init__(self.message)


@dataclass(frozen=True)
class Problem:
    """One finding in one row; `value` is the cell, cut to what a message can show."""

    level: Level
    row: int
    column: str
    value: str
    code: str
    message: str
    params: Mapping[str, object] = field(default_factory=dict)


def message_of(problem: Mapping[str, Any]) -> str:
    """Return what a stored problem says in the language of whoever reads it now; the worker that found it spoke English.

    It is one of a row, or the one of a whole file (``summary["error"]``).
    """
    code, params = problem["code"], dict(problem.get("params") or {})
    if "reason" in params:
        params["reason"] = told(params["reason"])
    template = {**FILE_MESSAGES, **ROW_MESSAGES}.get(code)
    if template and params:
        return str(template) % params
    if "row" in params and code in CATALOGUE_MESSAGES:
        return str(CATALOGUE_MESSAGES[code]).replace("{row}", str(params["row"]))
    return told(problem["message"])


def line_of(error: Mapping[str, Any]) -> str:
    """Return what is wrong with a whole file and where, in one line."""
    where = [_("row %(row)s") % {"row": error["row"]}] if error.get("row") else []
    where += [_("column “%(column)s”") % {"column": error["column"]}] if error.get("column") else []
    return f"{message_of(error)} ({', '.join(where)})" if where else message_of(error)
