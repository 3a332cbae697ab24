"""From which score on an answer is given: chosen from questions of which it is known whether anything answers them.

Of a threshold t two shares matter: of the questions that are answered by a text, how many get it (found first, with a
score of t or more), and of those that nothing answers, how many are refused (their best score is below t). Their mean is the
balance of t, also known as balanced accuracy, or Youden's J by another scale (Youden 1950, "Index for rating diagnostic tests").
Few questions make a ragged curve whose highest point means little. So chosen is not the best t, but of those that
are as good within one standard error (the rule of Breiman et al. 1984, "Classification and Regression Trees", 3.4.3) the one
nearest to the platform's default: it moves only as far as the questions demand, and not at all where they are content. A bot
that has fallen silent is noticed less than one that errs: at most ``GIVEN_UP`` of what it answers at the default is given up.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from catalog.search import ANSWER_THRESHOLD

FEWEST = 20
"""Questions with an answer, and as many without, that there must be; marks count ``weight`` times."""

LOWEST, HIGHEST = 0.15, 0.5
"""Where thresholds end. The score is a confidence: above even odds nothing is refused."""

GIVEN_UP = 0.05
"""The share of the questions that have an answer, and would get it at the default, which may be refused for the others."""

STEP = 0.005
_GRID = [round(LOWEST + STEP * step, 3) for step in range(round((HIGHEST - LOWEST) / STEP) + 1)]


@dataclass(frozen=True, slots=True)
class Judged:
    """A question that was asked: the score of the best hit, whether anything answers it, whether the hit does so."""

    score: float
    is_answerable: bool
    is_right: bool = False
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a threshold does to questions: the shares answered rightly and refused rightly, and how many there were."""

    threshold: float
    answered: float
    refused: float
    answerable: int
    unanswerable: int

    @property
    def balance(self) -> float:
        """The mean of both shares."""
        return (self.answered + self.refused) / 2


INTENT_THRESHOLD = 0.4
"""From which score on an intent is told until it was calibrated: rules and flows act on it, and most have few examples."""


def default_of(kind: str) -> float:
    """Return the threshold of a kind of text that was not calibrated."""
    return INTENT_THRESHOLD if kind == "intent" else ANSWER_THRESHOLD


def choose_threshold(judged: Sequence[Judged], *, default: float = ANSWER_THRESHOLD) -> Outcome | None:
    """Return the threshold nearest to the default that balances as well as the best; None when the questions are too few."""
    answerable = [one for one in judged if one.is_answerable]
    unanswerable = [one for one in judged if not one.is_answerable]
    if min(_total(answerable), _total(unanswerable)) < FEWEST:
        return None
    least = outcome_at(default, judged).answered - GIVEN_UP
    outcomes = [one for one in (outcome_at(threshold, judged) for threshold in _GRID) if one.answered >= least]
    best = max(outcomes, key=lambda one: one.balance)
    error = math.hypot(_error(best.answered, answerable), _error(best.refused, unanswerable)) / 2
    as_good = [one for one in outcomes if one.balance >= best.balance - error]
    return min(as_good, key=lambda one: abs(one.threshold - default))


def outcome_at(threshold: float, judged: Iterable[Judged]) -> Outcome:
    """Return what a threshold does to these questions."""
    judged = list(judged)
    answerable = [one for one in judged if one.is_answerable]
    unanswerable = [one for one in judged if not one.is_answerable]
    answered = _total(one for one in answerable if one.is_right and one.score >= threshold)
    refused = _total(one for one in unanswerable if one.score < threshold)
    return Outcome(
        threshold=threshold,
        answered=answered / max(_total(answerable), 1),
        refused=refused / max(_total(unanswerable), 1),
        answerable=len(answerable),
        unanswerable=len(unanswerable),
    )


def _total(judged: Iterable[Judged]) -> int:
    return sum(one.weight for one in judged)


def _error(share: float, judged: Sequence[Judged]) -> float:
    """Standard error of a share; questions that count more than once are not that many (Kish's effective size)."""
    effective = _total(judged) ** 2 / sum(one.weight**2 for one in judged)
    return math.sqrt(share * (1 - share) / effective)
