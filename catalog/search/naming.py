"""A query that names one thing: a SKU or an offering's code typed as the whole query, in upper or lower case."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from tenants.scope import current_tenant_id

LONGEST = 255
"""A SKU or code has no more letters."""

NAMED = """
SELECT t.kind::text, t.owner_id, t.title, t.body, t.language::text, t.priority,
    (-(v.embedding <#> search_vector(%s::real[])))::real AS similarity, NULL::text[] AS synonyms
FROM catalog_searchtext AS t
LEFT JOIN catalog_searchvector AS v
    ON v.tenant_id = t.tenant_id AND v.text_id = t.id AND v.model = %s AND v.content_hash = t.content_hash
WHERE t.tenant_id = %s AND t.kind = 'offering' AND t.owner_id IN (
    SELECT offering_id FROM catalog_variant WHERE tenant_id = %s AND status = 'active' AND sku = ANY (%s)
    UNION SELECT id FROM catalog_offering WHERE tenant_id = %s AND code = ANY (%s)
) AND (%s::uuid IS NULL OR t.bot_id IS NULL OR t.bot_id = %s)
"""
"""The offerings so named that are on sale, as ``search_candidates`` returns them. Equality only: row security keeps
anything else, such as ``lower``, from using the index."""


def may_name(query: str) -> bool:
    """Whether ``query`` can be a SKU or code: one word, with signs in it or not."""
    return 0 < len(query) <= LONGEST and len(query.split()) == 1 and "\0" not in query


def named(query: str, *, vector: str | None, model: str, bot_id: UUID | None) -> tuple[str, list[Any]]:
    """Return SQL and parameters that fetch the offerings whose code, or a variant's SKU, is ``query``."""
    tenant, spelled = current_tenant_id(), _spelled(query)
    return NAMED, [vector, model, tenant, tenant, spelled, tenant, spelled, bot_id, bot_id]


def _spelled(query: str) -> list[str]:
    return list(dict.fromkeys([query, query.upper(), query.lower()]))


def lists_sku(body: str, query: str) -> bool:
    """Whether a line of an offering's text begins with ``query``, as that of a variant does with its SKU, in any case.

    Only what has a digit is told from an ordinary word so.
    """
    return query.casefold() in _skus_in(body)


@lru_cache(maxsize=4096)
def _skus_in(body: str) -> frozenset[str]:
    """Return what may be a SKU at the beginning of a line. Kept: the same offerings are found again and again."""
    first = (line.casefold().split(" ", 1)[0] for line in body.splitlines())
    return frozenset(one for one in first if any(map(str.isdigit, one)))


def names_of(rows: Sequence[Sequence[Any]], query: str) -> set[UUID]:
    """Return the owners among the candidates in ``rows`` that list ``query`` as a SKU."""
    return {owner_id for kind, owner_id, _title, body, *_rest in rows if kind == "offering" and lists_sku(body, query)}
