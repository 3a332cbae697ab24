"""Amounts are read as the customer meant them, and nothing else is taken for money."""

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.money import format_money
from runtime.understanding import parse_amount


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("200k", 200_000, "VND"),
        ("200 nghìn", 200_000, "VND"),
        ("35 ngàn đồng", 35_000, "VND"),
        ("1tr5", 1_500_000, "VND"),
        ("1tr500", 1_500_000, "VND"),
        ("1tr05", 1_050_000, "VND"),
        ("1tr450k", 1_450_000, "VND"),
        ("1 triệu 200 nghìn", 1_200_000, "VND"),
        ("1,5 triệu", 1_500_000, "VND"),
        ("1.5 trieu", 1_500_000, "VND"),
        ("2 triệu rưỡi", 2_500_000, "VND"),
        ("hai triệu rưỡi", 2_500_000, "VND"),
        ("năm trăm nghìn", 500_000, "VND"),
        ("12trieu4", 12_400_000, "VND"),
        ("15tr9", 15_900_000, "VND"),
        ("2 củ", 2_000_000, "VND"),
        ("1.500.000đ", 1_500_000, "VND"),
        ("1.500.000 d", 1_500_000, "VND"),
        ("150,000đ", 150_000, "VND"),
        ("790.000 ₫", 790_000, "VND"),
        ("vnd 450000", 450_000, "VND"),
        ("4000000 vnđ", 4_000_000, "VND"),
        ("1 tỷ 2", 1_200_000_000, "VND"),
        ("1 tỷ 250 triệu", 1_250_000_000, "VND"),
        ("3.5 tỷ", 3_500_000_000, "VND"),
        ("3,25 tỉ", 3_250_000_000, "VND"),
        ("6.800.000", 6_800_000, None),
        ("950000", 950_000, None),
        ("$50", 50, "USD"),
        ("50$", 50, "USD"),
        ("50 đô", 50, "USD"),
        ("2 triệu đô", 2_000_000, "USD"),
        ("19,99 usd", "19.99", "USD"),
    ],
)
def test_amounts_in_vietnamese(text, value, currency):
    amount = parse_amount(f"mình có {text} thôi ạ", "vi")
    assert amount is not None
    assert (amount.value, amount.currency) == (Decimal(value), currency)


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("$50", 50, "USD"),
        ("50 bucks", 50, "USD"),
        ("USD 1,299.00", 1299, "USD"),
        ("$1,299", 1299, "USD"),
        ("$1.2 million", 1_200_000, "USD"),
        ("1.2 million", 1_200_000, None),
        ("two million", 2_000_000, None),
        ("€49.90", "49.90", "EUR"),
        ("$4k", 4000, "USD"),
        ("SGD 20", 20, "SGD"),
        ("200k", 200_000, None),
        ("1.5 million dong", 1_500_000, "VND"),
        ("250,000 VND", 250_000, "VND"),
    ],
)
def test_amounts_in_english(text, value, currency):
    amount = parse_amount(f"I can pay {text}, no more", "en")
    assert amount is not None
    assert (amount.value, amount.currency) == (Decimal(value), currency)


@pytest.mark.parametrize(
    "text",
    [
        "iPhone 15", "iphone 14 pro 256GB", "gạo 5kg", "căn 2 phòng ngủ", "màn hình 24 inch", "máy 12 cũ", "tivi 4k",
        "Canon 500d", "0912345678", "gọi 0901234000 nhé", "+84901234000", "20/11/2024", "đơn 1200000", "order #250000",
        "2 đồng hồ casio", "50 độ C", "vàng 18k", "giảm 20%", "WH-1000XM5", "dây 5m", "2 ti vi", "1.2.3", "php 8",
        "50m2", "xe 7 chỗ đời 2019", "size 40 k", "", "không có số nào",
    ],
)  # fmt: skip
def test_other_numbers_are_not_money(text):
    assert parse_amount(text, "vi") is None
    assert parse_amount(text, "en") is None


def test_a_number_alone_is_an_amount_of_unknown_currency():
    amount = parse_amount(" 500 ", "en")
    assert amount is not None
    assert (amount.value, amount.currency, amount.span) == (Decimal(500), None, (1, 4))


def test_three_digits_behind_a_separator_are_thousands_unless_a_unit_follows():
    thousands = [("1.500đ", "vi", 1500), ("1,500đ", "vi", 1500)]
    fractions = [("1,250 triệu", "vi", 1_250_000), ("1.250 million", "en", 1_250_000)]
    for text, language, value in thousands + fractions:
        amount = parse_amount(text, language)
        assert amount is not None
        assert amount.value == value


def test_the_span_is_the_place_of_the_amount_in_the_message():
    text = "Loa JBL tầm 1 triệu rưỡi được không"
    amount = parse_amount(text, "vi")
    assert amount is not None
    assert text[slice(*amount.span)] == "1 triệu rưỡi"


@given(
    st.decimals(min_value=0, max_value=10**12, places=2),
    st.sampled_from(["VND", "USD", "EUR", "GBP", "JPY", "SGD", "KWD"]),
    st.sampled_from(["vi", "en"]),
)
def test_what_we_write_we_can_read(value, currency, language):
    shown = Decimal(round(value)) if currency in ("VND", "JPY") else value
    amount = parse_amount(f"giá {format_money(shown, currency, language)}.", language)
    assert amount is not None
    assert (amount.value, amount.currency) == (shown, currency)


@pytest.mark.sample_data
def test_prices_of_real_listings_are_read():
    path = Path(os.environ["BACKROOM_TEST_DATA"]) / "catalog" / "vi_c2c_listings.jsonl"
    posts = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    prices = [
        post["text"][span["start"] : span["end"]] for post in posts for span in post["spans"] if span["label"] == "PRICE"
    ]
    missed = [price for price in prices if not parse_amount(price, "vi")]
    assert len(missed) <= 0.06 * len(prices), missed
