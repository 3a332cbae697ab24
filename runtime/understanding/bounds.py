"""Bounds that a text names, “from 3 years”, “up to 8 people”, against a number in the question: whether its yes holds."""

import re
from functools import lru_cache

from tenants.text import fold_letters

_NUMBER = re.compile(r"(?<![\d.,])(\d{1,4})(?![\d.,]*\d)[ -]?([^\W\d_]+)")
_LEAST = r"(?:tu|tren|it nhat|toi thieu|from|at least|over|above|older than|more than|minimum(?: age)?(?: of| is)?)"
_MOST = r"(?:duoi|toi da|khong qua|den|toi|up to|at most|under|below|until|maximum(?: of| is)?|no more than)"
_BOUND = re.compile(rf"\b(?:(?P<least>{_LEAST})|(?P<most>{_MOST}))(?: \w+){{0,2}}? (?P<number>\d{{1,4}})(?![\d.,]*\d)")
_YES = re.compile(r"\s*(?:yes|sure|of course|có|được|dạ có|dạ được|vâng)\s*[,.!:;–-]\s*", re.IGNORECASE)
_OPENS = re.compile(
    r"\s*(?:yes|no|sure|of course|có|không|chưa|được|vâng|dạ(?: có| được| không| vâng)?|không được)\s*[,.!:;–-]",
    re.IGNORECASE,
)
_UNITS = {"year": "tuoi", "years": "tuoi", "yo": "tuoi", "people": "nguoi", "persons": "nguoi", "km": "km", "kg": "kg"}
"""Words for what is counted that are the same in both languages' sentences."""


def begins_with_yes_or_no(text: str) -> bool:
    """Whether a text says yes or no to something before it says more."""
    return _OPENS.match(text) is not None


@lru_cache(maxsize=1024)
def without_yes(question: str, text: str) -> str:
    """Return the text without the yes it begins with where a bound that it names speaks against a number in the question."""
    yes = _YES.match(text)
    asked = [(int(number), _unit(unit)) for number, unit in _NUMBER.findall(fold_letters(question.lower()))] if yes else []
    if yes is None or not any(_is_out(number, unit, fold_letters(text.lower())) for number, unit in asked):
        return text
    rest = text[yes.end() :]
    return rest[:1].upper() + rest[1:]


def _unit(word: str) -> str:
    return _UNITS.get(word, word)


def _is_out(number: int, unit: str, text: str) -> bool:
    """Whether a number of a unit lies outside a bound of the same unit."""
    for bound in _BOUND.finditer(text):
        following = re.match(r"[ -]?([^\W\d_]+)", text[bound.end("number") :])
        if following is None or _unit(following[1]) != unit:
            continue
        value = int(bound["number"])
        if (bound["least"] and number < value) or (bound["most"] and number > value):
            return True
    return False
