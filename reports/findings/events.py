"""One event is told once, in however many series of a table it shows: a shop that was closed sold nothing, took nothing, …"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from reports.findings.telling import ALSO, Finding

_SAME = 0.5
"""Part of the longer of two periods in which both are, for them to be one event."""
_ALIKE = 10
"""Points of a score that make no difference: another day of figures must not tell another series first."""
_STANDSTILL = "missing_data_standstill"


def told_as_one(found: Sequence[Finding], step: timedelta, cycle: timedelta) -> list[Finding]:
    """Return the findings, of each event only the one that matters most, which names the other series that it is in.

    An event is a period that is extraordinary, or a day of a change. That of all groups together goes before that of a
    group, the most certain change before others, for it knows its day best, and of about equal ones the first column.
    ``step`` is the time from one moment to the next, ``cycle`` how far apart two series may tell one change.
    """
    events: list[tuple[Finding, list[str]]] = []
    others = [one for one in found if not _is_event(one)]
    for one in sorted(filter(_is_event, found), key=_order):
        same = next((also for first, also in events if _are_one(first, one, step, cycle)), None)
        if same is None:
            events.append((one, []))
        elif one.series not in same:
            same.append(one.series)
    return others + [_with(one, [name for name in also if name != one.series]) for one, also in events]


def _with(finding: Finding, also: list[str]) -> Finding:
    return replace(finding, values={**finding.values, ALSO: also}) if also else finding


def _is_event(finding: Finding) -> bool:
    return finding.type in ("anomaly", "change_point") or finding.code == _STANDSTILL


def _order(finding: Finding) -> tuple[bool, int, int]:
    certainty = sum(reason.points for reason in finding.reasons if reason.code == "certainty")
    return "category" in finding.values, -certainty, -round(finding.score / _ALIKE)


def _are_one(one: Finding, other: Finding, step: timedelta, cycle: timedelta) -> bool:
    if not (one.first and one.last and other.first and other.last):
        return False
    if "change_point" in {one.type, other.type}:
        return one.code == other.code and abs(one.first - other.first) <= cycle
    longer = max(one.last - one.first, other.last - other.first) + step
    return min(one.last, other.last) - max(one.first, other.first) + step >= _SAME * longer
