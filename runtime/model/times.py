"""Times of the clock, days of the week and spans of time that a sentence names, and whether texts say the same.

Texts are read by rows: a line or a sentence. What a sentence says of a day at an hour must stand in one row, so that the hours
of a Saturday are not told of a Sunday. Vietnamese and English, in lower case and with number words as digits.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from runtime.model.sentences import split

_PART = r"a\.?m\b\.?|p\.?m\b\.?|sáng|trưa|chiều|tối|đêm"
_CLOCK = re.compile(
    rf"(?<![\d:+.,])(?P<hour>[01]?\d|2[0-4])(?:(?::|\s?h\s?|\s?giờ\s?)(?P<minute>[0-5]\d)(?!\d)|\s?giờ (?P<half>rưỡi)"
    rf"|\s?(?:h|giờ)\b|(?=\s?(?:{_PART}))|\s?o['’]clock"
    r"|(?=\s?(?:-|–|—|to|until|đến|tới)\s?\d{1,2}\s?(?:h\b|h\d|:\d|giờ|[ap]\.?m\b)))"
    rf"(?:\s?(?P<part>{_PART}))?"
)
_LATE = re.compile(r"\b(?:p\.?m\b|afternoons?|evenings?|nights?|chiều|tối|đêm)")
"""Words that make hours below 12 of the same row perhaps those after noon."""
_NOON = re.compile(r"\b(?:noon|midday|midnight|nửa đêm)\b")
_HOURS = re.compile(r"(?<![\d.,:])(\d{1,2}) ?(?:hours?|hrs?)\b")

_ENGLISH = (
    "mon(?:days?)?",
    "tue(?:s|sdays?)?",
    "wed(?:nesdays?)?",
    "thu(?:rs?|rsdays?)?",
    "fri(?:days?)?",
    "sat(?:urdays?)?",
    "sun(?:days?)?",
)
_NUMBERED = r"[2-7]|tư|năm"
_SURE_DAY = rf"(?:{'|'.join(_ENGLISH)}|thứ (?:{_NUMBERED})|t[2-7]|chủ nhật|cn)(?![\w])"
_DAY = rf"(?:{_SURE_DAY}|(?:{_NUMBERED})(?![\w:.%]))"
_RANGE = r"-|–|—|to|through|till|until|đến|tới"
_RUN = re.compile(rf"(?<![\w.,:+/-]){_DAY}(?:\s*(?:,|;|/|&|\+|and|or|và|hoặc|{_RANGE})\s*(?:and |và )?{_DAY})*")
_STEP = re.compile(rf"(?P<range>{_RANGE})?\s*(?P<day>{_DAY})")
_FULL_DAY = re.compile(rf"days?\b|thứ (?:{_NUMBERED})\b|chủ nhật|\bt[2-7]\b|\bcn\b")
_DAYS_AHEAD = re.compile(r"\b(?:thứ|ngày|lịch|days?)\b[^;]*:\s*$")
"""In front of bare numbers that are days: the head of a table's column."""
_ALL_DAYS = re.compile(
    r"\b(?:every ?day|daily|any day|all week|seven days|7 days a week|24/7|h[àằ]ng ngày|mỗi ngày|cả tuần|các ngày|7 ngày)\b"
)
_WEEKDAYS, _WEEKEND = re.compile(r"\b(?:weekdays?|ngày thường)\b"), re.compile(r"\b(?:weekends?|cuối tuần)\b")
_ISO_DATE, _DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)"), re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b")

_UNITS: dict[str, tuple[str, int]] = {
    r"minutes?|mins?|phút": ("minute", 1),
    r"hours?|hrs?|giờ": ("minute", 60),
    r"days?|ngày": ("minute", 24 * 60),
    r"nights?|đêm": ("night", 1),
    r"weeks?|tuần": ("minute", 7 * 24 * 60),
    r"months?|tháng": ("month", 1),
    r"years?|năm": ("month", 12),
}
_UNIT = "|".join(_UNITS)
_SPAN = re.compile(
    r"(?<![\d.,:/])(?:(?P<first>\d{1,4}(?:[.,]\d{1,2})?)\s?(?:-|–|—|to|or|đến|tới|hoặc)\s?)?(?P<number>\d{1,4}(?:[.,]\d{1,2})?)[ -]?"
    rf"(?:working |business |full )?(?P<unit>{_UNIT})\b(?!\s?\d)"
)
_BARE = re.compile(r":\s*\"?(\d{1,4}(?:[.,]\d{1,2})?)\"?\s*(?=[;,}\]]|$)")
"""A number that is the whole value of an attribute or a table's cell: its unit stands in the name, if anywhere."""

Span = tuple[str, Decimal]


@dataclass(frozen=True)
class Row:
    """What one row tells: ``clocks`` as the minutes of the day each may mean, ``days`` from 0 (Monday)."""

    text: str
    clocks: tuple[frozenset[int], ...]
    days: frozenset[int]

    @property
    def is_record(self) -> bool:
        """Whether it is a row of a table, and so about one thing."""
        return self.text.count(": ") > 1 and ";" in self.text

    def tells(self, clock: frozenset[int]) -> bool:
        """Whether the row names this time."""
        return any(clock & mine for mine in self.clocks)


def moments_stand(sentence: str, texts: Sequence[str], in_digits: Callable[[str], str]) -> bool:
    """Whether each time and day of the sentence stands in the texts, those named together in one row."""
    said = in_digits(sentence)
    spans = [match.span() for match in _SPAN.finditer(said) if match["unit"] == "giờ"]
    bare = "".join(" " if any(start <= place < end for start, end in spans) else one for place, one in enumerate(said))
    clocks, days = clocks_in(bare), days_in(said)
    if not clocks and not days:
        return True
    rows = _about(sentence, list(_rows(texts, in_digits)), in_digits) if days else list(_rows(texts, in_digits))
    of_days = [row for row in rows if row.days & days] if days and clocks else rows
    has_clocks = all(any(row.tells(clock) for row in of_days) for clock in clocks)
    return has_clocks and all(_has_day(day, clocks, of_days) for day in days)


def _has_day(day: int, clocks: Sequence[frozenset[int]], rows: Sequence[Row]) -> bool:
    return any(day in row.days and (not clocks or any(map(row.tells, clocks))) for row in rows)


def _about(sentence: str, rows: list[Row], in_digits: Callable[[str], str]) -> list[Row]:
    """Leave out the rows of tables that are about somebody else than the one who is named."""
    names = {in_digits(word) for said in sentence.split()[1:] if said[:1].isupper() for word in re.findall(r"\w+", said)}
    names = {name for name in names if not re.fullmatch(rf"{_DAY}|thứ|chủ|nhật", name)}
    counts = {row: len(names & set(re.findall(r"\w+", row.text))) for row in rows if row.is_record and row.days}
    most = max(counts.values(), default=0)
    return [row for row in rows if counts.get(row, most) == most] if most else rows


def _rows(texts: Sequence[str], in_digits: Callable[[str], str]) -> Iterator[Row]:
    """Yield the rows; one that names hours and no day speaks of the days of the row before it."""
    for text in texts:
        before: frozenset[int] = frozenset()
        for sentence in split(text.replace("\\n", "\n")):
            row = in_digits(sentence)
            before = days_in(row, is_claim=False) or before
            yield Row(row, clocks_in(row, is_claim=False), before)


def clocks_in(text: str, *, is_claim: bool = True) -> tuple[frozenset[int], ...]:
    """Return the times of the clock, each as the minutes of the day it may mean; of a claim without bare hours (“3 giờ”), which
    may be spans.
    """
    is_late = bool(_LATE.search(text))
    found = [_minutes(one, is_late) for one in _CLOCK.finditer(text)]
    found += [frozenset((720,)) if one[0] in ("noon", "midday") else frozenset((0,)) for one in _NOON.finditer(text)]
    if not is_claim:
        found += [frozenset((int(hours) * 60,)) for hours in _HOURS.findall(text)]
    return tuple(found)


def _minutes(match: re.Match[str], is_late: bool) -> frozenset[int]:
    hour, part = int(match["hour"]), (match["part"] or "").replace(".", "")
    minute = 30 if match["half"] else int(match["minute"] or 0)
    if part in ("am", "sáng"):
        hour %= 12
    elif part in ("pm", "chiều", "tối") or (part == "trưa" and hour < 10) or (part == "đêm" and 6 <= hour < 12):
        hour = hour % 12 + 12
    hours = (hour, hour + 12) if not part and is_late and hour < 12 else (hour,)
    return frozenset((one * 60 + minute) % 1440 for one in hours)


def days_in(text: str, *, is_claim: bool = True) -> frozenset[int]:
    """Return the days of the week, from 0 (Monday); of a row also short names, dates, and the numbers under a head that says so."""
    found: set[int] = set()
    for run in _RUN.finditer(text):
        if _FULL_DAY.search(run[0]) or (not is_claim and _is_sure(run, text)):
            found.update(_days_of(run[0]))
    return frozenset(found if is_claim else found.union(_implied(text)))


def _is_sure(run: re.Match[str], text: str) -> bool:
    return bool(re.search(_SURE_DAY, run[0]) or _DAYS_AHEAD.search(text[: run.start()]))


def _days_of(run: str) -> Iterator[int]:
    last = 0
    for step in _STEP.finditer(run):
        day = _number_of(step["day"])
        yield from ((last + more) % 7 for more in range((day - last) % 7)) if step["range"] else ()
        yield day
        last = day


def _number_of(day: str) -> int:
    if day in ("cn", "chủ nhật"):
        return 6
    name = day.removeprefix("thứ ").removeprefix("t") if not re.fullmatch("|".join(_ENGLISH), day) else day
    if name.isdecimal():
        return int(name) - 2
    short = {"tư": 2, "ư": 2, "năm": 3}
    return short[name] if name in short else [one[:3] for one in _ENGLISH].index(name[:3])


def _implied(text: str) -> Iterator[int]:
    """Yield the days that a row means without naming them."""
    for pattern, days in ((_ALL_DAYS, range(7)), (_WEEKDAYS, range(5)), (_WEEKEND, range(5, 7))):
        yield from days if pattern.search(text) else ()
    dates = [*_ISO_DATE.findall(text), *((year, month, day) for day, month, year in _DATE.findall(text))]
    for year, month, day in dates:
        try:
            yield date(int(year), int(month), int(day)).weekday()
        except ValueError:
            continue


def spans_in(text: str) -> set[Span]:
    """Return the spans of time, in minutes or months: 24 months are 2 years."""
    found = set()
    for match in _SPAN.finditer(text):
        unit, factor = next(each for pattern, each in _UNITS.items() if re.fullmatch(pattern, match["unit"]))
        for number in (match["first"], match["number"]):
            if number:
                found.add((unit, Decimal(number.replace(",", ".")) * factor))
    return found


def spans_stand(sentence: str, texts: Sequence[str], in_digits: Callable[[str], str]) -> bool:
    """Whether each span of time of the sentence stands in the texts in the same unit, or as the whole value of an attribute; an hour
    may be one of the clock.
    """
    told = [in_digits(text) for text in texts]
    known = set[Span]().union(*map(spans_in, told))
    bare = {number for text in told for number in _BARE.findall(text)}
    clocks = {clock for text in told for clock in clocks_in(text, is_claim=False)}
    for match in _SPAN.finditer(in_digits(sentence)):
        is_hour = match["unit"] == "giờ" and any(clock & one for clock in clocks_in(match[0]) for one in clocks)
        if not (spans_in(match[0]) <= known or match["number"] in bare or is_hour):
            return False
    return True
