"""What a column is, and what its cells are worth: notations, amounts, dates, codes, holes, and what cannot be told."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.reading.columns import Column, Tally, decide
from reports.reading.shapes import shape_of


def read(*cells: str, name: str = "x", decimals: str = "", others: str = "") -> tuple[Column, list, str]:
    tally = Tally()
    for cell in cells:
        tally.add(shape_of(cell))
    column, note = decide(name, 0, tally, decimals=decimals, others=others)  # type: ignore[arg-type]
    return column, [column.value(cell) for cell in cells], note


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("1.234", "5.678.901"), [1234, 5678901]),
        (("1.234", "5.67"), [1.234, 5.67]),
        (("1,234", "5,678,901.5"), [1234, 5678901.5]),
        (("1,234", "5,67"), [1.234, 5.67]),
        (("1.234,56", "7"), [1234.56, 7]),
        (("1.234", "850"), [1234, 850]),
        (("1.234", "12345"), [1.234, 12345]),
        (("0.123", "0.456"), [0.123, 0.456]),
        (("1 234,5", "12"), [1234.5, 12]),
        (("(1,200)", "-3.5"), [-1200, -3.5]),
        (("12%", "7.5 %"), [0.12, 0.075]),
        (("1e3", "2.5E-1"), [1000.0, 0.25]),
    ],
)
def test_numbers_are_read_by_what_the_column_proves(cells, values):
    column, found, note = read(*cells)
    assert (column.type, note, column.odd) == ("number", "", 0)
    assert found == pytest.approx(values)


def test_what_nothing_proves_stays_text_unless_other_columns_or_a_person_tell():
    column, found, note = read("1.234", "5.678")
    assert (column.type, found, note) == ("text", ["1.234", "5.678"], "ambiguous_numbers")
    assert read("1.234", "5.678", others="comma")[1] == [1234, 5678]
    assert read("1.234", "5.678", decimals="point")[1] == [1.234, 5.678]
    assert read("25.000", "350.000", others="point")[1] == [25000, 350000]  # prices beside a rating of 4.5
    assert read("25.125", "350.311", others="point")[2] == "ambiguous_numbers"


@pytest.mark.parametrize(
    ("cells", "name", "amounts", "currency"),
    [
        (("$1,200.50", "$3"), "paid", ["1200.50", "3.00"], "USD"),
        (("199.000 ₫", "25.000đ"), "giá", ["199000.00", "25000.00"], "VND"),
        (("1.250,5 EUR", "3,00 EUR"), "x", ["1250.50", "3.00"], "EUR"),
        (("1200000", "850"), "Doanh thu (VND)", ["1200000.00", "850.00"], "VND"),
    ],
)
def test_amounts_know_their_currency(cells, name, amounts, currency):
    column, found, _note = read(*cells, name=name)
    assert (column.type, column.currency) == ("money", currency)
    assert found == [{"amount": amount, "currency": currency} for amount in amounts]


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (("2026-11-21", "2026/1/2"), "date", ["2026-11-21", "2026-01-02"]),
        (("2026-11", "2026-12"), "date", ["2026-11-01", "2026-12-01"]),
        (
            ("10/2023", "Tháng 1/2024", "Q3 2023", "2024-Q1"),
            "date",
            ["2023-10-01", "2024-01-01", "2023-07-01", "2024-01-01"],
        ),
        (("02/03/2026", "21/03/2026"), "date", ["2026-03-02", "2026-03-21"]),
        (("02/03/2026", "03/21/2026"), "date", ["2026-02-03", "2026-03-21"]),
        (("02/03/2026", "04/03/2026"), "date", ["2026-03-02", "2026-03-04"]),
        (("21/03/2026", "22/03/2026", "01/13/2026"), "text", ["21/03/2026", "22/03/2026", "01/13/2026"]),
        (("31/02/2026", "2026-02-31", "2026-13-01"), "text", ["31/02/2026", "2026-02-31", "2026-13-01"]),
        (("21.11.2026 14:05", "22.11.2026 9:30"), "datetime", ["2026-11-21T14:05:00", "2026-11-22T09:30:00"]),
        (("2026-11-21 14:05:06", "2026-11-22"), "datetime", ["2026-11-21T14:05:06", "2026-11-22T00:00:00"]),
        (("2026-11-21T14:05:06+07:00",), "datetime", ["2026-11-21T07:05:06+00:00"]),
        (("true", "FALSE"), "boolean", [True, False]),
        (("9:30", "14:05:06"), "time", ["09:30", "14:05:06"]),
        (("007", "1234"), "text", ["007", "1234"]),
        (("1234567890123456", "1"), "text", ["1234567890123456", "1"]),
        (("NA", "", "-"), "empty", [None, None, None]),
    ],
)
def test_dates_times_codes_and_holes(cells, kind, values):
    column, found, _note = read(*cells)
    assert (column.type, found) == (kind, values)


def test_the_odd_one_is_kept_as_text_and_counted():
    cells = [*map(str, range(100, 119)), "cabbage", "n/a"]
    column, found, _note = read(*cells)
    assert (column.type, column.filled, column.empty, column.odd) == ("number", 20, 1, 1)
    assert found[-2:] == ["cabbage", None]
    assert read("1", "2", "cabbage")[0].type == "text"
    assert read("31/02/2026", *[f"{day:02}/03/2026" for day in range(1, 20)])[1][0] == "31/02/2026"


def test_a_date_that_is_none_does_not_turn_the_others_round():
    column, found, _note = read("01/13/2026", *[f"{day:02}/03/2026" for day in range(1, 31)])
    assert (column.type, column.odd, found[:3]) == ("date", 1, ["01/13/2026", "2026-03-01", "2026-03-02"])
    assert read(*[f"{day:02}/13/2026" for day in range(1, 32)])[0].type == "text"  # twelve of thirty-one


@given(st.lists(st.decimals(min_value=0, max_value=10**12, places=2), min_size=2, max_size=6))
def test_what_is_written_in_a_notation_is_read_in_it(numbers):
    pointed = [f"{number:,.2f}" for number in numbers]
    swapped = [text.translate(str.maketrans(",.", ".,")) for text in pointed]
    for cells in (pointed, swapped):
        column, found, note = read(*cells)
        assert (column.type, note) == ("number", "")
        assert [Decimal(str(one)).quantize(Decimal("0.01")) for one in found] == [number + 0 for number in numbers]


@given(st.text(max_size=80))
def test_any_text_has_a_shape_and_a_value(text):
    clean = text.strip()
    assert shape_of(clean).kind
    column, found, _note = read(clean, clean)
    assert len(found) == 2
    assert column.filled + column.empty == 2
