"""The SQL of an import. Parameters: tenant, job, currency (the job's), author (user id or null), messages (JSON),
format, source and archives (whether offerings that are not in the file are archived).

``DIFF`` compares what a job has staged with the catalogue and leaves the answer in temporary tables that end with the
transaction: what each offering, version, variant, price, stock and image is to become, under which id, and whether
that is new. The preview reads them (``OUTCOMES``, ``SUMMARY``), and applying is nothing but ``UPDATES``, ``INSERTS`` and
``NEW_OFFERINGS`` from the very same tables, between ``REMEMBER_CHANGED`` and ``REMEMBER_MADE``, by which ``UNDO`` takes
it back. Temporary tables are always named with ``pg_temp``; every statement names the tenant.
"""

from catalog.imports.statements.comparing import DIFF, LOCKS, TURN
from catalog.imports.statements.telling import MISSING_ROWS, OUTCOMES, SUMMARY
from catalog.imports.statements.undoing import (
    AS_MADE,
    CHANGED_SINCE,
    FORGET,
    MADE,
    PARENTS,
    REMEMBER_CHANGED,
    REMEMBER_MADE,
    TERMS_OF_REMOVED,
    UNDO,
    referring,
    remove_unnamed,
)
from catalog.imports.statements.undoing import CLEAR as UNDO_CLEAR
from catalog.imports.statements.undoing import LOCKS as UNDO_LOCKS
from catalog.imports.statements.writing import INSERTS, NEW_OFFERINGS, SLICES, UPDATES

__all__ = [
    "AS_MADE",
    "CHANGED_SINCE",
    "DIFF",
    "FORGET",
    "INSERTS",
    "LOCKS",
    "MADE",
    "MISSING_ROWS",
    "NEW_OFFERINGS",
    "OUTCOMES",
    "PARENTS",
    "REMEMBER_CHANGED",
    "REMEMBER_MADE",
    "SLICES",
    "SUMMARY",
    "TERMS_OF_REMOVED",
    "TURN",
    "UNDO",
    "UNDO_CLEAR",
    "UNDO_LOCKS",
    "UPDATES",
    "referring",
    "remove_unnamed",
]
