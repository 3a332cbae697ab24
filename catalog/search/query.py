"""Search in one round trip: the database brings the candidates of each kind, `scoring` says how likely each is right.

The question is embedded here: in the process, or by the server that the environment names. No ORM: a bot's turn waits for this.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db import connection

from catalog.search.naming import may_name, named, names_of
from catalog.search.phrases import Synonym, said_and_spelled, unit_synonyms
from catalog.search.scoring import Candidate, score
from catalog.search.signs import signs_literal
from tenants.scope import current_tenant_id
from tenants.text import STOP_WORDS, detect_language, words
from vault.providers.embeddings import Embedded, embed_question

COMPACT = 256
"""Numbers of a vector that is compared whole, by its compact copy; larger ones are narrowed by their signs first."""

CANDIDATES = 30
"""Taken of each kind, once by vector and once by text, before they are scored: with 50 `bench/quality.py` finds .001 more."""

_CANDIDATES = """
SELECT kind, owner_id, title, body, language, priority, similarity, synonyms
FROM search_candidates(%s, %s, %s, %s, %s, {owners}, %s, %s::text[], %s::text[], %s::bit varying)
"""

# A question is a sentence or two; what is longer is cut, not refused.
_QUERY_LENGTH = 2000
_QUERY_WORDS = 64
_WORD_LENGTH = 100
# Of which synonyms are looked for.
_SAID_LENGTH = 300

_NAMED = re.compile(r"%\((\w+)\)s")


class Hit(NamedTuple):
    """Something found. `score` is the confidence in [0, 1] that it answers.

    `parts` are vector, text and priority, and `synonyms`, the share of the text part that is owed to them, where the
    text holds any: those in `synonyms`. While `has_vector` is false the text waits for its vector and words alone count.
    """

    kind: str
    id: UUID
    title: str
    body: str
    language: str
    priority: int
    score: float
    parts: dict[str, float]
    synonyms: tuple[Synonym, ...] = ()
    has_vector: bool = True


class Only(NamedTuple):
    """A sub-select of owner ids that may be found, run under row security in the same statement."""

    sql: str
    params: Sequence[Any] = ()

    @classmethod
    def named(cls, sql: str, params: Mapping[str, Any]) -> "Only":
        """Return it from SQL with named parameters: whose statement it goes into has a list."""
        return cls(*_listed(sql, params))


class Statement(NamedTuple):
    """SQL that returns the candidates, for callers who send it together with their own."""

    sql: str
    params: list[Any]

    @classmethod
    def named(cls, sql: str, params: Mapping[str, Any]) -> "Statement":
        """Return it from SQL with named parameters."""
        return cls(*_listed(sql, params))


def _listed(sql: str, params: Mapping[str, Any]) -> tuple[str, list[Any]]:
    return _NAMED.sub("%s", sql), [params[name] for name in _NAMED.findall(sql)]


def search(
    query: str,
    *,
    kinds: Sequence[str],
    limit: int,
    bot_id: UUID | None = None,
    language: str | None = None,
    only: Only | None = None,
) -> list[Hit]:
    """Find what answers `query` among the tenant's texts of `kinds`, best first, in one round trip.

    `bot_id` leaves out what belongs to another bot; `language` ("vi", "en") comes first where two fit as well; `only`
    narrows the owners before any limit. A query without a word finds nothing. An offering whose code or SKU is the
    whole query comes first. Raises NoScope outside a tenant's scope.
    """
    asked = statement(query, kinds=kinds, bot_id=bot_id, only=only, at_least=limit)
    if asked is None:
        return []
    query = query.strip()
    is_name = "offering" in kinds and may_name(query)
    if is_name:
        asked = _with_named(asked, query, bot_id=bot_id, only=only)
    with connection.cursor() as cursor:
        cursor.execute(asked.sql, asked.params)
        rows = cursor.fetchall()
    if not is_name:
        return rank(query, rows, limit=limit, language=language)
    found = [row[:-1] for row in rows]
    names = {row[1] for row in rows if row[-1]} | names_of(found, query)
    once = list({row[1]: row for row in reversed(found)}.values())[::-1]
    return rank(query, once, limit=limit, language=language, names=names)


def _with_named(asked: Statement, query: str, *, bot_id: UUID | None, only: Only | None) -> Statement:
    """Return ``asked`` and, after its rows, those that ``query`` names; whether it does is one more column."""
    _words, vector, model, *_others = asked.params
    sql, params = named(query, vector=vector, model=model, bot_id=bot_id)
    within = f"AND t.owner_id IN ({only.sql})" if only else ""
    both = f"SELECT found.*, false FROM ({asked.sql}) AS found UNION ALL SELECT named.*, true FROM ({sql} {within}) AS named"  # noqa: S608 - our own SQL
    return Statement(both, [*asked.params, *params, *(only.params if only else ())])


def statement(
    query: str,
    *,
    kinds: Sequence[str],
    bot_id: UUID | None = None,
    only: Only | None = None,
    at_least: int = 0,
    embedded: Embedded | None = None,
) -> Statement | None:
    """Return the statement that fetches the candidates, `at_least` so many of those that fit; the synonyms with them.

    Who asks much at once hands in the vector of each question, `embedded`. None when `query` has no word to look for.
    Raises NoScope.
    """
    current_tenant_id()
    query = query[:_QUERY_LENGTH]
    wanted = tsquery(query)
    if wanted is None:
        return None
    owners = f"ARRAY({only.sql})" if only else "NULL"
    sql = _CANDIDATES.format(owners=owners)
    asked = embedded or embed_question(query, bot_id=bot_id)
    vector = asked.vectors[0]
    before = [
        wanted,
        numbers_literal(vector),
        asked.model,
        _texts_literal(kinds),
        bot_id,
        *(only.params if only else ()),
    ]
    signs = signs_literal(vector) if vector[COMPACT:].any() else None
    phrases = map(_texts_literal, said_and_spelled(query[:_SAID_LENGTH]))
    return Statement(sql, [*before, max(CANDIDATES, at_least), *phrases, signs])


def rank(
    query: str,
    rows: Iterable[Sequence[Any]],
    *,
    limit: int,
    language: str | None = None,
    names: Collection[UUID] = (),
) -> list[Hit]:
    """Score the rows that `statement` fetched and return the best `limit` as hits; `names` are owners named by `query`."""
    rows = list(rows)
    query = query[:_QUERY_LENGTH]
    synonyms = [*unit_synonyms(query), *(Synonym.read(one) for one in (rows[0][-1] or () if rows else ()))]
    candidates = [
        Candidate(number, kind, title, body, spoken, priority, similarity, is_named=bool(names) and owner_id in names)
        for number, (kind, owner_id, title, body, spoken, priority, similarity, _synonyms) in enumerate(rows)
    ]
    return [
        Hit(kind, rows[number][1], title, body, spoken, priority, sure, parts, used, similarity is not None)
        for (number, kind, title, body, spoken, priority, similarity, _is_named), sure, parts, used in score(
            query, candidates, synonyms, limit=limit, language=language
        )
    ]


def tsquery(query: str) -> str | None:
    """Return "any of these words" for PostgreSQL: folded, without stop words unless there is nothing else."""
    spoken = [word for word in dict.fromkeys(words(query)) if len(word) <= _WORD_LENGTH]
    stop = STOP_WORDS[detect_language(query)]
    telling = [word for word in spoken if word not in stop] or spoken
    # Letters and digits only, so quoting is enough.
    wanted = [f"'{word}'" for word in telling[:_QUERY_WORDS]]
    units = ["(" + " <-> ".join(f"'{word}'" for word in one.meant.split()) + ")" for one in unit_synonyms(query)]
    return " | ".join([*wanted, *units]) or None


def numbers_literal(vector: npt.NDArray[np.float32]) -> str | None:
    """Return the vector as a real[] without its padding, a fifth of the size; None when it has no direction."""
    filled = np.flatnonzero(vector)
    if not filled.size:
        return None
    length = int(filled[-1]) + 1
    return "{" + ("%.7g," * length % tuple(vector[:length].tolist()))[:-1] + "}"


def _texts_literal(texts: Iterable[str]) -> str:
    """Return names of ours, or words of a question with spaces between them, as a text[]: nothing in them is to be escaped. psycopg
    asks of each what it is, which took longer than all other parameters.
    """
    return "{" + ",".join([f'"{text}"' for text in texts]) + "}"
