"""How good are the answers? Fits and reports the constants of `catalog.search.scoring`.

    BACKROOM_TEST_DATA=<folder> python -m bench.scoring          report, on the half of the questions not fitted on
    BACKROOM_TEST_DATA=<folder> python -m bench.scoring --fit    print new WEIGHTS from the other half

Public sets in `<folder>/faq`: banking77 (1, 10 or all examples of an intent are the FAQs, the rest asks), clinc150
(with out-of-scope questions), XQuAD (passages; Vietnamese asked without diacritics; each language asked in the other).
Candidates are found as the SQL does: the 50 nearest vectors and the 50 best OR matches of words, no idf.
"""

import csv
import json
import os
import random
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import django
import numpy as np

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()  # before the models, which come with the search

from catalog.search import scoring
from catalog.search.scoring import ANSWER_THRESHOLD, Candidate, Floats, Relation, Shape, Weights
from tenants.text import STOP_WORDS, detect_language, fold, words
from vault.providers.offline import embed

FOUND_PER_WAY = 50
# Of so many questions one asks a corpus without its answer.
HIDDEN_EVERY = 5
SHARED = ", shared answers"


@dataclass(frozen=True)
class Entry:
    """One FAQ or passage of a test set, with the label of what it answers."""

    kind: str
    text: str
    language: str
    label: str


@dataclass(frozen=True)
class Asked:
    """One question with its candidates; `right` says which of them answer it, `label` None that nothing should."""

    text: str
    label: str | None
    candidates: list[Candidate]
    right: np.ndarray


class Corpus:
    """The entries of one tenant, searchable as the SQL searches them."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.vectors = embed([entry.text for entry in entries])[:, :256]
        spoken = [words(entry.text) for entry in entries]
        self.lengths = np.array([len(said) for said in spoken])
        self.holders: defaultdict[str, list[int]] = defaultdict(list)
        for row, said in enumerate(spoken):
            for word in set(said):
                self.holders[word].append(row)

    def ask(self, text: str, label: str | None) -> Asked:
        similarities = self.vectors @ embed([text])[0, :256]
        matches = np.zeros(len(self.entries))
        spoken = set(words(text))
        for word in spoken - STOP_WORDS[detect_language(text)] or spoken:
            matches[self.holders.get(word, [])] += 1
        ranks = matches / (1 + np.log(np.maximum(self.lengths, 1)))
        by_text = [row for row in np.argsort(-ranks, kind="stable")[:FOUND_PER_WAY] if ranks[row] > 0]
        rows = sorted({*np.argsort(-similarities)[:FOUND_PER_WAY].tolist(), *map(int, by_text)})
        found = [self._candidate(row, float(similarities[row])) for row in rows]
        return Asked(text, label, found, np.array([self.entries[row].label == label for row in rows]))

    def _candidate(self, row: int, similarity: float) -> Candidate:
        entry = self.entries[row]
        passage = entry.kind == "document"
        title, body = ("", entry.text) if passage else (entry.text, "")
        return Candidate(row, entry.kind, title, body, entry.language, 0, similarity)


def with_answers(asked: Asked, entries: list[Entry]) -> Asked:
    """The same question where wordings of one intent share one answer, as FAQs of a shop do."""
    # A text that shares no gram with any question, so that only its sameness can help.
    found = [one._replace(body=f"\u2460{hash(entries[int(str(one.key))].label)}") for one in asked.candidates]
    return replace(asked, candidates=found)


def without_answer(asked: Asked) -> Asked:
    """The same question to a corpus that lacks its answer: the hardest kind of out of scope."""
    kept = [one for one, right in zip(asked.candidates, asked.right, strict=True) if not right]
    return Asked(asked.text, None, kept, np.zeros(len(kept), dtype=bool))


def load(folder: Path) -> dict[str, tuple[list[Entry], list[tuple[str, str | None]]]]:
    """Name of the set -> its entries and its questions with their labels."""
    sets = {**_banking(folder), **_clinc(folder), **_xquad(folder)}
    outside = [question for question in sets["clinc150"][1] if question[1] is None]
    for name, (_, questions) in sets.items():
        if name.startswith("banking77"):
            questions += outside
    return sets


def _banking(folder: Path) -> dict[str, tuple[list[Entry], list[tuple[str, str | None]]]]:
    with (folder / "banking77_train.csv").open(encoding="utf-8") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    random.Random(7).shuffle(rows)
    asked, examples = rows[:1200], defaultdict(list)
    for text, label in rows[1200:]:
        examples[label].append(text)
    sizes = {"banking77, 1 example": 1, "banking77, 10 examples": 10, "banking77, all examples": None}
    return {
        name: ([Entry("faq", text, "en", label) for label in examples for text in examples[label][:size]], list(asked))
        for name, size in sizes.items()
    }


def _clinc(folder: Path) -> dict[str, tuple[list[Entry], list[tuple[str, str | None]]]]:
    data = json.loads((folder / "clinc150_small_train_val_oos.json").read_text(encoding="utf-8"))
    asked: list[tuple[str, str | None]] = [(text, label) for text, label in data["val"]]
    random.Random(7).shuffle(asked)
    outside: list[tuple[str, str | None]] = [(text, None) for text, _ in data["oos_val"] + data["oos_train"]]
    entries = [Entry("faq", text, "en", label) for text, label in data["train"]]
    small = list({entry.label: entry for entry in entries}.values())[::2]
    kept = {entry.label for entry in small}
    few: list[tuple[str, str | None]] = [(text, label if label in kept else None) for text, label in asked[1200:2000]]
    return {"clinc150": (entries, asked[:1200] + outside), "clinc150, 75 entries": (small, few + outside)}


def _xquad(folder: Path) -> dict[str, tuple[list[Entry], list[tuple[str, str | None]]]]:
    passages: dict[str, list[Entry]] = {}
    asked: dict[str, list[tuple[str, str | None]]] = {}
    for language in ("en", "vi"):
        articles = json.loads((folder / f"xquad.{language}.first24.json").read_text(encoding="utf-8"))["data"]
        texts = [passage for article in articles for passage in article["paragraphs"]]
        passages[language] = [Entry("document", text["context"], language, str(row)) for row, text in enumerate(texts)]
        asked[language] = [(one["question"], str(row)) for row, text in enumerate(texts) for one in text["qas"]]
    bare = [(fold(text), label) for text, label in asked["vi"]]
    return {
        "XQuAD English": (passages["en"], asked["en"]),
        "XQuAD Vietnamese": (passages["vi"], asked["vi"]),
        "XQuAD Vietnamese, no diacritics": (passages["vi"], bare),
        "XQuAD English asks Vietnamese": (passages["vi"], asked["en"]),
        "XQuAD Vietnamese asks English": (passages["en"], bare),
    }


FITTED_ON: dict[tuple[Shape, Relation], tuple[str, ...]] = {
    ("question", "en"): (
        "banking77, 1 example",
        "banking77, 10 examples",
        "banking77, all examples",
        "clinc150",
        "clinc150, 75 entries",
    ),
    ("passage", "en"): ("XQuAD English",),
    ("passage", "vi"): ("XQuAD Vietnamese, no diacritics",),
    ("passage", "cross"): ("XQuAD English asks Vietnamese", "XQuAD Vietnamese asks English"),
}


def fit(groups: list[list[Asked]]) -> Weights:
    """Evidence by ranking, then calibration by logistic regression, over sets that count the same."""
    evidence = _fit_ranking([[asked for asked in group if asked.right.any()] for group in groups])
    features, right, share = [], [], []
    for group in groups:
        rows = [row for number, asked in enumerate(group) for row in _calibration_rows(_hidden(asked, number), evidence)]
        features += [row[0] for row in rows]
        right += [row[1] for row in rows]
        share += [1 / len(rows)] * len(rows)
    slope, margin, offset = _logistic(np.array(features), np.array(right), np.array(share))
    return Weights(*np.round(evidence, 1).tolist(), *np.round([offset, slope, margin], 2).tolist())


def _hidden(asked: Asked, number: int) -> Asked:
    """Some questions ask a corpus without its answer."""
    return without_answer(asked) if number % HIDDEN_EVERY == 0 and asked.label is not None else asked


def _fit_ranking(groups: list[list[Asked]], steps: int = 600) -> Floats:
    """Conditional logit: the weights under which the right candidates are likeliest to be picked (Adam, numpy only)."""
    packed = [[(scoring.compare(scoring.read_question(a.text), a.candidates), a.right) for a in group] for group in groups]
    most = max(len(right) for group in packed for _, right in group)
    padded = [_pad(group, most) for group in packed]
    weights, mean, square = np.zeros(4), np.zeros(4), np.zeros(4)
    for step in range(1, steps + 1):
        gradient = 1e-3 * weights + sum(_gradient(weights, *group) for group in padded) / len(padded)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.99 * square + 0.01 * gradient**2
        weights -= 0.2 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    return np.maximum(weights, 0)


def _pad(group: list[tuple[Floats, np.ndarray]], most: int) -> tuple[Floats, np.ndarray, np.ndarray]:
    features = np.zeros((len(group), most, 4))
    right, real = np.zeros((len(group), most), dtype=bool), np.zeros((len(group), most), dtype=bool)
    for row, (found, correct) in enumerate(group):
        features[row, : len(found)], right[row, : len(found)], real[row, : len(found)] = found, correct, True
    return features, right, real


def _gradient(weights: Floats, features: Floats, right: np.ndarray, real: np.ndarray) -> Floats:
    scores = np.where(real, features @ weights, -1e9)
    picked = np.exp(scores - scores.max(axis=1, keepdims=True))
    picked /= picked.sum(axis=1, keepdims=True)
    wanted = picked * right
    wanted /= np.maximum(wanted.sum(axis=1, keepdims=True), 1e-12)
    return np.einsum("nm,nmd->d", picked - wanted, features) / len(features)


def _calibration_rows(asked: Asked, weights: Floats) -> list[tuple[tuple[float, float, float], bool]]:
    """(evidence, lead, 1) and the truth of the best candidate."""
    if not asked.candidates:
        return []
    evidence = scoring.compare(scoring.read_question(asked.text), asked.candidates) @ weights
    evidence = scoring.supported(evidence, asked.candidates)
    leads = scoring.lead(evidence, [scoring.answer_of(one) for one in asked.candidates])
    best = np.argsort(-evidence)[:1]
    return [((float(evidence[row]), float(leads[row]), 1.0), bool(asked.right[row])) for row in best]


def _logistic(features: Floats, right: np.ndarray, share: Floats) -> Floats:
    """Newton's method with a touch of ridge; the lead may only help."""
    weights = np.zeros(features.shape[1])
    for _ in range(30):
        likely = 1 / (1 + np.exp(-features @ weights))
        hessian = (features * (share * likely * (1 - likely))[:, None]).T @ features + 1e-5 * np.eye(len(weights))
        weights -= np.linalg.solve(hessian, features.T @ (share * (likely - right)) + 1e-5 * weights)
    return weights


def report(name: str, questions: list[Asked]) -> None:
    """One line: right at 1 and 5 for the fused score and its vector part, then what the threshold refuses."""
    inside = [(asked, scoring.score(asked.text, asked.candidates)) for asked in questions if asked.label is not None]
    outside = [asked for asked in questions if asked.label is None]
    unknown = [_best(without_answer(asked)) for asked, _ in inside]
    line = f"{name:45} {_right_in(inside, 1):.3f} {_right_in(inside, 5):.3f}   {_vector_right(inside):.3f}"
    kept = _kept(inside, ANSWER_THRESHOLD)
    line += f"   kept and right {kept:.3f}, hidden answer refused {np.mean(np.array(unknown) < ANSWER_THRESHOLD):.2f}"
    if outside:
        scores = np.array([_best(asked) for asked in outside])
        line += f", out of scope refused {np.mean(scores < ANSWER_THRESHOLD):.2f}"
        exact = float(np.quantile(scores, 0.8))
        line += f"; at exactly 80 % ({exact:.2f}): {_kept(inside, exact):.3f}"
    print(line)


def _best(asked: Asked) -> float:
    found = scoring.score(asked.text, asked.candidates)
    return found[0].score if found else 0.0


def _is_right(asked: Asked, found: scoring.Scored) -> bool:
    return any(right and one is found.candidate for one, right in zip(asked.candidates, asked.right, strict=True))


def _right_in(inside: list[tuple[Asked, list[scoring.Scored]]], first: int) -> float:
    return float(np.mean([any(_is_right(asked, one) for one in found[:first]) for asked, found in inside]))


def _kept(inside: list[tuple[Asked, list[scoring.Scored]]], threshold: float) -> float:
    return float(np.mean([found[0].score >= threshold and _is_right(asked, found[0]) for asked, found in inside]))


def _vector_right(inside: list[tuple[Asked, list[scoring.Scored]]]) -> float:
    nearest = [max(found, key=lambda one: one.parts["vector"]) for _, found in inside]
    return float(np.mean([_is_right(asked, one) for (asked, _), one in zip(inside, nearest, strict=True)]))


def report_calibration(questions: list[Asked]) -> None:
    """Of the best answers given confidence x, how many are right? It should be x. (Some lack their answer.)"""
    bins: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    for number, plain in enumerate(questions):
        asked = _hidden(plain, number)
        found = scoring.score(asked.text, asked.candidates)
        if found:
            bins[min(int(found[0].score * 5), 4)].append((found[0].score, _is_right(asked, found[0])))
    cells = [
        f"{np.mean([s for s, _ in rows]):.2f} -> {np.mean([r for _, r in rows]):.2f} ({len(rows)})"
        for _, rows in sorted(bins.items())
    ]
    print("confidence -> right:", ", ".join(cells))


def main() -> None:
    """Fit when asked to, else report."""
    folder = Path(os.environ["BACKROOM_TEST_DATA"]) / "faq"
    fitting = "--fit" in sys.argv
    asked: dict[str, list[Asked]] = {}
    for name, (entries, questions) in load(folder).items():
        corpus = Corpus(entries)
        half = [corpus.ask(text, label) for text, label in questions[0 if fitting else 1 :: 2]]
        asked[name] = half
        if Counter(entry.label for entry in entries).most_common(1)[0][1] > 1:
            asked[name + SHARED] = [with_answers(one, entries) for one in half]
    if fitting:
        print("WEIGHTS = {")
        for key, names in FITTED_ON.items():
            groups = [group for name, group in asked.items() if name.removesuffix(SHARED) in names]
            print(f"    {key}: {fit(groups)},", flush=True)
        print("}")
        return
    print(f"{'set':45} top-1 top-5   vector alone top-1")
    for name, questions in asked.items():
        report(name, questions)
    everything = [one for questions in asked.values() for one in questions]
    report_calibration(everything)
    started = time.perf_counter()
    for one in everything[:300]:
        scoring.score(one.text, one.candidates)
    print(
        f"{(time.perf_counter() - started) / 300 * 1000:.2f} ms a question with {len(everything[0].candidates)} candidates"
    )


if __name__ == "__main__":
    main()
