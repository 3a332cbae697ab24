"""What a Shopify product file means."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.imports.problems import UnreadableFile
from catalog.imports.reading import open_rows
from tests.catalog.imports.files import findings, read, shopify, written


def follow_up(**changes: str) -> dict[str, str]:
    """A further row of a product: its product columns are empty."""
    return shopify(**({"Title": "", "Option1_Name": ""} | changes))


def test_a_product_and_its_variants_are_grouped_by_handle():
    first, second = read(shopify(), follow_up(Option1_Value="L", Variant_SKU="LS-L"))
    assert first.offering.name == "Linen Shirt"
    assert second.offering is None
    assert [row.variant.options for row in (first, second)] == [{"Size": "M"}, {"Size": "L"}]


def test_rows_of_a_product_need_not_stand_together():
    rows = read(shopify(), shopify(Handle="hat", Title="Hat", Variant_SKU="H"), follow_up(Option1_Value="L", Variant_SKU=""))
    assert [row.handle for row in rows] == ["linen-shirt", "hat", "linen-shirt"]
    assert rows[2].offering is None
    assert rows[2].variant.options == {"Size": "L"}


def test_another_title_under_the_same_handle_is_a_warning_and_the_first_is_kept():
    rows = read(shopify(), follow_up(Title="Wool Shirt", Option1_Value="L", Variant_SKU="W"))
    assert findings(rows[1]) == [("warning", "Title", "title_differs")]
    assert rows[1].variant is not None


def test_a_product_without_title_is_named_by_its_handle():
    (row,) = read(shopify(Title=""))
    assert row.offering.name == "linen-shirt"
    assert findings(row) == [("warning", "Title", "missing_title")]


def test_default_title_means_no_options():
    (row,) = read(shopify(Option1_Name="Title", Option1_Value="Default Title"))
    assert row.variant.options == {}
    assert row.variant.name == ""


def test_any_other_value_of_title_is_an_option():
    (row,) = read(shopify(Option1_Name="Title", Option1_Value="Camp Stool"))
    assert row.variant.options == {"Title": "Camp Stool"}


def test_two_options_of_one_name_are_both_kept():
    (row,) = read(shopify(Option2_Name="Size", Option2_Value="Wide"))
    assert row.variant.options == {"Size": "M", "Size (2)": "Wide"}
    assert findings(row) == [("warning", "Option2 Name", "duplicate_option")]


def test_a_row_without_price_and_options_adds_an_image():
    image = {"Handle": "linen-shirt", "Image Src": "https://img.example/2.jpg", "Image Alt Text": "Back"}
    rows = read(shopify(Image_Src="https://img.example/1.jpg", Image_Position="1"), image)
    assert (rows[0].kind, rows[0].image.src, rows[0].image.position) == ("variant", "https://img.example/1.jpg", 1)
    assert (rows[1].kind, rows[1].variant, rows[1].image.alt) == ("image", None, "Back")


@pytest.mark.parametrize("src", ["javascript:alert(1)", "file:///etc/passwd", "pic.jpg", "https://", "https://a b"])
def test_an_image_that_is_no_web_address_is_left_out(src):
    variant, image = read(shopify(Image_Src=src), {"Handle": "linen-shirt", "Image Src": src})
    assert findings(variant) == [("warning", "Image Src", "invalid_image")]
    assert variant.variant is not None
    assert findings(image) == [("error", "Image Src", "invalid_image")]


def test_a_variant_without_price_is_an_error_that_keeps_offering_and_cells():
    (row,) = read(shopify(Variant_Price=" "))
    assert findings(row) == [("error", "Variant Price", "missing_price")]
    assert row.variant is None
    assert row.offering is not None
    assert row.cells["Variant SKU"] == "LS-M"


@pytest.mark.parametrize(
    ("price", "code"),
    [
        ("10,5", "invalid_number"),
        ("1,299.00", "invalid_number"),
        ("1.234,56", "invalid_number"),
        ("1e9", "invalid_number"),
        ("NaN", "invalid_number"),
        ("Infinity", "invalid_number"),
        ("１２３", "invalid_number"),
        ("$10", "invalid_number"),
        ("=1+1", "invalid_number"),
        ("-1", "negative_number"),
        ("1.23456", "too_many_decimals"),
        ("120.000", "ambiguous_number"),
        ("120,000", "ambiguous_number"),
        ("1.234", "ambiguous_number"),
        ("9" * 16, "number_too_large"),
    ],
)
@pytest.mark.parametrize("column", ["Variant Price", "Variant Compare At Price"])
def test_a_price_that_is_no_plain_number_is_an_error_with_its_column(column, price, code):
    (row,) = read(shopify() | {column: price})
    assert findings(row) == [("error", column, code)]
    assert row.problems[0].value == price
    assert row.variant is None


@pytest.mark.parametrize(
    ("price", "amount"), [("10", "10.00"), (" 0.5 ", "0.50"), ("7.50000", "7.50"), ("1.2345", "1.2345"), ("-0", "0.00")]
)
def test_a_plain_price_is_read_exactly(price, amount):
    (row,) = read(shopify(Variant_Price=price))
    assert row.as_json()["variant"]["price"] == amount


@pytest.mark.parametrize(
    ("price", "advice"),
    [
        ("120.000", "120000 or 120.00."),
        ("120,500", "120500 or 120.50."),
        ("1.234", "1234 or 1.2340."),
        ("0.000", "0 or 0.00."),
    ],
)
def test_three_digits_behind_a_point_are_never_guessed_and_both_meanings_are_spelled_out(price, advice):
    (row,) = read(shopify(Variant_Price=price))
    assert row.problems[0].message.endswith(f"Write {advice}")
    for meant in advice.rstrip(".").split(" or "):
        assert read(shopify(Variant_Price=meant))[0].problems == []


def test_prices_in_a_currency_without_decimals_have_none():
    wrong, right = read(shopify(Variant_Price="199000.5"), shopify(Variant_Price="199000.00"), currency="VND")
    assert findings(wrong) == [("error", "Variant Price", "too_many_decimals")]
    assert wrong.variant is None
    assert ("error", "Variant Price", "too_many_decimals") not in findings(right)


@given(st.decimals(min_value=0, max_value=10**14, places=4))
def test_every_amount_that_can_be_stored_is_read(amount: Decimal):
    (row,) = read(shopify(Variant_Price=f"{amount:f}"))
    assert row.variant.price == amount


@given(st.text(max_size=30))
def test_a_price_is_a_number_or_an_error(price):
    try:
        (row,) = read(shopify(Variant_Price=price))
    except (UnreadableFile, UnicodeEncodeError):
        return
    assert row.is_error or (row.variant.price >= 0 and row.variant.price.is_finite())


def test_negative_stock_is_stored_as_zero_with_a_warning():
    (row,) = read(shopify(Variant_Inventory_Qty="-4"))
    assert row.variant.quantity == 0
    assert findings(row) == [("warning", "Variant Inventory Qty", "negative_stock")]
    assert row.problems[0].value == "-4"


def test_a_variant_without_tracker_has_no_stock_at_all():
    (row,) = read(shopify(Variant_Inventory_Tracker="", Variant_Inventory_Qty="-4"))
    assert (row.variant.tracked, row.variant.quantity) == (False, 0)
    assert row.problems == []


@pytest.mark.parametrize(
    ("quantity", "code"), [("1.5", "invalid_number"), ("many", "invalid_number"), ("9" * 12, "number_too_large")]
)
def test_a_quantity_that_is_no_whole_number_is_an_error(quantity, code):
    (row,) = read(shopify(Variant_Inventory_Qty=quantity))
    assert findings(row) == [("error", "Variant Inventory Qty", code)]


@pytest.mark.parametrize(("policy", "kept"), [("", "deny"), ("deny", "deny"), ("Continue", "continue")])
def test_the_policy_is_kept(policy, kept):
    (row,) = read(shopify(Variant_Inventory_Policy=policy))
    assert row.variant.policy == kept


def test_an_unknown_policy_is_an_error():
    (row,) = read(shopify(Variant_Inventory_Policy="maybe"))
    assert findings(row) == [("error", "Variant Inventory Policy", "unknown_policy")]


@pytest.mark.parametrize(
    ("status", "kept"), [("", "active"), ("Active", "active"), ("draft", "draft"), ("archived", "archived")]
)
def test_the_status_is_kept(status, kept):
    (row,) = read(shopify(Status=status))
    assert row.offering.status == kept


def test_an_offering_of_unknown_status_becomes_a_draft():
    (row,) = read(shopify(Status="unlisted"))
    assert row.offering.status == "draft"
    assert findings(row) == [("warning", "Status", "unknown_status")]


def test_without_status_an_unpublished_product_is_active_and_published_is_stored():
    (row,) = read(shopify(Published="FALSE"))
    assert row.offering.status == "active"
    assert row.offering.metadata["published"] is False


def test_skus_and_formula_cells_are_kept_as_written():
    (row,) = read(shopify(Variant_SKU="'007", Title="=HYPERLINK(1)", Variant_Barcode="'7413"))
    assert row.variant.sku == "'007"
    assert row.offering.name == "=HYPERLINK(1)"
    assert row.variant.metadata["barcode"] == "'7413"


def test_a_description_keeps_its_formatting_and_loses_what_could_do_harm():
    (row,) = read(shopify(**{"Body_(HTML)": '<p onclick="x()">Soft <b>linen</b><script>x()</script><img src=x></p>'}))
    assert row.offering.description == "<p>Soft <b>linen</b></p>"


def test_tags_are_split_and_kept_once():
    (row,) = read(shopify(Tags="Summer, linen ,,Summer"))
    assert row.offering.tags == ["Summer", "linen"]


def test_text_is_normalised():
    (row,) = read(shopify(Title=" A\u0301o\x07 "))
    assert row.offering.name == "Áo"


def test_a_weight_that_is_no_number_is_left_out_with_a_warning():
    (row,) = read(shopify(Variant_Grams="heavy"))
    assert "grams" not in row.variant.metadata
    assert findings(row) == [("warning", "Variant Grams", "number_ignored")]


def test_a_row_without_handle_is_an_error():
    (row,) = read(shopify(Handle=" "))
    assert findings(row) == [("error", "Handle", "missing_handle")]


def test_a_missing_header_is_named():
    row = shopify()
    del row["Variant Price"]
    with pytest.raises(UnreadableFile) as caught:
        open_rows(written([row]), mapping="shopify")
    assert (caught.value.code, caught.value.row, caught.value.column) == ("missing_header", 1, "Variant Price")


def test_a_header_in_other_capitals_is_understood():
    rows = list(open_rows(written([{name.upper(): value for name, value in shopify().items()}])))
    assert rows[0].variant.sku == "LS-M"


def test_a_row_is_plain_json():
    (row,) = read(shopify(Image_Src="https://img.example/1.jpg", Tags="a", Variant_Compare_At_Price="30"))
    assert json.loads(json.dumps(row.as_json())) == row.as_json()
