"""How long the rows of imports are kept."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from catalog.models import ImportJob, ImportRow
from tenants.retention import Kept, older_than

ENDED = (ImportJob.Status.COMPLETED, ImportJob.Status.FAILED, ImportJob.Status.UNDONE)


def _rows(days: int) -> Iterable[QuerySet[Any]]:
    """Rows of jobs that ended; one that waits for a person to apply it keeps its own."""
    jobs = ImportJob.objects.filter(status__in=ENDED).order_by().values("pk")
    return [ImportRow.objects.filter(older_than(days), job__in=jobs)]


KEPT = (
    Kept(
        name="import_rows",
        label=_("Keep the rows of imports"),
        help_text=_("Days after which an import that ended keeps its summary and file only; 0: for ever."),
        days=180,
        old=_rows,
    ),
)
