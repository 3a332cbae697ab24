"""The peer's retrieval: the two nearest lists by the ORM, and the same scores over them as ours, so the same answers.

Tuned as far as the ORM goes: no column of vectors is fetched, every list is limited in the database. The bounds of a budget
are a sub-select.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import Q, QuerySet
from pgvector.django import MaxInnerProduct

from catalog.models import SearchText, SearchVector, VariantPrice
from catalog.search import Hit, rank
from catalog.search.query import CANDIDATES, tsquery
from runtime.context import HITS, TurnContext
from vault.providers import offline


def find(context: TurnContext) -> dict[str, list[Hit]]:
    """Return what fits, best first, under the names that the tiers ask for."""
    subject = context.question.subject or context.message
    hits = {"faq": _search(context, "faq", context.message)}
    if not context.has_budget:
        return {**hits, "offering": _search(context, "offering", subject)}
    within = _search(context, "offering", subject, owners=_affordable(context))
    return {**hits, "offering": within, "dearer": _search(context, "offering", subject)}


def _affordable(context: TurnContext) -> QuerySet:
    question = context.question
    prices = VariantPrice.objects.filter(currency=question.currency)
    if question.min_price is not None:
        prices = prices.filter(amount__gte=question.min_price)
    if question.max_price is not None:
        prices = prices.filter(amount__lte=question.max_price)
    return prices.values("variant__offering_id")


def _search(context: TurnContext, kind: str, asked: str, owners: QuerySet | None = None) -> list[Hit]:
    usable = Q(kind=kind) & (Q(bot_id=None) | Q(bot_id=context.bot_id))
    if owners is not None:
        usable &= Q(owner_id__in=owners)
    vectors = SearchVector.objects.filter(model=offline.MODEL, embedding__isnull=False)
    vectors = vectors.annotate(product=MaxInnerProduct("embedding", offline.embed([asked])[0]))
    near = dict(vectors.filter(usable).order_by("product").values_list("text_id", "product")[:CANDIDATES])
    best = _by_words(SearchText.objects.filter(usable), asked)
    near |= dict(vectors.filter(text_id__in=set(best) - set(near)).values_list("text_id", "product"))
    texts = SearchText.objects.defer("tsv").filter(pk__in={*near, *best})
    rows = [_row(text, near.get(text.pk)) for text in texts]
    return rank(asked, rows, limit=HITS, language=context.question.language)


def _by_words(texts: QuerySet[SearchText], asked: str) -> list[UUID]:
    wanted = tsquery(asked)
    if wanted is None:
        return []
    query = SearchQuery(wanted, search_type="raw", config="simple")
    found = texts.filter(tsv=query).annotate(rank=SearchRank("tsv", query)).order_by("-rank", "-priority", "pk")
    return list(found.values_list("pk", flat=True)[:CANDIDATES])


def _row(text: Any, product: float | None) -> Sequence[Any]:
    similarity = None if product is None else -product
    return (text.kind, text.owner_id, text.title, text.body, text.language, text.priority, similarity, None)
