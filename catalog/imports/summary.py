"""What an import tells about itself: one shape, whether it was staged, applied, or could not be read at all."""

from collections.abc import Mapping
from typing import Any

from catalog.imports.problems import message_of
from catalog.models import ImportJob

EFFECTS = ("created", "changed", "unchanged")
PARTS = ("offerings", "variants", "prices", "stock")
NOTHING = dict.fromkeys(EFFECTS, 0)
EMPTY = {
    "job": None,
    "status": str(ImportJob.Status.FAILED),
    "rows": 0,
    **dict.fromkeys(PARTS, NOTHING),
    "images": 0,
    "warnings": 0,
    "errors": 0,
    "seconds": 0,
}
"""Every key of the contract, in its order."""


def summarise(job: ImportJob, status: str, counts: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return the import's summary as it is kept."""
    return {"job": str(job.pk), "status": str(status), **counts, "seconds": round(seconds, 2)}


def counted(job: ImportJob, counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of reading with the errors and warnings that only the comparison has found among them."""
    return {**job.counts, **{name: counts[name] for name in ("errors", "warnings")}}


def told_summary(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kept summary with what was found by a worker in the language of whoever reads it now."""
    told = dict(summary)
    for name in summary.keys() & {"error", "not_archived"}:
        told[name] = {**summary[name], "message": message_of(summary[name])}
        told[name].pop("params", None)
    return told


def in_order(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kept summary as the contract has it: the database keeps no order, and nothing that was never counted."""
    parts = {part: {**NOTHING, **summary.get(part, {})} for part in PARTS}
    return {**EMPTY, **summary, **parts}


def failed(error: Mapping[str, Any], job: ImportJob | None = None) -> dict[str, Any]:
    """Return the summary of an import that changed nothing; ``error``: code, row, column, message, all but two null."""
    told = {"code": None, "row": None, "column": None, "message": None, **error}
    return in_order(told_summary({"job": str(job.pk) if job else None, "error": told}))
