"""How the rows of one moment become its figure: added up, averaged, or not looked at because the column is no figure.

What adds up over shops and hours (pieces, amounts) is summed; a share, a rating, a temperature or the price of one piece
is averaged; codes, years and phone numbers are neither. The cells decide first (small numbers are no telephone numbers,
whatever the header says: so many orders came by phone); the words of the header, in both languages, decide between what
cells leave open. A person may say otherwise (``Report.counting``).
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import permutations
from typing import Any, Literal

import numpy as np

from reports.findings.series import Floats
from reports.reading.headers import phrases, says, words_of

Counted = Literal["sum", "mean", "none"]

_FEWEST = 20
"""Cells without which nothing is concluded from how they look together."""
_MOSTLY = 0.95
_ROUNDED = 0.01
"""By how much a product may be off, for its factors are rounded."""
_STEADY, _STEADY_WHOLE = 0.15, 0.05
"""Scatter by the mean below which figures are a level (a temperature) and no amounts: with decimals, and whole ones."""
_LONG = 9
"""Digits of a number that is a code by its looks alone,"""
_PHONE = 7
"""and of the telephone number that a header speaks of."""


CODES = phrases(
    *("id", "code", "sku", "ean", "barcode", "serial", "zip", "postcode", "postal", "mst"),
    *("mã", "cccd", "cmnd", "số tài khoản", "stt", "số seri"),
)
PHONES = phrases(
    *("phone", "telephone", "tel", "mobile", "cell", "fax", "hotline", "whatsapp", "zalo"),
    *("điện thoại", "sđt", "đt", "di động"),
)
"""Numbers of telephones, where the cells look like them."""
LAST = phrases("no", "nr", "number", "#")
"""Of a code, where a header ends with it: an order number is one, a number of orders is none."""
CALENDAR = phrases(
    "year", "month", "week", "day", "weekday", "quarter", "hour", "năm", "tháng", "tuần", "thứ", "quý", "ngày", "giờ"
)
RATES = phrases(
    *("avg", "average", "mean", "median", "rate", "ratio", "percent", "percentage", "pct", "%", "per", "share", "margin"),
    *("adr", "revpar", "aov", "arpu", "arppu", "asp", "cpc", "cpm", "cpa", "ctr", "cvr", "roi", "roas", "occupancy"),
    *("utilization", "utilisation", "trung bình", "tb", "bình quân", "tỷ lệ", "tỉ lệ", "phần trăm", "tỷ suất", "tỉ suất"),
    *("mỗi", "lãi suất", "biên", "công suất"),
)
"""Averages and shares, also by their trades' abbreviations (average daily rate, revenue per available room, cost per click)."""
AMOUNTS = phrases(
    *("total", "sum", "revenue", "sales", "sold", "qty", "quantity", "count", "amount", "turnover", "orders", "visits"),
    *("units", "pieces", "cost", "costs", "spend", "profit", "paid", "income", "value", "tổng", "doanh thu", "doanh số"),
    *("số lượng", "sl", "thành tiền", "số tiền", "chi phí", "lợi nhuận", "giá trị", "giá vốn", "số đơn", "số bill", "lượt"),
)
LEVELS = phrases(
    *("price", "rating", "score", "stars", "temp", "temperature", "humidity", "pressure", "speed", "age", "grade", "nps"),
    *("giá", "đơn giá", "điểm", "sao", "đánh giá", "nhiệt độ", "độ ẩm", "áp suất", "tốc độ", "tuổi", "level", "mức"),
    *("stock", "inventory", "balance", "on hand", "tồn", "tồn kho", "số dư"),
)


def counted_as(
    name: str,
    values: Floats,
    *,
    is_percent: bool,
    is_money: bool,
    moments: Sequence[datetime],
    groups: Sequence[Sequence[Any]],
    is_per_piece: bool = False,
) -> Counted:
    """Return how a column's figures are counted.

    ``moments`` are those of the figures, if there are dates; ``groups`` the cells beside them of each column of text;
    ``is_per_piece`` is what ``is_factor`` says.
    """
    said = words_of(name)
    is_whole = bool(len(values)) and bool((values == np.rint(values)).all())
    if is_whole and not is_money and not is_percent and _is_code(said, values, moments):
        return "none"
    if is_percent or says(said, RATES) or (_is_share(values) and not says(said, AMOUNTS)):
        return "mean"
    if says(said, AMOUNTS):
        return "sum"
    if is_per_piece or says(said, LEVELS) or any(_is_fixed(values, group) for group in groups):
        return "mean"
    return "mean" if not is_money and _is_level(values, is_whole=is_whole) else "sum"


def is_factor(values: Floats, others: Sequence[Floats], *, is_money: bool) -> bool:
    """Return whether figures, times the whole numbers of another column, are those of a third: the price of one piece.

    All are of the same rows, NaN where there is none. Of two whole numbers the larger one is the price.
    """
    for count, amount in permutations(others, 2):
        known = np.isfinite(values * count * amount) & (count > 0) & (amount != 0)
        own, pieces = values[known], count[known]
        if len(own) < _FEWEST or len(np.unique(pieces)) < 3 or (pieces != np.rint(pieces)).any():
            continue
        is_price = is_money or bool((own != np.rint(own)).any()) or np.median(own) > np.median(pieces)
        if is_price and np.isclose(own * pieces, amount[known], rtol=_ROUNDED).mean() >= _MOSTLY:
            return True
    return False


def _is_code(said: Sequence[str], values: Floats, moments: Sequence[datetime]) -> bool:
    """Whether whole numbers name something: by the header, by the calendar, or as serial or phone numbers look."""
    if says(said, CODES) or tuple(said[-1:]) in LAST or (says(said, PHONES) and _are_phones(values)):
        return True
    if says(said, CALENDAR) and (values.max() <= 53 or 1900 <= values.min() <= values.max() <= 2100):
        return True
    if len(values) < _FEWEST:
        return False
    if len(moments) == len(values) and _is_of_calendar(values, moments):
        return True
    steps = np.diff(values)
    counts_rows = values[0] in (0, 1) and bool((steps == 1).all())
    repeats = len(moments) == len(values) and len(set(moments)) <= 0.9 * len(moments)
    is_serial = repeats and values.min() > 0 and float((steps > 0).mean()) >= _MOSTLY and moments == sorted(moments)
    return counts_rows or is_serial or (not says(said, AMOUNTS) and _is_long(values))


def _are_phones(values: Floats) -> bool:
    """Whether whole numbers are as long as telephone numbers, nearly all equally long, and not rounded as amounts are."""
    digits = [len(str(int(value))) for value in values.tolist() if value > 0]
    long = sum(abs(count - np.median(digits)) <= 1 and count >= _PHONE for count in digits)
    return bool(long >= _MOSTLY * len(values)) and float((values % 1000 == 0).mean()) < 0.3


def _is_of_calendar(values: Floats, moments: Sequence[datetime]) -> bool:
    """Whether the figures only say anew of which year, month or week the row is."""
    parts = [(at.year, at.month, at.isocalendar().week) for at in moments]
    told = np.array(parts, dtype=np.float64)
    return float((told == values[:, None]).mean(axis=0).max()) >= _MOSTLY


def _is_long(values: Floats) -> bool:
    """Whether these are many digits, always as many, hardly one twice, and not rounded as amounts are."""
    digits = {len(str(int(value))) for value in values.tolist()} if values.min() > 0 else set()
    is_once = len(np.unique(values)) >= _MOSTLY * len(values)
    return len(digits) == 1 and max(digits) >= _LONG and is_once and float((values % 10 == 0).mean()) < 0.3


def _is_share(values: Floats) -> bool:
    return len(values) >= _FEWEST and 0 <= values.min() < values.max() <= 1 and not (values == np.rint(values)).all()


def _is_fixed(values: Floats, group: Sequence[Any]) -> bool:
    """Whether a figure belongs to what stands beside it, as the price of a product does, whenever it is sold."""
    if len(values) < _FEWEST:
        return False
    found: dict[Any, list[float]] = {}
    for name, value in zip(group, values.tolist(), strict=True):
        found.setdefault(name, []).append(value)
    if not 2 <= len(found) <= len(values) / 5 or len(set(values.tolist())) < 2:
        return False
    return sum(len(own) for own in found.values() if len(set(own)) == 1) >= _MOSTLY * len(values)


def _is_level(values: Floats, *, is_whole: bool) -> bool:
    """Whether figures lie about a level, as ratings and temperatures do."""
    if len(values) < _FEWEST:
        return False
    if is_whole and values.min() >= 1 and values.max() in (5, 10) and len(np.unique(values)) >= 3:
        return bool(values.mean() >= 0.7 * values.max())  # stars: most are good; pieces in an order are mostly one
    middle = abs(float(values.mean()))
    return float(values.std()) < (_STEADY_WHOLE if is_whole else _STEADY) * middle
