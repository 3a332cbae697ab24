"""`open_rows`: a catalogue file as a stream of normalised rows.

The table of a file is gone through twice: for the SKUs that stand in it (so that a made SKU never takes a written
one, and the number of rows is known), and for its rows. Only SKUs, handles and the identities of variants stay in
memory. An unreadable file is refused before the first row is given out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol

from catalog.imports import backroom_csv, limits, shopify
from catalog.imports.backroom_csv import BackroomMapping
from catalog.imports.cells import Cells
from catalog.imports.mapping import ColumnMapping, Decimals, MappedTable, guess, guess_decimals
from catalog.imports.problems import Level, UnreadableFile
from catalog.imports.product_pages import OnPage, read_pages
from catalog.imports.records import Source
from catalog.imports.rows import ImagePart, ImportedRow, OfferingPart, VariantPart
from catalog.imports.shopify import ShopifyMapping
from catalog.imports.skus import OnDuplicateSku, SkuRegister
from catalog.imports.tables import IsHeader, Record, Table, open_table

MappingName = Literal["shopify", "backroom", "saleor", "web", "auto"]
FindSaved = Callable[[Sequence[str]], ColumnMapping | None]
"""Finds the mapping that was saved for such a header."""
_TITLE = "title"


class Mapping(Protocol):
    """What a kind of file means: where its columns go. One instance reads one file once."""

    name: str
    columns: list[str]
    handle_column: str
    title_column: str
    sku_column: str
    has_further_rows: bool
    """Whether a variant may have several rows, for more prices and locations."""

    def reads(self, column: str) -> bool: ...
    def values(self, record: Sequence[str]) -> dict[str, str]: ...
    def offering(self, cells: Cells, handle: str) -> OfferingPart: ...
    def options(self, cells: Cells, handle: str) -> dict[str, str]: ...
    def is_image_only(self, cells: Cells, options: dict[str, str]) -> bool: ...
    def identity(self, sku: str, options: dict[str, str]) -> str: ...
    def variant(self, cells: Cells, sku: str, options: dict[str, str]) -> VariantPart: ...
    def image(self, cells: Cells, level: Level) -> ImagePart | None: ...


def open_rows(
    source: Source,
    *,
    mapping: MappingName = "auto",
    columns: ColumnMapping | None = None,
    saved: FindSaved = lambda header: None,
    only_safe: bool = False,
    on_duplicate_sku: OnDuplicateSku = "error",
    currency: str = "",
    decimals: Decimals | None = None,
    on_page: OnPage = lambda done, total: None,
) -> "RowReader":
    """A reader of the file at path `source`, or of a seekable binary file, which stays open.

    `columns` say what its columns mean. Else a header that is none of ours nor Shopify's is looked for with `saved`, and
    guessed at last; with `only_safe` no guess counts that a person would have to look at. `decimals` say how a table
    writes numbers, whatever its mapping says; JSON has numbers of its own. `currency` (ISO 4217) is that of prices for which
    the file names none; it says how many decimals they may have. `on_page` is told how far fetching product pages is.

    Raises `UnreadableFile` if it has no table of this mapping ("auto": of any) with at least one row.
    """
    table = read_pages(source, on_page) if mapping == "web" else open_table(source, _is_header(columns, saved))
    try:
        understood: dict[str, Any] = {"makes": table.makes} if table.makes else {}
        if not columns and not _is_unknown(mapping, table):
            understood |= {"decimals": decimals} if decimals else {}
            kind = _choose_mapping(mapping, table)
            return RowReader(_in_notation(table, kind, decimals), kind, on_duplicate_sku, currency, understood)
        found = columns or _known_columns(table, saved, only_safe=only_safe)
        table = MappedTable(table, found := replace(found, decimals=decimals or found.decimals))
        return RowReader(table, BackroomMapping, on_duplicate_sku, currency, found.as_json())
    except UnreadableFile as error:
        if error.row == 1:
            error.row = table.header_row
        raise


def _is_header(columns: ColumnMapping | None, saved: FindSaved) -> IsHeader:
    """What tells whether a row of a workbook is the header of a table that is known here."""

    def known(names: Sequence[str]) -> bool:
        if columns:
            return columns.fits(names)
        is_ours = set(backroom_csv.REQUIRED) <= set(names) or (
            shopify.is_header(names) and _TITLE in map(str.casefold, names)
        )
        return is_ours or saved(names) is not None or guess(names).is_complete

    return known


def _is_unknown(mapping: MappingName, table: Table) -> bool:
    is_ours = "code" in [name.strip() for name in table.header]
    return mapping == "auto" and not table.format and not is_ours and not shopify.is_header(table.header)


def _known_columns(table: Table, saved: FindSaved, *, only_safe: bool) -> ColumnMapping:
    """What the columns mean as it was said for such a header, or as it may be guessed; raises `UnreadableFile`."""
    if found := saved(table.header):
        return found
    guessed = guess(table.header)
    guessed = replace(guessed, decimals=guess_decimals(table, guessed.columns))
    if guessed.is_complete and (guessed.is_safe or not only_safe):
        return guessed
    error = UnreadableFile("unknown_mapping", row=1)
    error.understood = guessed.as_json()
    raise error


def _choose_mapping(mapping: MappingName, table: Table) -> type[ShopifyMapping] | type[BackroomMapping]:
    if table.format and mapping in ("auto", table.format):
        return BackroomMapping  # It was made into rows of our own.
    if mapping == "saleor":
        raise UnreadableFile("unknown_mapping", row=1)
    if mapping == "shopify" or (mapping == "auto" and shopify.is_header(table.header)):
        return ShopifyMapping
    return BackroomMapping


def _in_notation(table: Table, kind: type[ShopifyMapping] | type[BackroomMapping], decimals: Decimals | None) -> Table:
    """The table with numbers as we write them, under the names its format has for its columns."""
    if table.format or not decimals:
        return table
    names = [name.strip() for name in table.header]
    if kind is BackroomMapping:
        return MappedTable(table, ColumnMapping(dict(zip(names, names, strict=True)), decimals))
    known = dict(zip(names, shopify.check_header(names), strict=True))
    return MappedTable(table, ColumnMapping(known, decimals), shopify.NUMBERS)


class RowReader:
    """The rows of one file, to be iterated over as often as needed; every time gives the same rows.

    `mapping` is the name of the format, `total` the number of rows (empty ones do not count) and `columns`
    the header; `names` as in `Table`, and `understood` tells how the file was read, ready to be kept with the job.
    """

    def __init__(
        self,
        table: Table,
        mapping: type[ShopifyMapping] | type[BackroomMapping],
        on_duplicate_sku: OnDuplicateSku,
        currency: str,
        understood: dict[str, Any],
    ) -> None:
        self._table, self._mapping, self._on_duplicate_sku, self._currency = table, mapping, on_duplicate_sku, currency
        format_of_file = mapping(table.header, currency)
        self.mapping = table.format or format_of_file.name
        self.understood, self.names = understood, table.names
        self.columns = format_of_file.columns
        self.total = 0
        self._written_skus = self._read_written_skus(format_of_file)

    def __iter__(self) -> Iterator[ImportedRow]:
        mapping: Mapping = self._mapping(self._table.header, self._currency)
        grouping = _Grouping(mapping, SkuRegister(self._written_skus, self._on_duplicate_sku))
        for record in self._table.records():
            yield grouping.read(record)

    def _read_written_skus(self, mapping: Mapping) -> dict[str, int]:
        """Every SKU in the file with the first row that has it; counts the rows."""
        written: dict[str, int] = {}
        column = mapping.sku_column
        index = mapping.columns.index(column) if column in mapping.columns else None
        for record in self._table.records():
            self.total += 1
            if self.total > limits.MAX_ROWS:
                raise UnreadableFile("too_many_rows", row=record.row, limit=limits.MAX_ROWS)
            if index is None or len(record.cells) != len(mapping.columns) or not record.cells[index]:
                continue
            sku = Cells(record.row, mapping.values(record.cells)).sku(column)
            if sku:
                written.setdefault(sku, record.row)
        if not self.total:
            raise UnreadableFile("empty_file")
        return written


class _Grouping:
    """Turns records into rows, knowing what stood above: products, their variants and their SKUs.

    The first row of a handle describes its product, even when other products stand between its rows.
    """

    def __init__(self, mapping: Mapping, skus: SkuRegister) -> None:
        self._mapping = mapping
        self._skus = skus
        self._titles: dict[str, int] = {}
        self._variants: dict[str, int] = {}

    def read(self, record: Record) -> ImportedRow:
        """The record as a row, with whatever is wrong with it."""
        row, values = record.row, self._mapping.values(record.cells)
        cells = Cells(row, values)
        self._note_faults(cells, record)
        handle = self._handle(cells, record.cells)
        if cells.problems:
            return ImportedRow(row, handle, "variant", problems=cells.problems, cells=_given(values))
        offering = self._offering(cells, handle)
        options = self._mapping.options(cells, handle)
        if self._mapping.is_image_only(cells, options):
            image = self._mapping.image(cells, "error")
            return ImportedRow(row, handle, "image", offering, None, image, cells.problems, {} if image else _given(values))
        image = self._mapping.image(cells, "warning")
        variant = self._variant(cells, handle, options)
        return ImportedRow(
            row, handle, "variant", offering, variant, image, cells.problems, {} if variant else _given(values)
        )

    def _handle(self, cells: Cells, record: list[str]) -> str:
        """The row's handle; an error is noted if the row as a whole cannot be read."""
        columns = self._mapping.columns
        if len(record) != len(columns):
            cells.note("error", "", "ragged_row", value="", found=len(record), expected=len(columns))
            return ""
        if max(map(len, record)) > limits.MAX_CELL_CHARACTERS:
            column = max(columns, key=lambda name: len(cells.values[name]))
            cells.note("error", column, "cell_too_large", limit=limits.MAX_CELL_CHARACTERS)
        handle = cells.code(self._mapping.handle_column)
        if not handle and not cells.problems:
            cells.note("error", self._mapping.handle_column, "missing_handle")
        return handle[: limits.MAX_CODE_CHARACTERS]

    def _note_faults(self, cells: Cells, record: Record) -> None:
        """Note the cells that have no value, unless nobody reads them."""
        for index, code in record.faults.items():
            column = self._mapping.columns[index] if index < len(self._mapping.columns) else ""
            if self._mapping.reads(column) or code == "wrong_encoding":
                cells.note("error", column, code)

    def _offering(self, cells: Cells, handle: str) -> OfferingPart | None:
        """The product, in its first row. A row further down that has another name is worth a warning."""
        column = self._mapping.title_column
        title = cells.values[column].strip()
        if handle not in self._titles:
            self._titles[handle] = hash(title)
            if not title:
                cells.note("warning", column, "missing_title")
            return self._mapping.offering(cells, handle)
        if title and hash(title) != self._titles[handle]:
            cells.note("warning", column, "title_differs")
        return None

    def _variant(self, cells: Cells, handle: str, options: dict[str, str]) -> VariantPart | None:
        """The variant, unless something is wrong with it."""
        mark = len(cells.problems)
        column = self._mapping.sku_column
        written = cells.sku(column)
        identity = f"{handle}\x1f{self._mapping.identity(written, options)}"
        first_row = self._variants.setdefault(identity, cells.row)
        if first_row != cells.row and not self._mapping.has_further_rows:
            cells.note("error", column, "duplicate_variant", row=first_row)
        else:
            sku = self._skus.resolve(cells, column, sku=written, handle=handle, options=options, first_row=first_row)
            variant = self._mapping.variant(cells, sku, options)
        return None if cells.keep_errors_since(mark) else variant


def _given(values: dict[str, str]) -> dict[str, str]:
    """The cells that are not empty."""
    return {column: value for column, value in values.items() if value}
