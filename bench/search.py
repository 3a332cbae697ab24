"""Search among fifty tenants that share all topics: recall, speed and its spread, for 200 to 50,000 offerings each.

Texts are sentences of the embedding model's own vocabulary, drawn by topic; they are indexed by the triggers and
embedded by the queue, as in production. Exact neighbours come from numpy, the floor of time from the plain statements
that row security allows. Filters by price, option and availability keep 1 % or 50 % of the offerings.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import connection

from bench.database import settle
from bench.result import Result, compared
from bench.shelves import fill_shelves
from catalog.search import Described, Filters, Only, search
from catalog.search.embedding import embed_due_texts
from catalog.search.query import numbers_literal, tsquery
from catalog.search.signs import signs_literal
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tenants.services import create_tenant
from tenants.text import STOP_WORDS
from vault.providers import offline

SIZES = {200: 45, 2_000: 3, 20_000: 1, 50_000: 1}
"""Offerings of a tenant: how many tenants have that many."""
TOPICS = 300
QUERIES = 40
TOP = 10

Numbers = np.ndarray


def run() -> list[Result]:
    """Build the tenants, ask every size of them, and return what was measured."""
    generator = np.random.default_rng(11)
    sentences = Sentences(generator)
    tenants = _tenants(sentences)
    results = []
    for size, tenant in tenants.items():
        with tenant_scope(tenant):
            results += _measure(size, [sentences.make() for _ in range(QUERIES)])
    return results


class Sentences:
    """Questions as shops have them: some words of one topic among the commonest words of the language."""

    def __init__(self, generator: np.random.Generator) -> None:
        vocabulary = (word.removeprefix("▁") for word in offline._load().tokenizer.get_vocab() if word[0] == "▁")
        self.words = np.array(sorted(word for word in vocabulary if word.isascii() and word.islower() and len(word) > 3))
        self.common = np.array(sorted(STOP_WORDS["en"]))
        self.generator = generator
        self.topics = generator.choice(self.words, (TOPICS, 40))

    def make(self) -> str:
        """Return one sentence."""
        topic = self.topics[self.generator.integers(TOPICS)]
        spoken = [self._some(topic, 5), self._some(self.common, 5), self._some(self.words, 1)]
        return " ".join(self.generator.permutation(np.concatenate(spoken)).tolist()) + "?"

    def _some(self, words: np.ndarray, how_many: int) -> np.ndarray:
        return words[self.generator.integers(len(words), size=how_many)]


def _tenants(sentences: Sentences) -> dict[int, Tenant]:
    """Fill all tenants; returns one of each size."""
    shown = {}
    for size, how_many in SIZES.items():
        for number in range(how_many):
            slug = f"bench-{size}-{number}"
            tenant = create_tenant(slug=slug, name="Bench", owner_email=f"owner@{slug}.example").tenant
            with tenant_scope(tenant):
                texts = [sentences.make() for _ in range(2 * size)]
                fill_shelves(texts[:size], texts[size:], generator=sentences.generator)
            if not number:
                settle()  # else the first of each size is written by the plans of empty tables
            shown[size] = tenant
    while embed_due_texts():
        pass
    settle()
    return shown


def _measure(size: int, queries: Sequence[str]) -> list[Result]:
    literals, vectors = [numbers_literal(row) for row in offline.embed(queries)], offline.embed(queries)
    recall, short = _recall(literals, vectors)
    exact = _spread(_exact, literals)
    nearest = _spread(_nearest, literals)
    whole = _spread(lambda query: search(query, kinds=["offering"], limit=TOP), queries)
    text, naive = _spread(_by_text, queries), _spread(_by_text_naively, queries)
    large = size > 5_000
    name = f"search, {size:,} offerings"
    results = [
        compared(f"{name}: recall@10 of exact", ours=recall, floor=1, limit=_recall_limit(size)),
        compared(f"{name}: share of full answers", ours=1 - short, floor=1, limit=">= 1"),
        compared(f"{name}: exact scan / nearest, ms", ours=exact[0], floor=nearest[0], limit=">= 5" if large else ">= 0.3"),
        compared(f"{name}: nearest, p95 / p50, ms", ours=nearest[1], floor=nearest[0], limit="<= 3"),
        compared(f"{name}: naive text / text, ms", ours=naive[0], floor=text[0], limit=">= 10" if large else ">= 0.3"),
        compared(f"{name}: whole search, p95 / p50, ms", ours=whole[1], floor=whole[0], limit="<= 3"),
    ]
    for label, filters in FILTERS.items():
        results += _filtered(f"{name}, {label}", size, filters, queries, literals, vectors)
    return results


def _recall_limit(size: int) -> str:
    return ">= 0.97" if size > 5_000 else ">= 0.99"


FILTERS = {
    "1 % by price": Filters(maximum=Decimal(10_000), currency="VND"),
    "1 % by option": Filters(described=[Described("grade", "7")]),
    "50 % by price": Filters(maximum=Decimal(500_000), currency="VND"),
    "50 % available": Filters(available=True),
}


def _filtered(
    name: str, size: int, filters: Filters, queries: Sequence[str], literals: Sequence[str | None], vectors: Numbers
) -> list[Result]:
    only = filters.only
    assert only is not None
    fitting = set(_rows(only.sql, only.params))
    recall, short = _recall(literals, vectors, fitting, only)
    took = _spread(lambda query: search(query, kinds=["offering"], limit=TOP, only=only), queries)
    return [
        compared(f"{name}: recall@10 of exact", ours=recall, floor=1, limit=_recall_limit(size)),
        compared(f"{name}: share of full answers", ours=1 - short, floor=1, limit=">= 1"),
        compared(f"{name}: whole search, p95 / p50, ms", ours=took[1], floor=took[0], limit="<= 3"),
    ]


def _recall(
    literals: Sequence[str | None], queries: Numbers, fitting: set[object] | None = None, only: Only | None = None
) -> tuple[float, float]:
    """Share of the true ten nearest (of those that fit) that are found, and share of answers with fewer than there are."""
    rows = _pairs("SELECT owner_id, embedding FROM catalog_searchvector WHERE embedding IS NOT NULL")
    rows = [row for row in rows if fitting is None or row[0] in fitting]
    owners = [row[0] for row in rows]
    stored = np.array([np.fromstring(row[1][1:-1], sep=",") if isinstance(row[1], str) else row[1] for row in rows])
    top = min(TOP, len(owners))
    found = [_nearest(literal, only)[:top] for literal in literals]
    best = [{owners[row] for row in np.argsort(-(stored @ query))[:top]} for query in queries]
    right = sum(len(mine & theirs) for mine, theirs in zip(map(set, found), best, strict=True))
    return right / (top * len(best)) if top else 1.0, sum(len(mine) < top for mine in found) / len(found)


def _spread(ask: Callable[[str], object], asked: Sequence[str | None]) -> tuple[float, float]:
    """Median and 95th percentile over the questions in milliseconds; of each the best of three, after a warm pass."""
    times = [min([_timed(ask, one or "") for _ in range(4)][1:]) for one in asked]
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def _timed(ask: Callable[[str], object], asked: str) -> float:
    begun = time.perf_counter()
    ask(asked)
    return (time.perf_counter() - begun) * 1000


def _pairs(sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def _rows(sql: str, params: Sequence[object]) -> list[object]:
    return [row[0] for row in _pairs(sql, params)]


CANDIDATES = "SELECT owner_id FROM search_candidates(%s, %s, %s, '{{offering}}', NULL, {owners}, 10, signs => %s)"


def _nearest(literal: str | None, only: Only | None = None) -> list[object]:
    owners = f"ARRAY({only.sql})" if only else "NULL"
    signs = signs_literal(np.fromstring((literal or "")[1:-1], dtype=np.float32, sep=","))
    return _rows(CANDIDATES.format(owners=owners), [None, literal, offline.MODEL, *(only.params if only else ()), signs])


def _by_text(query: str) -> list[object]:
    return _rows(CANDIDATES.format(owners="NULL"), [tsquery(query), None, offline.MODEL, None])


def _exact(literal: str | None) -> list[object]:
    return _rows(
        "SELECT owner_id FROM catalog_searchvector WHERE kind = 'offering' AND embedding IS NOT NULL "
        "ORDER BY embedding <#> (SELECT search_vector(%s::real[])) LIMIT 10",
        [literal],
    )


def _by_text_naively(query: str) -> list[object]:
    return _rows(
        "SELECT owner_id FROM catalog_searchtext, to_tsquery('simple', %s) AS words WHERE tsv @@ words "
        "ORDER BY ts_rank(tsv, words) DESC LIMIT 10",
        [" | ".join(query.rstrip("?").split())],
    )
