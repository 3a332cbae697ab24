"""A report's figures as a drawing: one line over time, with what was found marked on it, each mark a way to its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Any

from django.db.models.fields.json import KT
from django.urls import reverse
from django.utils import formats, timezone

from reports.findings.figures import is_figure
from reports.findings.telling import ALSO
from reports.models import Insight, Report
from reports.rows import time_column
from reports.wording import text_of

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 960, 260, 64, 24, 10
MOST_TRIED = 4
"""Columns that are read to find one that is no constant, where none was chosen."""
MOST_POINTS = 700
"""Points drawn of one line; of more the lowest and the highest of each stretch, so that no peak is lost."""
LEAST_MARK = 3
"""Width of a mark, however short the time it stands for."""
DATES = ((0.0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1.0, "end"))
"""Where dates stand below the line, and how their text lies."""
Points = list[tuple[datetime, float]]


@dataclass(frozen=True)
class Mark:
    """A finding on the drawing: where, what kind, what it says, and its page."""

    x: float
    width: float
    kind: str
    title: str
    url: str


@dataclass(frozen=True)
class Chart:
    """A drawing: the line, the marks, and what stands beside the axes."""

    title: str
    path: str
    marks: list[Mark]
    levels: list[tuple[float, str]]
    dates: list[tuple[float, str, str]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: int = HEIGHT - BOTTOM


def series_names(report: Report) -> list[tuple[int, int, str]]:
    """Return what can be drawn of a report: table, place and name of each column of figures beside one of dates."""
    return [
        (number, place, f"{table['sheet']} · {column['name']}" if table["sheet"] else column["name"])
        for number, table in enumerate(report.tables)
        if time_column(table) is not None
        for place, column in enumerate(table["columns"])
        if is_figure(column) and column.get("counted") != "none"
    ]


def chart_of(report: Report, chosen: str, insights: Sequence[Insight]) -> Chart | None:
    """Return the drawing of the chosen column, or of the first one that moves; None where there is nothing to draw."""
    names = series_names(report)
    wanted = [one for one in names if one[2] == chosen] or names[:MOST_TRIED]
    drawn = [(one, points) for one in wanted if _can_be_drawn(points := _points(report, *one[:2]))]
    if not drawn:
        return None
    moving = (pair for pair in drawn if len({value for _at, value in pair[1]}) > 1)  # a constant says nothing by itself
    (table, place, title), points = next(moving, drawn[0])
    column = report.tables[table]["columns"][place]["name"]
    own = [one for one in insights if one.content["sheet"] == report.tables[table]["sheet"] and _is_of(one, column)]
    return _drawn(title, points, own)


def _can_be_drawn(points: Points) -> bool:
    return len(points) > 1 and points[0][0] != points[-1][0]


def _is_of(insight: Insight, column: str) -> bool:
    every = [insight.content["series"], *insight.content["text"]["values"].get(ALSO, [])]
    has_time = insight.content["period"]["from"] is not None and insight.insight_type != Insight.Type.TREND
    return has_time and any(series == column or series.startswith(f"{column} · ") for series in every)


def _points(report: Report, table: int, place: int) -> Points:
    """The figures by moment, in the order of time: summed or averaged where several rows are of one, as insights count them."""
    when = time_column(report.tables[table])
    is_money = report.tables[table]["columns"][place]["type"] == "money"
    number_of = KT(f"cells__{place}__amount" if is_money else f"cells__{place}")
    rows = report.rows.filter(table=table).values_list(KT(f"cells__{when}"), number_of)
    found: dict[datetime, list[float]] = {}
    for moment, value in rows.order_by().iterator(chunk_size=5_000):
        try:
            at, number = datetime.fromisoformat(moment).replace(tzinfo=None), float(value)
        except (TypeError, ValueError):  # a hole, or no figure
            continue
        found.setdefault(at, []).append(number)
    figure = fmean if report.tables[table]["columns"][place].get("counted") == "mean" else sum
    return [(at, figure(numbers)) for at, numbers in sorted(found.items())]


def _drawn(title: str, points: Points, insights: Sequence[Insight]) -> Chart:
    begin, end = points[0][0], points[-1][0]
    seconds = (end - begin).total_seconds()
    low, high = min(value for _at, value in points), max(value for _at, value in points)
    low, high = (low - 1, high + 1) if low == high else (min(low, 0) if low < high / 3 else low, high)
    floor = HEIGHT - BOTTOM

    def across(moment: datetime) -> float:
        share = min(max((moment - begin).total_seconds() / seconds, 0.0), 1.0)
        return round(LEFT + share * (WIDTH - LEFT - 8), 1)

    def up(value: float) -> float:
        return round(floor - (value - low) / (high - low) * (floor - TOP), 1)

    path = "M" + " L".join(f"{across(at)} {up(value)}" for at, value in _thinned(points))
    marks = [_mark(insight, across) for insight in insights]
    levels = [(up(value), _short(value)) for value in (low, (low + high) / 2, high)]
    dates = [(across(begin + (end - begin) * share), _day(begin + (end - begin) * share), way) for share, way in DATES]
    return Chart(title, path, marks, levels, dates)


def _thinned(points: Points) -> Points:
    if len(points) <= MOST_POINTS:
        return points
    size = -(-2 * len(points) // MOST_POINTS)
    kept: Points = []
    for begin in range(0, len(points), size):
        stretch = points[begin : begin + size]
        ends = {min(stretch, key=lambda pair: pair[1]), max(stretch, key=lambda pair: pair[1])}
        kept += sorted(ends)
    return kept


def _mark(insight: Insight, across: Any) -> Mark:
    period = insight.content["period"]
    first, last = across(datetime.fromisoformat(period["from"])), across(datetime.fromisoformat(period["to"]))
    if insight.insight_type == Insight.Type.CHANGE_POINT:  # what matters is when it began
        last = first
    width = max(last - first, LEAST_MARK)
    url = reverse("admin:reports_insight_change", args=[insight.pk])
    return Mark(round(first - (width - (last - first)) / 2, 1), round(width, 1), insight.insight_type, text_of(insight), url)


def _short(value: float) -> str:
    rounded = round(value) if abs(value) >= 100 or value == round(value) else round(value, 2)
    return formats.number_format(rounded, use_l10n=True, force_grouping=True)


def _day(moment: datetime) -> str:
    return formats.date_format(timezone.make_aware(moment), "DATE_FORMAT")
