"""Documents from upload to index: kept as they came, read in the background, and written as chunks in one transaction.

A text that is given as such is read at once: it is found at commit. A file or a web page waits for a worker; what was
read before is served until then, and afterwards only if it is still there. What is unchanged keeps row and vector.
"""

import hashlib
import logging
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from bots.models import KnowledgeChunk, KnowledgeCollection, KnowledgeDocument
from bots.reading import limits
from bots.reading.chunks import Chunk
from bots.reading.isolated import ReadDocument, read_file
from bots.reading.kinds import MEDIA_TYPES, read_content
from bots.reading.problems import UnreadableDocument
from tenants.models import StoredFile, User
from tenants.queue import QueueState, fail, finish, wake, work
from tenants.storage import atomic_files, delete_file, path_of, store_file
from tenants.text import detect_language
from vault.outbound import check_url
from vault.pages import PageError, fetch_page

logger = logging.getLogger(__name__)

TASK = KnowledgeDocument.task
EMBED = "catalog.embed_texts"
LEASE = timedelta(minutes=5)
"""Longer than fetching and reading take at most."""
BATCH = 500
MAY_PASS = frozenset({"page_timeout", "page_unreachable"})
"""Failures that are tried again by themselves."""
SAMPLE_CHARACTERS = 2_000
"""Of a document, to tell its language by."""
Source, Status = KnowledgeDocument.Source, KnowledgeDocument.Status


@dataclass(frozen=True)
class Upload:
    """A file that is handed in."""

    chunks: Iterable[bytes]
    name: str
    media_type: str = ""


def create_document(
    *,
    collection: KnowledgeCollection,
    name: str,
    content: str = "",
    url: str = "",
    upload: Upload | None = None,
    created_by: User | None = None,
    **fields: Any,
) -> KnowledgeDocument:
    """Add a document from a text, an address or a file, one of them.

    Raises ``TooLarge`` for a file above 25 MB and ``DestinationForbidden`` for an address that is never called.
    """
    document = KnowledgeDocument(collection=collection, name=name, created_by=created_by, **fields)
    return _given(document, content=content, url=url, upload=upload)


@atomic_files()
def create_documents(*, uploads: Iterable[Upload], **fields: Any) -> list[KnowledgeDocument]:
    """Add a document of each file, named by it, or none: of one that is refused the bytes of the others do not stay either.

    Raises what ``create_document`` raises.
    """
    return [create_document(name=upload.name[:255], upload=upload, **fields) for upload in uploads]


@transaction.atomic
def change_document(
    *, document: KnowledgeDocument, content: str = "", url: str = "", upload: Upload | None = None, **fields: Any
) -> KnowledgeDocument:
    """Change a document; with a text, an address or a file it is that from now on, and read anew."""
    for name, value in fields.items():
        setattr(document, name, value)
    if content or url or upload:
        return _given(document, content=content, url=url, upload=upload)
    document.save(update_fields=[*fields, "updated_at"])
    wake(EMBED)  # a chunk is found by the name of its document, too
    return document


@transaction.atomic
def read_again(*, document: KnowledgeDocument) -> KnowledgeDocument:
    """Have a document read once more, such as a page that was changed since; chunks that stay the same keep their vectors."""
    _begin(document)
    return document


@transaction.atomic
def read_all_again(*, collection: KnowledgeCollection | None = None) -> int:
    """Have every file and web page read once more, of one collection or all; returns how many. Texts are as they were given."""
    documents = KnowledgeDocument.objects.exclude(source=Source.TEXT)
    if collection:
        documents = documents.filter(collection=collection)
    queued = documents.update(**_fresh(), state=QueueState.PENDING, status=Status.PENDING)
    wake(TASK)
    return queued


@transaction.atomic
def delete_documents(*, documents: Iterable[KnowledgeDocument]) -> None:
    """Delete documents with their files, chunks and vectors.

    They are locked first: whoever is indexing one has written its chunks by then, and what was given anew is seen.
    """
    rows = KnowledgeDocument.objects.select_for_update(of=("self",)).select_related("file").order_by("pk")
    for document in rows.filter(pk__in=[one.pk for one in documents]):
        stored = document.file
        document.delete()
        if stored:
            delete_file(stored)


@transaction.atomic
def delete_collection(*, collection: KnowledgeCollection) -> None:
    """Delete a collection with all that is in it."""
    delete_documents(documents=collection.documents.only("pk"))
    collection.delete()


def _given(document: KnowledgeDocument, *, content: str, url: str, upload: Upload | None) -> KnowledgeDocument:
    if url:
        check_url(url, field="url")
    before = document.file
    with atomic_files():
        stored = _stored(upload, document.created_by) if upload else None
        document.source = Source.FILE if stored else Source.URL if url else Source.TEXT
        document.file, document.content, document.url = stored, content, url
        document.media_type = stored.media_type if stored else "" if url else MEDIA_TYPES["markdown"]
        document.sha256 = stored.sha256 if stored else hashlib.sha256(content.encode()).hexdigest() if content else ""
        document.save()
        if url:  # what stood at another address is not what stands there
            document.chunks.all().delete()
        if before:
            delete_file(before)
        _begin(document)
    return document


def _stored(upload: Upload, created_by: User | None) -> StoredFile:
    media_type = upload.media_type or "application/octet-stream"
    return store_file(
        upload.chunks, name=upload.name, media_type=media_type, limit=limits.MAX_FILE_BYTES, created_by=created_by
    )


def _begin(document: KnowledgeDocument) -> None:
    """Read a text here, inside the caller's transaction; leave anything else to a worker, as if new."""
    rows = KnowledgeDocument.objects.filter(pk=document.pk)
    if document.source == Source.TEXT:
        rows.update(**{**_fresh(), "state": QueueState.DONE, **_read_text(document)})
    else:
        rows.update(**_fresh(), state=QueueState.PENDING, status=Status.PENDING)
        wake(TASK)
    document.refresh_from_db()


def _fresh() -> dict[str, Any]:
    """Return what the row of a document is in the queue when it begins anew."""
    return {"attempt": 0, "due_at": Now(), "lease_until": None, "last_error": "", "failure": ""}


def _read_text(document: KnowledgeDocument) -> dict[str, Any]:
    try:
        chunks = read_content(document.content)
    except UnreadableDocument as error:
        document.chunks.all().delete()
        return {"status": Status.FAILED, "failure": error.note, "chunk_count": 0}
    return _index(document, chunks)


def _index(document: KnowledgeDocument, chunks: Sequence[Chunk]) -> dict[str, Any]:
    """Write the chunks; returns what the document's row says of them."""
    write_chunks(document=document, chunks=chunks)
    sample = "\n".join(chunk.text for chunk in chunks[:5])[:SAMPLE_CHARACTERS]
    return {
        "status": Status.INDEXED,
        "chunk_count": len(chunks),
        "indexed_at": timezone.now(),
        "language": document.language or detect_language(sample),
    }


def write_chunks(*, document: KnowledgeDocument, chunks: Sequence[Chunk]) -> None:
    """Make these the chunks of a document, in the caller's transaction. What is unchanged keeps its row, and its vector."""
    there: defaultdict[bytes, list[KnowledgeChunk]] = defaultdict(list)
    for row in document.chunks.only("position", "content_hash", "language", "document").order_by("-position"):
        there[bytes(row.content_hash)].append(row)
    new, moved = [], []
    for position, chunk in enumerate(chunks):
        same = there[chunk.content_hash]
        if not same:
            new.append(_row(document, position, chunk))
            continue
        row, told = same.pop(), (position, _language_of(chunk))
        if (row.position, row.language) != told:
            row.position, row.language = told
            moved.append(row)
    gone = [row.pk for rows in there.values() for row in rows]
    KnowledgeChunk.objects.filter(pk__in=gone).delete()
    KnowledgeChunk.objects.bulk_update(moved, ["position", "language"], batch_size=BATCH)
    KnowledgeChunk.objects.bulk_create(new, batch_size=BATCH)
    wake(EMBED)


def _row(document: KnowledgeDocument, position: int, chunk: Chunk) -> KnowledgeChunk:
    return KnowledgeChunk(
        document=document,
        position=position,
        heading_path=list(chunk.heading_path),
        text=chunk.text,
        language=_language_of(chunk),
        content_hash=chunk.content_hash,
    )


_CURRENCY_SIGN = re.compile(r"(?<=\d)\s?[đĐ₫]")
"""Behind an amount the letter is a currency, also in an English text."""


def _language_of(chunk: Chunk) -> str:
    """Return the language of a chunk, empty where its few words tell none: a document may have sections in both."""
    own = _CURRENCY_SIGN.sub(" ", f"{' '.join(chunk.heading_path[-1:])} {chunk.text}"[:SAMPLE_CHARACTERS])
    told = {detect_language(own, "en"), detect_language(own, "vi")}
    return told.pop() if len(told) == 1 else ""


def read_due_documents() -> int:
    """Read every document that waits, in all tenants; returns how many."""
    given_up = {"status": Status.FAILED, "failure": UnreadableDocument("too_costly").note}
    return work(KnowledgeDocument, _read_claimed, batch=1, lease=LEASE, buried=given_up)


def _read_claimed(documents: Sequence[KnowledgeDocument]) -> None:
    for document in documents:
        read_claimed(document)


def read_claimed(document: KnowledgeDocument) -> None:
    """Read a claimed document of the scope's tenant and index it; its end is written into its row."""
    try:
        read, sha256 = _read(document)
    except UnreadableDocument as error:
        _give_up(document, error)
    except Exception as error:
        logger.exception("document %s cannot be read", document.pk)
        _try_again(document, UnreadableDocument("unexpected"), f"{type(error).__name__}: {error}")
    else:
        with transaction.atomic():
            # The fence first: a document that was changed meanwhile is read again, and this reading is nothing.
            if finish(document, media_type=read.media_type, sha256=sha256):
                document.refresh_from_db(fields=["language"])  # somebody may have said it while this was read
                KnowledgeDocument.objects.filter(pk=document.pk).update(**_index(document, read.chunks))


_DATA = re.compile(
    r"^\s*(?!application/xhtml)[\w.+-]+/(?:[\w.+-]*(?:json|xml|javascript|ecmascript|yaml)|css)\s*$", re.IGNORECASE
)
"""Media types of what is text and yet no document: data and programs for other programs."""


def _read(document: KnowledgeDocument) -> tuple[ReadDocument, str]:
    """Return what is in the file or on the page, and the SHA-256 of it; outside of any transaction."""
    if document.source == Source.FILE and document.file:
        return read_file(path_of(document.file), name=document.file.name), document.file.sha256
    try:
        answer, _address = fetch_page(
            document.url,
            accept="text/html,text/plain;q=0.9,application/pdf;q=0.9,*/*;q=0.5",
            seconds=limits.PAGE_SECONDS,
            max_bytes=limits.PAGE_BYTES,
        )
    except PageError as error:
        raise UnreadableDocument(error.code) from None
    media_type, _semicolon, options = answer.headers.get("content-type", "").partition(";")
    if _DATA.search(media_type):
        raise UnreadableDocument("unknown_kind")
    charset = options.partition("charset=")[2].strip(" \"'")[:40]
    with tempfile.NamedTemporaryFile() as page:
        page.write(answer.body)
        page.flush()
        name = "page.html" if "html" in media_type.lower() else ""
        return read_file(Path(page.name), name=name, charset=charset), hashlib.sha256(answer.body).hexdigest()


def _give_up(document: KnowledgeDocument, error: UnreadableDocument) -> None:
    if error.code in MAY_PASS:
        _try_again(document, error, error.code)
        return
    with transaction.atomic():
        if fail(document, error.code, permanent=True, status=Status.FAILED, failure=error.note):
            _forget_file(document)


def _try_again(document: KnowledgeDocument, reason: UnreadableDocument, error: str) -> None:
    is_last = document.attempt >= document.max_attempts
    told: dict[str, Any] = {"status": Status.FAILED, "failure": reason.note} if is_last else {}
    fail(document, error.replace("\x00", ""), **told)


def _forget_file(document: KnowledgeDocument) -> None:
    """Nothing of a file that cannot be read is served, nor of the one before it. A page may come back: it is kept."""
    if document.source == Source.FILE:
        document.chunks.all().delete()
        KnowledgeDocument.objects.filter(pk=document.pk).update(chunk_count=0)
