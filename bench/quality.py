"""Does the search find the answer more often than what it is made of?

Public questions (`bench.scoring` reads them, and fits the constants of the score on other questions than these) are asked
of real rows, indexed by the triggers and embedded by the queue, through `catalog.search.search`. Beside it, over the same
texts in the same run: PostgreSQL's own full text as a Django project uses it, the cosine of the offline embedding, and
BM25 (the library bm25s) on words and on grams of 3 and 4 letters, all of them on text without diacritics.

For each way: right among the first 1 or 5; of clinc150 the share of questions that are answered, and rightly, when the
score that is asked for refuses 80 % of the questions that nothing answers.
"""

import hashlib
import logging
import math
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import bm25s
import numpy as np
from django.db import connection

from bench.database import settle
from bench.result import Result
from bench.scoring import Entry, load
from bots.calibration import judge
from bots.models import Bot, Faq, KnowledgeChunk, KnowledgeCollection, KnowledgeDocument
from bots.thresholds import choose_threshold
from catalog.search import ANSWER_THRESHOLD, search
from catalog.search.embedding import embed_due_texts
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tenants.services import create_tenant
from tenants.text import fold, words
from vault.providers.offline import embed

QUESTIONS, SEED = 1000, 7
"""Of each set so many questions are asked, or all where there are fewer."""
FOUND = 5
REFUSED = 0.8
WORSE = 0.01
"""How far ours may fall behind the best part on one set."""

Found = list[tuple[str, float]]
"""The labels of what was found and their scores, best first."""
Ask = Callable[[str], Found]
Question = tuple[str, str | None]


@dataclass(frozen=True)
class Trial:
    """One set: what it is asked and what it holds. `unknown` are questions that nothing of it answers."""

    name: str
    entries: list[Entry]
    questions: list[Question]
    unknown: list[Question]


def run() -> list[Result]:
    """Ask all sets in every way, print the table, and hold ours against the best of the others."""
    folder = Path(os.environ.get("BACKROOM_TEST_DATA", "")) / "faq"
    if not folder.is_dir():
        print("bench: quality skipped, since BACKROOM_TEST_DATA names no folder with the public question sets (faq)")
        return []
    figures: dict[str, dict[str, float]] = {}
    trials = _trials(folder)
    for trial, tenant in zip(trials, _tenants(trials), strict=True):
        with tenant_scope(tenant):
            figures |= _measure(trial)
    means = {way: sum(row[way] for row in figures.values()) / len(figures) for way in next(iter(figures.values()))}
    show({**figures, "mean": means})
    results = [_result(name, row, ahead=-WORSE if "refused" not in name else 0) for name, row in figures.items()]
    return [*results, _result("mean", means, ahead=0)]


def _trials(folder: Path) -> list[Trial]:
    """The sets with the questions that the score was not fitted on."""
    sets = load(folder)
    names = ("banking77, 10 examples", "clinc150", "XQuAD English", "XQuAD Vietnamese", "XQuAD Vietnamese, no diacritics")
    trials = []
    for name in names:
        entries, asked = sets[name]
        unseen = asked[1::2]
        questions = [question for question in unseen if question[1] is not None]
        if name.startswith("banking77"):
            questions += _rest(sets["banking77, all examples"][0], entries)
        sample = random.Random(SEED).sample(questions, min(QUESTIONS, len(questions)))
        unknown = [question for question in unseen if question[1] is None] if name == "clinc150" else []
        trials.append(Trial(name, entries, sample, unknown))
    return trials


def _rest(everything: Sequence[Entry], indexed: Sequence[Entry]) -> list[Question]:
    kept = {entry.text for entry in indexed}
    return [(entry.text, entry.label) for entry in everything if entry.text not in kept]


def _measure(trial: Trial) -> dict[str, dict[str, float]]:
    """Name of the measure -> way -> its figure."""
    ways = {
        "ours": _ours(trial.entries),
        "full text": _full_text(trial.entries),
        "vector": _vector(trial.entries),
        "BM25 words": _bm25(trial.entries, words),
        "BM25 grams": _bm25(trial.entries, _grams),
    }
    answers = {way: [ask(text) for text, _ in trial.questions] for way, ask in ways.items()}
    unknown = {way: [ask(text) for text, _ in trial.unknown] for way, ask in ways.items()}
    print(f"quality: {trial.name}: {len(trial.questions)} questions (seed {SEED}), {len(trial.entries)} texts")
    if trial.unknown:
        _show_threshold(trial, answers["ours"], unknown["ours"])
        return {f"{trial.name}: right at {REFUSED:.0%} refused": _each(answers, trial, unknown=unknown)}
    if trial.entries[0].kind == "document":
        return {f"{trial.name}: recall@5": _each(answers, trial, first=5)}
    return {f"{trial.name}: top-{first}": _each(answers, trial, first=first) for first in (1, FOUND)}


def _each(
    answers: dict[str, list[Found]], trial: Trial, *, first: int = 1, unknown: dict[str, list[Found]] | None = None
) -> dict[str, float]:
    floors = {way: _refusing(found) for way, found in unknown.items()} if unknown else dict.fromkeys(answers, -math.inf)
    return {way: _right(trial, found, first=first, above=floors[way]) for way, found in answers.items()}


def _right(trial: Trial, answers: Sequence[Found], *, first: int, above: float = -math.inf) -> float:
    """Share of the questions with their label among the `first` found that score higher than `above`."""
    hits = [
        any(label == wanted and score > above for label, score in found[:first])
        for (_, wanted), found in zip(trial.questions, answers, strict=True)
    ]
    return sum(hits) / len(hits)


def _refusing(unknown: Sequence[Found]) -> float:
    """The score that must be exceeded so that at least `REFUSED` of these questions are refused."""
    best = sorted(found[0][1] if found else -math.inf for found in unknown)
    return best[math.ceil(REFUSED * len(best)) - 1]


def _show_threshold(trial: Trial, answers: Sequence[Found], unknown: Sequence[Found]) -> None:
    """What the platform's threshold does, and the one that a bot would calibrate from these texts alone."""
    bot = Bot.objects.create(code="calibrated", name="Calibrated")
    calibrated = choose_threshold(judge(trial.entries[0].kind, bot.pk))
    thresholds = {"default": ANSWER_THRESHOLD} | ({"calibrated": calibrated.threshold} if calibrated else {})
    for name, threshold in thresholds.items():
        refused = sum(not found or found[0][1] < threshold for found in unknown) / len(unknown)
        kept = _right(trial, answers, first=1, above=threshold)
        print(
            f"quality: {trial.name}: {len(unknown)} questions that nothing answers; the {name} threshold, {threshold},"
            f" refuses {refused:.2f} of them and answers {kept:.3f} of the others rightly"
        )


def _tenants(trials: Sequence[Trial]) -> list[Tenant]:
    """A tenant for each set, that holds its texts and their vectors."""
    tenants = []
    for number, trial in enumerate(trials):
        slug = f"quality-{number}"
        tenants.append(create_tenant(slug=slug, name="Bench", owner_email=f"owner@{slug}.example").tenant)
        with tenant_scope(tenants[-1]):
            _index(trial.entries)
    while embed_due_texts():
        pass
    settle()
    return tenants


def _index(entries: Sequence[Entry]) -> None:
    """Write the texts as a tenant's FAQs, where those with one label share their answer, or as its documents."""
    passages = [entry for entry in entries if entry.kind == "document"]
    Faq.objects.bulk_create(
        Faq(question=entry.text, answer=_name(entry), language=entry.language) for entry in entries if entry.kind == "faq"
    )
    collection = KnowledgeCollection.objects.create(code="passages", name="Passages")
    documents = KnowledgeDocument.objects.bulk_create(
        KnowledgeDocument(
            collection=collection, name=_name(entry), content=entry.text, language=entry.language, status="indexed"
        )
        for entry in passages
    )
    KnowledgeChunk.objects.bulk_create(
        KnowledgeChunk(
            document=document, position=0, text=entry.text, content_hash=hashlib.sha256(entry.text.encode()).digest()
        )
        for document, entry in zip(documents, passages, strict=True)
    )


def _name(entry: Entry) -> str:
    """What a label is written as: it shares no word with any question, so that it helps nobody to find it."""
    return f"\u2460{entry.label}"


def _ours(entries: Sequence[Entry]) -> Ask:
    kind = entries[0].kind
    labels = {entry.text: entry.label for entry in entries}

    def ask(text: str) -> Found:
        hits = search(text, kinds=[kind], limit=FOUND)
        return [(labels[hit.body if kind == "document" else hit.title], hit.score) for hit in hits]

    return ask


_RANK = """
SELECT row, ts_rank(words, query) AS rank FROM bench_text, to_tsquery(%s::regconfig, %s) AS query
WHERE words @@ query ORDER BY rank DESC, row LIMIT %s
"""


def _full_text(entries: Sequence[Entry]) -> Ask:
    """`ts_rank` over any of the words, with the stems and stop words of the texts' language where PostgreSQL has them."""
    configuration = "english" if entries[0].language == "en" else "simple"
    rows = [(row, configuration, fold(entry.text)) for row, entry in enumerate(entries)]
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_text")
        cursor.execute("CREATE TEMPORARY TABLE bench_text (row int, words tsvector)")
        cursor.executemany("INSERT INTO bench_text VALUES (%s, to_tsvector(%s::regconfig, %s))", rows)
        cursor.execute("CREATE INDEX ON bench_text USING gin (words)")

    def ask(text: str) -> Found:
        with connection.cursor() as cursor:
            cursor.execute(_RANK, [configuration, " | ".join(words(text)), FOUND])
            return [(entries[row].label, rank) for row, rank in cursor.fetchall()]

    return ask


def _vector(entries: Sequence[Entry]) -> Ask:
    stored = embed([entry.text for entry in entries])
    return lambda text: _best(entries, stored @ embed([text])[0])


def _bm25(entries: Sequence[Entry], cut: Callable[[str], list[str]]) -> Ask:
    logging.getLogger("bm25s").setLevel(logging.ERROR)  # it sets itself to tell everything
    index = bm25s.BM25()
    index.index([cut(entry.text) for entry in entries], show_progress=False)
    return lambda text: _best(entries, index.get_scores(cut(text)))


def _grams(text: str) -> list[str]:
    padded = [f" {word} " for word in words(text)]
    return [word[start : start + size] for word in padded for size in (3, 4) for start in range(len(word) - size + 1)]


def _best(entries: Sequence[Entry], scores: np.ndarray) -> Found:
    return [(entries[row].label, float(scores[row])) for row in np.argsort(-scores, kind="stable")[:FOUND]]


def _result(name: str, row: dict[str, float], *, ahead: float) -> Result:
    """Ours, the best of the parts, and how far ours is before it: more than `ahead`, or as much where that is below 0."""
    best = max(figure for way, figure in row.items() if way != "ours")
    lead = row["ours"] - best
    passed, limit = (lead >= ahead, f">= {ahead:g}") if ahead else (lead > 0, "> 0")
    return Result(f"quality, {name}: lead", row["ours"], best, lead, limit, passed)


def show(figures: dict[str, dict[str, float]]) -> None:
    """Print every way side by side."""
    ways = list(next(iter(figures.values())))
    print(f"{'quality':55}" + "".join(f"{way:>12}" for way in ways))
    for name, row in figures.items():
        print(f"{name:55}" + "".join(f"{row[way]:12.3f}" for way in ways))
