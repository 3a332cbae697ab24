"""Prices are written the way a reader of the language expects."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.money import CURRENCIES, format_money, minor_units

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("amount", "currency", "language", "expected"),
    [
        ("790000", "VND", "vi", "790.000 ₫"),
        ("790000", "VND", "en", "790,000 ₫"),
        ("790000.0000", "VND", "vi", "790.000 ₫"),
        ("1200000000", "VND", "vi", "1.200.000.000 ₫"),
        ("999", "VND", "vi", "999 ₫"),
        ("0", "VND", "vi", "0 ₫"),
        ("1299", "USD", "en", "$1,299.00"),
        ("1299", "USD", "vi", "1.299,00 US$"),
        ("0.5", "USD", "en", "$0.50"),
        ("49.9", "EUR", "vi", "49,90 €"),
        ("49.9", "EUR", "en", "€49.90"),
        ("12", "GBP", "en", "£12.00"),
        ("1500", "JPY", "en", "JPY 1,500"),
        ("1500", "JPY", "vi", "1.500 JPY"),
        ("1234.5", "KWD", "en", "KWD 1,234.500"),
        ("88", "CHF", "vi", "88,00 CHF"),
        ("-5", "USD", "en", "-$5.00"),
        ("-25000", "VND", "vi", "-25.000 ₫"),
    ],
)
def test_an_amount_is_written_by_the_rules_of_the_language(amount, currency, language, expected):
    assert format_money(Decimal(amount), currency, language) == expected.replace(" ", NBSP)


def test_a_language_without_rules_of_its_own_is_written_as_english():
    assert format_money(Decimal("1299"), "USD", "fr") == "$1,299.00"


def test_an_amount_is_rounded_half_up_to_the_decimals_of_its_currency():
    assert format_money(Decimal("1.005"), "USD", "en") == "$1.01"
    assert format_money(Decimal("24999.5"), "VND", "vi") == f"25.000{NBSP}₫"


def test_an_amount_that_rounds_to_nothing_has_no_minus():
    assert format_money(Decimal("-0.001"), "USD", "en") == "$0.00"


def test_what_is_not_a_number_is_not_money():
    with pytest.raises(ValueError, match="not an amount"):
        format_money(Decimal("NaN"), "VND", "vi")


def test_dong_and_yen_have_no_decimals_and_dinars_have_three():
    assert [minor_units(code) for code in ("VND", "JPY", "USD", "EUR", "KWD")] == [0, 0, 2, 2, 3]


def test_every_currency_code_is_three_capital_letters():
    assert {"VND", "USD", "EUR", "JPY", "GBP", "THB"} <= CURRENCIES
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)
    assert not {"XXX", "XTS", "XAU", "HRK", "BGN"} & CURRENCIES


@given(
    st.decimals(min_value=-(10**14), max_value=10**14, places=4),
    st.sampled_from(sorted(CURRENCIES)),
    st.sampled_from(["vi", "en"]),
)
def test_the_digits_shown_are_the_amount_to_its_last_decimal(amount, currency, language):
    shown = format_money(amount, currency, language)
    digits = "".join(character for character in shown if character.isdigit())
    assert abs(Decimal(digits).scaleb(-minor_units(currency)) - abs(amount)) <= Decimal("0.5").scaleb(-minor_units(currency))
