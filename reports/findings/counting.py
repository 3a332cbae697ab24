"""How the rows of one moment become its figure: added up, averaged, or not looked at because the column is no figure.

What adds up over shops and hours (pieces, amounts) is summed; a share, a rating, a temperature or the price of one piece
is averaged; codes, years and phone numbers are neither. The cells decide first; the words of the header, in both
languages, decide between what cells leave open. A person may say otherwise (``Report.counting``).
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import numpy as np

from reports.findings.series import Floats

Counted = Literal["sum", "mean", "none"]

_FEWEST = 20
"""Cells without which nothing is concluded from how they look together."""
_MOSTLY = 0.95
_STEADY, _STEADY_WHOLE = 0.15, 0.05
"""Scatter by the mean below which figures are a level (a temperature) and no amounts: with decimals, and whole ones."""
_LONG = 9
"""Digits of a phone number, and more."""


def _phrases(*words: str) -> frozenset[tuple[str, ...]]:
    """Phrases as their words, also as they are written without marks."""
    plain = (_unmarked(word) for word in words)
    return frozenset(tuple(word.split()) for word in (*words, *plain))


def _unmarked(text: str) -> str:
    parts = unicodedata.normalize("NFD", text.replace("đ", "d"))
    return "".join(part for part in parts if not unicodedata.combining(part))


CODES = _phrases(
    *("id", "code", "sku", "ean", "barcode", "serial", "phone", "tel", "mobile", "zip", "postcode", "postal", "mst"),
    *("mã", "điện thoại", "sđt", "đt", "cccd", "cmnd", "số tài khoản", "stt", "số seri", "fax", "hotline"),
)
LAST = _phrases("no", "nr", "number", "#")
"""Of a code, where a header ends with it: an order number is one, a number of orders is none."""
CALENDAR = _phrases(
    "year", "month", "week", "day", "weekday", "quarter", "hour", "năm", "tháng", "tuần", "thứ", "quý", "ngày", "giờ"
)
RATES = _phrases(
    *("avg", "average", "mean", "median", "rate", "ratio", "percent", "percentage", "pct", "%", "per", "share", "margin"),
    *("trung bình", "tb", "bình quân", "tỷ lệ", "tỉ lệ", "phần trăm", "tỷ suất", "tỉ suất", "mỗi", "lãi suất", "biên"),
)
AMOUNTS = _phrases(
    *("total", "sum", "revenue", "sales", "sold", "qty", "quantity", "count", "amount", "turnover", "orders", "visits"),
    *("units", "pieces", "cost", "costs", "spend", "profit", "paid", "income", "value", "tổng", "doanh thu", "doanh số"),
    *("số lượng", "sl", "thành tiền", "số tiền", "chi phí", "lợi nhuận", "giá trị", "giá vốn", "số đơn", "số bill", "lượt"),
)
LEVELS = _phrases(
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
) -> Counted:
    """Return how a column's figures are counted.

    ``moments`` are those of the figures, if there are dates; ``groups`` the cells beside them of each column of text.
    """
    said = _words(name)
    is_whole = bool(len(values)) and bool((values == np.rint(values)).all())
    if is_whole and not is_money and not is_percent and _is_code(said, values, moments):
        return "none"
    if is_percent or _says(said, RATES) or (_is_share(values) and not _says(said, AMOUNTS)):
        return "mean"
    if _says(said, AMOUNTS):
        return "sum"
    if _says(said, LEVELS) or any(_is_fixed(values, group) for group in groups):
        return "mean"
    return "mean" if not is_money and _is_level(values, is_whole=is_whole) else "sum"


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+|[%#]", unicodedata.normalize("NFC", name).lower())


def _says(said: Sequence[str], phrases: frozenset[tuple[str, ...]]) -> bool:
    return any(tuple(said[at : at + size]) in phrases for size in (1, 2, 3) for at in range(len(said) - size + 1))


def _is_code(said: Sequence[str], values: Floats, moments: Sequence[datetime]) -> bool:
    """Whether whole numbers name something: by the header, by the calendar, or as serial or phone numbers look."""
    if _says(said, CODES) or tuple(said[-1:]) in LAST:
        return True
    if _says(said, CALENDAR) and (values.max() <= 53 or 1900 <= values.min() <= values.max() <= 2100):
        return True
    if len(values) < _FEWEST:
        return False
    if len(moments) == len(values) and _is_of_calendar(values, moments):
        return True
    steps = np.diff(values)
    counts_rows = values[0] in (0, 1) and bool((steps == 1).all())
    repeats = len(moments) == len(values) and len(set(moments)) <= 0.9 * len(moments)
    is_serial = repeats and values.min() > 0 and float((steps > 0).mean()) >= _MOSTLY and moments == sorted(moments)
    return counts_rows or is_serial or (not _says(said, AMOUNTS) and _is_long(values))


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
