"""Whatever a report holds, looking through it ends, with scores from 0 to 100 and numbers that are numbers."""

import math
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reports.findings.figures import Table
from reports.findings.of_tables import find_all
from reports.findings.telling import AGGREGATES

STEPS = (timedelta(minutes=5), timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=31))
FIGURES = st.one_of(
    st.none(),
    st.integers(-5, 5),
    st.floats(-1e6, 1e6, allow_nan=False),
    st.sampled_from([0, 0.0, 1e18, -1e18, 1e300, 10**400, True, "odd"]),
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    count = draw(st.integers(0, 120))
    step = draw(st.sampled_from(STEPS))
    times = [(datetime(2024, 1, 1) + step * number).isoformat() for number in range(count)]  # noqa: DTZ001 - counted in steps
    if draw(st.booleans()):  # several rows of one moment, in any order, some of none
        times = [draw(st.sampled_from([*times[:10], None, "odd"])) for _time in times]
    usual = draw(st.sampled_from([None, 0, 7, "number"]))
    figures = [number * 3 if usual == "number" else usual for number in range(count)]
    for place in draw(st.lists(st.integers(0, max(count - 1, 0)), max_size=20)):
        if count:
            figures[place] = draw(FIGURES)
    names = [draw(st.sampled_from(["A", "B", None])) for _time in times]
    columns = [
        {"name": name, "type": kind, "empty": 1, "odd": 1}
        for name, kind in (("t", "datetime"), ("n", "number"), ("c", "text"))
    ]
    return Table("", columns, list(zip(times, figures, names, strict=True)))


@given(tables(), st.sampled_from([[], [{"column": "n", "above": 3.0}], [{"column": "n", "below": 0.0}]]))
def test_any_table_is_looked_through(table: Table, thresholds: list[dict]) -> None:
    found = find_all([table], thresholds)
    assert len({one.key for one in found}) == len(found)
    for one in found:
        assert 0 <= one.score <= 100
        assert one.numbers
        assert one.reasons
        for number in one.numbers:
            assert math.isfinite(number.value)
            assert number.aggregate in {*AGGREGATES, "gap"}
            assert number.rows or number.between
