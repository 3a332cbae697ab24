"""Times of the clock and days of the week, as a clause names them. Vietnamese and English, in lower case, number words as digits."""

import re
from collections.abc import Iterator
from datetime import date

_PART = r"a\.?m\b\.?|p\.?m\b\.?|sáng|trưa|chiều|tối|đêm"
_CLOCK = re.compile(
    rf"(?<![\d:+.,])(?P<hour>[01]?\d|2[0-4])(?:(?::|\s?h\s?|\s?giờ\s?)(?P<minute>[0-5]\d)(?!\d|\s?(?:phút|min))"
    rf"|\s?giờ (?P<half>rưỡi)|\s?(?P<bare>giờ)\b(?!\s?(?:{_PART}))|\s?(?:h|giờ)\b|(?=\s?(?:{_PART}))|\s?o['’]clock"
    r"|(?=\s?(?:-|–|—|to|until|đến|tới)\s?\d{1,2}\s?(?:h\b|h\d|:\d|giờ|[ap]\.?m\b)))"
    rf"(?:\s?(?P<part>{_PART}))?"
)
"""``bare``: “3 giờ” may be three hours."""
_PAIR = re.compile(
    r"(?<![\w.,:/])(\d{1,2})\s?(?:-|–|—|to|đến|tới)\s?(\d{1,2})(?![\w:/%]|[.,]\d"
    r"|\s?(?:h\b|giờ|phút|ngày|tháng|năm|tuần|tuổi|người|khách|kg|g\b|cm|km|m\b|m²|l\b|ml|people|persons?|guests?"
    r"|days?|weeks?|months?|years?|hours?|minutes?|mins?|[ap]\.?m\b))"
)
"""“Sunday 8-12”: hours only behind a day."""
_LATE = re.compile(r"\b(?:p\.?m\b|afternoons?|evenings?|nights?|chiều|tối|đêm)")
"""Words that make hours below 12 of the same clause perhaps those after noon."""
_NOON = re.compile(r"\b(?:noon|midday|midnight|nửa đêm)\b")

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
DAY = rf"(?:{_SURE_DAY}|(?:{_NUMBERED})(?![\w:.%]))"
_RANGE = r"-|–|—|to|through|till|until|đến|tới"
_RUN = re.compile(rf"(?<![\w.,:+/-]){DAY}(?:\s*(?:,|;|/|&|\+|and|or|và|hoặc|{_RANGE})\s*(?:and |và )?{DAY})*")
_STEP = re.compile(rf"(?P<range>{_RANGE})?\s*(?P<day>{DAY})")
_FULL_DAY = re.compile(rf"days?\b|thứ (?:{_NUMBERED})\b|chủ nhật|\bt[2-7]\b|\bcn\b")
_DAYS_AHEAD = re.compile(r"\b(?:thứ|ngày|lịch|days?)\b[^;]*:\s*$")
"""In front of bare numbers that are days: the head of a table's column."""
_IMPLIED = (
    (
        re.compile(r"\b(?:every ?(?:day|morning|afternoon|evening|night)|daily|any day|all week|7 days a week|24/7)\b"),
        range(7),
    ),
    (re.compile(r"\b(?:(?:h[àằ]ng|mỗi) (?:ngày|sáng|trưa|chiều|tối|đêm)|cả tuần|các ngày|7 ngày trong tuần)\b"), range(7)),
    (re.compile(r"\b(?:weekdays?|ngày thường)\b"), range(5)),
    (re.compile(r"\b(?:weekends?|cuối tuần)\b"), range(5, 7)),
)
_ISO_DATE, _DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)"), re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b")

Clock = frozenset[int]
"""The minutes of the day that one time may mean."""


def clocks_in(text: str) -> tuple[Clock, ...]:
    """Return the times of the clock."""
    is_late = bool(_LATE.search(text))
    found = [_minutes(one, is_late) for one in _CLOCK.finditer(text)]
    found += [frozenset((720,)) if one[0] in ("noon", "midday") else frozenset((0,)) for one in _NOON.finditer(text)]
    return (*found, *_pairs(text))


def claimed_clocks(text: str) -> tuple[Clock, ...]:
    """Return the times of the clock that can be nothing else: without “3 giờ”."""
    return clocks_in(_CLOCK.sub(lambda one: " " if one["bare"] else one[0], text))


def without_moments(text: str) -> str:
    """Return the text without times that are surely of the clock, days and dates: what numbers are left are others."""
    left = _CLOCK.sub(lambda one: one[0] if one["bare"] else " ", text)
    left = _RUN.sub(lambda run: " " if _FULL_DAY.search(run[0]) else run[0], _ISO_DATE.sub(" ", _DATE.sub(" ", left)))
    return _PAIR.sub(" ", left) if left != text else left


def _pairs(text: str) -> Iterator[Clock]:
    """Yield the hours that are written without anything behind days."""
    left = _RUN.sub(lambda run: "#" if _FULL_DAY.search(run[0]) or re.search(_SURE_DAY, run[0]) else run[0], text)
    for pair in _PAIR.finditer(left) if "#" in left else ():
        yield from (frozenset((int(hour) * 60 % 1440,)) for hour in pair.groups() if int(hour) <= 24)


def _minutes(match: re.Match[str], is_late: bool) -> Clock:
    hour, part = int(match["hour"]), (match["part"] or "").replace(".", "")
    minute = 30 if match["half"] else int(match["minute"] or 0)
    if part in ("am", "sáng"):
        hour %= 12
    elif part in ("pm", "chiều", "tối") or (part == "trưa" and hour < 10) or (part == "đêm" and 6 <= hour < 12):
        hour = hour % 12 + 12
    hours = (hour, hour + 12) if not part and is_late and hour < 12 else (hour,)
    return frozenset((one * 60 + minute) % 1440 for one in hours)


def claimed_days(text: str) -> frozenset[int]:
    """Return the days of the week that are surely meant, from 0 (Monday)."""
    return frozenset(day for run in _RUN.finditer(text) if _FULL_DAY.search(run[0]) for day in _days_of(run[0]))


def named_days(text: str) -> frozenset[int]:
    """Return the days that a source names: short names and numbers under a head that says so, too, and dates."""
    named = {day for run in _RUN.finditer(text) if _is_day(run, text) for day in _days_of(run[0])}
    return frozenset(named.union(_dated(text)))


def implied_days(text: str) -> frozenset[int]:
    """Return the days that are meant without being named: “every day”."""
    return frozenset(day for pattern, days in _IMPLIED if pattern.search(text) for day in days)


def _is_day(run: re.Match[str], text: str) -> bool:
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


def _dated(text: str) -> Iterator[int]:
    dates = [*_ISO_DATE.findall(text), *((year, month, day) for day, month, year in _DATE.findall(text))]
    for year, month, day in dates:
        try:
            yield date(int(year), int(month), int(day)).weekday()
        except ValueError:
            continue
