"""A file that was handed in, read once more in another way: nobody uploads it again."""

from collections.abc import Iterator

from django.db import transaction
from django.utils.translation import gettext as _

from catalog.imports.jobs import cancel, create_job
from catalog.imports.saved_mappings import chosen_mapping
from catalog.models import ImportJob
from tenants.errors import Conflict
from tenants.models import StoredFile, User
from tenants.storage import open_file

BLOCK = 1024 * 1024
TAKEN_OVER = ("currency", "domain", "on_duplicate_sku", "source", "missing", "may_archive_many")


def restage(*, job: ImportJob, mapping: str = ImportJob.Mapping.AUTO, created_by: User | None = None) -> ImportJob:
    """Make a new job of a job's file, read by ``mapping`` (a format, or a saved mapping by name or id).

    All else is as it was said for the first one, which is cancelled when it waits to be applied. Raises ``DomainError``
    (``unknown_mapping``) and ``Conflict`` (``not_restageable``): a worker has it, it was no file, or the file is gone.
    """
    chosen = chosen_mapping(mapping)
    with transaction.atomic():
        current: ImportJob = ImportJob.objects.select_for_update(of=("self",)).get(pk=job.pk)
        if not current.can_be_restaged or current.source_file is None:
            raise Conflict("not_restageable", _("Only a file that is not being read or applied can be read again."))
        if current.status == ImportJob.Status.STAGED:
            cancel(job=current)
        options = {name: getattr(current, name) for name in TAKEN_OVER}
        if chosen["mapping"] != ImportJob.Mapping.SAVED:  # which says itself how numbers are written
            options["decimals"] = current.decimals
        chunks, name = _blocks(current.source_file), current.source_file.name
        return create_job(chunks=chunks, name=name, created_by=created_by, reuse=True, **chosen, **options)


def _blocks(stored: StoredFile) -> Iterator[bytes]:
    try:
        with open_file(stored) as file:
            while block := file.read(BLOCK):
                yield block
    except FileNotFoundError as error:
        raise Conflict("not_restageable", _("The uploaded file is gone.")) from error
