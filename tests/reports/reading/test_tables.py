"""Tables of a file: which unit their figures have, by what stands beside them and by how a workbook shows them."""

from pathlib import Path

from reports.reading.tables import read_tables
from tests.reports.files import workbook


def columns(path: Path) -> dict[str, tuple]:
    (table,) = read_tables(path)
    rows = [cells for _row, cells in table.values()]
    return {one.name: (one.type, one.currency, one.is_percent, rows[0][one.place]) for one in table.columns}


def test_a_column_of_currencies_says_what_amounts_are_in(tmp_path):
    path = tmp_path / "days.csv"
    days = "".join(f"2026-11-{day},{day}5000,{day},4,VND\n" for day in range(10, 20))
    path.write_text(f"Ngày,Doanh thu,Số đơn,Đánh giá,Tiền tệ\n{days}")
    found = columns(path)
    assert found["Doanh thu"] == ("money", "VND", False, {"amount": "105000.00", "currency": "VND"})
    assert [found[name][0] for name in ("Số đơn", "Đánh giá", "Tiền tệ")] == ["number", "number", "text"]
    path.write_text("day,Revenue,Currency\n2026-11-20,5,USD\n2026-11-21,6,EUR\n2026-11-22,7,\n")
    (table,) = read_tables(path)
    amounts = [cells[1] for _row, cells in table.values()]
    assert amounts == [{"amount": f"{number}.00", "currency": code} for number, code in ((5, "USD"), (6, "EUR"), (7, ""))]
    assert (table.columns[1].type, table.columns[1].currency) == ("money", "")


def test_a_workbook_shows_what_is_in_per_cent(tmp_path):
    path = tmp_path / "book.xlsx"
    rows = [["day", "Occupancy", "Left", "Sold"], *([f"2026-11-{day}", 0.5 + day / 100, 0.25, day] for day in range(10, 20))]
    formats = {
        f"{column}{row}": code for column, code in (("B", "0.0%"), ("C", "0%"), ("D", '0" %"')) for row in range(2, 12)
    }
    path.write_bytes(workbook(rows, formats=formats))
    found = columns(path)
    assert found["Occupancy"] == ("number", "", True, 0.6)
    assert found["Left"][2] is True
    assert found["Sold"][2] is False
