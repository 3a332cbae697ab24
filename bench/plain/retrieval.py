"""The peer's retrieval: the two nearest lists by the ORM, and the same scores over them as ours, so the same answers.

Tuned as far as the ORM goes: no column of vectors is fetched, every list is limited in the database. The bounds of a budget
are a sub-select.
"""

from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import Q, QuerySet
from pgvector.django import MaxInnerProduct

from catalog.models import SearchText, SearchVector, VariantPrice
from catalog.search.query import CANDIDATES, tsquery
from runtime.context import TurnContext
from runtime.found import Found
from vault.providers import offline


def find(context: TurnContext) -> None:
    """Look for what the tiers ask for, and let the context score it when they do."""
    subject = context.question.subject or context.message
    found = {"faq": (context.message, _search(context, "faq", context.message))}
    if context.has_budget:
        found["offering"] = (subject, _search(context, "offering", subject, owners=_affordable(context)))
        found["dearer"] = (subject, _search(context, "offering", subject))
    else:
        found["offering"] = (subject, _search(context, "offering", subject))
    context.__dict__["_looks"] = {look: (asked, None) for look, (asked, _rows) in found.items()}
    context.__dict__["_found"] = [Found(look, None, row) for look, (_asked, rows) in found.items() for row in rows]


def _affordable(context: TurnContext) -> QuerySet:
    question = context.question
    prices = VariantPrice.objects.filter(currency=question.currency)
    if question.min_price is not None:
        prices = prices.filter(amount__gte=question.min_price)
    if question.max_price is not None:
        prices = prices.filter(amount__lte=question.max_price)
    return prices.values("variant__offering_id")


def _search(context: TurnContext, kind: str, asked: str, owners: QuerySet | None = None) -> list[tuple[Any, ...]]:
    usable = Q(kind=kind) & (Q(bot_id=None) | Q(bot_id=context.bot_id))
    if owners is not None:
        usable &= Q(owner_id__in=owners)
    vectors = SearchVector.objects.filter(model=offline.MODEL, embedding__isnull=False)
    vectors = vectors.annotate(product=MaxInnerProduct("embedding", offline.embed([asked])[0]))
    near = dict(vectors.filter(usable).order_by("product").values_list("text_id", "product")[:CANDIDATES])
    best = _by_words(SearchText.objects.filter(usable), asked)
    near |= dict(vectors.filter(text_id__in=set(best) - set(near)).values_list("text_id", "product"))
    texts = SearchText.objects.defer("tsv").filter(pk__in={*near, *best})
    return [_row(text, near.get(text.pk)) for text in texts]


def _by_words(texts: QuerySet[SearchText], asked: str) -> list[UUID]:
    wanted = tsquery(asked)
    if wanted is None:
        return []
    query = SearchQuery(wanted, search_type="raw", config="simple")
    found = texts.filter(tsv=query).annotate(rank=SearchRank("tsv", query)).order_by("-rank", "-priority", "pk")
    return list(found.values_list("pk", flat=True)[:CANDIDATES])


def _row(text: Any, product: float | None) -> tuple[Any, ...]:
    similarity = None if product is None else -product
    return (text.kind, text.owner_id, text.title, text.body, text.language, text.priority, similarity, None)
