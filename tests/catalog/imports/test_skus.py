"""Which SKU each variant of a file gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.imports.problems import UnreadableFile
from catalog.imports.skus import make_sku
from tests.catalog.imports.files import findings, read, shopify


def test_an_empty_sku_is_made_from_handle_and_options():
    (row,) = read(shopify(Variant_SKU="  ", Option1_Value="Extra Large"))
    assert row.variant.sku == "linen-shirt-extra-large"
    assert row.problems == []


def test_vietnamese_is_folded_to_ascii():
    assert make_sku("áo-dài", {"Màu": "Đỏ đô"}) == "ao-dai-do-do"


def test_what_has_no_ascii_form_gets_a_digest():
    first, second = make_sku("shirt", {"Color": "红"}), make_sku("shirt", {"Color": "蓝"})
    assert first.startswith("shirt-")
    assert first != second


def test_a_made_sku_never_takes_one_that_is_written_further_down():
    made, kept = read(shopify(Variant_SKU=""), shopify(Handle="other", Variant_SKU="linen-shirt-m"))
    assert kept.variant.sku == "linen-shirt-m"
    assert made.variant.sku.startswith("linen-shirt-m-")


def test_a_sku_of_another_variant_is_an_error_naming_the_first_row():
    first, second = read(shopify(), shopify(Option1_Value="L"))
    assert first.variant.sku == "LS-M"
    assert second.variant is None
    assert findings(second) == [("error", "Variant SKU", "duplicate_sku")]
    assert second.problems[0].message == "The SKU belongs to another variant, in row 2."


def test_a_sku_of_another_variant_may_get_a_number_instead():
    rows = read(
        shopify(),
        shopify(Option1_Value="L"),
        shopify(Option1_Value="XL", Variant_SKU="LS-M-2"),
        shopify(Option1_Value="XXL"),
        on_duplicate_sku="suffix",
    )
    assert [row.variant.sku for row in rows] == ["LS-M", "LS-M-3", "LS-M-2", "LS-M-4"]
    assert findings(rows[1]) == [("warning", "Variant SKU", "suffixed_sku")]


def test_the_same_variant_twice_is_an_error_naming_the_first_row():
    rows = read(shopify(), shopify(Variant_SKU="LS-X"))
    assert findings(rows[1]) == [("error", "Variant SKU", "duplicate_variant")]
    assert "row 2" in rows[1].problems[0].message


def test_skus_differ_by_capitals():
    rows = read(shopify(Variant_SKU="ab"), shopify(Option1_Value="L", Variant_SKU="AB"))
    assert [row.variant.sku for row in rows] == ["ab", "AB"]


def test_a_sku_with_a_line_break_or_too_long_is_an_error():
    rows = read(shopify(Variant_SKU="a\nb"), shopify(Option1_Value="L", Variant_SKU="x" * 256))
    assert [findings(row)[0][2] for row in rows] == ["invalid_characters", "too_long"]


words = st.text(alphabet="ab -*đéЖ红'", max_size=4)


@pytest.mark.parametrize("on_duplicate_sku", ["error", "suffix"])
@given(variants=st.lists(st.tuples(words, words, words, words), min_size=1, max_size=12))
def test_every_variant_of_a_file_has_its_own_sku_and_the_same_one_every_time(on_duplicate_sku, variants):
    rows = [
        shopify(Handle=handle, Option1_Value=one, Option2_Value=two, Variant_SKU=sku) for handle, one, two, sku in variants
    ]
    try:
        read_rows = read(*rows, on_duplicate_sku=on_duplicate_sku)
    except UnreadableFile:
        return
    skus = [row.variant.sku for row in read_rows if row.variant]
    assert all(skus)
    assert len(set(skus)) == len(skus)
    again = read(*rows, on_duplicate_sku=on_duplicate_sku)
    assert skus == [row.variant.sku for row in again if row.variant]


@given(handle=st.text(max_size=300), options=st.dictionaries(st.text(max_size=5), st.text(max_size=80), max_size=3))
def test_a_made_sku_is_short_plain_and_always_the_same(handle, options):
    sku = make_sku(handle, options)
    assert sku == make_sku(handle, options)
    assert 0 < len(sku) <= 120
    assert sku.isascii()
    assert sku == sku.strip("-")
