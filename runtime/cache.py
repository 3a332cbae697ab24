"""The semantic cache: what the language model answered once is given again, word for word, to whoever asks the same.

An answer is kept only when it could have been given to anybody at any time: it opened its conversation, rests on FAQs and
documents alone, tells no price, stock, number or name, and nothing was known of the customer. It belongs to one version of
a bot and one language. It is given only while each text it rests on has the content it had, which the look-up checks
itself, and while no FAQ or document that it does not rest on would answer by itself.
"""

import hashlib
import json
import random
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from catalog.search import Hit, Statement, numbers_literal
from runtime.models import SemanticCacheEntry
from runtime.understanding.lexicon import NEGATING, POINTING_BACK
from tenants.models import Tenant
from tenants.scope import current_tenant_id, platform_scope, tenant_scope
from tenants.text import STOP_WORDS, Language, detect_language, words
from vault.providers.embeddings import Embedded

LIFETIME = timedelta(days=7)
TURN = timedelta(seconds=30)
"""How long ago, at most, the model was told which day it is."""
NEAR = 0.9
"""Cosine from which two questions of the same words in another order or form may be one; the same words need no vector."""
NEAREST = 10
"""Of so many entries with the same telling words the vectors are compared."""
QUESTION_LENGTH, ANSWER_LENGTH = 500, 4000
SOURCES = frozenset({"faq", "document"})
"""What a kept answer may rest on: texts that people wrote and reviewed."""

_PERSONAL = re.compile(r"\d{5}|@|\b(?:my|mine|our|của (?:tôi|mình|em|anh|chị))\b", re.IGNORECASE)

_CHANGED = """EXISTS (
    SELECT FROM jsonb_to_recordset(e.sources) AS s(kind text, id uuid, chunk uuid, content_hash text)
    WHERE s.content_hash IS DISTINCT FROM coalesce((
        SELECT encode(t.content_hash, 'hex') FROM catalog_searchtext AS t
        WHERE t.tenant_id = e.tenant_id AND t.kind = s.kind AND t.owner_id = CASE WHEN s.chunk IS NULL THEN s.id ELSE s.chunk END
    ), '')
)"""
"""Whether an entry ``e`` rests on a text that is not as it was, or not there any more. Not a join: it would read all texts
of the tenant for each entry, since nobody tells the planner that an entry rests on few."""


_ENTRY = "jsonb_build_object('text', e.response_text, 'sources', e.sources, 'confidence', e.confidence)::text"
_LOOK_UP = f"""
    WITH same AS MATERIALIZED (
        SELECT 'answer', e.id, e.query_text, {_ENTRY}, e.language, 0, NULL::real, NULL::text[]
        FROM runtime_semanticcacheentry AS e
        WHERE e.tenant_id = %(tenant)s AND e.bot_version_id = %(version)s AND e.language = %(language)s
            AND e.query_key = %(key)s AND e.expires_at > %(now)s AND NOT {_CHANGED}
    ), near AS (
        SELECT 'answer', e.id, e.query_text, {_ENTRY}, e.language, 0, vector.similarity, NULL::text[]
        FROM runtime_semanticcacheentry AS e
        CROSS JOIN LATERAL (
            SELECT t.id, t.content_hash FROM catalog_searchtext AS t
            WHERE t.tenant_id = e.tenant_id AND t.kind = 'answer' AND t.owner_id = e.id OFFSET 0
        ) AS question
        CROSS JOIN LATERAL (
            SELECT (-(v.embedding <#> search_vector(%(numbers)s::real[])))::real AS similarity FROM catalog_searchvector AS v
            WHERE v.tenant_id = e.tenant_id AND v.text_id = question.id AND v.model = %(model)s
                AND v.content_hash = question.content_hash OFFSET 0
        ) AS vector
        WHERE NOT EXISTS (SELECT FROM same) AND e.tenant_id = %(tenant)s AND e.bot_version_id = %(version)s
            AND e.language = %(language)s AND e.telling_key = %(telling)s AND e.expires_at > %(now)s AND NOT {_CHANGED}
        ORDER BY vector.similarity DESC NULLS LAST LIMIT {NEAREST}
    )
    SELECT * FROM same UNION ALL SELECT * FROM near
"""  # noqa: S608 - our own SQL


# Entry, text and vector are looked up one by one (OFFSET 0): joined as the planner likes, it reads all of them as long as a
# busy cache has not been analysed.
def look_up(question: str, *, embedded: Embedded, version_id: UUID, language: Language) -> Statement:
    """Return the statement that finds the entry of the same words, else those of the same telling words, nearest first.

    Their body is JSON: text, sources, confidence. Both are found by their keys: vectors are compared of few entries, however
    many are kept.
    """
    key, telling = keys_of(question, language)
    return Statement.named(
        _LOOK_UP,
        {
            "tenant": current_tenant_id(),
            "version": version_id,
            "language": language,
            "key": key,
            "telling": telling,
            "numbers": numbers_literal(embedded.vectors[0]),
            "model": embedded.model,
            "now": timezone.now(),
        },
    )


def keys_of(question: str, language: Language) -> tuple[bytes, bytes]:
    """Return what questions of the same words in the same order have in common, and what near ones have (32 bytes each)."""
    said, telling = words(question), sorted(_telling(question, language))
    return _digest(said), _digest(telling)


def _digest(said: Iterable[str]) -> bytes:
    return hashlib.sha256(" ".join(said).encode()).digest()


def stands_alone(question: str) -> bool:
    """Whether the question means the same whoever asks it, and whatever was said before."""
    said = words(question)
    if len(said) < 2 or len(question) > QUESTION_LENGTH or _PERSONAL.search(question):
        return False
    return not POINTING_BACK[detect_language(question)].intersection(said)


def is_same_question(asked: str, hit: Hit) -> bool:
    """Whether ``hit`` was asked in the same words, or in others so near that only small words differ."""
    if words(asked) == words(hit.title):
        return True
    language = detect_language(asked)
    one, other = _telling(asked, language), _telling(hit.title, language)
    return bool(one) and one == other and hit.has_vector and hit.parts["vector"] >= NEAR


def _telling(question: str, language: Language) -> set[str]:
    """The words a question is told by: without small words, but with every “not”; plural and singular are one."""
    said = set(words(question))
    return {word if len(word) < 4 else word.removesuffix("s") for word in said - (STOP_WORDS[language] - NEGATING)}


def keep(
    *,
    session_id: UUID,
    question: str,
    answer: str,
    language: Language,
    sources: list[tuple[dict[str, Any], Hit]],
    confidence: float,
) -> None:
    """Keep an answer, in the place of the one to the same question: one statement that commits by itself.

    Nothing is kept when the version's instructions hold words of this customer, or the answer names the customer; where they tell the
    day, an answer is kept until it ends for the business.
    """
    key, telling = keys_of(question, language)
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "session": session_id,
        "question": question[:QUESTION_LENGTH],
        "key": key,
        "telling": telling,
        "answer": answer,
        "language": language,
        "sources": json.dumps([{**source, "content_hash": _hash_of(hit)} for source, hit in sources]),
        "confidence": round(confidence, 3),
        "expires": timezone.now() + LIFETIME,
        "asked": timezone.now() - TURN,
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, values)


_KEEP = r"""
INSERT INTO runtime_semanticcacheentry AS kept
    (tenant_id, bot_id, bot_version_id, language, query_text, query_key, telling_key, response_text, sources, confidence,
     expires_at)
SELECT %(tenant)s, s.bot_id, s.bot_version_id, %(language)s, %(question)s, %(key)s, %(telling)s, %(answer)s,
    %(sources)s::jsonb, %(confidence)s, CASE WHEN v.system_prompt ~ '\{\{\s*today\s*\}\}'
        THEN (date_trunc('day', %(asked)s AT TIME ZONE t.time_zone) + interval '1 day') AT TIME ZONE t.time_zone
        ELSE %(expires)s END
FROM runtime_session AS s
JOIN tenants_tenant AS t ON t.id = %(tenant)s
JOIN bots_botversion AS v ON v.tenant_id = %(tenant)s AND v.id = s.bot_version_id
LEFT JOIN catalog_customer AS c ON c.tenant_id = %(tenant)s AND c.id = s.customer_id
WHERE s.tenant_id = %(tenant)s AND s.id = %(session)s
    AND regexp_replace(v.system_prompt, '\{\{\s*(bot_name|business_name|language|today)\s*\}\}', '', 'g') !~ '\{\{'
    AND (coalesce(c.name, '') = '' OR strpos(text_fold(%(answer)s), text_fold(c.name)) = 0)
ON CONFLICT (tenant_id, bot_version_id, language, query_key) DO UPDATE SET query_text = excluded.query_text,
    telling_key = excluded.telling_key, response_text = excluded.response_text, sources = excluded.sources,
    confidence = excluded.confidence, expires_at = excluded.expires_at
"""


def _hash_of(hit: Hit) -> str:
    """The content hash of the text as it was found, as the search index makes it (``search_write``)."""
    return hashlib.sha256(f"{hit.title}\n{hit.body}".encode()).hexdigest()


_COUNT = """
WITH given AS (
    SELECT (source ->> 'id')::uuid AS id, count(*) AS times, max(d.created_at) AS last
    FROM runtime_decisionevent AS d, jsonb_array_elements(d.sources) AS source
    WHERE d.tenant_id = %(tenant)s AND d.tier = 'cache' AND source ->> 'kind' = 'answer' AND d.created_at <= %(until)s
        AND d.created_at > coalesce((SELECT max(counted_until) FROM runtime_semanticcacheentry WHERE tenant_id = %(tenant)s),
            '-infinity')
    GROUP BY 1
)
UPDATE runtime_semanticcacheentry AS e
SET hit_count = e.hit_count + given.times, last_hit_at = given.last, counted_until = %(until)s
FROM given WHERE e.tenant_id = %(tenant)s AND e.id = given.id
"""
_FORGET = (
    f"DELETE FROM runtime_semanticcacheentry AS e WHERE e.tenant_id = %(tenant)s AND (e.expires_at <= %(now)s OR {_CHANGED})"  # noqa: S608 - our own SQL
)
_SETTLED = timedelta(seconds=10)
"""A decision younger than this may stand in a transaction that is not seen yet: it is counted the next time."""


def sweep_cache() -> None:
    """Count, tenant by tenant, how often answers were given again, and delete those that can be given no more."""
    with platform_scope(reason="name the tenants that have cached answers"):
        tenants = list(
            SemanticCacheEntry.objects.filter(tenant__status=Tenant.Status.ACTIVE)
            .values_list("tenant_id", flat=True)
            .distinct()
        )
    random.shuffle(tenants)
    for tenant_id in tenants:
        with tenant_scope(tenant_id), connection.cursor() as cursor:
            now = timezone.now()
            cursor.execute(_COUNT, {"tenant": tenant_id, "until": now - _SETTLED})
            cursor.execute(_FORGET, {"tenant": tenant_id, "now": now})
