"""Which files can be read at all, and what is said about those that cannot."""

import io
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from hypothesis import given
from hypothesis import strategies as st

from catalog.imports import limits
from catalog.imports.problems import FILE_MESSAGES, UnreadableFile
from catalog.imports.reading import open_rows
from tests.catalog.imports.files import findings, shopify, written

HEADER = b"Handle,Title,Variant Price\n"


def refusal(content: bytes, **options: str) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        open_rows(io.BytesIO(content), **options)
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_files_are_read_with_and_without_byte_order_mark(encoding):
    rows = list(open_rows(written([shopify(Title="Áo sơ mi đũi")], encoding=encoding)))
    assert rows[0].offering.name == "Áo sơ mi đũi"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_out(delimiter):
    rows = list(open_rows(written([shopify(Title="A, B; C\tD")], delimiter=delimiter)))
    assert rows[0].offering.name == "A, B; C\tD"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(line_end):
    content = line_end.join(["Handle,Title,Variant Price", "cap,Cap,5", "hat,Hat,6"]).encode()
    assert [(row.row, row.handle) for row in open_rows(io.BytesIO(content))] == [(2, "cap"), (3, "hat")]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp1258"])
def test_a_file_in_an_old_encoding_is_refused_with_its_place(encoding):
    content = HEADER + "cap,Cap,5\ncafe,Café,6\n".encode(encoding)
    error = refusal(content)
    assert (error.code, error.row, error.column) == ("not_utf8", 3, "Title")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", HEADER, HEADER + b"\n,,\n"])
def test_a_file_without_data_rows_is_refused(content):
    assert refusal(content).code == "empty_file"


@pytest.mark.parametrize("content", [b"\x89PNG\r\n", b"\0\1\2\3" * 500, HEADER + b"cap,C\0p,5\n"])
def test_a_binary_file_is_refused(content):
    assert refusal(content).code == "binary_file"


def test_a_damaged_workbook_is_told_as_one():
    assert refusal(b"PK\x03\x04rest").code == "broken_workbook"


def test_a_nul_byte_is_named_with_row_and_column():
    error = refusal(HEADER + b"cap,Cap,5\nhat,H\0t,6\n")
    assert (error.row, error.column) == (3, "Title")


def test_a_quote_that_never_closes_is_named_by_the_row_that_opened_it():
    error = refusal(HEADER + b'cap,Cap,5\nhat,"Hat,6\nbag,Bag,7\n')
    assert (error.code, error.row) == ("unclosed_quote", 3)


def test_one_endless_line_is_refused_without_holding_it():
    error = refusal(HEADER + b"x" * (limits.MAX_RECORD_CHARACTERS + 10))
    assert (error.code, error.row) == ("record_too_long", 2)


def test_a_file_beyond_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 30)
    assert refusal(HEADER + b"cap,Cap,5\n").code == "file_too_large"


def test_too_many_rows_are_refused_before_the_first_is_given_out(monkeypatch):
    monkeypatch.setattr(limits, "MAX_ROWS", 2)
    error = refusal(HEADER + b"a,A,1\nb,B,2\nc,C,3\n")
    assert (error.code, error.row) == ("too_many_rows", 4)


def test_too_many_columns_are_refused():
    assert refusal(b"Handle," + b"x," * limits.MAX_COLUMNS + b"\na,b\n").code == "too_many_columns"


def test_too_large_a_cell_is_an_error_of_its_row_only():
    large = b'"' + b"x" * (limits.MAX_CELL_CHARACTERS + 1) + b'"'
    rows = list(open_rows(io.BytesIO(HEADER + b"cap," + large + b",5\nhat,Hat,6\n")))
    assert findings(rows[0]) == [("error", "Title", "cell_too_large")]
    assert rows[0].variant is None
    assert rows[1].variant is not None


def test_a_ragged_row_is_an_error_of_its_row_only():
    rows = list(open_rows(io.BytesIO(HEADER + b"cap,Cap\nhat,Hat,6\nbag,Bag,7,8\n")))
    assert [[problem.code for problem in row.problems] for row in rows] == [["ragged_row"], [], ["ragged_row"]]
    assert rows[0].problems[0].message == "The row has 2 cells, the header has 3."
    assert rows[0].cells == {"Handle": "cap", "Title": "Cap"}


def test_rows_are_numbered_as_a_spreadsheet_numbers_them():
    content = HEADER + b'cap,"Cap\nof wool\n",5\n\n,,\nhat,Hat,6\n'
    reader = open_rows(io.BytesIO(content))
    assert [(row.row, row.handle) for row in reader] == [(2, "cap"), (5, "hat")]
    assert reader.total == 2


def test_the_rows_can_be_read_again_and_are_the_same(tmp_path: Path):
    path = tmp_path / "catalogue.csv"
    path.write_bytes(written([shopify(), shopify(Option1_Value="L", Variant_SKU="")]).getvalue())
    reader = open_rows(path)
    assert [row.as_json() for row in reader] == [row.as_json() for row in reader]


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_an_uploaded_file_is_read_and_stays_open(kind):
    content = written([shopify()]).getvalue()
    upload = SimpleUploadedFile("a.csv", content)
    if kind == "disk":
        upload = TemporaryUploadedFile("a.csv", "text/csv", len(content), None)
        upload.write(content)
    assert len(list(open_rows(upload))) == 1
    assert not upload.closed


def outcome(content: io.BytesIO) -> str:
    """ "rows", or the code of the one kind of error there is; any other error fails the test."""
    try:
        rows = list(open_rows(content))
    except UnreadableFile as error:
        return error.code
    assert rows
    assert all(row.variant or row.image or row.is_error for row in rows)
    return "rows"


@given(st.binary(max_size=400))
def test_bytes_of_any_kind_are_rows_or_one_kind_of_error(content):
    for prefix in (b"", HEADER, b"code,name,price\n", b"\xff\xfe", HEADER.decode().encode("utf-16")):
        assert outcome(io.BytesIO(prefix + content)) in {"rows", *FILE_MESSAGES}


@given(
    st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=3, max_size=3), min_size=1, max_size=8)
)
def test_text_of_any_kind_is_rows_or_one_kind_of_error(records):
    rows = [dict(zip(("Handle", "Title", "Variant Price"), record, strict=True)) for record in records]
    assert outcome(written(rows)) in {"rows", *FILE_MESSAGES}


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le"])
def test_a_file_that_goes_on_in_another_encoding_has_errors_from_there(encoding):
    first = "ao,Áo sơ mi,5\nmu,Mũ,6\n".encode()
    second = "khan,Khăn é,7\ntui,Túi,8\n".replace("ă", "a").replace("ú", "é").encode(encoding)
    rows = list(open_rows(io.BytesIO(HEADER + first + second)))
    assert [row.offering.name for row in rows[:2]] == ["Áo sơ mi", "Mũ"]
    assert [row.is_error for row in rows[:2]] == [False, False]
    assert all(row.is_error for row in rows[2:])
    assert "wrong_encoding" in [problem.code for problem in rows[2].problems]
    assert all(letter < "\udc80" or letter > "\udcff" for row in rows for cell in row.cells.values() for letter in cell)
