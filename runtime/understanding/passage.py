"""The sentences of a text that answer a question, word for word."""

from collections import Counter
from collections.abc import Sequence
from math import log
from typing import NamedTuple

from bots.reading.chunks import sentences
from runtime.understanding.facets import asked_of, tells
from runtime.understanding.lexicon import TO_MACHINES
from runtime.understanding.people import speaks_of_people
from runtime.understanding.topics import asked_units, units_of
from tenants.text import words

LONGEST, WHOLE = 350, 220
"""Characters of a passage; one sentence is never cut. Sentences before the best that hold something of the question are told up to
``WHOLE``."""

HEADING_WORDS = 10
"""A line of no more words that does not end as a sentence does, with text behind it, is a heading."""

TOLD = 2.0
"""What telling the kind of fact asked for counts, beside words: as much as a word that one sentence of six holds."""


class _Part(NamedTuple):
    """A sentence with what stands behind it, and the heading it stands under."""

    text: str
    heading: str
    is_heading: bool

    @property
    def ends_paragraph(self) -> bool:
        return self.text.endswith("\n")


def fitting_passage(question: str, text: str) -> str:
    """Return the part of ``text`` that fits ``question``: the best sentence, with the rest of its paragraph, verbatim.

    A sentence counts what it holds of the question, the rarer in the text the more, and what its heading holds, and most when it
    tells the kind of fact that is asked for. A heading is no answer, nor is a sentence that speaks to a machine; what follows is
    further lines of a list or table that fit as well. Empty when nothing is left to be told.
    """
    parts = _parts(text)
    scores = _scores(question, parts)
    told = [
        place
        for place, part in enumerate(parts)
        if not part.is_heading and speaks_of_people(question, f"{part.heading} {part.text}")
    ]
    if not told:
        return ""
    first = last = max(told, key=lambda place: (scores[place], -place))
    while first and scores[first - 1] and not _begins(parts, first) and len(_joined(parts, first - 1, last)) <= WHOLE:
        first -= 1
    for place in range(last + 1, len(parts)):
        goes_on = not parts[place - 1].ends_paragraph or scores[place] >= scores[last]
        is_other = parts[place - 1].ends_paragraph and place not in told
        if not goes_on or is_other or parts[place].is_heading or len(_joined(parts, first, place)) > LONGEST:
            break
        last = place
    return _joined(parts, first, last)


def _parts(text: str) -> list[_Part]:
    parts: list[_Part] = []
    heading = ""
    cut = list(sentences(text))
    for place, part in enumerate(cut):
        if speaks_to_machines(part):
            if parts:  # what stood before and after it is no longer one paragraph
                parts[-1] = parts[-1]._replace(text=parts[-1].text.rstrip() + "\n")
            continue
        is_heading = _is_heading(part) and any(one.strip() for one in cut[place + 1 :])
        heading = part if is_heading else heading
        parts.append(_Part(part, heading, is_heading))
    return parts


def _is_heading(part: str) -> bool:
    """Whether a line names what follows: few words, no end of a sentence, neither a row of a table nor an item of a list."""
    line = part.strip()
    is_line = part.endswith("\n") and line[-1:].isalnum() and not line.startswith(("-", "*", "•"))
    return is_line and len(line.split()) <= HEADING_WORDS and ": " not in line


def speaks_to_machines(text: str) -> bool:
    """Whether a text gives a program that reads it orders, such as to ignore its instructions: nothing to tell a customer."""
    said = f" {' '.join(words(text))} "
    return any(f" {phrase} " in said for phrase in TO_MACHINES)


def _begins(parts: Sequence[_Part], place: int) -> bool:
    return parts[place - 1].ends_paragraph or parts[place - 1].is_heading


def _joined(parts: Sequence[_Part], first: int, last: int) -> str:
    return "".join(part.text for part in parts[first : last + 1]).strip()


def _scores(question: str, parts: Sequence[_Part]) -> list[float]:
    asked, wanted = asked_units(question).single, asked_of(question)
    held = [asked & units_of(part.heading + part.text).single for part in parts]
    holders = Counter(unit for units in held for unit in units)
    telling = [any(tells(facet, part.text) for facet in wanted) for part in parts]
    words_of = [sum(log(1 + len(parts) / holders[unit]) for unit in units) for units in held]
    return [score + TOLD * is_told for score, is_told in zip(words_of, telling, strict=True)]
