"""The words of a column's header, in Vietnamese with and without marks and in English, and what they say of its cells."""

import re
import unicodedata
from collections.abc import Sequence

Phrases = frozenset[tuple[str, ...]]


def phrases(*words: str) -> Phrases:
    """Return phrases as their words, also as they are written without marks."""
    plain = (_unmarked(word) for word in words)
    return frozenset(tuple(word.split()) for word in (*words, *plain))


def _unmarked(text: str) -> str:
    parts = unicodedata.normalize("NFD", text.replace("đ", "d"))
    return "".join(part for part in parts if not unicodedata.combining(part))


def words_of(name: str) -> list[str]:
    """Return the words of a header in small letters, `%` and `#` among them."""
    return re.findall(r"[^\W_]+|[%#]", unicodedata.normalize("NFC", name).lower())


def says(said: Sequence[str], wanted: Phrases) -> bool:
    """Return whether any phrase stands among the words."""
    return any(tuple(said[at : at + size]) in wanted for size in (1, 2, 3) for at in range(len(said) - size + 1))


MONEY = phrases(
    *("price", "revenue", "turnover", "cost", "costs", "spend", "profit", "paid", "income", "fee", "fees", "tip", "tips"),
    *("amount", "net sales", "gross sales", "tax", "vat", "discount", "refund", "refunds", "salary", "balance", "budget"),
    *("adr", "revpar", "arpu", "aov", "giá", "đơn giá", "doanh thu", "doanh số", "thành tiền", "tiền", "chi phí", "phí"),
    *("lợi nhuận", "giá vốn", "thuế", "lương", "thưởng", "chiết khấu", "giảm giá", "hoàn tiền", "số dư", "ngân sách"),
)
"""What is an amount of money, where a column beside it tells a currency."""
NO_MONEY = phrases(
    *("rate", "ratio", "percent", "%", "number of", "count", "qty", "quantity", "tỷ lệ", "tỉ lệ", "số lượng", "đánh giá"),
    *("tham gia", "quốc gia"),
)
"""What makes a count or a share of it: a discount rate, the number of refunds."""


def is_money(name: str) -> bool:
    """Return whether a header says that its numbers are amounts of money."""
    said = words_of(name)
    return says(said, MONEY) and not says(said, NO_MONEY)
