"""The SQL of an import. Parameters: tenant, job, currency (the job's), author (user id or null), messages (JSON).

``DIFF`` compares what a job has staged with the catalogue and leaves the answer in temporary tables that end with the
transaction: what each offering, version, variant, price, stock and image is to become, under which id, and whether
that is new. The preview reads them (``OUTCOMES``, ``SUMMARY``), and applying is nothing but ``UPDATES``, ``INSERTS`` and
``NEW_OFFERINGS`` from the very same tables. These are always named with ``pg_temp``; every statement names the tenant.
"""

from catalog.imports.statements.comparing import DIFF, LOCKS
from catalog.imports.statements.telling import OUTCOMES, SUMMARY
from catalog.imports.statements.writing import INSERTS, NEW_OFFERINGS, SLICES, UPDATES

__all__ = ["DIFF", "INSERTS", "LOCKS", "NEW_OFFERINGS", "OUTCOMES", "SLICES", "SUMMARY", "UPDATES"]
