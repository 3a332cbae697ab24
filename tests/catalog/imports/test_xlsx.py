"""Workbooks: what their cells become, which sheet is read, and what is refused before it is read."""

import io
import time
import zipfile
from datetime import datetime

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from catalog.imports import limits
from catalog.imports.problems import UnreadableFile
from catalog.imports.reading import open_rows
from catalog.imports.rows import ImportedRow
from tests.catalog.imports.files import backroom, findings, shopify

HEADER = ["code", "name", "sku", "price", "stock_qty", "description", "attr.note"]
SHEET = "xl/worksheets/sheet1.xml"


def saved(book: Workbook) -> io.BytesIO:
    content = io.BytesIO()
    book.save(content)
    return content


def sheet_of(*rows: list[object]) -> tuple[Workbook, Worksheet]:
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for row in rows:
        sheet.append(row)
    return book, sheet


def workbook(*rows: list[object]) -> io.BytesIO:
    return saved(sheet_of(*rows)[0])


def read(content: io.BytesIO, **options: str) -> list[ImportedRow]:
    return list(open_rows(content, **options))


def refusal(content: io.BytesIO) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        open_rows(content)
    return caught.value


def with_parts(content: io.BytesIO, parts: dict[str, bytes]) -> io.BytesIO:
    """The workbook with parts put in the place of its own, or beside them."""
    changed = io.BytesIO()
    with zipfile.ZipFile(content) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, parts.get(name, old.read(name)))
        for name in set(parts) - set(old.namelist()):
            new.writestr(name, parts[name])
    return changed


def with_sheet(xml: str) -> io.BytesIO:
    """A workbook whose only sheet is this XML."""
    return with_parts(workbook(HEADER), {SHEET: xml.encode()})


def sheet_xml(rows: str, after: str = "", before: str = "") -> str:
    header = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in HEADER)
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<worksheet xmlns="{space}">{before}<sheetData><row r="1">{header}</row>{rows}</sheetData>{after}</worksheet>'


SMALL = [HEADER, ["cap", "Cap", "C-1", 5, 3]]


def test_numbers_are_numbers_and_texts_stay_as_written():
    [row] = read(workbook(HEADER, ["cap", "Cap", "000123", 1.234, 12.0, True]), currency="USD")
    assert row.problems == []
    assert row.variant
    assert row.offering
    assert (row.variant.sku, str(row.variant.price), row.variant.quantity) == ("000123", "1.234", 12)
    assert row.offering.description == "true"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1e-9, "too_many_decimals"),
        (-5, "negative_number"),
        (1e300, "number_too_large"),
        ("120.000", "ambiguous_number"),
        ("1.234,56", "invalid_number"),
        ("１２３", "invalid_number"),
        ("1e5", "invalid_number"),
        (datetime.fromisoformat("2026-02-03"), "invalid_number"),
        (True, "invalid_number"),
    ],
)
def test_a_price_that_is_none_is_an_error_with_its_cell(value, code):
    [row] = read(workbook(HEADER, ["cap", "Cap", "C-1", value]), currency="USD")
    assert findings(row) == [("error", "price", code)]
    assert row.cells["price"]
    assert row.variant is None


def test_sums_of_binary_fractions_are_read_as_the_sheet_shows_them():
    [row] = read(workbook(HEADER, ["cap", "Cap", "C-1", 0.1 + 0.2]), currency="USD")
    assert row.variant
    assert str(row.variant.price) == "0.30"


def test_a_number_shown_with_leading_zeros_keeps_them():
    book, sheet = sheet_of(HEADER, ["cap", "Cap", 123, 5])
    sheet["C2"].number_format = "00000"
    [row] = read(saved(book))
    assert row.variant
    assert row.variant.sku == "00123"


def test_dates_and_times_are_written_as_iso_8601():
    book, sheet = sheet_of(HEADER, ["cap", "Cap", "C-1", 5, None, datetime.fromisoformat("2026-11-21T10:30")])
    sheet["G2"] = datetime.fromisoformat("2026-02-03")
    sheet["G2"].number_format = '[$-409]d"d" mmm yy'
    [row] = read(saved(book))
    assert row.offering
    assert (row.offering.description, row.offering.attributes) == ("2026-11-21 10:30:00", {"note": "2026-02-03"})


def test_an_error_cell_and_a_formula_without_a_result_are_errors_of_their_row_only():
    book, sheet = sheet_of(*SMALL, ["hat", "Hat", "H-1", "#REF!"], ["bag", "Bag", "B-1", "=D2*2"], ["tie", "Tie", "T-1", 7])
    sheet["D3"].data_type = "e"
    rows = read(saved(book))
    assert [findings(row) for row in rows] == [
        [],
        [("error", "price", "error_cell")],
        [("error", "price", "formula_without_value")],
        [],
    ]
    assert rows[1].problems[0].value == "#REF!"


def test_a_formula_counts_as_its_kept_result():
    cells = "<c r='A2' t='str'><f>B2</f><v>cap</v></c><c r='B2' t='str'><f>x</f><v></v></c><c r='D2'><f>1+1</f><v>2</v></c>"
    [row] = read(with_sheet(sheet_xml(f'<row r="2">{cells}</row>')))
    assert (row.handle, str(row.variant and row.variant.price)) == ("cap", "2.00")


def test_a_merged_cell_stands_in_every_row_it_covers():
    book, sheet = sheet_of(HEADER, ["cap", "Cap", "C-1", 5], [None, None, "C-2", 6], ["hat", "Hat", "H-1", 7])
    sheet.merge_cells("A2:A3")
    assert [row.handle for row in read(saved(book))] == ["cap", "cap", "hat"]


def test_what_stands_above_the_header_and_on_other_sheets_is_not_read():
    book = Workbook()
    notes = book.active
    assert notes is not None
    notes.append(["Read me first"])
    hidden, sheet = book.create_sheet("old"), book.create_sheet("Products")
    hidden.sheet_state = "hidden"
    for row in SMALL:
        hidden.append(row)
    sheet.append(["Price list of November"])
    sheet.append([])
    sheet.append(["", *HEADER, None, "price in words"][:-2])
    sheet.append([None, "hat", "Hat", "H-1", 6, 1, None, None, "beside the table"])
    [found] = read(saved(book))
    assert (found.row, found.handle, found.problems) == (4, "hat", [])


def test_a_header_that_is_wrong_is_named_by_its_row():
    error = refusal(workbook(["A list"], [*HEADER, "colour"], ["cap"]))
    assert (error.code, error.row, error.column) == ("unknown_header", 2, "colour")


def test_shopifys_columns_are_read_from_a_workbook_too():
    rows = [shopify(), shopify(Option1_Value="L", Variant_SKU="LS-L", Metafield="#N/A")]
    book, sheet = sheet_of(list(rows[1]), *([row.get(name) for name in rows[1]] for row in rows))
    sheet.cell(3, sheet.max_column).data_type = "e"
    reader = open_rows(saved(book))
    assert (reader.mapping, [row.variant.sku for row in reader if row.variant]) == ("shopify", ["LS-M", "LS-L"])


def test_a_workbook_says_the_same_as_the_file():
    row = backroom(price="125000.5", option__size="XL", tags="a, b")
    [found] = read(workbook(list(row), list(row.values())))
    assert found.variant
    assert found.offering
    assert (found.variant.options, found.offering.tags) == ({"size": "XL"}, ["a", "b"])


def test_what_the_sheet_says_of_its_size_is_not_believed():
    xml = sheet_xml('<row r="2"><c r="A2" t="str"><v>cap</v></c></row>', before='<dimension ref="A1:ZZZ1048576"/>')
    assert len(read(with_sheet(xml))) == 1


def test_a_million_empty_columns_are_passed_over():
    cells = '<c r="A2" t="str"><v>cap</v></c><c r="D2"><v>5</v></c>' + '<c s="1"/>' * 1_000_000
    started = time.monotonic()
    assert len(read(with_sheet(sheet_xml(f'<row r="2">{cells}</row>')))) == 1
    assert time.monotonic() - started < 20


def test_a_row_far_below_is_not_walked_to():
    xml = sheet_xml('<row r="1048576"><c r="A1048576" t="str"><v>cap</v></c><c r="D1048576"><v>5</v></c></row>')
    assert [row.row for row in read(with_sheet(xml))] == [1_048_576]
    assert refusal(with_sheet(sheet_xml('<row r="1000000000"><c><v>1</v></c></row>'))).code == "broken_workbook"


ENTITY = '<!DOCTYPE worksheet [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE worksheet [<!ENTITY a SYSTEM "http://127.0.0.1:9/x">]>'


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({SHEET: (ENTITY + sheet_xml("")).encode()}, "unsafe_xml"),
        ({SHEET: (EXTERNAL + sheet_xml("")).encode()}, "unsafe_xml"),
        ({SHEET: b"<!--" + b"x" * 5000 + b"-->" + (ENTITY + sheet_xml("")).encode()}, "unsafe_xml"),
        ({"docProps/custom.xml": ('<?xml version="1.0" encoding="UTF-16"?>' + ENTITY).encode("utf-16")}, "unsafe_xml"),
        ({"xl/vbaProject.bin": b"x"}, "macro_workbook"),
        ({"xl/externalLinks/externalLink1.xml": b"<externalLink/>"}, "linked_workbook"),
        ({"xl/connections.xml": b"<connections/>"}, "linked_workbook"),
        ({SHEET: b"<worksheet><sheetData><row"}, "broken_workbook"),
        ({"xl/styles.xml": b"\0"}, "broken_workbook"),
        ({SHEET: sheet_xml('<row r="x"/>').encode()}, "broken_workbook"),
        ({SHEET: sheet_xml('<row r="2"><c t="s"><v>nine</v></c></row>').encode()}, "broken_workbook"),
    ],
)
def test_a_hostile_or_broken_workbook_is_refused(parts, code):
    assert refusal(with_parts(workbook(*SMALL), parts)).code == code


def packed(name: str, size: int, *, method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>")
        with archive.open(name, "w", force_zip64=True) as part:
            for _block in range(size // 1_000_000):
                part.write(b" " * 1_000_000)
    return content


def test_a_zip_bomb_is_refused_at_once():
    bomb = packed(SHEET, 300_000_000)
    started = time.monotonic()
    assert refusal(bomb).code == "too_large_unpacked"
    assert time.monotonic() - started < 1


def test_a_bomb_that_lies_about_its_size_gives_out_no_more_than_it_says():
    bomb = bytearray(packed(SHEET, 60_000_000).getvalue())
    entry = bomb.rfind(b"PK\x01\x02")
    bomb[entry + 24 : entry + 28] = (1000).to_bytes(4, "little")
    started = time.monotonic()
    assert refusal(io.BytesIO(bytes(bomb))).code == "broken_workbook"
    assert time.monotonic() - started < 1


def test_a_directory_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(limits, "MAX_DIRECTORY_BYTES", 100)
    assert refusal(workbook(*SMALL)).code == "too_large_unpacked"


def test_archives_that_are_no_workbook_are_refused():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("inner.zip", workbook(*SMALL).getvalue())
        archive.writestr("../../etc/passwd", b"root")
    assert refusal(content).code == "binary_file"
    assert refusal(packed(SHEET, 1_000_000, method=zipfile.ZIP_LZMA)).code == "broken_workbook"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "encrypted_workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "Workbook".encode("utf-16-le"), "old_workbook"),
        (b"PK\x03\x04rest", "broken_workbook"),
        (b"%PDF-1.7\n", "binary_file"),
        (b"MZ\x90\x00\x03\x00\x00\x00", "binary_file"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><html><table>", "web_page"),
    ],
)
def test_files_of_other_kinds_are_told_by_what_is_in_them(content, code):
    assert refusal(io.BytesIO(content)).code == code


def test_the_rows_of_a_workbook_can_be_read_again_and_are_the_same():
    reader = open_rows(workbook(*SMALL, ["hat", "Hat", "H-1", "x"]))
    assert [row.as_json() for row in reader] == [row.as_json() for row in reader]
    assert reader.total == 2
