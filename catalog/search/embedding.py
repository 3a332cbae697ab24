"""The vectors of the index: made in the background, from the queue that the rows themselves are.

The triggers queue a row when its text changes. A worker embeds outside any transaction and writes a whole batch in
one statement, which takes only rows that still want the text it embedded: an old vector is never served.
"""

from collections.abc import Sequence

from django.db import connection
from django.db.models.functions import Now

from catalog.models import SearchText, SearchVector
from catalog.search.query import numbers_literal
from tenants.queue import QueueState, work
from tenants.scope import current_tenant_id
from tenants.text import words
from vault.providers.offline import MODEL, embed

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
    return work(SearchVector, embed_batch, batch=BATCH)


def embed_batch(rows: Sequence[SearchVector]) -> None:
    """Embed the texts of claimed rows of the scope's tenant. A text without words is done without a vector."""
    texts = SearchText.objects.in_bulk([row.text_id for row in rows])
    current = [row for row in rows if row.text_id in texts and _hash(row) == _hash(texts[row.text_id])]
    vectors = embed([text_to_embed(texts[row.text_id]) for row in current])
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE,
            [
                MODEL,
                [row.pk for row in current],
                [row.attempt for row in current],
                [_hash(row) for row in current],
                [numbers_literal(vector) for vector in vectors],
                current_tenant_id(),
            ],
        )


def text_to_embed(text: SearchText) -> str:
    """Return what the vector stands for: the question alone of a FAQ, since customers ask questions too.

    Empty when there is no word in it: a vector of punctuation would be near to anything.
    """
    meant = text.title if text.kind == SearchText.Kind.FAQ else f"{text.title}\n{text.body[:_OFFERING_LENGTH]}"
    return meant if words(meant) else ""


def requeue_other_models() -> int:
    """Queue the scope's vectors of another model than today's: they are not searched until embedded anew."""
    old = SearchVector.objects.filter(state=QueueState.DONE).exclude(model=MODEL)
    return old.update(state=QueueState.PENDING, attempt=0, due_at=Now())


def _hash(row: SearchText | SearchVector) -> bytes:
    return bytes(row.content_hash)
