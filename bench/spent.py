"""CPU seconds that the servers of a run have spent: what a request costs, however busy the machine is with other things."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")


class Spent(NamedTuple):
    """CPU seconds of the web's processes, of PostgreSQL's, and of this one, which sends the requests."""

    web: float = 0.0
    database: float = 0.0
    here: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":  # type: ignore[override] # a sum, not a longer tuple
        return Spent(*(one + more for one, more in zip(self, other, strict=True)))

    def since(self, before: "Spent") -> "Spent":
        """Return what was spent after ``before``."""
        return Spent(*(now - then for now, then in zip(self, before, strict=True)))


class _Process(NamedTuple):
    name: str
    parent: int
    seconds: float


def spent() -> Spent:
    """Return what this process and the servers below it have spent until now; ended ones count with who waited for them."""
    known, own = _processes(), os.times()
    started = [one for pid, one in known.items() if pid != os.getpid() and os.getpid() in _above(pid, known)]
    database = sum(one.seconds for one in started if one.name == "postgres")
    web = sum(one.seconds for one in started if one.name not in ("postgres", "valkey-server"))
    return Spent(web, database, own.user + own.system)


def _above(pid: int, known: dict[int, _Process]) -> Iterator[int]:
    while pid in known:
        pid = known[pid].parent
        yield pid


def _processes() -> dict[int, _Process]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            before, _sign, rest = (folder / "stat").read_text().rpartition(")")
            fields = rest.split()  # from the third on, as proc(5) numbers them; the 14th to 17th are ticks of CPU
            seconds = sum(map(int, fields[11:15])) / TICKS
            found[int(folder.name)] = _Process(before.partition("(")[2], int(fields[1]), seconds)
    return found
