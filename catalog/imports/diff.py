"""The comparison of what a job has staged with the catalogue as it is now; see ``statements`` for how."""

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection

from catalog.imports import statements
from catalog.imports.problems import CATALOGUE_MESSAGES
from catalog.models import ImportJob

# Half a million rows take minutes; a web request never comes here.
PATIENCE = "SET LOCAL statement_timeout = '9min'"

# The statistics know nothing of rows written a moment ago: taken for one or two, they would be gone through once for
# every row of the file, here and in the triggers. Without nested loops a wrong guess costs one more pass at most.
BULK = "SET LOCAL enable_nestloop = off"


def compare(job: ImportJob, *, lock: bool = False) -> None:
    """Make the temporary tables that say what the job does. In a transaction, at whose end they go.

    With ``lock`` nobody else changes the offerings and the stock concerned before the transaction ends.
    """
    run([PATIENCE, BULK, *(statements.LOCKS if lock else ()), *statements.DIFF], job)


def tell_outcomes(job: ImportJob) -> dict[str, Any]:
    """Write what ``compare`` has found beside each staged row; returns the counts of the summary."""
    run([statements.OUTCOMES, *statements.MISSING_ROWS], job)
    with connection.cursor() as cursor:
        cursor.execute(statements.SUMMARY, parameters(job))
        counts: dict[str, Any] = json.loads(cursor.fetchone()[0])
        return counts


def run(texts: Sequence[str], job: ImportJob, **more: Any) -> None:
    """Run the statements with the job's parameters, and ``more``."""
    given = {**parameters(job), **more}
    with connection.cursor() as cursor:
        for text in texts:
            cursor.execute(text, given)


def parameters(job: ImportJob) -> dict[str, Any]:
    """Return what the statements are about."""
    return {
        "tenant": job.tenant_id,
        "job": job.pk,
        "currency": job.currency,
        "author": job.created_by_id,
        "format": job.format,
        "source": job.source,
        "archives": job.missing == ImportJob.Missing.ARCHIVE,
        "makes": json.dumps(job.understood.get("makes", {})),
        "messages": json.dumps({code: str(message) for code, message in CATALOGUE_MESSAGES.items()}),
    }
