"""Run the benchmarks: `python -m bench` for all, `python -m bench turn search` for some.

Prints one table, writes `bench/results.json`, and ends with 1 when a limit was missed.
"""

import json
import sys
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from bench.database import installation
from bench.result import Result

NAMES = (
    "turn",
    "throughput",
    "stream",
    "boundary",
    "audit",
    "changelist",
    "search",
    "imports",
    "prices",
    "vault",
    "schedules",
    "mail",
    "metrics",
    "quality",
    "cache",
)
RESULTS = Path(__file__).with_name("results.json")


def main(names: list[str]) -> int:
    """Run the benchmarks of these names, or all; return the exit code."""
    if unknown := set(names) - set(NAMES):
        sys.exit(f"bench: there is no {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    results: list[Result] = []
    with installation():
        # Only now, because the models need Django set up; all at once, so that a broken one is told at the beginning.
        modules = {name: import_module(f"bench.{name}") for name in names or NAMES}
        for name, module in modules.items():
            begun = time.perf_counter()
            results += module.run()
            print(f"bench: {name} took {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    RESULTS.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")
    show(results)
    return 0 if all(result.passed for result in results) else 1


def show(results: list[Result]) -> None:
    """Print the table."""
    width = max(len(result.name) for result in results)
    print(f"{'':{width}} {'ours':>10} {'floor':>10} {'ratio':>8} {'limit':>8}")
    for one in results:
        verdict = "" if not one.limit else "ok" if one.passed else "MISSED"
        print(f"{one.name:{width}} {one.ours:10.3f} {one.floor:10.3f} {one.ratio:8.2f} {one.limit:>8}  {verdict}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
