"""Numbers of a clause with what they count: spans of time, weights, lengths, people; equal ones are equal in any unit.

Texts are in lower case with number words as digits (``in_digits``).
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from runtime.model.claims import amounts_in
from runtime.model.contacts import CAPITAL, without_contacts
from runtime.model.moments import without_moments
from runtime.understanding.tokens import Message
from tenants.text import Language


class Quantity(NamedTuple):
    """So much of ``unit``, one of the values of ``_UNITS``; ``said`` as it is written."""

    unit: str
    value: Decimal
    said: str = ""

    @property
    def family(self) -> str:
        """What it is compared with: all spans of time are one family."""
        return "time" if self.unit in ("minute", "month", "night", "life") else self.unit


_UNITS: dict[str, tuple[str, str]] = {
    r"minutes?|mins?|phút": ("minute", "1"),
    r"hours?|hrs?|giờ|tiếng": ("minute", "60"),
    r"days?|ngày": ("minute", "1440"),
    r"weeks?|tuần": ("minute", "10080"),
    r"months?|tháng": ("month", "1"),
    r"years?|yrs?|năm|tuổi": ("month", "12"),
    r"nights?|đêm": ("night", "1"),
    r"kg|kilos?|kilograms?|ký|cân": ("gram", "1000"),
    r"g|gr|grams?|gam": ("gram", "1"),
    r"km|kilometers?|kilometres?|cây số": ("millimetre", "1000000"),
    r"m|meters?|metres?|mét": ("millimetre", "1000"),
    r"cm|phân": ("millimetre", "10"),
    r"mm": ("millimetre", "1"),
    r"inch(?:es)?": ("millimetre", "25.4"),
    r"ml|cc": ("millilitre", "1"),
    r"l|lit|lít|liters?|litres?": ("millilitre", "1000"),
    r"m²|m2|sqm|mét vuông": ("square", "1"),
    r"people|persons?|guests?|người|khách": ("people", "1"),
    r"%|percent|phần trăm": ("percent", "1"),
}
_UNIT = "|".join(sorted("|".join(_UNITS).split("|"), key=len, reverse=True))
_NUMBER = r"\d{1,9}(?:[.,]\d{1,3})*"
_COUNTED = re.compile(
    rf"(?<![\w.,:/])(?:(?P<first>{_NUMBER})\s?(?:-|–|—|to|or|đến|tới|hoặc)\s?)?(?P<number>{_NUMBER})[ -]?"
    rf"(?:working |business |full )?(?P<unit>{_UNIT})(?![\w²])(?!\s?(?:\d|sáng|trưa|chiều|tối|đêm))"
)
_LIFE = re.compile(r"\b(?:lifetime|for life|lifelong|trọn đời|vĩnh viễn)\b")
_BARE = re.compile(rf"(?<![\w.,:/#-]){_NUMBER}(?![\w²])|(?<=#)\d{{1,9}}")
_CELL = re.compile(rf":\s*\"?({_NUMBER})\"?\s*(?=[;,}}\]\n]|$)")
"""A number that is the whole value of an attribute or a table's cell: its unit stands in the name, if anywhere."""
_ANY = re.compile(r"\d+(?:[.,]\d+)*")
_ORDINAL = re.compile(r"^\s*[(]?\d{1,2}[.)]\s")

_WORDS = {word: str(number) for said in (
    ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen"],
    ["hai", "ba", "bốn", "", "sáu", "bảy", "tám", "chín", "mười"],  # “năm” is a year as well
) for number, word in enumerate(said, start=2) if word}  # fmt: skip
_WORDED = re.compile(rf"\b(?!(?:Hai|Ba|Bốn|Bảy|Tám) [{CAPITAL}])(?i:{'|'.join(_WORDS)})\b")
"""Not in names: “Hai Chau”, “Ba Dinh”."""
_SPAN = r"minutes?|hours?|days?|weeks?|months?|years?|nights?|phút|giờ|tiếng|ngày|tuần|tháng|năm|đêm"
_ONE = re.compile(rf"(?<![\d₫đ$%] )(?<!vnd )(?<!once )(?<!twice )(?<!times )(?<!lần )\b(?:an?|one|một) (?=(?:{_SPAN})\b)")
"""Not “150.000 ₫ an hour”, “twice a day”."""
_HALF = re.compile(r"\b(?:half an hour|half-hour|nửa (?:tiếng|giờ))\b")
_LONG = r"hours?|tiếng|years?|năm|months?|tháng|days?|ngày|weeks?|tuần"
_HALF_YEAR = re.compile(r"\b(?:half a year|nửa năm)\b")
_CHECK = re.compile(r"\bcheck(?:ing)?[ -](in|out)\b")
"""One word: small ones tell nothing apart."""
_HALVES = re.compile(rf"\b(\d{{1,3}}) (?:({_LONG}) (?:and a half|rưỡi)|and a half ({_LONG}))\b")
_MIXED = re.compile(
    r"\b(\d{1,3})\s?(?:hours?|hrs?|tiếng|giờ(?= ?\d+ ?phút)|h(?= ?\d+ ?(?:phút|min)))[ ,]*(?:and |và )?(\d{1,2})"
    r"(?:\s?(?:minutes?|mins?|phút))?\b"
)


@lru_cache(maxsize=4096)
def in_digits(text: str) -> str:
    """Return the text in lower case, with small numbers as digits and mixed spans in one unit: “1 hour 30” is 90 minutes."""
    lower = _WORDED.sub(lambda found: _WORDS[found[0].lower()], text).lower()
    said = _ONE.sub("1 ", _HALF_YEAR.sub("6 months", _HALF.sub("30 minutes", _CHECK.sub(r"check\1", lower))))
    said = _HALVES.sub(lambda found: f"{found[1]}.5 {found[2] or found[3]}", said)
    return _MIXED.sub(lambda found: f"{int(found[1]) * 60 + int(found[2])} minutes", said)


def quantities_in(text: str) -> frozenset[Quantity]:
    """Return what is counted with a unit."""
    return frozenset(_counted(text))


def _counted(text: str) -> Iterator[Quantity]:
    if _LIFE.search(text):
        yield Quantity("life", Decimal(0))
    for match in _COUNTED.finditer(text):
        unit, factor = _unit_of(match["unit"])
        for number in filter(None, (match["first"], match["number"])):
            yield Quantity(unit, (value_of(number) * factor).normalize(), match[0] if match["unit"] == "giờ" else "")


@lru_cache(maxsize=256)
def _unit_of(word: str) -> tuple[str, Decimal]:
    unit, factor = next(each for pattern, each in _UNITS.items() if re.fullmatch(pattern, word))
    return unit, Decimal(factor)


def bare_numbers(text: str, language: Language) -> frozenset[Decimal]:
    """Return the numbers that are neither amounts of money, nor moments, nor counted with a known unit."""
    message = Message(without_contacts(_ORDINAL.sub(" ", text)))
    left = message.text
    for amount in amounts_in(message, language):
        start, end = amount.span
        left = f"{left[:start]}{' ' * (end - start)}{left[end:]}"
    left = _COUNTED.sub(" ", without_moments(left))
    return frozenset(value_of(one[0]) for one in _BARE.finditer(left))


def cells_in(text: str) -> frozenset[Decimal]:
    """Return the numbers that stand for themselves in a table or an attribute."""
    return frozenset(map(value_of, _CELL.findall(text)))


def all_numbers(text: str) -> frozenset[Decimal]:
    """Return every number that is written in a text, with a unit or without."""
    return frozenset(map(value_of, _ANY.findall(text)))


def value_of(number: str) -> Decimal:
    """Return the value of digits: “1.250” and “1,250” are thousands, “1.5” and “1,5” are not."""
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", number):
        return Decimal(re.sub("[.,]", "", number))
    whole, *parts = re.split("[.,]", number)
    return Decimal(f"{whole}.{''.join(parts)}" if parts else whole)
