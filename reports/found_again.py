"""Which of the findings are ones that were found before, in this report or an earlier one of its series.

A finding with a period is the same while the periods overlap: another day of figures, or one that was corrected, moves its
beginning, and makes nothing new of it. It keeps the ``key`` by which it is told once.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q

from reports.models import Insight, Report

MOST_REPORTS = 10
"""Of a series, the newest ones, in which it is looked for what was found before."""
WITH_PERIOD = (Insight.Type.ANOMALY, Insight.Type.CHANGE_POINT, Insight.Type.THRESHOLD, Insight.Type.MISSING_DATA)
"""What happened at some time; a trend, and what moved of late, are the same whenever they begin."""

Kind = tuple[Any, ...]


class Period(NamedTuple):
    """When something was found to be, and by which key."""

    first: datetime
    last: datetime
    key: str


def keep_keys(*, report: Report | None, found: Sequence[Insight]) -> None:
    """Give the findings of a report, or of the daily figures (None), the keys of what they were before; each key once."""
    before: defaultdict[Kind, set[Period]] = defaultdict(set)
    for old in _before(report):
        for period in _periods(old["content__period"], old["key"]):
            before[_kind(old["insight_type"], {name: old[f"content__{name}"] for name in ("text", "sheet", "series")})].add(
                period
            )
    keys: dict[int, str] = {}
    for _away, number, key in sorted(_pairs(found, before)):
        if number not in keys and key not in keys.values():
            keys[number] = key
    for number, insight in enumerate(found):
        key = keys.get(number, insight.key)
        while number not in keys and key in keys.values():  # it has been given to one that is more like what it was of
            key = hashlib.sha256(key.encode()).hexdigest()
        keys[number] = insight.key = key


def _before(report: Report | None) -> Iterable[Mapping[str, Any]]:
    rows = Insight.objects.order_by().filter(insight_type__in=WITH_PERIOD)
    if report is None:
        rows = rows.filter(report=None)
    else:
        same = Report.objects.filter(vendor=report.vendor, report_type=report.report_type).order_by("-report_date", "-id")
        rows = rows.filter(Q(report__in=list(same.values_list("pk", flat=True)[:MOST_REPORTS])) | Q(report=report.pk))
    parts = ("text", "sheet", "series", "period")
    return rows.values("key", "insight_type", *(f"content__{part}" for part in parts))


def _pairs(found: Sequence[Insight], before: Mapping[Kind, Iterable[Period]]) -> Iterable[tuple[float, int, str]]:
    """Yield which finding (its place) overlaps which key, and by how many seconds it begins elsewhere."""
    for number, insight in enumerate(found):
        for period in _periods(insight.content["period"], insight.key):
            for old in before.get(_kind(insight.insight_type, insight.content), ()):
                if period.first <= old.last and old.first <= period.last:
                    yield abs((period.first - old.first).total_seconds()), number, old.key


def _periods(period: Mapping[str, str | None], key: str) -> Iterable[Period]:
    if period["from"] and period["to"]:
        yield Period(datetime.fromisoformat(period["from"]), datetime.fromisoformat(period["to"]), key)


def _kind(insight_type: str, content: Mapping[str, Any]) -> Kind:
    """What is alike in all that may be the same finding; an unfinished last day may turn out to be whole."""
    values = content["text"]["values"]
    code = content["text"]["code"].removesuffix("_last")
    return insight_type, code, content["sheet"], content["series"], values.get("category"), values.get("bound")


def distinct_events(insights: Iterable[Insight]) -> list[Insight]:
    """Leave out what happened at the same time to the same group, or to the same column, as one before: it is one event."""
    kept: list[Insight] = []
    for insight in insights:
        if not any(_is_one_event(insight, other) for other in kept):
            kept.append(insight)
    return kept


def _is_one_event(one: Insight, other: Insight) -> bool:
    if _what(one) == _what(other) and one.insight_type == other.insight_type:
        return True
    if one.insight_type not in WITH_PERIOD or other.insight_type not in WITH_PERIOD:
        return False
    return bool(_group(one) == _group(other)) and any(
        first.first <= second.last and second.first <= first.last
        for first in _periods(one.content["period"], "")
        for second in _periods(other.content["period"], "")
    )


def _what(insight: Insight) -> tuple[Any, ...]:
    """What it is of, and for what moves at no time of its own also when: copies of one file tell it in the same words."""
    return insight.metric, insight.content["series"], insight.content.get("bot"), *insight.content["period"].values()


def _group(insight: Insight) -> str:
    """Return which of the groups of a report it is of: what follows the column; empty for all of them."""
    return str(insight.content["series"]).partition(" · ")[2]
