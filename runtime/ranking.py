"""The texts found for a question, best first, by what they tell as well as by what they are about."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from catalog.search import Hit, rank
from runtime.understanding.evidence import evidence
from runtime.understanding.facets import asked_of, is_silent
from tenants.text import Language

LOOKED_AT = 5
"""Hits among which the one may be that a question means."""


def rank_told(question: str, rows: Sequence[Sequence[Any]], *, limit: int, language: Language) -> list[Hit]:
    """Score the rows as ``rank`` does, where the question asks for a kind of fact only those that tell one.

    Those that are silent on it follow without a score. In Vietnamese, where vectors mean little, one of them for which more speaks
    than for all that tell it says that what is meant is not told.
    """
    hits = rank(question, rows, limit=limit, language=language)
    if not hits or not asked_of(question):
        return hits
    silent = [hit for hit in hits if is_silent(question, title=hit.title, body=hit.body)]
    told = [hit for hit in hits if hit not in silent]
    if told and hits[0] in silent:
        left_out = {hit.id for hit in silent}
        told = rank(question, [row for row in rows if row[1] not in left_out], limit=limit, language=language)
    told = _meant_first(question, told, language)
    if language == "vi" and told and _most(question, silent) > evidence(question, told[0]):
        silent, told = [*told, *silent], []
    return [*told, *(replace(hit, score=0.0) for hit in silent)][:limit]


def _most(question: str, hits: list[Hit]) -> float:
    return max((evidence(question, hit) for hit in hits[:LOOKED_AT]), default=0.0)


def _meant_first(question: str, hits: list[Hit], language: Language) -> list[Hit]:
    """Let the best hit change places with one for which as much speaks and that is written for such a question; in Vietnamese
    with whichever most speaks for.
    """
    if len(hits) < 2:
        return hits
    best, speaks, wanted = hits[0], evidence(question, hits[0]), asked_of(question)
    if language == "vi":
        rivals = [hit for hit in hits[:LOOKED_AT] if evidence(question, hit) > speaks]
    elif wanted & asked_of(best.title):
        return hits
    else:
        rivals = [hit for hit in hits[1:LOOKED_AT] if wanted & asked_of(hit.title) and evidence(question, hit) >= speaks]
    if not rivals:
        return hits
    rival = max(rivals, key=lambda hit: evidence(question, hit))
    swapped = {best.id: replace(best, score=rival.score), rival.id: replace(rival, score=best.score)}
    return sorted((swapped.get(hit.id, hit) for hit in hits), key=lambda hit: -hit.score)
