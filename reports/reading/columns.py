"""What a column is, by all of its cells, and each cell as a value of it.

A column has the type that at least nine in ten of its filled cells have; the others are `odd` and kept as text. The
rules where a cell alone cannot tell:

- `1.234` is what the column's other numbers prove: `1.5` or `1234` make the point a decimal sign, `1.234.567` or small whole
  numbers beside it make it one of thousands, as do
  a currency without decimals, and groups that nearly always end with 00. Else the file's other columns decide, unless they
  would give all numbers three decimals; if they do not, the column stays text with the note `ambiguous_numbers`.
- `02/03/2026` is the 2nd of March, unless more dates of the column have a second part above 12 than a first one. Which of
  them are no day of the calendar then is odd.
- In a workbook a number shown in per cent is a percentage. Beside a column of nothing but currencies, amounts have the one of
  their row.
"""

import math
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from catalog.money import WHOLE_CURRENCIES
from reports.reading.headers import is_money
from reports.reading.limits import MAX_CELL_CHARACTERS
from reports.reading.shapes import BOOLEANS, SIGNS, Shape, month_of, shape_of

Type = Literal["empty", "text", "number", "money", "boolean", "date", "datetime", "time"]
Decimals = Literal["", "plain", "point", "comma"]
"""The sign before decimals; `plain` as `point`, but without grouping."""
MOSTLY = 0.9
PERCENT = "%"
_HEADER_CURRENCIES = ("VND", "USD", "EUR", "GBP")
_WORDS = re.compile(r"[\W_]+")
_POINTS, _COMMAS = str.maketrans("", "", ","), str.maketrans(",", ".", ".")


@dataclass
class Tally:
    """What the cells of a column look like, counted."""

    kinds: Counter[str] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)
    currencies: Counter[str] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    """The currencies that cells of text are."""
    has_clock: bool = False
    percents: int = 0
    rounds: int = 0

    def add(self, shape: Shape, mark: str = "") -> None:
        """Count one cell; `mark` is that of its format, in a workbook: a currency's code, or `%`."""
        currency = mark if mark != PERCENT else ""
        self.kinds[shape.kind] += 1
        if shape.kind == "number":
            self.forms[shape.form] += 1
            self.percents += shape.is_percent or mark == PERCENT
            self.rounds += shape.is_round
            if currency or shape.currency:
                self.currencies[currency or shape.currency] += 1
        elif shape.kind == "slashed":
            self.has_clock |= shape.has_clock
            self.orders[shape.order] += 1
        elif shape.kind == "text" and shape.currency:
            self.named[shape.currency] += 1

    @property
    def is_month_first(self) -> bool:
        """Whether the dates prove that their month comes first."""
        return self.orders["month"] > self.orders["day"]

    @property
    def is_of_currencies(self) -> bool:
        """Whether every filled cell names a currency."""
        return bool(self.named) and sum(self.named.values()) == sum(self.kinds.values()) - self.kinds["missing"]

    @property
    def proven(self) -> Decimals:
        """The notation that the numbers prove."""
        forms = self.forms
        if forms["point"] or forms["comma"]:
            return "" if forms["point"] and forms["comma"] else "point" if forms["point"] else "comma"
        unclear = {"point": forms["thousands_or_comma"], "comma": forms["thousands_or_point"]}
        if not any(unclear.values()) or all(unclear.values()):
            return ""
        thousands: Decimals = "point" if unclear["point"] else "comma"
        if forms["whole"]:
            return "comma" if thousands == "point" else "point"
        whole_money = self.currencies and all(code in WHOLE_CURRENCIES for code in self.currencies)
        unclear_cells = unclear["point"] + unclear["comma"]
        are_round = unclear_cells > 1 and self.rounds >= MOSTLY * unclear_cells
        return thousands if forms["small"] or whole_money or are_round else ""

    def agrees(self, notation: Decimals) -> bool:
        """Whether what other columns prove may be taken for this one: not where it makes a decimal of every group of three."""
        groups = self.forms["thousands_or_point" if notation == "point" else "thousands_or_comma"]
        return not groups or groups < self.kinds["number"]

    @property
    def is_unclear(self) -> bool:
        """Whether there are numbers that need a notation to be read."""
        return bool(self.forms["thousands_or_comma"] or self.forms["thousands_or_point"])


@dataclass
class Column:
    """A column: its name and place in the sheet (from 0), its type, and how its cells are read."""

    name: str
    place: int
    type: Type
    decimals: Decimals = "point"
    currency: str = ""
    is_month_first: bool = False
    is_percent: bool = False
    is_by_row: bool = False
    """Whether an amount has the currency that its row names."""
    filled: int = 0
    empty: int = 0
    odd: int = 0

    def value(self, text: str, mark: str = "") -> Any:
        """Return the cell as JSON has it; counts what is missing and what is odd. `mark` is that of its format."""
        shape = shape_of(text)
        if shape.kind == "missing":
            self.empty += 1
            return None
        self.filled += 1
        found = self._typed(text, shape, mark if mark != PERCENT else "")
        if found is None:
            self.odd += self.type != "text"
            return text[:MAX_CELL_CHARACTERS]
        return found

    def _typed(self, text: str, shape: Shape, currency: str) -> Any:
        match self.type:
            case "number":
                return self._number(shape)
            case "money":
                amount = self._number(shape)
                code = currency or shape.currency or self.currency
                return None if amount is None else {"amount": _amount(amount), "currency": code}
            case "boolean":
                return BOOLEANS.get(text.lower())
            case "date" | "datetime":
                return self._moment(text, shape)
            case "time":
                return _time(text) if shape.kind == "time" else None
        return None

    def _number(self, shape: Shape) -> int | float | None:
        if shape.kind != "number":
            return None
        # The signs that group are dropped, the one before decimals becomes a point.
        digits = shape.digits.translate(_COMMAS if self.decimals == "comma" else _POINTS)
        if digits.lstrip("-").isdecimal() and not shape.is_percent:
            return int(digits)
        try:
            number = float(Decimal(digits) / 100) if shape.is_percent else float(digits)
        except (ValueError, InvalidOperation):  # two points: not this column's notation
            return None
        return number if math.isfinite(number) else None

    def _moment(self, text: str, shape: Shape) -> str | None:
        if shape.kind not in ("date", "month", "slashed", "datetime"):
            return None
        if month := month_of(text):
            begin = date(*month, 1)
            return begin.isoformat() if self.type == "date" else datetime.combine(begin, time()).isoformat()
        try:
            moment = _slashed(text, is_month_first=self.is_month_first) if shape.kind == "slashed" else _iso(text)
            moment = moment.astimezone(UTC) if moment.tzinfo else moment
        except (ValueError, OverflowError):  # the latter at the ends of the calendar
            return None
        return moment.date().isoformat() if self.type == "date" else moment.isoformat()

    def as_json(self) -> dict[str, Any]:
        """Return what is kept of the column."""
        told = {"name": self.name, "type": self.type, "filled": self.filled, "empty": self.empty, "odd": self.odd}
        told |= {"is_percent": True} if self.is_percent else {}
        return {**told, "currency": self.currency} if self.type == "money" else told


def _amount(number: int | float) -> str:
    text = f"{number:.10f}".rstrip("0") if isinstance(number, float) else f"{number}."
    whole, _point, decimals = text.partition(".")
    return f"{whole}.{decimals:0<2}"


def _iso(text: str) -> datetime:
    day, _space, hour = text.replace("/", "-").replace("T", " ").partition(" ")
    parts = [int(part) for part in day.replace(".", "-").split("-")]
    whole = date(*parts) if len(parts) == 3 else date(parts[0], parts[1], 1)
    if not hour:
        return datetime.combine(whole, time())
    clock = hour if hour[1] != ":" else f"0{hour}"
    return datetime.combine(whole, time.fromisoformat(clock))


def _slashed(text: str, *, is_month_first: bool) -> datetime:
    day, _space, clock = text.replace("T", " ").partition(" ")
    first, second, year = (int(part) for part in day.replace("-", "/").replace(".", "/").split("/"))
    month, number = (first, second) if is_month_first else (second, first)
    return datetime.combine(date(year, month, number), time.fromisoformat(_time(clock) if clock else "00:00"))


def _time(text: str) -> str:
    return text if text[1] != ":" else f"0{text}"


def unit_of(mark: str) -> str:
    """Return what a mark of a number's format says: the ISO code of `€`, `CHF`, `$-409`, or `%`; empty for none that is known."""
    return PERCENT if mark == PERCENT else SIGNS.get(mark.partition("-")[0].strip().lower(), "")


def decide(
    name: str, place: int, tally: Tally, *, decimals: Decimals, others: Decimals, beside: Collection[str] = ()
) -> tuple[Column, str]:
    """Return the column, and a note if it cannot be read as what it may be.

    `decimals` is what a person said of the file, `others` what its other columns prove; `beside` are the currencies that a
    column of the table names.
    """
    column = Column(name, place, _type(tally), is_month_first=tally.is_month_first)
    if column.type not in ("number", "money"):
        return column, ""
    named = next((code for code in _HEADER_CURRENCIES if code in _WORDS.split(name.upper())), "")
    common = tally.currencies.most_common(1)
    column.currency = common[0][0] if common and len(tally.currencies) == 1 else "" if common else named
    column.is_percent = not common and tally.percents >= MOSTLY * tally.kinds["number"]
    has_row_currency = bool(beside) and not column.currency and not common and not column.is_percent and is_money(name)
    if has_row_currency:
        column.currency, column.is_by_row = next(iter(beside)) if len(beside) == 1 else "", True
    if (column.currency and not column.is_percent) or common or has_row_currency:
        column.type = "money"
    notation = decimals or tally.proven or (others if tally.agrees(others) else "")
    column.decimals = notation or "point"
    if tally.is_unclear and not notation:
        column.type = "text"
        return column, "ambiguous_numbers"
    return column, ""


def _type(tally: Tally) -> Type:
    kinds = dict(tally.kinds)
    filled = sum(kinds.values()) - kinds.pop("missing", 0)
    if not filled:
        return "empty"
    moments = {name: kinds.pop(name, 0) for name in ("date", "month", "slashed", "datetime")}
    moments["slashed"] -= tally.orders["day" if tally.is_month_first else "month"]
    if sum(moments.values()) >= MOSTLY * filled:
        return "datetime" if moments["datetime"] or tally.has_clock else "date"
    likest, count = max(kinds.items(), key=lambda pair: pair[1], default=("text", 0))
    return likest if count >= MOSTLY * filled else "text"  # type: ignore[return-value]
