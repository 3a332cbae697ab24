"""The vectors of the index: made in the background, from the queue that the rows themselves are.

The triggers queue a row when its text changes. A worker embeds outside any transaction and writes a whole batch in
one statement, which takes only rows that still want the text it embedded: an old vector is never served.
"""

import logging
from collections.abc import Sequence

from django.db import connection, models
from django.db.models.functions import Now

from catalog.models import SearchText, SearchVector
from catalog.search.query import numbers_literal
from tenants.queue import QueueState, fail, work
from tenants.scope import current_tenant_id, platform_scope, tenant_scope
from tenants.text import words
from vault.providers.offline import MODEL, embed

logger = logging.getLogger(__name__)

BATCH = 64
TASK = "catalog.embed_texts"

# Of an offering the vector follows the name and how the description begins: the mean over long text says little.
_OFFERING_LENGTH = 300

_WRITE = """
UPDATE catalog_searchvector AS v
SET embedding = search_vector(made.numbers::real[]), model = %s, state = 'done', lease_until = NULL, last_error = ''
FROM unnest(%s::uuid[], %s::integer[], %s::bytea[], %s::text[]) AS made (id, attempt, content_hash, numbers)
WHERE v.tenant_id = %s AND v.id = made.id AND v.state = 'running' AND v.attempt = made.attempt
AND v.content_hash = made.content_hash
"""


def embed_due_texts() -> int:
    """Embed whatever waits, of every tenant in turn; returns the number of texts taken."""
    return work(SearchVector, embed_rows, batch=BATCH)


def embed_rows(rows: Sequence[SearchVector]) -> None:
    """Embed claimed rows of the scope's tenant together, or one by one when a text among them cannot be embedded."""
    try:
        embed_batch(rows)
    except Exception:
        logger.exception("%d texts cannot be embedded together", len(rows))
        for row in rows:
            _embed_alone(row)


def embed_batch(rows: Sequence[SearchVector]) -> None:
    """Embed the texts of claimed rows of the scope's tenant. A text without words is done without a vector."""
    texts = SearchText.objects.in_bulk([row.text_id for row in rows])
    current = [row for row in rows if row.text_id in texts and _hash(row) == _hash(texts[row.text_id])]
    vectors = embed([text_to_embed(texts[row.text_id]) for row in current])
    _write(current, [numbers_literal(vector) for vector in vectors])


def _embed_alone(row: SearchVector) -> None:
    try:
        embed_batch([row])
    except Exception as error:
        logger.exception("text %s cannot be embedded", row.text_id)
        fail(row, str(error))


def _write(rows: Sequence[SearchVector], vectors: Sequence[str | None]) -> None:
    ids, attempts, hashes = [row.pk for row in rows], [row.attempt for row in rows], [_hash(row) for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [MODEL, ids, attempts, hashes, list(vectors), current_tenant_id()])


def text_to_embed(text: SearchText) -> str:
    """Return what the vector stands for: the question alone of a FAQ, since customers ask questions too.

    Empty when there is no word in it: a vector of punctuation would be near to anything.
    """
    meant = text.title if text.kind == SearchText.Kind.FAQ else f"{text.title}\n{text.body[:_OFFERING_LENGTH]}"
    return meant if words(meant) else ""


def requeue_other_models() -> int:
    """Queue all tenants' vectors of another model than today's: they are not searched until embedded anew."""
    with platform_scope(reason="the embedding model is the whole installation's"):
        tenants = list(_of_other_models().values_list("tenant_id", flat=True).distinct())
    queued = 0
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            queued += _of_other_models().update(state=QueueState.PENDING, attempt=0, due_at=Now())
    return queued


def _of_other_models() -> models.QuerySet[SearchVector]:
    return SearchVector.objects.filter(state=QueueState.DONE).exclude(model=MODEL)


def _hash(row: SearchText | SearchVector) -> bytes:
    return bytes(row.content_hash)
