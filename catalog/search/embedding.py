"""The vectors of the index: made in the background, from the queue that the rows themselves are.

The triggers queue a row when its text changes. A worker embeds outside any transaction and writes a whole batch in
one statement, which takes only rows that still want the text it embedded: an old vector is never served. Of a tenant
suspended meanwhile it takes none; they are embedded when the tenant is back and their lease is over.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, models
from django.db.models.functions import Now

from catalog.models import SearchText, SearchVector
from catalog.search.query import numbers_literal
from catalog.search.signs import signs_literal
from tenants.errors import Conflict
from tenants.queue import QueueState, fail, postpone, renew, work
from tenants.scope import current_tenant_id, platform_scope, tenant_scope
from tenants.text import words
from vault.providers.embeddings import Embedded, embed, model_prefix
from vault.providers.errors import ProviderError

logger = logging.getLogger(__name__)

BATCH = 64
WAIT, LONG_WAIT = timedelta(seconds=30), timedelta(minutes=10)
"""Before texts are tried again that a provider could not embed now, or will not until an account or a budget is filled."""
TASK = "catalog.embed_texts"

# Of an offering the vector follows the name and how the description begins: the mean over long text says little.
_OFFERING_LENGTH = 300
# A chunk of a document is short, and all of it is what it is about.
_DOCUMENT_LENGTH = 2000

_WRITE = """
UPDATE catalog_searchvector AS v
SET embedding = search_vector(made.numbers::real[]), bits = made.signs::bit(1536), model = %s, state = 'done',
    lease_until = NULL, last_error = ''
FROM unnest(%s::uuid[], %s::timestamptz[], %s::bytea[], %s::text[], %s::text[])
    AS made (id, lease, content_hash, numbers, signs)
WHERE v.tenant_id = %s AND v.id = made.id AND v.state = 'running' AND v.lease_until = made.lease
AND v.content_hash = made.content_hash
AND EXISTS (SELECT FROM tenants_tenant AS t WHERE t.id = v.tenant_id AND t.status = 'active')
"""


def embed_due_texts() -> int:
    """Embed whatever waits, of every tenant in turn; returns the number of texts taken."""
    return work(SearchVector, embed_rows, batch=BATCH)


def embed_rows(rows: Sequence[SearchVector]) -> None:
    """Embed claimed rows of the scope's tenant together, or one by one when a text among them cannot be embedded.

    A provider that does not answer, or a budget that is used up, is no fault of the texts: they wait.
    """
    try:
        embed_batch(rows)
    except Exception as error:
        if wait := _wait_after(error):
            logger.warning("%d texts wait for their vectors: %s", len(rows), error)
            for row in rows:
                postpone(row, str(error), delay=wait)
        elif len(rows) == 1:
            logger.exception("text %s cannot be embedded", rows[0].text_id)
            fail(rows[0], str(error))
        else:
            logger.exception("%d texts cannot be embedded together", len(rows))
            for row in rows:
                if renew(row):  # not of a tenant suspended meanwhile
                    embed_rows([row])


def _wait_after(error: Exception) -> timedelta | None:
    """Return how long to wait where the texts are not to blame; longer where somebody has to see to it first."""
    if isinstance(error, Conflict):
        return LONG_WAIT
    if not isinstance(error, ProviderError) or error.is_about_input:
        return None
    return WAIT if error.kind in ("retry", "timeout") else LONG_WAIT


def embed_batch(rows: Sequence[SearchVector]) -> None:
    """Embed the texts of claimed rows of the scope's tenant. A text without words is done without a vector."""
    texts = SearchText.objects.in_bulk([row.text_id for row in rows])
    current = [row for row in rows if row.text_id in texts and _hash(row) == _hash(texts[row.text_id])]
    made = embed([text_to_embed(texts[row.text_id]) for row in current])
    _write(current, made)


def _write(rows: Sequence[SearchVector], made: Embedded) -> None:
    ids, leases, hashes = [row.pk for row in rows], [row.lease_until for row in rows], [_hash(row) for row in rows]
    numbers = [numbers_literal(vector) for vector in made.vectors]
    signs = [signs_literal(vector) for vector in made.vectors]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [made.model, ids, leases, hashes, numbers, signs, current_tenant_id()])


ASKED = frozenset({SearchText.Kind.FAQ, SearchText.Kind.INTENT, SearchText.Kind.ANSWER})
"""Kinds whose title is something customers say."""


def text_to_embed(text: SearchText) -> str:
    """Return what the vector stands for: of what was asked the question alone, since customers ask questions too.

    Empty when there is no word in it: a vector of punctuation would be near to anything.
    """
    length = _DOCUMENT_LENGTH if text.kind == SearchText.Kind.DOCUMENT else _OFFERING_LENGTH
    meant = text.title if text.kind in ASKED else f"{text.title}\n{text.body[:length]}"
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
    return SearchVector.objects.filter(state=QueueState.DONE).exclude(model__startswith=model_prefix())


def _hash(row: SearchText | SearchVector) -> bytes:
    return bytes(row.content_hash)
