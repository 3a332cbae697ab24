"""One calibrated confidence for everything retrieval found: how likely is this the answer?

SQL brings the candidates of a tenant (nearest vectors and full-text matches, together some dozens); this module
compares each with the question and says, in [0, 1], how likely it is right. Unlike rank fusion the score means
something by itself, so one threshold can refuse: `ANSWER_THRESHOLD`. Nothing is fitted per tenant and there are
no corpus statistics: the rarity of a word is judged among the candidates.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.search.phrases import Synonym, read_as_said, spaced, stop_words, used_in
from tenants.text import Language, detect_language, words

Floats = npt.NDArray[np.float64]
Shape = Literal["question", "passage"]
Relation = Literal["en", "vi", "cross"]


@dataclass(frozen=True, slots=True)
class Weights:
    """How one kind of match is weighed. The first four add up to evidence in log-odds; the last three calibrate it."""

    vector: float
    grams: float
    words: float
    pairs: float
    offset: float
    slope: float
    margin: float


# Printed by `python -m bench.scoring --fit` from public question sets (it reports on the questions it did not fit on):
# the first four by ranking (conditional logit); the last three by logistic regression on the best candidate, where
# some questions had their answer hidden or were out of scope. There is no public set of Vietnamese FAQs: the rows
# for Vietnamese and mixed questions are chosen (text leads, as it does in Vietnamese passages; same calibration) and
# only checked, on the shop in `tests/catalog/search/test_scoring.py`.
WEIGHTS: dict[tuple[Shape, Relation], Weights] = {
    ("question", "en"): Weights(9.8, 3.2, 3.6, 2.3, -5.11, 0.44, 1.46),
    ("question", "vi"): Weights(4.0, 6.0, 5.0, 4.0, -5.11, 0.44, 1.46),
    ("question", "cross"): Weights(2.0, 8.0, 7.0, 2.0, -5.11, 0.44, 1.46),
    ("passage", "en"): Weights(5.2, 6.1, 4.7, 2.8, -8.61, 0.56, 5.7),
    ("passage", "vi"): Weights(0.7, 3.5, 4.9, 8.5, -6.02, 0.44, 3.52),
    ("passage", "cross"): Weights(1.4, 12.8, 13.0, 2.2, -3.02, 0.25, 2.65),
}

# Chosen, not fitted. What the body of a question or offering counts beside its title; a stop word beside another word.
BODY_WEIGHT = 0.3
STOP_WORD_WEIGHT = 0.3
# The grams of one short word: a question of less matches nothing wholly.
LEAST_GRAMS = 5.0
# Questions with the same answer support each other: how much, and how far weaker ones count.
SUPPORT_WEIGHT = 0.6
SUPPORT_TEMPERATURE = 0.7
# So many wordings count at most: else an answer written down often would pass for certain.
SUPPORT_LIMIT = 5
# The most that priority moves the log-odds: it settles near-ties and rescues nothing.
PRIORITY_WEIGHT = 0.3
# What a SKU or code, typed as the whole question, leaves of the doubt whether it is meant.
NAMED_DOUBT = 0.05
# How far an answer in another language falls behind. Orders what fits as well, hides nothing.
_OTHER_LANGUAGE = 0.1
# Below this the honest answer is "I do not know": it refuses at least 80 % of the out-of-scope questions of clinc150.
ANSWER_THRESHOLD = 0.28


class Candidate(NamedTuple):
    """Something found. `similarity` is the cosine of its vector with the question's, None while it has no vector."""

    key: Any  # Hashable, the caller's own
    kind: str  # "faq", "offering", "document", …
    title: str  # the question of a FAQ, the name of an offering or document
    body: str  # the answer; description, attributes and variants; the passage
    language: str  # "vi", "en", …; empty when unknown
    priority: int
    similarity: float | None
    is_named: bool = False  # the question is nothing but its code or SKU


class Scored(NamedTuple):
    """A candidate with its confidence in [0, 1] and what it is made of: `vector`, `text`, `priority`.

    `synonyms` are those it holds; `parts["synonyms"]`, there only with them, is what they add to `text`.
    """

    candidate: Candidate
    score: float
    parts: dict[str, float]
    synonyms: tuple[Synonym, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, cut into the units that are looked for: character 3- and 4-grams, words, pairs of words."""

    language: Language
    grams: list[str]
    gram_weights: Floats
    telling_grams: list[str]  # only 4-grams, only of telling words: what is affordable in long text
    words: list[str]
    pairs: list[str]


def score(
    query: str,
    candidates: Sequence[Candidate],
    synonyms: Sequence[Synonym] = (),
    *,
    limit: int | None = None,
    language: str | None = None,
) -> list[Scored]:
    """The best `limit` (None: all) of `candidates` by falling confidence that they answer `query`. Pure; about 1 ms for 60.

    A text that holds a synonym of what was said is read as if it held the words of the question. Of two that fit as well
    the one in `language` comes first.
    """
    if not candidates:
        return []
    question = read_question(query, synonyms)
    weights = [_weights(question, candidate) for candidate in candidates]
    features = compare(question, candidates, synonyms)
    factors = np.array([(w.vector, w.grams, w.words, w.pairs) for w in weights])
    evidence = supported((features * factors).sum(axis=1), candidates)
    confidences = calibrated(evidence, candidates, weights).tolist()
    sure = [_sure(candidate, confidence) for candidate, confidence in zip(candidates, confidences, strict=True)]
    best = _in_order(candidates, sure, language)[:limit]
    texts = _text_part(features, factors).tolist()
    if not synonyms:
        return [Scored(candidates[row], sure[row], _parts(candidates[row], texts[row]), ()) for row in best]
    used = {row: _used(candidates[row], synonyms) for row in best}
    plain = _text_part(compare(question, candidates), factors).tolist() if any(used.values()) else texts
    parts = {row: _parts(candidates[row], texts[row], texts[row] - plain[row] if used[row] else None) for row in best}
    return [Scored(candidates[row], sure[row], parts[row], used[row]) for row in best]


def _in_order(candidates: Sequence[Candidate], sure: Sequence[float], language: str | None) -> list[int]:
    behind = [_OTHER_LANGUAGE * (bool(language) and one.language not in ("", language)) for one in candidates]
    return sorted(range(len(sure)), key=lambda row: (behind[row] - sure[row], -sure[row]))


def _sure(candidate: Candidate, confidence: float) -> float:
    """Who types a SKU means it: hardly any doubt is left, and what is keeps several so named in order."""
    return 1 - NAMED_DOUBT * (1 - confidence) if candidate.is_named else confidence


def _used(candidate: Candidate, synonyms: Sequence[Synonym]) -> tuple[Synonym, ...]:
    return used_in(spaced(f"{candidate.title} {candidate.body}"), synonyms) if synonyms else ()


def _text_part(features: Floats, factors: Floats) -> Floats:
    share: Floats = (features[:, 1:] * factors[:, 1:]).sum(axis=1) / factors[:, 1:].sum(axis=1)
    return share


def _parts(candidate: Candidate, text: float, by_synonyms: float | None = None) -> dict[str, float]:
    vector = 0.0 if candidate.similarity is None else min(max(candidate.similarity, 0.0), 1.0)
    parts = {"vector": vector, "text": 1.0 if candidate.is_named else min(text, 1.0), "priority": _priority(candidate)}
    return parts if by_synonyms is None else {**parts, "synonyms": min(max(by_synonyms, 0.0), 1.0)}


def _priority(candidate: Candidate) -> float:
    """Priority, any integer, as a number between -1 and 1; 0 stays 0."""
    return candidate.priority / (10 + abs(candidate.priority))


def shape_of(candidate: Candidate) -> Shape:
    """Long text is searched for the question inside it; a title is compared with the question as a whole."""
    return "passage" if candidate.kind == "document" else "question"


def _weights(question: Question, candidate: Candidate) -> Weights:
    same = not candidate.language or candidate.language[:2] == question.language
    relation: Relation = question.language if same else "cross"
    return WEIGHTS[shape_of(candidate), relation]


def read_question(query: str, synonyms: Sequence[Synonym] = ()) -> Question:
    """Cut `query` into units. Stop words weigh little, and are dropped as words unless there is nothing else."""
    spoken = list(dict.fromkeys(words(query)))
    language = detect_language(query)
    stop = stop_words(language, synonyms)
    weight_of: dict[str, float] = {}
    for word in spoken:
        for gram in _grams(word):
            weight_of[gram] = max(weight_of.get(gram, 0.0), STOP_WORD_WEIGHT if word in stop else 1.0)
    telling = [word for word in spoken if word not in stop] or spoken
    pairs = [pair for pair in pairwise(words(query)) if not stop.issuperset(pair)]
    return Question(
        language=language,
        grams=list(weight_of),
        gram_weights=np.array(list(weight_of.values())),
        telling_grams=list(dict.fromkeys(gram for word in telling for gram in _grams(word) if len(gram) == 4)),
        words=[f" {word} " for word in telling],
        pairs=[f" {first} {second} " for first, second in dict.fromkeys(pairs)],
    )


def _grams(word: str) -> list[str]:
    padded = f" {word} "
    return [padded[start : start + size] for size in (3, 4) for start in range(len(padded) - size + 1)]


def compare(question: Question, candidates: Sequence[Candidate], synonyms: Sequence[Synonym] = ()) -> Floats:
    """The evidence, one row per candidate: vector, grams, words, pairs, each about 0 to 1."""
    features = np.zeros((len(candidates), 4))
    for shape, overlap in (("question", _title_overlap), ("passage", _passage_overlap)):
        rows = [row for row, candidate in enumerate(candidates) if shape_of(candidate) == shape]
        if rows:
            features[rows, 1:] = overlap(question, [candidates[row] for row in rows], synonyms)
    # Without a vector: the cosine that texts of this overlap usually have.
    usual = 0.2 + 0.5 * features[:, 1]
    known = np.array([np.nan if one.similarity is None else one.similarity for one in candidates])
    features[:, 0] = np.where(np.isnan(known), usual, known)
    # The vector is of the question as it was said, and knows nothing of the tenant's synonyms.
    if synonyms:
        used = [bool(_used(candidate, synonyms)) for candidate in candidates]
        features[used, 0] = np.maximum(usual[used], features[used, 0])
    return features


def _title_overlap(question: Question, candidates: Sequence[Candidate], synonyms: Sequence[Synonym]) -> Floats:
    """Grams of the question found in the title (or, for less, the body), likeness to the title, pairs found in it."""
    titles = [read_as_said(spaced(candidate.title), synonyms) for candidate in candidates]
    # The body of an intent is its code: a name for programs, not something that was said.
    bodies = [
        "" if candidate.kind == "intent" else read_as_said(spaced(candidate.body), synonyms) for candidate in candidates
    ]
    in_title = _found(question.grams, titles)
    grams = np.maximum(in_title, BODY_WEIGHT * _found(question.grams, bodies))
    pairs = _found(question.pairs, titles)
    sizes = np.array([max(2 * len(title) - 3, 1) for title in titles])
    likeness = 2 * in_title.sum(axis=1) / (sizes + len(question.grams))
    return np.stack([_share(grams, question.gram_weights, LEAST_GRAMS), likeness, _share(pairs, _rarity(pairs))], axis=1)


def _passage_overlap(question: Question, candidates: Sequence[Candidate], synonyms: Sequence[Synonym]) -> Floats:
    """Grams, words and pairs of the question found in the passage, the rare ones counting more."""
    passages = [read_as_said(spaced(f"{candidate.title} {candidate.body}"), synonyms) for candidate in candidates]
    grams = _found(question.telling_grams, passages)
    pairs = _found(question.pairs, passages)
    counts = np.array([[text.count(word) for word in question.words] for text in passages], dtype=np.float64)
    lengths = np.array([len(text) for text in passages])
    # A word counts less the second time, and less in a long passage (BM25 with k1 = 1, b = 0.75).
    saturated = 2 * counts / (counts + 0.25 + 0.75 * (lengths / lengths.mean())[:, None])
    return np.stack(
        [_share(grams, _rarity(grams)), _share(saturated, _rarity(counts)), _share(pairs, _rarity(pairs))], axis=1
    )


def _found(units: Sequence[str], texts: Sequence[str]) -> Floats:
    """1 where the text of the row holds the unit of the column, else 0."""
    cells = bytes([unit in text for text in texts for unit in units])  # numpy reads bytes many times faster than a list
    return np.frombuffer(cells, dtype=np.uint8).astype(np.float64).reshape(len(texts), len(units))


def _rarity(found: Floats) -> Floats:
    """A weight per unit: the fewer candidates hold it, the more it tells (BM25's idf)."""
    holders = (found > 0).sum(axis=0)
    return np.log1p((len(found) - holders + 0.5) / (holders + 0.5))


def _share(found: Floats, weights: Floats, least: float = 1e-9) -> Floats:
    """The weighted part of the units each candidate has, as if at least `least` were asked for."""
    return found @ weights / max(weights.sum(), least)


def supported(evidence: Floats, candidates: Sequence[Candidate]) -> Floats:
    """Evidence where several candidates give one answer: the best of them is raised, for its other wordings agree."""
    scaled = SUPPORT_TEMPERATURE * evidence
    strength = np.exp(scaled - scaled.max())
    raised = evidence.copy()
    for rows in _rows_by_answer(candidates):
        rows = sorted(rows, key=lambda row: -evidence[row])[:SUPPORT_LIMIT]
        best = rows[0]
        raised[best] += SUPPORT_WEIGHT / SUPPORT_TEMPERATURE * np.log(strength[rows].sum() / strength[best])
    return raised


def _rows_by_answer(candidates: Sequence[Candidate]) -> list[list[int]]:
    rows: defaultdict[Hashable, list[int]] = defaultdict(list)
    for row, candidate in enumerate(candidates):
        rows[answer_of(candidate)].append(row)
    return [same for same in rows.values() if len(same) > 1]


def answer_of(candidate: Candidate) -> Hashable:
    """What tells answers apart: FAQs that share their text, and examples of one intent, are one; else each is its own."""
    return ("answer", candidate.body) if candidate.kind in ("faq", "intent") and candidate.body else candidate.key


def lead(evidence: Floats, answers: Sequence[Hashable], alone: float = 0.0) -> Floats:
    """How far each candidate is before (or behind) the best one with another answer, squashed to -1..1.

    Where all have one answer it is measured from `alone`.
    """
    order = np.argsort(-evidence)
    best = order[0]
    rivals = (row for row in order if answers[row] != answers[best])
    second = evidence[next(rivals, None)] if len(set(answers)) > 1 else alone
    reference = np.where([answer == answers[best] for answer in answers], second, evidence[best])
    return np.tanh((evidence - reference) / 2)


def _on_one_scale(evidence: Floats, weights: Sequence[Weights]) -> Floats:
    """What each candidate has of all the evidence there may be, on the scale of the one that has most.

    Passages of another language are weighed on a scale of their own: as they are, the two cannot be compared.
    """
    most = np.array([w.vector + w.grams + w.words + w.pairs for w in weights])
    best = int((evidence / most).argmax())
    scaled: Floats = evidence / most * most[best] + weights[best].offset / weights[best].slope
    return scaled


def calibrated(evidence: Floats, candidates: Sequence[Candidate], weights: Sequence[Weights]) -> Floats:
    """Probability that each candidate is right, from its evidence, its lead and its priority."""
    offset, slope, margin = np.array([(w.offset, w.slope, w.margin) for w in weights]).T
    aligned = evidence + offset / slope
    # Passages were calibrated among others of their kind: one alone is compared with one that has nothing of the question.
    alone = offset[0] / slope[0] if shape_of(candidates[0]) == "passage" else 0.0
    leads = lead(_on_one_scale(evidence, weights), [answer_of(candidate) for candidate in candidates], alone)
    priority = np.array([_priority(candidate) for candidate in candidates])
    return 1 / (1 + np.exp(-(slope * aligned + margin * leads + PRIORITY_WEIGHT * priority)))
