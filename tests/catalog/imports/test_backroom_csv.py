"""What our own file means."""

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.imports.problems import UnreadableFile
from catalog.imports.reading import open_rows
from tenants.text import inert
from tests.catalog.imports.files import backroom, findings, read, written

WHOLE = {
    "code": "river-flat",
    "offering_type": "asset",
    "domain": "real_estate",
    "category": "Apartments",
    "tags": "river view, new",
    "status": "draft",
    "name": "River Flat",
    "description": "<b>Bright</b>",
    "attr.bedrooms": "2",
    "sku": "RF-0504",
    "variant_name": "Unit 0504",
    "variant_status": "archived",
    "option.view": "city",
    "option.floor": "5",
    "price": "125000",
    "currency": "usd",
    "compare_at": "130000",
    "price_list": "members",
    "stock_qty": "4",
    "safety_stock": "1",
    "location": "depot",
    "policy": "continue",
    "image": "https://img.example/1.jpg",
    "image_alt": "Front",
}


def test_every_column_arrives_where_it_belongs():
    (row,) = read(WHOLE)
    assert row.problems == []
    assert row.as_json() | {"problems": None, "cells": None} == {
        "row": 2,
        "handle": "river-flat",
        "kind": "variant",
        "offering": {
            "name": "River Flat",
            "description": "<b>Bright</b>",
            "category": "Apartments",
            "tags": ["river view", "new"],
            "status": "draft",
            "offering_type": "asset",
            "domain": "real_estate",
            "attributes": {"bedrooms": "2"},
            "metadata": {},
            "translations": None,
        },
        "variant": {
            "sku": "RF-0504",
            "name": "Unit 0504",
            "options": {"floor": "5", "view": "city"},
            "price": "125000.00",
            "compare_at": "130000.00",
            "currency": "USD",
            "price_list": "members",
            "tracked": True,
            "quantity": 4,
            "safety_stock": 1,
            "location": "depot",
            "policy": "continue",
            "metadata": {},
            "status": "archived",
        },
        "image": {"src": "https://img.example/1.jpg", "alt": "Front", "position": None},
        "problems": None,
        "cells": None,
    }


def test_the_order_of_the_columns_is_free():
    (row,) = read(dict(reversed(WHOLE.items())))
    (other,) = read(WHOLE)
    assert row.as_json() == other.as_json()


def test_only_code_name_and_price_are_needed():
    (row,) = read({"code": "tea", "name": "Tea", "price": "3"})
    assert (row.offering.offering_type, row.offering.status) == ("physical", "active")
    assert (row.variant.sku, row.variant.price_list, row.variant.location) == ("tea", "standard", "main")
    assert (row.variant.currency, row.variant.tracked) == (None, False)


@pytest.mark.parametrize(
    ("columns", "code", "column"),
    [
        ("code,name", "missing_header", "price"),
        ("code,name,price,colour", "unknown_header", "colour"),
        ("code,name,price,attr.", "unknown_header", "attr."),
        ("code,name,price,Policy", "unknown_header", "Policy"),
        ("code,name,price,name", "duplicate_header", "name"),
    ],
)
def test_a_wrong_header_is_named(columns, code, column):
    with pytest.raises(UnreadableFile) as caught:
        open_rows(io.BytesIO(f"{columns}\nx,y,1\n".encode()))
    assert (caught.value.code, caught.value.column) == (code, column)


DOCUMENT = Path(__file__).parents[3] / "docs" / "imports.md"


def test_the_sample_in_the_documentation_is_read_without_a_problem():
    sample = DOCUMENT.read_text().split("```csv\n")[1].split("```")[0]
    rows = list(open_rows(io.BytesIO(sample.encode()), currency="VND"))
    assert [(row.handle, row.variant.sku, row.problems) for row in rows] == [
        ("linen-shirt", "LS-M", []),
        ("linen-shirt", "LS-L", []),
        ("tote-bag", "TB-1", []),
    ]


def test_every_column_is_documented():
    section = DOCUMENT.read_text().split("## Our own format")[1]
    documented = set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
    assert documented == {re.sub(r"(attr|option)\..*", r"\1.<key>", name) for name in WHOLE}


def test_an_unknown_column_is_told_with_those_that_are_known():
    with pytest.raises(UnreadableFile) as caught:
        open_rows(io.BytesIO(b"code,name,price,colour\nx,y,1\n"))
    assert "“colour”" in caught.value.message
    for name in {name if "." not in name else f"{name.split('.')[0]}.<key>" for name in WHOLE}:
        assert name in caught.value.message


@pytest.mark.parametrize("column", ["price", "compare_at"])
@pytest.mark.parametrize(("own", "of_the_import"), [("VND", "USD"), ("", "VND")])
def test_a_price_in_dong_has_no_decimals_whoever_names_the_currency(column, own, of_the_import):
    wrong, right = (
        read(backroom(currency=own) | {column: price}, currency=of_the_import)[0] for price in ("199000.5", "199000.00")
    )
    assert findings(wrong) == [("error", column, "too_many_decimals")]
    assert (wrong.variant, right.problems) == (None, [])


def test_a_row_that_names_dollars_may_have_cents_in_an_import_of_dong():
    (row,) = read(backroom(price="10.50", currency="USD"), currency="VND")
    assert row.problems == []


def test_a_header_of_no_known_format_is_refused():
    with pytest.raises(UnreadableFile) as caught:
        open_rows(written([{"id": "1", "title": "x"}]))
    assert caught.value.code == "unknown_mapping"


@pytest.mark.parametrize("first", "=+-@\t\r")
def test_one_quote_of_an_inert_export_is_taken_off(first):
    (row,) = read(backroom(sku=f"'{first}x".rstrip("\t\r"), name=f"'{first}1"))
    assert row.offering.name == f"{first}1".strip()


def test_any_other_leading_quote_is_kept():
    (row,) = read(backroom(sku="'007", name="''=1"))
    assert (row.variant.sku, row.offering.name) == ("'007", "'=1")


@given(st.text(alphabet="=+-@'a1＝＠", min_size=1, max_size=6))
def test_what_an_inert_export_wrote_comes_back_as_it_was(sku):
    (row,) = read(backroom(sku=inert(sku)))
    assert row.variant.sku == sku
    assert inert(sku)[0] not in "=+-@＝＋－＠"


def test_an_unknown_currency_is_an_error():
    (row,) = read(backroom(currency="XYZ"))
    assert findings(row) == [("error", "currency", "unknown_currency")]
    assert row.variant is None


def test_an_offering_of_unknown_type_becomes_a_draft():
    (row,) = read(backroom(offering_type="gadget"))
    assert (row.offering.offering_type, row.offering.status) == ("physical", "draft")
    assert findings(row) == [("warning", "offering_type", "unknown_offering_type")]


def test_a_variant_may_have_a_second_row_for_another_price_list():
    rows = read(backroom(price_list="standard"), backroom(price_list="members", price="120000"))
    assert [(row.variant.sku, row.variant.price_list) for row in rows] == [("RF-1", "standard"), ("RF-1", "members")]


def test_a_further_row_for_the_same_price_list_is_left_to_the_comparison_which_knows_the_currency():
    rows = read(backroom(price_list="", currency=""), backroom(price_list="standard", currency="USD"))
    assert [(row.variant.sku, row.problems) for row in rows] == [("RF-1", []), ("RF-1", [])]


def test_a_made_sku_is_the_same_in_every_row_of_its_variant():
    rows = read(backroom(sku=""), backroom(sku="", currency="VND"))
    assert [row.variant.sku for row in rows] == ["river-flat", "river-flat"]


def test_one_sku_for_two_offerings_is_an_error():
    rows = read(backroom(), backroom(code="other", name="Other"))
    assert findings(rows[1]) == [("error", "sku", "duplicate_sku")]


def test_variants_without_options_are_told_apart_by_their_sku():
    rows = read(backroom(), backroom(sku="RF-2", name=""))
    assert [row.variant.sku for row in rows] == ["RF-1", "RF-2"]


def test_a_variant_with_a_sku_may_have_no_price():
    (row,) = read(backroom(price=""))
    assert row.variant.price is None
    assert row.problems == []


def test_a_row_that_sells_and_shows_nothing_is_an_error():
    (row,) = read(backroom(price="", sku=""))
    assert findings(row) == [("error", "price", "missing_price")]


def test_a_row_with_nothing_but_a_picture_adds_it():
    rows = read(backroom(), {"code": "river-flat", "image": "https://img.example/2.jpg"})
    assert (rows[1].kind, rows[1].image.src, rows[1].variant) == ("image", "https://img.example/2.jpg", None)


def test_a_safety_stock_without_stock_is_a_warning():
    (row,) = read(backroom(safety_stock="2"))
    assert not row.variant.tracked
    assert findings(row) == [("warning", "safety_stock", "stock_missing")]


def test_a_negative_safety_stock_is_an_error():
    (row,) = read(backroom(stock_qty="3", safety_stock="-2"))
    assert findings(row) == [("error", "safety_stock", "negative_number")]
