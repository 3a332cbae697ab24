"""What a cell looks like by itself: a number in some notation, an amount, a date, a time, yes or no, or just text.

A cell alone often cannot tell (`1.234`, `02/03/2026`): its column decides (`columns.py`), by the rules told there.
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

Kind = Literal["missing", "boolean", "date", "month", "slashed", "datetime", "time", "number", "text"]
Form = Literal["", "small", "whole", "point", "comma", "thousands_or_point", "thousands_or_comma"]
"""How a number is written: up to 3 digits, more of them without grouping, with a sign before its decimals, or unclear."""

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "-", "–", "—"})
BOOLEANS = {"true": True, "false": False}
SIGNS = {
    "$": "USD",
    "us$": "USD",
    "€": "EUR",
    "£": "GBP",
    "₫": "VND",
    "đ": "VND",
    "vnđ": "VND",
    "₩": "KRW",
    "₹": "INR",
    "฿": "THB",
    "¥": "JPY",
    **{code.lower(): code for code in ("USD", "EUR", "GBP", "VND", "JPY", "CNY", "CHF", "AUD", "CAD", "SGD", "THB", "KRW")},
}
"""Currencies by the marks they are written with, in small letters; a mark of several is the best known one's."""

_SIGN = "|".join(sorted(map(re.escape, SIGNS), key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?P<open>\()?(?P<minus>[-+−])?\s?(?P<before>{_SIGN})?\s?(?P<minus2>-)?"
    rf"(?P<digits>[0-9](?:[0-9.,'\u00a0\u202f ]*[0-9])?)(?P<exponent>e[-+]?[0-9]{{1,3}})?"
    rf"\s?(?P<after>{_SIGN}|%)?(?P<close>\))?",
    re.IGNORECASE,
)
_DATE = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})(?:\2([0-9]{1,2}))?")
_MONTH = re.compile(
    r"(?:tháng|thang|th|t|month)?\s?(?P<month>[0-9]{1,2})\s?[-/]\s?(?P<of>[0-9]{4})"
    r"|(?:q|quý|quy)\s?(?P<quarter>[1-4])(?:\s?[-/]\s?|\s)(?P<of2>[0-9]{4})"
    r"|(?P<of3>[0-9]{4})(?:\s?[-/]\s?|\s?)(?:q|quý|quy)\s?(?P<quarter2>[1-4])",
    re.IGNORECASE,
)
"""A month or a quarter: `10/2023`, `Tháng 10/2023`, `Q3 2023`, `2023-Q3`."""
_SLASHED = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})(?:[ T]([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?))?")
_DATETIME = re.compile(
    r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[-+][0-9]{2}:?[0-9]{2})?"
)
_TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?")
_GROUPS = {
    "point": re.compile(r"[0-9]{1,3}(?:,[0-9]{3}){2,}(?:\.[0-9]+)?|[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+|[0-9]+\.[0-9]+"),
    "comma": re.compile(r"[0-9]{1,3}(?:\.[0-9]{3}){2,}(?:,[0-9]+)?|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[0-9]+,[0-9]+"),
}
_UNCLEAR = re.compile(r"[1-9][0-9]{0,2}([.,])[0-9]{3}")
_SPACED = re.compile(r"[0-9]{1,3}(?:['\u00a0\u202f ][0-9]{3})+(?:[.,][0-9]+)?")
_SPACES = str.maketrans("", "", "'\u00a0\u202f ")
_MOST_DIGITS = 15
"""Of a whole number; what is longer is a code, and no spreadsheet could tell its last digits."""
_LONGEST = 60
"""Characters of anything but text."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a cell looks like. Of a number: its bare digits with their signs, its currency, and whether it is a percentage.

    A text that is nothing but a mark of a currency has this currency, too.
    """

    kind: Kind
    form: Form = ""
    digits: str = ""
    currency: str = ""
    is_percent: bool = False
    order: Literal["", "day", "month", "either"] = ""
    """Of a slashed date: which part must come first for the day to be one of the calendar."""
    has_clock: bool = False
    is_round: bool = False
    """Whether its one group of three ends with two zeros, as prices do and decimals hardly ever."""


TEXT, HOLE = Shape("text"), Shape("missing")


@lru_cache(maxsize=20_000)
def shape_of(text: str) -> Shape:
    """Return what a cell looks like; `text` has no white space around it."""
    if text.lower() in MISSING:
        return HOLE
    if len(text) > _LONGEST:
        return TEXT
    if not any(map(str.isdigit, text)):
        return Shape("boolean") if text.lower() in BOOLEANS else Shape("text", currency=SIGNS.get(text.lower(), ""))
    return _dated(text) or _number(text) or TEXT


def month_of(text: str) -> tuple[int, int] | None:
    """Return the year and month that a cell names, of a quarter its first month; None for anything else."""
    found = _MONTH.fullmatch(text)
    if not found:
        return None
    quarter = found["quarter"] or found["quarter2"]
    month = 3 * int(quarter) - 2 if quarter else int(found["month"])
    year = int(found["of"] or found["of2"] or found["of3"])
    return (year, month) if 1 <= month <= 12 and 1900 <= year <= 2200 else None


def _dated(text: str) -> Shape | None:
    if found := _DATE.fullmatch(text):
        is_day = _is_day(found[1], found[3], found[4] or "1")
        return Shape("date") if is_day and (text[4] != "." or text.count(".") == 2) else None
    if _DATETIME.fullmatch(text):
        return Shape("datetime")
    if month_of(text):
        return Shape("month")
    if found := _SLASHED.fullmatch(text):
        return _slashed(found)
    return Shape("time") if _TIME.fullmatch(text) else None


def _slashed(found: re.Match[str]) -> Shape | None:
    """A date that begins with its day or with its month, whichever the calendar allows; None if neither."""
    day, month = _is_day(found[4], found[3], found[1]), _is_day(found[4], found[1], found[3])
    order: Literal["day", "month", "either"] = "either" if day and month else "day" if day else "month"
    return Shape("slashed", order=order, has_clock=bool(found[5])) if day or month else None


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _number(text: str) -> Shape | None:
    found = _NUMBER.fullmatch(text)
    if not found or bool(found["open"]) != bool(found["close"]) or (found["before"] and found["after"]):
        return None
    digits = found["digits"]
    form = "point" if found["exponent"] else _form(digits)
    if form is None:
        return None
    minus = "-" if found["open"] or found["minus"] in ("-", "−") or found["minus2"] else ""
    mark = (found["before"] or found["after"] or "").lower()
    written = f"{minus}{digits.translate(_SPACES)}{found['exponent'] or ''}"
    is_round = form in ("thousands_or_point", "thousands_or_comma") and digits.endswith("00")
    return Shape("number", form, written, SIGNS.get(mark, ""), mark == "%", is_round=is_round)


def _form(digits: str) -> Form | None:
    """Return the notation of a number's digits; None for what is no number, or a code such as 007."""
    if digits.isdecimal():
        is_code = len(digits) > 1 and digits[0] == "0"
        return None if is_code or len(digits) > _MOST_DIGITS else "small" if len(digits) < 4 else "whole"
    if unclear := _UNCLEAR.fullmatch(digits):
        return "thousands_or_point" if unclear[1] == "." else "thousands_or_comma"
    if _SPACED.fullmatch(digits):
        bare = digits.translate(_SPACES)
        return "whole" if bare.isdecimal() else "point" if "." in bare else "comma"
    return next((form for form in ("point", "comma") if _GROUPS[form].fullmatch(digits)), None)
