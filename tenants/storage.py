"""Uploaded files: the row says what it is, the bytes lie in ``DATA_DIR/files/<tenant>/<id>``."""

import hashlib
import os
import tempfile
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from tenants.errors import TooLarge
from tenants.models import StoredFile, User
from tenants.scope import current_tenant_id
from tenants.text import nfc

_stored: ContextVar[list[Path] | None] = ContextVar("stored", default=None)
"""Where the bytes lie of what is stored in the present ``atomic_files``."""


@contextmanager
def atomic_files() -> Iterator[None]:
    """Open a transaction whose rollback takes the bytes of the files that are stored in it along with their rows.

    A commit that fails leaves them, for it may have reached the database: nobody can reach bytes without a row, and the
    nightly sweep deletes them (``delete_strays``).
    """
    outer, own = _stored.get(), list[Path]()
    token = _stored.set(own)
    try:
        with transaction.atomic(), _or_deleted(own):
            yield
    finally:
        _stored.reset(token)
    if outer is not None:
        outer += own


@contextmanager
def _or_deleted(paths: list[Path]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise


def store_file(
    chunks: Iterable[bytes], *, name: str, media_type: str, limit: int, created_by: User | None = None
) -> StoredFile:
    """Keep the bytes and return their row; on return both are safe. ``limit`` is in bytes.

    Call it in ``atomic_files``, with the row that the file is of. Raises ``TooLarge``. A crash in between leaves at most a
    file without a row, which nobody can reach.
    """
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=folder, prefix="part-")
    try:
        with os.fdopen(handle, "wb") as target:
            size, sha256 = _copy(chunks, target, limit)
        with transaction.atomic():
            row = StoredFile.objects.create(
                name=_clean_name(name), media_type=media_type[:100], size=size, sha256=sha256, created_by=created_by
            )
            os.replace(part, folder / str(row.id))
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    if (stored := _stored.get()) is not None:
        stored.append(folder / str(row.id))
    return row


def open_file(row: StoredFile) -> BinaryIO:
    """Open the bytes for reading; raises ``FileNotFoundError`` when they are gone."""
    return path_of(row).open("rb")


def path_of(row: StoredFile) -> Path:
    """Return where the bytes lie."""
    return Path(default_storage.path(f"{row.tenant_id}/{row.id}"))


def delete_file(row: StoredFile) -> None:
    """Delete the row, and after commit the bytes."""
    path = path_of(row)
    row.delete()
    transaction.on_commit(lambda: path.unlink(missing_ok=True))


def delete_strays(*, older_than: timedelta = timedelta(days=1)) -> int:
    """Delete the bytes of the scope's tenant that no row is of; returns how many files. Of a crash or a rollback they are left."""
    folder, latest = _folder(), time.time() - older_than.total_seconds()
    if not folder.is_dir():
        return 0
    with os.scandir(folder) as entries:
        old = iter([one.name for one in entries if one.is_file() and one.stat().st_mtime < latest])
    count = 0
    while names := list(islice(old, 500)):
        ids = {name: _id_of(name) for name in names}
        known = set(StoredFile.objects.filter(pk__in=[one for one in ids.values() if one]).values_list("pk", flat=True))
        for name, row_id in ids.items():
            if (row_id and row_id not in known) or name.startswith("part-"):
                (folder / name).unlink(missing_ok=True)
                count += 1
    return count


def _id_of(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


def _folder() -> Path:
    return Path(default_storage.path(str(current_tenant_id())))


def _copy(chunks: Iterable[bytes], target: BinaryIO, limit: int) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise TooLarge("too_large", _("The file is larger than %(limit)s bytes.") % {"limit": limit}, field="file")
        digest.update(chunk)
        target.write(chunk)
    target.flush()
    os.fsync(target.fileno())
    return size, digest.hexdigest()


def _clean_name(name: str) -> str:
    """Return the last part of the name without control characters; it is shown, never used as a path."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter for letter in nfc(last) if unicodedata.category(letter)[0] != "C")
    return shown.strip()[-255:] or "file"
