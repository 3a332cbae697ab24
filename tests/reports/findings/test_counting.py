"""How the rows of a day become its figure: the cells first, then the words of the header."""

import random

from reports.findings.figures import Table


def counted(names: list[str], rows: list[list]) -> dict[str, str]:
    columns = [{"name": name, "type": "number"} for name in names]
    table = Table("", columns, rows)
    return {name: table.counted(place) for place, name in enumerate(names)}


def test_telephone_numbers_are_codes_and_orders_by_telephone_are_counts():
    names = ["Điện thoại", "Hotline", "Số điện thoại", "Phone", "Store id"]
    drawn = random.Random(1)
    rows = [
        [drawn.randrange(16), 0, 900_000_000 + drawn.randrange(10**8), 1000 * drawn.randrange(10**5), 3]
        for _row in range(60)
    ]
    assert list(counted(names, rows).values()) == ["sum", "sum", "none", "sum", "none"]


def test_averages_and_prices_of_one_piece_are_never_added_up():
    drawn = random.Random(2)
    names = ["ADR", "Average basket", "Giá bình quân", "Nights", "Tariff", "Charged"]
    rows = []
    for _row in range(80):
        nights, tariff = drawn.randrange(1, 40), drawn.randrange(800, 1900) * 1000
        rows.append([tariff, 12.5, tariff, nights, tariff, nights * tariff])
    assert list(counted(names, rows).values()) == ["mean", "mean", "mean", "sum", "mean", "sum"]
