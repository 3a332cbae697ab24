"""One line of the table that `make bench` prints."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What was measured: ours against a floor or peer of the same run, and what the ratio must keep to (">= 5")."""

    name: str
    ours: float
    floor: float
    ratio: float
    limit: str
    passed: bool


def compared(name: str, *, ours: float, floor: float, limit: str) -> Result:
    """Return the result of `ours / floor` against `limit`, "<= x" or ">= x"."""
    ratio = ours / floor
    sign, bound = limit.split()
    return Result(name, ours, floor, ratio, limit, ratio <= float(bound) if sign == "<=" else ratio >= float(bound))
