"""The sentences of a text that answer a question, word for word."""

from collections import Counter
from collections.abc import Sequence
from math import log

from bots.reading.chunks import sentences
from runtime.understanding.lexicon import weighty
from tenants.text import words

LONGEST = 350
"""Characters of a passage; one sentence is never cut."""


def fitting_passage(question: str, text: str) -> str:
    """Return the part of ``text`` that fits ``question``: the best sentence and what follows it, verbatim.

    A sentence counts the telling words of the question that it holds, the rarer in the text the more. What follows is
    the rest of its paragraph, and further lines of a list or table that fit as well.
    """
    parts = list(sentences(text))
    scores = _scores(weighty(question), [set(words(part)) for part in parts])
    if not parts:
        return ""
    first = max(range(len(parts)), key=lambda place: (scores[place], -place))
    passage = parts[first]
    for place in range(first + 1, len(parts)):
        goes_on = not parts[place - 1].endswith("\n") or scores[place] >= scores[first]
        if not goes_on or len(passage) + len(parts[place].strip()) > LONGEST:
            break
        passage += parts[place]
    return passage.strip()


def _scores(asked: set[str], parts: Sequence[set[str]]) -> list[float]:
    holders = Counter(word for part in parts for word in part & asked)
    return [sum(log(1 + len(parts) / holders[word]) for word in part & asked) for part in parts]
