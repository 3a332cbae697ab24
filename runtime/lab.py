"""The retrieval lab: what a bot finds for a question, what it would answer with, and how it does on all marked questions."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from bots.marks import mark_key
from bots.models import Bot, BotVersion, RetrievalMark
from catalog.search import Hit
from runtime.context import TurnContext
from runtime.models import Tier
from runtime.rehearsal import Rehearsed, open_stage, rehearse
from runtime.tiers.catalog import meant

KINDS = ("faq", "document", "offering")
OF_EACH_KIND = 5
"""Hits on the page."""
MOST = 200
"""Marked questions that are asked again at once, the ones marked last: each takes some milliseconds."""
IN_FRONT = 5


@dataclass(frozen=True)
class Found:
    """A hit in its place among all kinds. ``passes``: it would be answered with, were it the best; ``is_used``: it is."""

    rank: int
    hit: Hit
    passes: bool
    is_used: bool
    is_right: bool | None
    """What it was marked as; None: it was not."""


@dataclass(frozen=True)
class Looked:
    """A question, what would answer it, and all that was found, best first."""

    question: str
    rehearsed: Rehearsed
    found: list[Found]
    is_unanswerable: bool
    """Whether it was marked as a question that nothing answers."""


@dataclass(frozen=True)
class Missed:
    """A marked question with which the bot does not do what it was marked with."""

    question: str
    should_answer: bool
    tier: Tier


@dataclass
class Summary:
    """How the bot does on its marked questions, all asked again: of ``marked`` questions the ``asked`` marked last."""

    marked: int = 0
    asked: int = 0
    answerable: int = 0
    first: int = 0
    in_front: int = 0
    answered: int = 0
    """Answered with what was marked right."""
    unanswerable: int = 0
    refused: int = 0
    missed: list[Missed] = field(default_factory=list)


def look(bot: Bot, question: str, *, version: BotVersion | None = None, language: str = "") -> Looked:
    """Ask a question as a customer would who has said nothing before; nothing is stored. The rest as in ``open_stage``."""
    rehearsed = rehearse(open_stage(bot, version=version, language=language), question)
    marks = {
        (mark.kind, str(mark.source_id or "")): mark.is_right
        for mark in RetrievalMark.objects.filter(bot=bot, question_key=mark_key(question))
    }
    used = rehearsed.answers_from
    passing = passing_of(rehearsed.context)
    found = [
        Found(rank, hit, _key(hit) in passing, _key(hit) in used, marks.get(_key(hit)))
        for rank, hit in enumerate(all_hits(rehearsed.context), start=1)
    ]
    return Looked(question, rehearsed, found, ("", "") in marks)


def all_hits(context: TurnContext, of_each: int = OF_EACH_KIND) -> list[Hit]:
    """Return what the turn's one look-up found of each kind, best first."""
    hits = [hit for kind in KINDS for hit in context.hits.get(kind, ())[:of_each]]
    return sorted(hits, key=lambda hit: -hit.score)


def passing_of(context: TurnContext) -> set[tuple[str, str]]:
    """Return the hits that fit well enough: texts by the threshold of their kind, offerings as the catalogue chooses them."""
    texts = [hit for kind in ("faq", "document") for hit in context.hits.get(kind, ()) if context.is_sure_of(hit)]
    return {_key(hit) for hit in [*texts, *meant(context)]}


def _key(hit: Hit) -> tuple[str, str]:
    return hit.kind, str(hit.id)


def run_again(bot: Bot, *, version: BotVersion | None = None) -> Summary:
    """Ask the marked questions again, of this version or the active one, and count what becomes of them."""
    by_question: defaultdict[str, list[RetrievalMark]] = defaultdict(list)
    for mark in RetrievalMark.objects.about(bot):
        by_question[mark.question_key].append(mark)
    asked, stage = list(by_question.values())[:MOST], open_stage(bot, version=version)
    summary = Summary(marked=len(by_question), asked=len(asked))
    for marks in asked:
        _count(summary, marks, rehearse(stage, marks[0].question))
    return summary


def _count(summary: Summary, marks: Sequence[RetrievalMark], rehearsed: Rehearsed) -> None:
    right = {(mark.kind, str(mark.source_id)) for mark in marks if mark.is_right}
    wrong = {(mark.kind, str(mark.source_id)) for mark in marks if mark.source_id and not mark.is_right}
    is_fine = True
    if right:
        right = _as_right(right, rehearsed.context)
        places = [place for place, hit in enumerate(all_hits(rehearsed.context)) if _key(hit) in right]
        is_fine = bool(right & rehearsed.answers_from)
        summary.answerable += 1
        summary.first += 0 in places
        summary.in_front += any(place < IN_FRONT for place in places)
        summary.answered += is_fine
    elif any(mark.source_id is None for mark in marks):
        is_fine = not rehearsed.answers_from
        summary.unanswerable += 1
        summary.refused += is_fine
    else:
        is_fine = not wrong & rehearsed.answers_from
    if not is_fine:
        summary.missed.append(Missed(marks[0].question, bool(right), rehearsed.tier))


def _as_right(right: set[tuple[str, str]], context: TurnContext) -> set[tuple[str, str]]:
    """Return also the FAQs that give the answer of one that was marked right, in another wording."""
    faqs = context.hits.get("faq", ())
    answers = {hit.body for hit in faqs if _key(hit) in right}
    return right | {_key(hit) for hit in faqs if hit.body in answers}
