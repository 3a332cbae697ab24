"""Numbers written in words: "một triệu hai trăm năm mươi nghìn", "two hundred and fifty thousand".

Read as far as they go on, so that one price in words is one amount and not the sum of its pieces one by one.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from runtime.understanding.tokens import Message, Token


def _counted(listed: str, numbers: range) -> dict[str, int]:
    return dict(zip(listed.split(), numbers, strict=True))


_UNITS: dict[str, int] = {
    **_counted("khong mot hai ba bon nam sau bay tam chin", range(10)),
    "tu": 4,
    "lam": 5,
    **_counted("zero one two three four five six seven eight nine ten", range(11)),
    **_counted("eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen", range(11, 20)),
    **_counted("twenty thirty forty fifty sixty seventy eighty ninety", range(20, 100, 10)),
}
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "mot": ("một", "mốt"), "bon": ("bốn",), "tu": ("tư",), "nam": ("năm",), "lam": ("lăm",), "sau": ("sáu",), "bay": ("bảy",),
    "tam": ("tám",), "chin": ("chín",), "khong": ("không",), "muoi": ("mười", "mươi"), "tram": ("trăm",), "ruoi": ("rưỡi",),
    "nghin": ("nghìn",), "ngan": ("ngàn",), "trieu": ("triệu",), "ty": ("tỷ",), "ti": ("tỉ",), "le": ("lẻ",),
}  # fmt: skip
_SCALES = {
    **dict.fromkeys(("nghin", "ngan", "thousand"), 10**3),
    **dict.fromkeys(("trieu", "million"), 10**6),
    **dict.fromkeys(("ty", "ti", "billion"), 10**9),
}
_BLANK = re.compile(r"[\s-]+")
_BETWEEN = frozenset(("and", "le", "linh"))
_DONG = frozenset(("nghin", "ngan", "trieu", "ty", "ti"))


def worded_amounts(message: Message) -> Iterator[tuple[Decimal, str | None, tuple[int, int]]]:
    """Yield the numbers in words that have a scale: value, "VND" where the words are Vietnamese, and span."""
    index = 0
    while index < len(message.tokens):
        end, value, is_dong = _read(message, index)
        if value is not None:
            yield value, "VND" if is_dong else None, (message.tokens[index].start, message.tokens[end - 1].end)
        index = max(end, index + 1)


def _read(message: Message, start: int) -> tuple[int, Decimal | None, bool]:
    """Return where the number ends that begins at this word, and what it is: None without a scale."""
    total, group, last_scale, seen_scale, index = Decimal(0), Decimal(0), Decimal(1), Decimal(0), start
    end = start
    while index < len(message.tokens) and (word := _word(message, message.tokens[index])) is not None:
        if index > start and not _BLANK.fullmatch(message.text, message.tokens[index - 1].end, message.tokens[index].start):
            break
        if word in _SCALES:
            if not group:
                break
            last_scale = Decimal(_SCALES[word])
            seen_scale, total, group = max(seen_scale, last_scale), total + group * last_scale, Decimal(0)
        elif word == "ruoi":
            total, group = total + last_scale / 2, Decimal(0)
        elif word in _BETWEEN:
            if index == start:
                break
            index += 1
            continue
        else:
            group = _joined(group, word)
        index += 1
        end = index
    is_dong = any(_word(message, token) in _DONG for token in message.tokens[start:end])
    return end, (total + group if seen_scale else None), is_dong


def _joined(group: Decimal, word: str) -> Decimal:
    """Return the number below a thousand with one more word: "hai" "trăm" "năm" "mươi"."""
    if word in ("tram", "hundred"):
        return (group or Decimal(1)) * 100
    if word == "muoi":
        ones = group % 10
        return group - ones + ones * 10 if ones else group + 10
    return group + _UNITS[word]


def _word(message: Message, token: Token) -> str | None:
    """Return the word when it is one of a number, spelled as such."""
    word = token.text
    known = word in _UNITS or word in _SCALES or word in _BETWEEN or word in ("tram", "hundred", "muoi", "ruoi")
    spellings = _SPELLINGS.get(word, (word,))
    return word if known and any(message.spells(token.start, token.end, one) for one in spellings) else None
