"""The questions of a message that asks several: “opening hours, address and the price of lavender?”."""

import re
from collections.abc import Iterator

from runtime.understanding.facets import asked_of, is_yes_or_no

MOST = 3
"""Questions of one message that are answered, each for itself."""

_MAY_BE_SEVERAL = re.compile(r"[?!.;\n,]\s*\w|\s(?:và|va|and)\s", re.IGNORECASE)
_SENTENCES = re.compile(r"(?<=[?!;\n])\s*|(?<=\.)\s+")
_COORDINATED = re.compile(r"\s*,\s*(?:(?:và|va|and)\s+)?|\s+(?:và|va|and)\s+", re.IGNORECASE)
_COMMAS = re.compile(r"\s*,\s*")


def split_questions(message: str) -> tuple[str, ...]:
    """Return the questions that a message asks, empty where it is one: at the ends of sentences, and at commas and “and” where all
    that stands between them asks something.
    """
    if not _MAY_BE_SEVERAL.search(message):
        return ()
    asked = [
        part for sentence in _SENTENCES.split(message) for part in _clauses(sentence) if _asks(part) or part.endswith("?")
    ]
    return tuple(asked[:MOST]) if len(asked) > 1 else ()


def _clauses(sentence: str) -> Iterator[str]:
    for joint in (_COORDINATED, _COMMAS):
        parts = [part for part in joint.split(sentence.strip()) if part]
        if len(parts) > 1 and all(map(_asks, parts)):
            yield from parts
            return
    if any(map(str.isalnum, sentence)):
        yield sentence.strip()


def _asks(part: str) -> bool:
    return bool(asked_of(part)) or is_yes_or_no(part)
