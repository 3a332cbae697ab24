"""Figures by day as a drawing of bars, each a way to the rows behind it. Drawn here, so that the page needs no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import formats

SLOT, BAR, HEIGHT = 10.0, 7.0, 40.0
"""Widths of a day and of its bar, and the height of the highest one, in units of the drawing."""
LEAST = 0.8
"""Height of a bar of nearly nothing: it is seen that there was something."""


@dataclass(frozen=True)
class DayValue:
    """What is drawn of a day: its height, what it says, and where its rows are."""

    day: date
    value: float
    shown: str
    url: str


@dataclass(frozen=True)
class Bar:
    """One bar: the place of its day, where its top is, what it says, and where it leads."""

    x: float
    top: float
    height: float
    title: str
    url: str
    is_last: bool


@dataclass(frozen=True)
class Bars:
    """A drawing. ``most`` says what the highest bar stands for."""

    bars: list[Bar]
    most: str
    first: date
    last: date
    width: float
    height: float = HEIGHT
    slot: float = SLOT
    bar: float = BAR


def bars_of(days: Sequence[DayValue]) -> Bars | None:
    """Return the drawing of days in their order; None where all of them are 0."""
    most = max((one.value for one in days), default=0.0)
    if most <= 0:
        return None
    bars = [_bar(place, one, most, is_last=one is days[-1]) for place, one in enumerate(days)]
    highest = max(days, key=lambda one: one.value)
    return Bars(bars, highest.shown, days[0].day, days[-1].day, SLOT * len(days))


def _bar(place: int, one: DayValue, most: float, *, is_last: bool) -> Bar:
    height = _height(one.value, most)
    title = f"{formats.date_format(one.day, 'D')} {formats.date_format(one.day, 'DATE_FORMAT')}: {one.shown}"
    x = round(place * SLOT + (SLOT - BAR) / 2, 2)
    return Bar(x, round(HEIGHT - height, 2), height, title, one.url, is_last)


def _height(value: float, most: float) -> float:
    return round(max(value / most * (HEIGHT - 1), LEAST), 2) if value > 0 else 0.0
