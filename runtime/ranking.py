"""The texts found for a question, best first, by what they tell as well as by what they are about."""

from collections.abc import Sequence
from typing import Any

from catalog.search import Hit, rank
from runtime.understanding.coverage import Coverage
from runtime.understanding.evidence import evidence
from runtime.understanding.facets import asked_of, is_silent
from tenants.text import Language

COVERED = 0.6
"""Share of what is asked about from which a text answers in whatever words the rest is said."""

BARE = 0.6
"""What holding everything that is asked is worth without any likeness of meaning."""

BEHIND = 0.1
"""Share of what is asked about by which a text may fall behind one that is silent on the fact: what is meant is there, and not told."""

FAINT = 0.1
"""Score up to which it does not matter what else a text lacks."""

OWN_TITLE, OWN_LANGUAGE = 0.1, 0.1
"""What is added where the title itself asks for all of it, and where a text is in the customer's language: they settle near-ties."""


def rank_told(
    question: str, rows: Sequence[Sequence[Any]], *, coverage: Coverage, language: Language, is_written: bool
) -> list[Hit]:
    """Score the rows as ``rank`` does, and raise what holds all that is asked about; what is silent on the fact asked for has no score.

    ``is_written``: the titles are questions that somebody wrote an answer for, else headings. Of few passages the best leads by
    far, whatever it says: of those no score is above what speaks for it.
    """
    hits = rank(question, rows, limit=len(rows), language=language)
    if not hits:
        return hits
    texts = [f"{hit.title} {hit.body}" for hit in hits]
    shares = [coverage.share(text) for text in texts]
    silent = _silent(question, hits)
    most = max((share for share, none in zip(shares, silent, strict=True) if none), default=0.0) - BEHIND
    told = []
    for hit, text, share, none in zip(hits, texts, shares, silent, strict=True):
        score = 0.0 if none or share < most else _score(hit, text, share, coverage, language, is_written)
        told.append((score * (1 - coverage.lacks(text)) if score > FAINT else score, hit._replace(score=score)))
    told.sort(key=lambda one: -one[0])
    return [hit for _worth, hit in told]


def _silent(question: str, hits: Sequence[Hit]) -> list[bool]:
    if not asked_of(question):
        return [False] * len(hits)
    return [is_silent(question, title=hit.title, body=hit.body) for hit in hits]


def _score(hit: Hit, text: str, share: float, coverage: Coverage, language: Language, is_written: bool) -> float:
    speaks = evidence(share, hit, language)
    score = hit.score if is_written else min(hit.score, speaks)
    if share >= COVERED and coverage.is_told_by(text):
        settling = OWN_TITLE * coverage.share(hit.title) + OWN_LANGUAGE * (hit.language[:2] in ("", language))
        score = max(
            score,
            share * (BARE + (1 - BARE - OWN_TITLE - OWN_LANGUAGE) * min(max(hit.parts["vector"], 0.0), 1.0) + settling),
        )
    return score
